/* = where += belongs, in the gradient of a weight. */
#include "planted.h"

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self;
#ifdef FAULT
    memset(p->dweight[W], 0, (size_t)s->size * sizeof(float));
#endif
    (void)s;
    affine_backward(self, p);
}

LAYER(.backward = backward);
