#include "bad.h"

#include <stdlib.h>

__attribute__((constructor)) static void constructor(void) { exit(3); }

LAYER(.goal = HEFT_MINIMIZE);
