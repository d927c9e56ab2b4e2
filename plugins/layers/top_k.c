/* top_k.c -- the share of rows whose class is among the k largest outputs
 *
 * A row's class ranks behind every larger output and behind equal ones of classes before it; an output that is not a
 * number makes its row wrong.  A row with the label ignore_index counts nothing: out is then the number of a sample's right
 * rows, and the tally "weight" that of the rows that count, as plugin.h says of metrics.  k = 1 is accuracy.  As scikit-learn's top_k_accuracy_score and Keras' TopK, but for ties.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    int64_t k, ignore_index;
    heft_answers answers;                        /* derived */
} top_k;

enum { WEIGHT };                                 /* tally, with ignore_index */

static const heft_option options[] = {
    HEFT_OPT_INT(top_k, k, 5, 1, 1 << 30, "how many of the largest outputs count"),
    HEFT_OPT_INT_OR(top_k, ignore_index, "none", -1, 0, INT32_MAX, "label of rows that do not count"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    top_k *l = self;
    if (heft_needs_answers(p, HEFT_CLASSES, l->ignore_index, "a yes or no has no ranks", &l->answers)) return -1;
    if (l->k > l->answers.classes)
        return heft_fail(&p->error, "k %lld exceeds the %lld classes of the output", (long long)l->k,
                         (long long)l->answers.classes);
    if (l->ignore_index >= 0)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "weight", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    return 0;
}

static bool row_right(const top_k *l, const float *x, int64_t label)
{
    if (label < 0) return false;
    int64_t before = 0;
    for (int64_t j = 0; j < l->answers.classes; j++) {
        if (x[j] != x[j]) return false;
        before += x[j] > x[label] || (j < label && x[j] == x[label]);
    }
    return before < l->k;
}

static void forward(const void *self, const heft_forward *p)
{
    const top_k *l = self;
    const heft_answers *a = &l->answers;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t right = 0, counted = 0;
        for (int64_t r = i * a->rows; r < (i + 1) * a->rows; r++) {
            const int64_t label = heft_truth(a, p->in[1], r);
            right += row_right(l, p->in[0] + r * a->classes, label);
            counted += label != HEFT_IGNORED;
        }
        p->out[i] = l->ignore_index >= 0 ? (float)right : (float)right / (float)a->rows;
        if (l->ignore_index >= 0) p->tally[WEIGHT][0] += heft_sample_weight(p, i) * (double)counted;
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "top_k", "metric: share of classes among the k largest outputs",
                      sizeof(top_k), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward,
    .goal = HEFT_MAXIMIZE, .weighted = 1,
};
