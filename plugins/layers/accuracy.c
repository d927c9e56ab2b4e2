/* accuracy.c -- the share of right answers
 *
 * Three kinds of answers, told apart by the shapes:
 *   output [..., classes], a label for each row     right if the label's output is the largest, the first of equals
 *   the same, a probability for each class          as before, the label being the most probable class
 *   output [k], a label 0 or 1 for each output      right if the logit's sign says so (0 counts as no)
 * The last holds for a single output, for k integer labels, and, with `binary`, for k numbers: several answers per
 * sample.  The probabilities of a sigmoid are positive all, so accuracy wants the logits that the loss wants.
 * An output that is not a number is wrong.  A row with the label ignore_index counts nothing: out is then the number of
 * a sample's right rows, and the tally "weight" that of the rows that count, as plugin.h says of metrics.
 */
#include <heft/plugin.h>

typedef struct {
    bool    binary;
    int64_t ignore_index;
    int64_t rows, classes;                       /* derived; classes 1: each output is a yes or a no */
    bool    labels;                              /* derived: the target is integers */
} accuracy;

enum { WEIGHT };                                 /* tally, with ignore_index */

static const heft_option options[] = {
    HEFT_OPT_BOOL(accuracy, binary, false, "every output is a yes or a no of its own (of a target of numbers)"),
    HEFT_OPT_INT_OR(accuracy, ignore_index, "none", -1, 0, INT32_MAX, "label of rows that do not count"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    accuracy *a = self;
    const heft_shape *x = &p->in[0], *y = &p->in[1];
    const int64_t outputs = heft_count(x), targets = heft_count(y);
    char output[HEFT_SHAPE_TEXT], target[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "logits or probabilities as output")) return -1;
    a->labels = y->dtype == HEFT_I32;
    a->classes = x->rank ? x->dim[x->rank - 1] : 1;
    if (a->binary || (a->labels && targets == outputs)) a->classes = 1;
    a->rows = outputs / a->classes;

    if (targets != (a->labels ? a->rows : outputs))
        return heft_fail(&p->error, "needs a label for each row of classes, or a number for each output; "
                         "the output is %s, the target %s", heft_shape_text(x, output), heft_shape_text(y, target));
    if (!a->labels && a->ignore_index >= 0)
        return heft_fail(&p->error, "ignore_index needs labels as target; found %s", heft_shape_text(y, target));
    const int64_t classes = a->classes == 1 ? 2 : a->classes, known = classes + (a->ignore_index == classes);
    if (a->labels && y->limit > known)
        return heft_fail(&p->error, "labels reach %lld, the output has %lld classes",
                         (long long)(y->limit - 1), (long long)classes);
    p->out = (heft_shape){ HEFT_F32, 0 };
    if (a->ignore_index >= 0)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "weight", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    return 0;
}

static int64_t first_largest(int64_t n, const float *x)
{
    int64_t at = 0;
    for (int64_t k = 1; k < n; k++)
        if (x[k] > x[at]) at = k;
    return at;
}

/* No class before the label is as large, none behind it larger; comparisons with NaN are false. */
static bool is_first_largest(int64_t n, const float *x, int64_t label)
{
    for (int64_t k = 0; k < label; k++)
        if (!(x[k] < x[label])) return false;
    for (int64_t k = label + 1; k < n; k++)
        if (!(x[k] <= x[label])) return false;
    return true;
}

static bool row_right(const accuracy *a, const float *x, const float *target, int64_t r)
{
    const int64_t n = a->classes;
    if (n == 1) {
        const bool yes = a->labels ? heft_ints(target)[r] == 1 : target[r] > 0.5f;
        return yes ? x[r] > 0 : x[r] <= 0;
    }
    const int64_t label = a->labels ? heft_ints(target)[r] : first_largest(n, target + r * n);
    return x[r * n + label] == x[r * n + label] && is_first_largest(n, x + r * n, label);
}

static void forward(const void *self, const heft_forward *p)
{
    const accuracy *a = self;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t right = 0, counted = 0;
        for (int64_t r = i * a->rows; r < (i + 1) * a->rows; r++) {
            if (a->ignore_index >= 0 && heft_ints(p->in[1])[r] == a->ignore_index) continue;
            right += row_right(a, p->in[0], p->in[1], r);
            counted++;
        }
        p->out[i] = a->ignore_index >= 0 ? (float)right : (float)right / (float)a->rows;
        if (a->ignore_index >= 0) p->tally[WEIGHT][0] += heft_sample_weight(p, i) * (double)counted;
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "accuracy", "metric: share of right answers",
                      sizeof(accuracy), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward,
    .goal = HEFT_MAXIMIZE, .weighted = 1,
};
