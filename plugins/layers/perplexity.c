/* perplexity.c -- exp of the mean cross-entropy of rows of classes (tokens): among how many it is as good as guessing
 *
 *   exp(- sum_r log softmax(x_r)[y_r] / rows)    over the whole data set, but for rows with the label ignore_index
 *
 * F. Jelinek et al., "Perplexity -- a measure of the difficulty of speech recognition tasks", 1977.  x are logits.
 */
#include <heft/plugin.h>

typedef struct {
    int64_t ignore_index;
    int64_t rows, classes;                       /* derived */
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
    const heft_shape *x = &p->in[0], *y = &p->in[1];
    char output[HEFT_SHAPE_TEXT], target[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "logits as output")) return -1;
    l->classes = x->rank ? x->dim[x->rank - 1] : 1;
    l->rows = heft_count(x) / l->classes;
    if (y->dtype != HEFT_I32 || heft_count(y) != l->rows || l->classes < 2)
        return heft_fail(&p->error, "needs a label for each row of 2 classes or more; the output is %s, the target %s",
                         heft_shape_text(x, output), heft_shape_text(y, target));
    if (y->limit > l->classes + (l->ignore_index == l->classes))
        return heft_fail(&p->error, "labels reach %lld, the output has %lld classes", (long long)(y->limit - 1),
                         (long long)l->classes);
    p->out = (heft_shape){ HEFT_F32, 0 };
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
    const int32_t *label = heft_ints(p->in[1]);
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        if (label[r] == l->ignore_index) continue;
        const double w = heft_sample_weight(p, r / l->rows);
        p->tally[SUM][0] += w * row_loss(l->classes, p->in[0] + r * l->classes, label[r]);
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
