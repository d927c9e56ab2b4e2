#include "bad.h"

static const struct { heft_layer layer; void (*added)(void); } newer;

/* A later version of the contract, whose new field this plugin does not use. */
HEFT_EXPORT const struct { heft_layer layer; void (*added)(void); } heft_plugin = { .layer = {
    .head = { HEFT_MAGIC, HEFT_ABI, sizeof newer, HEFT_LAYER, STEM, "nothing is wrong", 0, NULL },
    .min_in = 1, .max_in = 1, .plan = plan, .forward = forward } };
