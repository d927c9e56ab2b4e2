#include "bad.h"

LAYER(.plan = NULL);
