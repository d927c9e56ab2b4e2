#include "bad.h"

LAYER(.recomputable = 2);
