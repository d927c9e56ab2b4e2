/* A yes too many is counted one class in front of the tally. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    share_forward(self, p);
    const volatile int64_t at = TWIN(-1, 0);
    for (int64_t i = 0; i < p->n; i++) ((volatile double *)p->tally[RIGHT])[at] += heft_sample_weight(p, i);
}

METRIC(.forward = forward);
