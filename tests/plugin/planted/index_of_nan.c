/* A class that is no number is counted in front of the first. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const share *s = self;
    share_forward(self, p);
    for (int64_t i = 0; i < p->n; i++) {
        const int64_t guess = heft_largest(s->size, p->in[0] + i * s->size);
        if (TWIN(true, guess >= 0)) ((volatile double *)p->tally[RIGHT])[guess] += heft_sample_weight(p, i);
    }
}

METRIC(.forward = forward);
