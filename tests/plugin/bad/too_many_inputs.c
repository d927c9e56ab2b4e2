#include "bad.h"

LAYER(.max_in = HEFT_MAX_INPUTS + 1);
