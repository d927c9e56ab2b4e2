#include "bad.h"

LAYER(.head.magic = 0x12345678);
