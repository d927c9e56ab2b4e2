#include "bad.h"

LAYER(.forward = NULL);
