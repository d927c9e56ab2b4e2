/* Forward writes its input through a cast. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    affine_forward(self, p);
#ifdef FAULT
    ((float *)p->in[0])[0] += 1;
#endif
}

LAYER(.forward = forward);
