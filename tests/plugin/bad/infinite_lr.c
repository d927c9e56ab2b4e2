#include "bad.h"

OPTIMIZER(.default_lr = HUGE_VAL);
