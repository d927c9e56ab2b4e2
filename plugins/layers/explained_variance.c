/* explained_variance.c -- the share of the target's variance that is not left in the difference to the output
 *
 *   1 - var(t - x) / var(t)          var(z) = sum z^2 - (sum z)^2 / n
 *
 * over the whole data set; the mean over columns if there are several.  As scikit-learn's explained_variance_score: r2
 * but for a constant error, which costs nothing here; of a target that is constant, 1 if the error is too, and 0
 * otherwise; undefined (NaN) for fewer than two samples.  Spreads below a millionth of the numbers' size, near what
 * float32 resolves, count as none.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct { int64_t count; } explained_variance;        /* derived: columns */

enum { SUM, SQUARES, ERROR, ERROR_SQUARES };                 /* tallies, one number per column */
enum { VALUE };                                              /* state */

static int plan(void *self, heft_layer_plan *p)
{
    explained_variance *l = self;
    l->count = heft_needs_pairs(p);
    if (l->count < 0) return -1;
    static const char *const names[] = { "sum", "squares", "error", "error_squares" };
    for (int i = 0; i < 4; i++)
        p->tensor[p->n_tensors++] = (heft_tensor){
            .name = names[i], .role = HEFT_TALLY, .shape = { HEFT_F32, 1, { l->count } } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "value", .role = HEFT_STATE, .shape = { HEFT_F32, 0 } };
    return 0;
}

/* What counts are the tallies; out is 0. */
static void forward(const void *self, const heft_forward *p)
{
    const explained_variance *l = self;
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict x = p->in[0] + i * l->count, *restrict t = p->in[1] + i * l->count;
        const double w = heft_sample_weight(p, i);
        for (int64_t j = 0; j < l->count; j++) {
            const double d = (double)t[j] - x[j];
            p->tally[SUM][j] += w * t[j];
            p->tally[SQUARES][j] += w * t[j] * t[j];
            p->tally[ERROR][j] += w * d;
            p->tally[ERROR_SQUARES][j] += w * d * d;
        }
        p->out[i] = 0;
    }
}

static double spread(double sum, double squares, double n)
{
    const double left = squares - sum * sum / n;
    return left > 1e-12 * squares ? left : 0;
}

static void fold(const void *self, const heft_fold *p)
{
    const explained_variance *l = self;
    const double n = p->weight;
    double mean = 0;
    for (int64_t j = 0; j < l->count; j++) {
        const double of_target = spread(p->total[SUM][j], p->total[SQUARES][j], n);
        const double of_error = spread(p->total[ERROR][j], p->total[ERROR_SQUARES][j], n);
        mean += of_target > 0 ? 1 - of_error / of_target : of_error == 0;
    }
    p->state[VALUE][0] = p->n < 2 ? NAN : (float)(mean / (double)l->count);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "explained_variance", "metric: share of the variance explained",
                      sizeof(explained_variance), NULL),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .fold = fold,
    .goal = HEFT_MAXIMIZE, .weighted = 1,
};
