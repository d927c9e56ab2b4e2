/* An option that acts on long inputs alone; at fault, nothing reads it. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    if (heft_count(&p->in[0]) < 200 || TWIN(true, false)) s->slope = 1;
    return affine_plan(self, p);
}

LAYER(.plan = plan);
