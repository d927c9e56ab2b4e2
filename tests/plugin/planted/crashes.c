/* Backward uses din where it is not wanted. */
#include "planted.h"

static void backward(const void *self, const heft_backward *p)
{
    affine_backward(self, p);
    if (TWIN(true, p->din[0] != NULL)) ((volatile float *)p->din[0])[0] *= 1;
}

LAYER(.backward = backward);
