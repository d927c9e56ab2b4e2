/* The rows are counted past the end of a tally, too. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const share *s = self;
    share_forward(self, p);
    const volatile int64_t at = s->size - TWIN(0, 1);
    for (int64_t i = 0; i < p->n; i++) ((volatile double *)p->tally[RIGHT])[at] += heft_sample_weight(p, i);
}

METRIC(.forward = forward);
