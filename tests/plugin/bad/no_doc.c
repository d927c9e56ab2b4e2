#include "bad.h"

LAYER(.head.doc = "");
