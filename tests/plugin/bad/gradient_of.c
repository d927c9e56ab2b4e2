#include "bad.h"

LAYER(.gradient_of = 1);
