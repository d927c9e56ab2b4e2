/* A weight for every eighth feature has no element where there are fewer. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    if (affine_plan(self, p)) return -1;
    const heft_shape eighths = { HEFT_F32, 1, { TWIN(heft_count(&p->in[0]), heft_count(&p->in[0]) + 7) / 8 } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "eighths", .role = HEFT_WEIGHT, .shape = eighths, .fan_in = 1, .fan_out = 1 };
    return 0;
}

LAYER(.plan = plan);
