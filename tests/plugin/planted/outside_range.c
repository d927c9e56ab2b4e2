/* A step updates one weight more than its range has. */
#include "planted.h"

static void step(const void *self, const heft_step *s)
{
    heft_step more = *s;
    if (s->begin == 0) more.end += TWIN(1, 0);
    momentum_step(self, &more);
}

OPTIMIZER(.step = step);
