#include "bad.h"

static void gradient(const void *self, const heft_gradient *g)
{
    (void)self;
    g->dweight[0] = 0;
}

LAYER(.gradient = gradient);
