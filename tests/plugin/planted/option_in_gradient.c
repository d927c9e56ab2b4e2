/* The gradient is right at the option's default and nowhere else. */
#include "planted.h"

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self;
    affine usual = *s;
    usual.slope = TWIN(0.5, s->slope);
    affine_backward(&usual, p);
}

LAYER(.backward = backward);
