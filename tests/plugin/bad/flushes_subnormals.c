#include "bad.h"

/* What the constructor does that -ffast-math links in. */
__attribute__((constructor)) static void constructor(void)
{
#ifdef __SSE__
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#endif
}

LAYER(.goal = HEFT_MINIMIZE);
