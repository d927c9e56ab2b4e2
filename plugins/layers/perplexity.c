/* perplexity.c -- exp of the mean cross-entropy of rows of classes (tokens): among how many it is as good as guessing
 *
 *   exp(- sum_r log softmax(x_r)[y_r] / rows)    over the whole data set, but for rows with the label ignore_index;
 * NaN if no row is left
 *
 * F. Jelinek et al., "Perplexity -- a measure of the difficulty of speech recognition tasks", 1977.  x are logits.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    int64_t ignore_index;
    heft_answers answers;                        /* derived */
} perplexity;

enum { SUM, ROWS };                              /* tallies */
enum { VALUE };                                  /* state */

static const heft_option options[] = {
    HEFT_OPT_INT_OR(perplexity, ignore_index, "none", -1, 0, INT32_MAX, "label of rows that do not count"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    perplexity *l = self;
    char target[HEFT_SHAPE_TEXT];
    if (heft_needs_answers(p, HEFT_CLASSES, l->ignore_index, NULL, &l->answers)) return -1;
    if (!l->answers.labels)
        return heft_fail(&p->error, "needs a label for each row of classes; the target is %s", heft_shape_text(&p->in[1], target));
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "sum", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "rows", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "value", .role = HEFT_STATE, .shape = { HEFT_F32, 0 } };
    return 0;
}

static double row_loss(int64_t n, const float *x, int32_t label)
{
    float most = x[0];
    double sum = 0;
    for (int64_t k = 1; k < n; k++) most = x[k] > most ? x[k] : most;
    for (int64_t k = 0; k < n; k++) sum += heft_expf(x[k] - most);
    return log(sum) - ((double)x[label] - most);
}

/* What counts are the tallies; out is 0. */
static void forward(const void *self, const heft_forward *p)
{
    const perplexity *l = self;
    const heft_answers *a = &l->answers;
    for (int64_t r = 0; r < p->n * a->rows; r++) {
        if (heft_ignored(a, p->in[1], r)) continue;
        const double w = heft_sample_weight(p, r / a->rows);
        p->tally[SUM][0] += w * row_loss(a->classes, p->in[0] + r * a->classes, heft_ints(p->in[1])[r]);
        p->tally[ROWS][0] += w;
    }
    for (int64_t i = 0; i < p->n; i++) p->out[i] = 0;
}

static void fold(const void *self, const heft_fold *p)
{
    (void)self;
    p->state[VALUE][0] = (float)exp(p->total[SUM][0] / p->total[ROWS][0]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "perplexity", "metric: exp of the mean cross-entropy",
                      sizeof(perplexity), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .fold = fold,
    .goal = HEFT_MINIMIZE, .weighted = 1,
};
