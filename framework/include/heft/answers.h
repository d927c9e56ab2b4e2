/* answers.h -- for losses and metrics: what an output means beside its target, and whether the two fit
 *
 * heft_needs_pairs is for numbers against numbers, heft_needs_answers for classes.  Each is the first thing that plan does,
 * and returns less than 0 after saying what is wrong.
 */
#ifndef HEFT_ANSWERS_H
#define HEFT_ANSWERS_H

#include <heft/plugin.h>

/* A target for each output, and one number out.  Returns how many outputs a sample has. */
static inline int64_t heft_needs_pairs(heft_layer_plan *p)
{
    const int64_t count = heft_count(&p->in[0]);
    char output[HEFT_SHAPE_TEXT], target[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "numbers as output") || heft_needs(p, 1, -1, "numbers as target")) return -1;
    if (heft_count(&p->in[1]) != count)
        return heft_fail(&p->error, "needs a target for each output; the output is %s, the target %s",
                         heft_shape_text(&p->in[0], output), heft_shape_text(&p->in[1], target));
    p->out = (heft_shape){ .dtype = HEFT_F32 };
    return count;
}

/* Of a sample either each of `rows` rows of `classes` outputs has one class (its target a label, or a number for each
 * class, the largest being meant), or, where classes is 1, each of `rows` outputs is a yes or a no (its target a label 0
 * or 1, or a number, yes above 0.5; the output a logit, yes above 0). */
typedef struct heft_answers { int64_t rows, classes, ignore_index; bool labels; } heft_answers;

/* Which of the two.  HEFT_EITHER: yes or no for one output, and where there is a label for each output; else classes. */
typedef enum heft_form { HEFT_EITHER, HEFT_YES_OR_NO, HEFT_CLASSES } heft_form;

/* Rows with the label `ignore_index` do not count (-1: all do), which may be the one behind the last class.  `other` ends
 * messages about too few or too many classes, to say which plugin takes them ("hinge takes one output"); or NULL. */
static inline int heft_needs_answers(heft_layer_plan *p, heft_form form, int64_t ignore_index, const char *other,
                                     heft_answers *a)
{
    static const char *const wanted[] = {
        "label for each row of classes, or a number for each output", "target for each output",
        "label for each row of classes, or a number for each class",
    };
    const heft_shape *x = &p->in[0], *y = &p->in[1];
    const int64_t outputs = heft_count(x), targets = heft_count(y), last = x->rank ? x->dim[x->rank - 1] : 1;
    const char *begin = other ? " (" : "", *hint = other ? other : "", *end = other ? ")" : "";
    char output[HEFT_SHAPE_TEXT], target[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "numbers as output")) return -1;
    const bool labels = y->dtype == HEFT_I32;
    const bool single = form == HEFT_YES_OR_NO || (form == HEFT_EITHER && (last == 1 || (labels && targets == outputs)));
    *a = (heft_answers){ outputs / (single ? 1 : last), single ? 1 : last, ignore_index, labels };
    if (!single && last < 2)
        return heft_fail(&p->error, "the output has 1 class, 2 or more are needed%s%s%s", begin, hint, end);
    if (targets != (labels ? a->rows : outputs))
        return heft_fail(&p->error, "needs a %s; the output is %s, the target %s", wanted[form], heft_shape_text(x, output),
                         heft_shape_text(y, target));
    if (!labels && ignore_index >= 0)
        return heft_fail(&p->error, "ignore_index needs labels as target; found %s", heft_shape_text(y, target));
    const int64_t known = single ? 2 : last;
    if (labels && y->limit > known + (ignore_index == known))
        return heft_fail(&p->error, "labels reach %lld, %s %lld classes%s%s%s", (long long)(y->limit - 1),
                         single ? "a yes or no has" : "the output has", (long long)known, single ? begin : "",
                         single ? hint : "", single ? end : "");
    p->out = (heft_shape){ .dtype = HEFT_F32 };
    return 0;
}

static inline bool heft_ignored(const heft_answers *a, const float *target, int64_t r)
{
    return a->ignore_index >= 0 && heft_ints(target)[r] == a->ignore_index;
}

/* The first of the largest; -1 if one is not a number. */
static inline int64_t heft_largest(int64_t n, const float *x)
{
    int64_t at = 0;
    bool numbers = true;
    for (int64_t k = 0; k < n; k++) {
        if (x[k] > x[at]) at = k;
        numbers = numbers && x[k] == x[k];
    }
    return numbers ? at : -1;
}

enum { HEFT_IGNORED = -2 };      /* what heft_truth says of a row that does not count */

