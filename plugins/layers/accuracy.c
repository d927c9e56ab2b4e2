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
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    bool    binary;
    int64_t ignore_index;
    heft_answers answers;                        /* derived */
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
    if (heft_needs_answers(p, a->binary ? HEFT_YES_OR_NO : HEFT_EITHER, a->ignore_index, NULL, &a->answers)) return -1;
    if (a->ignore_index >= 0)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "weight", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    return 0;
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

static bool row_right(const heft_answers *a, const float *x, int64_t truth)
{
    if (a->classes == 1) return truth == 1 ? *x > 0 : truth == 0 && *x <= 0;
    return truth >= 0 && x[truth] == x[truth] && is_first_largest(a->classes, x, truth);
}

static void forward(const void *self, const heft_forward *p)
{
    const accuracy *l = self;
    const heft_answers *a = &l->answers;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t right = 0, counted = 0;
        for (int64_t r = i * a->rows; r < (i + 1) * a->rows; r++) {
            const int64_t truth = heft_truth(a, p->in[1], r);
            if (truth == HEFT_IGNORED) continue;
            right += row_right(a, p->in[0] + r * a->classes, truth);
            counted++;
        }
        p->out[i] = l->ignore_index >= 0 ? (float)right : (float)right / (float)a->rows;
        if (l->ignore_index >= 0) p->tally[WEIGHT][0] += heft_sample_weight(p, i) * (double)counted;
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "accuracy", "metric: share of right answers",
                      sizeof(accuracy), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward,
    .goal = HEFT_MAXIMIZE, .weighted = 1,
};
