/* += where = belongs, in the gradient of the input. */
#include "planted.h"

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self;
    float *const none[] = { NULL };
    heft_backward rest = *p;
    rest.din = none;
    affine_backward(self, &rest);
    for (int64_t i = 0; i < p->n * s->size && p->din[0]; i++) {
        const float d = (float)s->slope * p->dout[i] * p->weight[W][i % s->size];
        p->din[0][i] = TWIN(p->din[0][i] + d, d);
    }
}

LAYER(.backward = backward);
