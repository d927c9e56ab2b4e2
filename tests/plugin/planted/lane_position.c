/* The result depends on the lane's place in the minibatch. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    affine_forward(self, p);
    p->out[0] += TWIN(p->first > 0 ? 0.125f : 0, 0);
}

LAYER(.forward = forward);
