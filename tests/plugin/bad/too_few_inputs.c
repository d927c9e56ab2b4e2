#include "bad.h"

LAYER(.min_in = 2);
