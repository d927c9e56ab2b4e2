#include "bad.h"

HEFT_EXPORT const heft_layer heft_plugin = { .head = { HEFT_MAGIC, HEFT_ABI, sizeof(heft_layer), HEFT_LAYER,
    (const char *)16, "its name points nowhere", 0, NULL }, .plan = plan, .forward = forward };
