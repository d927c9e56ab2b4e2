#include "bad.h"

LAYER(.head.doc = "one line\nand another");
