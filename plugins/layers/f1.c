/* f1.c -- the harmonic mean of precision and recall of a class
 *
 *   2 right answers / (all answers for the class + its members)
 *
 * over the whole data set but for rows with the label ignore_index, a class being one of several, or the yes of an output that is a yes or a no (see
 * heft_answers in plugin.h).  average says how classes become one number:
 *   binary     that of yes; of two classes, the second       macro      their mean
 *   micro      counts of all classes added up first          weighted   their mean, by how often each is the truth
 * auto is binary where that is possible, macro otherwise.
 *
 * As scikit-learn's f1_score: 0 where it divides by 0; classes that are neither the truth nor an answer anywhere
 * do not count in the mean, unless every output is a yes or no of its own.
 */
#include <heft/plugin.h>

typedef struct {
    int     average;
    bool    binary;
    int64_t ignore_index;
    heft_answers answers;                        /* derived */
    int64_t columns;                             /* derived: classes, or outputs that are a yes or a no */
} f1;

enum { AUTO, BINARY, MACRO, MICRO, WEIGHTED };   /* average */
enum { RIGHT, GUESSED, TRUE };                   /* tallies, a number for each column */
enum { VALUE };                                  /* state */

static const heft_option options[] = {
    HEFT_OPT_ENUM(f1, average, AUTO, "auto|binary|macro|micro|weighted", "how classes become one number"),
    HEFT_OPT_BOOL(f1, binary, false, "every output is a yes or a no of its own (of a target of numbers)"),
    HEFT_OPT_INT_OR(f1, ignore_index, "none", -1, 0, INT32_MAX, "label of rows that do not count"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    f1 *l = self;
    if (heft_needs_answers(p, l->binary, l->ignore_index, &l->answers)) return -1;
    l->columns = l->answers.classes > 1 ? l->answers.classes : l->answers.rows;
    const bool two = l->answers.classes == 2 || l->columns == 1;
    if (l->average == BINARY && !two)
        return heft_fail(&p->error, "average binary needs one output or two classes; found %lld (macro, micro and "
                         "weighted take more)", (long long)l->columns);
    if (l->average == AUTO) l->average = two ? BINARY : MACRO;
    const heft_shape columns = { HEFT_F32, 1, { l->columns } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "right", .role = HEFT_TALLY, .shape = columns };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "guessed", .role = HEFT_TALLY, .shape = columns };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "true", .role = HEFT_TALLY, .shape = columns };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "value", .role = HEFT_STATE, .shape = { HEFT_F32, 0 } };
    return 0;
}

/* What counts are the tallies; out is 0. */
static void forward(const void *self, const heft_forward *p)
{
    const f1 *l = self;
    const heft_answers *a = &l->answers;
    for (int64_t r = 0; r < p->n * a->rows; r++) {
        const int64_t truth = heft_truth(a, p->in[1], r), guess = heft_guess(a, p->in[0], r);
        const int64_t column = r % a->rows;
        if (truth == HEFT_IGNORED) continue;
        const double w = heft_sample_weight(p, r / a->rows);
        if (a->classes == 1) {
            p->tally[TRUE][column] += truth == 1 ? w : 0;
            p->tally[GUESSED][column] += guess == 1 ? w : 0;
            p->tally[RIGHT][column] += truth == 1 && guess == 1 ? w : 0;
            continue;
        }
        if (truth >= 0) p->tally[TRUE][truth] += w;
        if (guess >= 0) p->tally[GUESSED][guess] += w;
        if (truth >= 0 && truth == guess) p->tally[RIGHT][truth] += w;
    }
    for (int64_t i = 0; i < p->n; i++) p->out[i] = 0;
}

static double ratio(double right, double guessed, double truth)
{
    const double whole = (guessed + truth) / 2;
    return whole > 0 ? right / whole : 0;
}

static void fold(const void *self, const heft_fold *p)
{
    const f1 *l = self;
    const double *right = p->total[RIGHT], *guessed = p->total[GUESSED], *truth = p->total[TRUE];
    double sum = 0, weights = 0, all[3] = { 0 };
    for (int64_t j = l->average == BINARY ? l->columns - 1 : 0; j < l->columns; j++) {
        const bool occurs = guessed[j] > 0 || truth[j] > 0 || l->answers.classes == 1;
        const double weight = l->average == WEIGHTED ? truth[j] : occurs;
        sum += weight * ratio(right[j], guessed[j], truth[j]);
        weights += weight;
        all[0] += right[j];
        all[1] += guessed[j];
        all[2] += truth[j];
    }
    const double mean = weights > 0 ? sum / weights : 0;
    p->state[VALUE][0] = (float)(l->average == MICRO ? ratio(all[0], all[1], all[2]) : mean);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "f1", "metric: harmonic mean of precision and recall",
                      sizeof(f1), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .fold = fold,
    .goal = HEFT_MAXIMIZE, .weighted = 1,
};
