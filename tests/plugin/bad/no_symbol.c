#include "bad.h"

HEFT_EXPORT const int not_a_plugin = 1;
