#include "bad.h"

LAYER(.head.abi = HEFT_ABI + 1);
