/* rmse.c -- the root of the mean of (x - t)^2 over the whole data set and all outputs
 *
 * As Keras' RootMeanSquaredError; scikit-learn's takes the root for each output and the mean of roots.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct { int64_t count; } rmse;          /* derived: outputs per sample */

enum { SQUARES };                                /* tally */
enum { VALUE };                                  /* state */

static int plan(void *self, heft_layer_plan *p)
{
    rmse *l = self;
    l->count = heft_needs_pairs(p);
    if (l->count < 0) return -1;
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "squares", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "value", .role = HEFT_STATE, .shape = { HEFT_F32, 0 } };
    return 0;
}

/* What counts is the tally; out is 0. */
static void forward(const void *self, const heft_forward *p)
{
    const rmse *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) {
            const double d = (double)x[j] - t[j];
            sum += d * d;
        }
        p->tally[SQUARES][0] += heft_sample_weight(p, i) * sum;
        p->out[i] = 0;
    }
}

static void fold(const void *self, const heft_fold *p)
{
    const rmse *l = self;
    p->state[VALUE][0] = (float)sqrt(p->total[SQUARES][0] / (p->weight * (double)l->count));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "rmse", "metric: root of the mean squared difference",
                      sizeof(rmse), NULL),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .fold = fold,
    .goal = HEFT_MINIMIZE, .weighted = 1,
};
