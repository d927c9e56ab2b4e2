#include "bad.h"

HEFT_EXPORT const uint32_t heft_plugin = HEFT_MAGIC;
