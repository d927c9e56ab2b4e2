/* Forward does not end when it trains. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    affine_forward(self, p);
    for (volatile bool on = TWIN(p->train, false); on;) {}
}

LAYER(.forward = forward);
