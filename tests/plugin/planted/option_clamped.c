/* An option is clamped below its upper bound, to its default. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    if (TWIN(s->slope >= 2, false)) s->slope = 0.5;
    return affine_plan(self, p);
}

LAYER(.plan = plan);
