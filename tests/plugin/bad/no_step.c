#include "bad.h"

OPTIMIZER(.step = NULL);
