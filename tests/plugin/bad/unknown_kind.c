#include "bad.h"

LAYER(.head.kind = 9);
