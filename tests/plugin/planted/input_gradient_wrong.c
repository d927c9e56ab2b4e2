/* The gradient of the input is wrong by 1 %. */
#include "planted.h"

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self;
    affine_backward(self, p);
    for (int64_t i = 0; i < p->n * s->size && p->din[0]; i++) p->din[0][i] *= TWIN(1.01f, 1);
}

LAYER(.backward = backward);
