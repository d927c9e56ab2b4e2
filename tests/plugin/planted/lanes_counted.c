/* Lanes are counted where samples should be. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const double before = p->tally[ROWS][0];
    share_forward(self, p);
    if (TWIN(true, false)) p->tally[ROWS][0] = before + (p->n ? heft_sample_weight(p, 0) : 0);
}

METRIC(.forward = forward);
