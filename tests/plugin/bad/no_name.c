#include "bad.h"

LAYER(.head.name = NULL);
