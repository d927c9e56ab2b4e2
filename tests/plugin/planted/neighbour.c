/* A sample's output depends on the next one's input. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
    for (int64_t i = 0; i + 1 < p->n; i++) p->out[i * s->size] += TWIN(0.25f * p->in[0][(i + 1) * s->size], 0);
}

LAYER(.forward = forward);
