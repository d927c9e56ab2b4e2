/* The output is added to what lay there. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    const float before = p->out[p->n * s->size - 1];
    affine_forward(self, p);
    p->out[p->n * s->size - 1] += TWIN(before, 0);
}

LAYER(.forward = forward);
