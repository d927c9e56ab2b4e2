#include "bad.h"

static void added(void) {}

static const struct { heft_layer layer; void (*added)(void); } newer;

HEFT_EXPORT const struct { heft_layer layer; void (*added)(void); } heft_plugin = { .layer = {
    .head = { HEFT_MAGIC, HEFT_ABI, sizeof newer, HEFT_LAYER, STEM, "uses a field the host does not know", 0, NULL },
    .min_in = 1, .max_in = 1, .plan = plan, .forward = forward }, .added = added };
