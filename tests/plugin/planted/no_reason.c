/* A refusal does not say why. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    if (p->in[0].rank == 3) return TWIN(-1, heft_fail(&p->error, "needs anything but images"));
    return affine_plan(self, p);
}

LAYER(.plan = plan);
