/* auc.c -- the area under the receiver operating characteristic
 *
 * The chance that a yes has the larger output than a no, equal ones half counted, over the whole data set but for
 * rows with the label ignore_index:
 *   sum_b no_b (yes above b + yes_b / 2) / (yes no)
 * with the outputs s of each kind counted in `bins` bins of s / (1 + |s|), which are finest near 0 and reach
 * everywhere.  Two outputs in one bin count as equal, so the area is off by at most sum_b no_b yes_b / (2 yes no):
 * of 10,000 logits with deviations from 0.1 to 20 at most 4e-3, and in fact 1e-5 to 4e-5.
 *
 * s is a logit where the output is a yes or a no, the difference of the two where it is two classes, and the logit of
 * the softmax's probability, one class against the others, where it is more; the mean over outputs or classes, those
 * left out that are always or never the truth (NaN if that leaves none).
 *
 * J. Hanley, B. McNeil, "The Meaning and Use of the Area under a ROC Curve", Radiology 143 (1982).  As scikit-learn's
 * roc_auc_score, with multi_class ovr; Keras' AUC has 200 thresholds, evenly over probabilities.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    int64_t bins;
    bool    binary;
    int64_t ignore_index;
    heft_answers answers;                        /* derived */
    int64_t columns;                             /* derived: yes-or-no outputs, or classes; 1 for two classes */
} auc;

enum { YES, NO };                                /* tallies [columns, bins] */
enum { VALUE };                                  /* state */

static const heft_option options[] = {
    HEFT_OPT_INT (auc, bins, 1000, 2, 1 << 20, "kinds of outputs that are told apart"),
    HEFT_OPT_BOOL(auc, binary, false, "every output is a yes or a no of its own (of a target of numbers)"),
    HEFT_OPT_INT_OR(auc, ignore_index, "none", -1, 0, INT32_MAX, "label of rows that do not count"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    auc *l = self;
    if (heft_needs_answers(p, l->binary ? HEFT_YES_OR_NO : HEFT_EITHER, l->ignore_index, NULL, &l->answers)) return -1;
    const int64_t classes = l->answers.classes;
    l->columns = classes == 1 ? l->answers.rows : classes == 2 ? 1 : classes;
    if (l->columns > (1 << 24) / l->bins)
        return heft_fail(&p->error, "%lld bins of %lld classes or outputs are too many; 2^24 in all are the most",
                         (long long)l->bins, (long long)l->columns);
    const heft_shape counts = { HEFT_F32, 2, { l->columns, l->bins } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "yes", .role = HEFT_TALLY, .shape = counts };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "no", .role = HEFT_TALLY, .shape = counts };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "value", .role = HEFT_STATE, .shape = { HEFT_F32, 0 } };
    return 0;
}

/* One output is counted; what is not a number is a certain no. */
static void count(const auc *l, const heft_forward *p, int64_t column, double s, bool yes, double weight)
{
    const double near = s > 1e9 ? 1e9 : s > -1e9 ? s : -1e9, at = (1 + near / (1 + fabs(near))) / 2 * (double)l->bins;
    const int64_t bin = at < (double)l->bins ? (int64_t)at : l->bins - 1;
    p->tally[yes ? YES : NO][column * l->bins + bin] += weight;
}

/* log p_k / (1 - p_k) = x_k - log sum_{j != k} exp(x_j) */
static double logit(int64_t n, const float *x, int64_t k)
{
    float most = x[k == 0];
    double sum = 0;
    for (int64_t j = 0; j < n; j++) most = j != k && x[j] > most ? x[j] : most;
    for (int64_t j = 0; j < n; j++) sum += j == k ? 0 : heft_expf(x[j] - most);
    return (double)x[k] - most - log(sum);
}

/* What counts are the tallies; out is 0. */
static void forward(const void *self, const heft_forward *p)
{
    const auc *l = self;
    const heft_answers *a = &l->answers;
    for (int64_t r = 0; r < p->n * a->rows; r++) {
        const int64_t truth = heft_truth(a, p->in[1], r);
        if (truth == HEFT_IGNORED) continue;
        const float *x = p->in[0] + r * a->classes;
        const double w = heft_sample_weight(p, r / a->rows);
        if (a->classes == 1) count(l, p, r % a->rows, *x, truth == 1, w);
        else if (a->classes == 2) count(l, p, 0, (double)x[1] - x[0], truth == 1, w);
        else
            for (int64_t k = 0; k < a->classes; k++) count(l, p, k, logit(a->classes, x, k), truth == k, w);
    }
    for (int64_t i = 0; i < p->n; i++) p->out[i] = 0;
}

static void fold(const void *self, const heft_fold *p)
{
    const auc *l = self;
    double sum = 0;
    int64_t n = 0;
    for (int64_t column = 0; column < l->columns; column++) {
        const double *yes = p->total[YES] + column * l->bins, *no = p->total[NO] + column * l->bins;
        double all_yes = 0, all_no = 0, ahead = 0;
        for (int64_t b = l->bins - 1; b >= 0; b--) {
            ahead += no[b] * (all_yes + yes[b] / 2);
            all_yes += yes[b];
            all_no += no[b];
        }
        if (!(all_yes > 0 && all_no > 0)) continue;
        sum += ahead / (all_yes * all_no);
        n++;
    }
    p->state[VALUE][0] = n ? (float)(sum / (double)n) : NAN;
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "auc", "metric: area under the ROC curve", sizeof(auc), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .fold = fold,
    .goal = HEFT_MAXIMIZE, .weighted = 1,
};
