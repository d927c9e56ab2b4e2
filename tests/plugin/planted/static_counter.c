/* A static variable counts the calls. */
#include "planted.h"

#ifdef FAULT
static int calls;
#endif

static void forward(const void *self, const heft_forward *p)
{
    affine_forward(self, p);
#ifdef FAULT
    p->out[0] += 1e-3f * (float)(++calls % 7);
#endif
}

LAYER(.forward = forward);
