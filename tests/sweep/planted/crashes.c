#include "planted.h"

#include <signal.h>

static void misbehave(float *y, int64_t n)
{
    (void)y, (void)n;
    signal(SIGSEGV, SIG_DFL);                    /* past a sanitizer's handler */
    raise(SIGSEGV);
}
