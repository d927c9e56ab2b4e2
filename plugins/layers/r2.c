/* r2.c -- the coefficient of determination: the share of the target's variance that the output explains
 *
 *   R2 = 1 - sum (t - x)^2 / sum (t - mean t)^2          sum (t - mean t)^2 = sum t^2 - (sum t)^2 / n
 *
 * over the whole data set; the mean over columns if there are several.  As scikit-learn's r2_score: of a target
 * that is constant, 1 if it is met exactly and 0 if not; undefined (NaN) for fewer than two samples.
 *
 * The squares of float32 targets are exact in double, so the difference above is good to about 1e-16 sum t^2;
 * targets that spread by less than a millionth of their size, near what float32 resolves, count as constant.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct { int64_t count; } r2;                        /* derived: columns */

enum { SUM, SQUARES, ERROR };                                /* tallies, one number per column */
enum { VALUE };                                              /* state */

static int plan(void *self, heft_layer_plan *p)
{
    r2 *l = self;
    l->count = heft_needs_pairs(p);
    if (l->count < 0) return -1;
    const heft_shape columns = { HEFT_F32, 1, { l->count } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "sum", .role = HEFT_TALLY, .shape = columns };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "squares", .role = HEFT_TALLY, .shape = columns };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "error", .role = HEFT_TALLY, .shape = columns };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "value", .role = HEFT_STATE, .shape = { HEFT_F32, 0 } };
    return 0;
}

/* What counts are the tallies; out is 0. */
static void forward(const void *self, const heft_forward *p)
{
    const r2 *l = self;
    double *restrict sum = p->tally[SUM], *restrict squares = p->tally[SQUARES], *restrict error = p->tally[ERROR];
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict x = p->in[0] + i * l->count, *restrict t = p->in[1] + i * l->count;
        const double w = heft_sample_weight(p, i);
        for (int64_t j = 0; j < l->count; j++) {
            const double d = (double)t[j] - x[j];
            sum[j] += w * t[j];
            squares[j] += w * t[j] * t[j];
            error[j] += w * d * d;
        }
        p->out[i] = 0;
    }
}

static void fold(const void *self, const heft_fold *p)
{
    const r2 *l = self;
    double mean = 0;
    for (int64_t j = 0; j < l->count; j++) {
        const double sum = p->total[SUM][j], squares = p->total[SQUARES][j], error = p->total[ERROR][j];
        const double spread = squares - sum * sum / p->weight;
        if (spread <= 1e-12 * squares)
            mean += error == 0;
        else
            mean += 1 - error / spread;
    }
    p->state[VALUE][0] = p->n < 2 ? NAN : (float)(mean / (double)l->count);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "r2", "metric: coefficient of determination", sizeof(r2), NULL),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .fold = fold,
    .goal = HEFT_MAXIMIZE, .weighted = 1,
};
