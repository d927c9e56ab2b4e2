#include "bad.h"

/* Nothing is wrong: an earlier version of the contract, of which forward was the last field. */
LAYER(.head.size = offsetof(heft_layer, forward) + sizeof(void (*)(void)));