/* The class of row r (a yes is 1) by the target, and by the output: -1 if that is not a number. */
static inline int64_t heft_truth(const heft_answers *a, const float *target, int64_t r)
{
    if (heft_ignored(a, target, r)) return HEFT_IGNORED;
    if (a->labels) return heft_ints(target)[r];
    return a->classes > 1 ? heft_largest(a->classes, target + r * a->classes) : target[r] != target[r] ? -1 : target[r] > 0.5f;
}

static inline int64_t heft_guess(const heft_answers *a, const float *output, int64_t r)
{
    return a->classes > 1 ? heft_largest(a->classes, output + r * a->classes) : output[r] != output[r] ? -1 : output[r] > 0;
}

/* ---- scores by class: precision, recall, f1 ------------------------------ */

/* How classes become one number: the yes's alone, or of two classes the second's (binary); their mean, over those that
 * occur as truth or answer (macro), or by how often each is the truth (weighted); or the score of all counts added up
 * (micro).  auto is binary where that is possible, macro otherwise. */
#define HEFT_AVERAGES "auto|binary|macro|micro|weighted"
typedef enum heft_average { HEFT_AUTO, HEFT_BINARY, HEFT_MACRO, HEFT_MICRO, HEFT_WEIGHTED } heft_average;

typedef struct heft_score {
    heft_answers answers;
    heft_average average;
    int64_t columns;             /* classes, or outputs that are a yes or a no; the tallies have a number for each */
} heft_score;

/* A plan: three tallies and a state. */
static inline int heft_score_plan(heft_layer_plan *p, heft_average average, bool binary, int64_t ignore_index, heft_score *s)
{
    if (heft_needs_answers(p, binary ? HEFT_YES_OR_NO : HEFT_EITHER, ignore_index, NULL, &s->answers)) return -1;
    s->columns = s->answers.classes > 1 ? s->answers.classes : s->answers.rows;
    const bool two = s->answers.classes == 2 || s->columns == 1;
    if (average == HEFT_BINARY && !two)
        return heft_fail(&p->error, "average binary needs one output or two classes; found %lld (macro, micro and "
                         "weighted take more)", (long long)s->columns);
    s->average = average != HEFT_AUTO ? average : two ? HEFT_BINARY : HEFT_MACRO;
    const heft_shape columns = { .dtype = HEFT_F32, .rank = 1, .dim = { s->columns } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "right", .role = HEFT_TALLY, .shape = columns };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "guessed", .role = HEFT_TALLY, .shape = columns };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "true", .role = HEFT_TALLY, .shape = columns };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "value", .role = HEFT_STATE, .shape = { .dtype = HEFT_F32 } };
    return 0;
}

/* A forward: what counts are the tallies; out is 0. */
static inline void heft_score_count(const heft_score *s, const heft_forward *p)
{
    const heft_answers *a = &s->answers;
    double *right = p->tally[0], *guessed = p->tally[1], *yes = p->tally[2];
    for (int64_t r = 0; r < p->n * a->rows; r++) {
        const int64_t truth = heft_truth(a, p->in[1], r), guess = heft_guess(a, p->in[0], r);
        if (truth == HEFT_IGNORED) continue;
        const double w = heft_sample_weight(p, r / a->rows);
        if (a->classes == 1) {
            const int64_t column = r % a->rows;
            yes[column] += truth == 1 ? w : 0;
            guessed[column] += guess == 1 ? w : 0;
            right[column] += truth == 1 && guess == 1 ? w : 0;
            continue;
        }
        if (truth >= 0) yes[truth] += w;
        if (guess >= 0) guessed[guess] += w;
        if (truth >= 0 && truth == guess) right[truth] += w;
    }
    for (int64_t i = 0; i < p->n; i++) p->out[i] = 0;
}

/* A fold, of the score of one class: from its right answers, all answers for it, and its members. */
static inline void heft_score_fold(const heft_score *s, const heft_fold *p, double (*score)(double, double, double))
{
    const double *right = p->total[0], *guessed = p->total[1], *yes = p->total[2];
    double sum = 0, weights = 0, all[3] = { 0 };
    for (int64_t j = s->average == HEFT_BINARY ? s->columns - 1 : 0; j < s->columns; j++) {
        const bool occurs = guessed[j] > 0 || yes[j] > 0 || s->answers.classes == 1;
        const double weight = s->average == HEFT_WEIGHTED ? yes[j] : occurs;
        sum += weight * score(right[j], guessed[j], yes[j]);
        weights += weight;
        all[0] += right[j];
        all[1] += guessed[j];
        all[2] += yes[j];
    }
    const double mean = weights > 0 ? sum / weights : 0;
    p->state[0][0] = (float)(s->average == HEFT_MICRO ? score(all[0], all[1], all[2]) : mean);
}

#endif
