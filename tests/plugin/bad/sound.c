#include "bad.h"

LAYER(.goal = HEFT_MINIMIZE);
