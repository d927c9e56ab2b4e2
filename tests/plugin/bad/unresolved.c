#include "bad.h"

int defined_nowhere(void);

static int calls(void *self, heft_layer_plan *p)
{
    (void)self;
    p->out = p->in[0];
    return defined_nowhere();
}

LAYER(.plan = calls);
