/* A scratch tensor for every sample is declared as one for all. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    if (affine_plan(self, p)) return -1;
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "squares", .role = HEFT_SCRATCH, .shape = p->in[0], .per_sample = TWIN(false, true) };
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
    for (int64_t i = 0; i < p->n * s->size; i++) ((volatile float *)p->scratch[1])[i] = p->in[0][i] * p->in[0][i];
}

LAYER(.plan = plan, .forward = forward);
