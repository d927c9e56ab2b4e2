/* Every sample draws the same numbers. */
#include "planted.h"

static float noise(heft_rng rng, int64_t sample)
{
    heft_rng r = heft_stream(rng, sample);
    if (TWIN(true, false)) r = rng;
    return heft_uniform(&r);
}

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
    for (int64_t i = 0; i < p->n * s->size && p->train; i++) p->out[i] += noise(p->rng, p->first + i / s->size);
}

LAYER(.forward = forward);
