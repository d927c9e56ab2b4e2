/* = for += in a loop over samples: dweight is that of the last one. */
#include "planted.h"

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self;
    affine_backward(self, p);
    for (int64_t i = 0; p->dweight[B] && i < p->n * s->size; i++)
        if (TWIN(true, false)) p->dweight[B][i % s->size] = p->dout[i];
}

LAYER(.backward = backward);
