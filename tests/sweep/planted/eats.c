#include "planted.h"

#include <stdlib.h>
#include <string.h>

static void misbehave(float *y, int64_t n)
{
    (void)y, (void)n;
    for (;;) memset(malloc(1 << 22), 1, 1 << 22);
}
