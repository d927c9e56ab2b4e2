/* What the next step depends on is remembered in a variable, not in a slot. */
#include "planted.h"

#ifdef FAULT
static float last;
#endif

static void step(const void *self, const heft_step *s)
{
    momentum_step(self, s);
#ifdef FAULT
    for (size_t i = s->begin; i < s->end; i++) s->x[i] -= 1e-3f * last;
    last = s->g[s->begin];
#endif
}

OPTIMIZER(.step = step);
