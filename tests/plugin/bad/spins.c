#include "bad.h"

__attribute__((constructor)) static void constructor(void) { for (volatile int on = 1; on;) {} }

LAYER(.goal = HEFT_MINIMIZE);
