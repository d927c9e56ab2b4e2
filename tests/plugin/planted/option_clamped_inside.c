/* An option is clamped between its default and its upper bound. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    if (TWIN(s->slope > 1, false)) s->slope = 1;
    return affine_plan(self, p);
}

LAYER(.plan = plan);
