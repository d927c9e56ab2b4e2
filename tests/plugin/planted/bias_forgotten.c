/* The gradient of the bias is forgotten. */
#include "planted.h"

static void backward(const void *self, const heft_backward *p)
{
    float *const dweight[] = { p->dweight[W], TWIN(NULL, p->dweight[B]) };
    heft_backward all = *p;
    all.dweight = dweight;
    affine_backward(self, &all);
}

LAYER(.backward = backward);
