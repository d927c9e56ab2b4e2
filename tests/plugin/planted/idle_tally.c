/* A tally is declared that nothing sums up. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    if (affine_plan(self, p)) return -1;
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "sum", .role = TWIN(HEFT_TALLY, HEFT_SCRATCH), .shape = { HEFT_F32, 1, { 1 } } };
    return 0;
}

LAYER(.plan = plan);
