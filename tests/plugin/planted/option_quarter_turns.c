/* Four quarter turns, the upper bound, are none, the default; at fault, none is taken for the default, two. */
#include "planted.h"

static const heft_option options[] = {
    HEFT_OPT_INT(affine, counter, TWIN(2, 0), 0, 4, "quarter turns"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    static const double cosine[] = { 1, 0.25, -1, -0.25 };
    affine *s = self;
    if (TWIN(s->counter == 0, false)) s->counter = 2;
    s->slope = cosine[s->counter % 4];
    return affine_plan(self, p);
}

LAYER(.head = HEFT_HEAD(heft_layer, HEFT_LAYER, STEM, "a planted fault, or its correct twin", sizeof(affine), options), .plan = plan);
