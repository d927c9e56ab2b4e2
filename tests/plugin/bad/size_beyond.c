#include "bad.h"

LAYER(.head.size = 100000);
