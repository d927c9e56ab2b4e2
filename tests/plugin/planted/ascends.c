/* The step has the wrong sign. */
#include "planted.h"

static void step(const void *self, const heft_step *s)
{
    heft_step back = *s;
    back.lr *= TWIN(-1, 1);
    momentum_step(self, &back);
}

OPTIMIZER(.step = step);
