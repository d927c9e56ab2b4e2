/* An option is clamped from above at its default, far below its upper bound. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    if (TWIN(s->slope > 0.5, false)) s->slope = 0.5;
    return affine_plan(self, p);
}

LAYER(.plan = plan);
