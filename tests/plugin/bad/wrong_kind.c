#include "bad.h"

OPTIMIZER(.default_lr = 1);
