/* survey and survey_back overwrite what they sum up. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    if (affine_plan(self, p)) return -1;
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "sum", .role = HEFT_TALLY };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "sum_back", .role = HEFT_TALLY_BACK };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "mean", .role = HEFT_STATE };
    return 0;
}

static void add_up(double *tally, const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    *tally = TWIN(sum, *tally + sum);
}

static void survey(const void *self, const heft_forward *p) { add_up(p->tally[0], p->in[0], p->n * ((const affine *)self)->size); }

static void survey_back(const void *self, const heft_backward *p) { add_up(p->tally[0], p->dout, p->n * ((const affine *)self)->size); }

static void fold(const void *self, const heft_fold *p)
{
    p->state[0][0] = (float)(p->total[0][0] / (double)(p->n * ((const affine *)self)->size));
}

LAYER(.plan = plan, .survey = survey, .survey_back = survey_back, .fold = fold);
