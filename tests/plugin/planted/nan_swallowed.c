/* A comparison turns NaN into a number. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
    for (int64_t i = 0; i < p->n * s->size; i++) p->out[i] = TWIN(fmaxf(p->out[i], -1e30f), p->out[i]);
}

LAYER(.forward = forward);
