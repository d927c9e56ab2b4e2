/* The gradient pass writes rows that are not its own. */
#include "planted.h"

static void gradient(const void *self, const heft_gradient *p)
{
    const affine *s = self;
    for (int64_t j = TWIN(0, p->begin); j < TWIN(s->size, p->end); j++) {
        p->dweight[j] = 0;
        for (int64_t i = 0; i < p->n; i++) p->dweight[j] += (float)s->slope * p->dout[i * s->size + j] * p->in[0][i * s->size + j];
    }
}

LAYER(.gradient = gradient, .gradient_of = 1u << W);
