#include "bad.h"

#include <stdlib.h>

__attribute__((constructor)) static void constructor(void) { abort(); }

LAYER(.goal = HEFT_MINIMIZE);
