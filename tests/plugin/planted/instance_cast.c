/* Forward writes the instance through a cast. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    affine_forward(self, p);
#ifdef FAULT
    ((affine *)self)->counter++;
#endif
}

LAYER(.forward = forward);
