/* Random numbers come from the clock. */
#include "planted.h"

#include <time.h>

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
#ifdef FAULT
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    heft_rng rng = { (uint64_t)now.tv_nsec, 0 };
#else
    heft_rng rng = p->rng;
#endif
    for (int64_t i = 0; i < p->n && p->train; i++) {
        heft_rng r = heft_stream(rng, p->first + i);
        p->out[i * s->size] += heft_uniform(&r);
    }
}

LAYER(.forward = forward);
