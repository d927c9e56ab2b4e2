/* A slot is written before it is read: nothing is carried from step to step. */
#include "planted.h"

static void step(const void *self, const heft_step *s)
{
    for (size_t i = s->begin; i < s->end; i++) s->slot[0][i] *= TWIN(0, 1);
    momentum_step(self, s);
}

OPTIMIZER(.step = step);
