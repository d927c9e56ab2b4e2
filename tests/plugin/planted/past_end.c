/* One float is written past the end of the output. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
    const volatile int64_t end = p->n * s->size + TWIN(1, 0);
    for (int64_t i = 0; i < end; i++) ((volatile float *)p->out)[i] = i < p->n * s->size ? p->out[i] : 0;
}

LAYER(.forward = forward);
