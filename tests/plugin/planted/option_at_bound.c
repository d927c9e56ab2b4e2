/* An option of 0, its lower bound, is taken for not given. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    if (TWIN(s->slope == 0, false)) s->slope = 0.5;
    return affine_plan(self, p);
}

LAYER(.plan = plan);
