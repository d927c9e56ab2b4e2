#include "bad.h"

OPTIMIZER(.iterate = iterate);
