/* An option is read by nothing. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    s->slope = TWIN(0.5, s->slope);
    return affine_plan(self, p);
}

LAYER(.plan = plan);
