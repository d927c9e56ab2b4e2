/* Forward adds to a tally that survey has filled. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    if (affine_plan(self, p)) return -1;
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "rows", .role = HEFT_TALLY };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "seen", .role = HEFT_STATE };
    return 0;
}

static void survey(const void *self, const heft_forward *p)
{
    (void)self;
    p->tally[0][0] += (double)p->n;
}

static void forward(const void *self, const heft_forward *p)
{
    affine_forward(self, p);
    if (TWIN(p->total, NULL)) p->tally[0][0] += (double)p->n;
}

static void fold(const void *self, const heft_fold *p)
{
    (void)self;
    p->state[0][0] = (float)p->total[0][0];
}

LAYER(.plan = plan, .survey = survey, .forward = forward, .fold = fold, .recomputable = 1);
