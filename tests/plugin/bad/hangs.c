#include "bad.h"

#include <unistd.h>

__attribute__((constructor)) static void constructor(void) { for (;;) pause(); }

LAYER(.goal = HEFT_MINIMIZE);
