/* Forward finds its input in saved and takes its work for done, though the output may be gone. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    const size_t bytes = (size_t)(p->n * s->size) * sizeof(float);
    if (TWIN(p->saved && !memcmp(p->saved[0], p->in[0], bytes), false)) return;
    affine_forward(self, p);
}

LAYER(.forward = forward, .recomputable = 1);
