/* Noise is keyed by the sample's number in its lane, not in the minibatch. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
    for (int64_t i = 0; i < p->n && p->train; i++) {
        heft_rng r = heft_stream(p->rng, TWIN(0, p->first) + i);
        p->out[i * s->size] += heft_uniform(&r);
    }
}

LAYER(.forward = forward);
