/* The exponential of a large input overflows, and infinity over infinity is NaN. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
    for (int64_t i = 0; i < p->n * s->size; i++) {
        const float e = expf(TWIN(p->in[0][i], fminf(p->in[0][i], 10)));
        p->out[i] += 1e-12f * e / (1 + e);
    }
}

LAYER(.forward = forward);
