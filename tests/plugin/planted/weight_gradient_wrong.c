/* The gradient of a weight is wrong by 1 %. */
#include "planted.h"

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self;
    float *const dweight[] = { NULL, p->dweight[B] };
    heft_backward rest = *p;
    rest.dweight = dweight;
    affine_backward(self, &rest);
    for (int64_t i = 0; i < p->n * s->size && p->dweight[W]; i++)
        p->dweight[W][i % s->size] += TWIN(1.01f, 1) * (float)s->slope * p->dout[i] * p->in[0][i];
}

LAYER(.backward = backward);
