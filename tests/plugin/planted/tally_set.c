/* The tally of a lane is overwritten, not added to. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const share *s = self;
    double rows = 0;
    share_forward(self, p);
    for (int64_t i = 0; i < p->n; i++) rows += heft_sample_weight(p, i);
    if (TWIN(true, false)) p->tally[ROWS][0] = rows;
}

METRIC(.forward = forward);
