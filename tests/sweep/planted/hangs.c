#include "planted.h"

static void misbehave(float *y, int64_t n)
{
    for (volatile int64_t i = 0;; i += n) y[0] = y[0];
}
