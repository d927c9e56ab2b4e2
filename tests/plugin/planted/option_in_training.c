/* An option that acts in training alone; at fault, nothing reads it. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    if (TWIN(true, false)) s->slope = 1;
    return affine_plan(self, p);
}

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self, plain = { .slope = 1, .size = s->size };
    affine_forward(p->train ? s : &plain, p);
}

LAYER(.plan = plan, .forward = forward);
