#include "bad.h"

LAYER(.head.name = "another");
