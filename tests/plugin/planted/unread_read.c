/* Backward reads what the plugin says it does not. */
#include "planted.h"

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self;
    float *const no_weights[] = { NULL, p->dweight[B] };
    heft_backward rest = *p;
    rest.dweight = no_weights;
    affine_backward(self, &rest);
    for (int64_t i = 0; i < p->n * s->size && p->dweight[W]; i++)
        p->dweight[W][i % s->size] += (float)s->slope * p->dout[i] * p->in[0][i];
}

LAYER(.backward = backward, .unread = TWIN(HEFT_UNREAD_IN, 0) | HEFT_UNREAD_OUT);
