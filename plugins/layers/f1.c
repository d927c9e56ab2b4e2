/* f1.c -- the harmonic mean of precision and recall of a class
 *
 *   2 right answers / (all answers for the class + its members)
 *
 * over the whole data set but for rows with the label ignore_index, a class being one of several, or the yes of an output
 * that is a yes or a no; answers.h says which, how they are counted, and how `average` makes one number of several classes.
 *
 * As scikit-learn's f1_score: 0 where it divides by 0; classes that are neither the truth nor an answer anywhere
 * do not count in the mean, unless every output is a yes or no of its own.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    int     average;
    bool    binary;
    int64_t ignore_index;
    heft_score score;                            /* derived */
} f1;

static const heft_option options[] = {
    HEFT_OPT_ENUM(f1, average, HEFT_AUTO, HEFT_AVERAGES, "how classes become one number"),
    HEFT_OPT_BOOL(f1, binary, false, "every output is a yes or a no of its own (of a target of numbers)"),
    HEFT_OPT_INT_OR(f1, ignore_index, "none", -1, 0, INT32_MAX, "label of rows that do not count"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    f1 *l = self;
    return heft_score_plan(p, l->average, l->binary, l->ignore_index, &l->score);
}

static void forward(const void *self, const heft_forward *p)
{
    const f1 *l = self;
    heft_score_count(&l->score, p);
}

static double score(double right, double guessed, double truth)
{
    const double whole = (guessed + truth) / 2;
    return whole > 0 ? right / whole : 0;
}

static void fold(const void *self, const heft_fold *p)
{
    const f1 *l = self;
    heft_score_fold(&l->score, p, score);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "f1", "metric: harmonic mean of precision and recall", sizeof(f1), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .fold = fold,
    .goal = HEFT_MAXIMIZE, .weighted = 1,
};
