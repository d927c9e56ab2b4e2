#include "bad.h"

LAYER(.head.size = offsetof(heft_layer, forward));
