/* check_tallies.c -- what samples add up to over lanes, and what fold makes of it */
#include <math.h>

#include "plugin/check_inside.h"

static const int64_t single_lanes[] = { 1, 1, 1, 1, 1, 1, 1, 0 };
enum { SINGLES = sizeof single_lanes / sizeof *single_lanes - 1 };

static size_t count_of(const rig *h, heft_role role, int i) { return (size_t)heft_count(&h->of[role][i]->shape); }

/* Of numbers that should agree within rounding: the first that do not, or -1.  Neither of a pair need be finite; another
 * check sees to that. */
static ptrdiff_t first_apart(const double *seen, const double *wanted, size_t n, double room)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(wanted[i]) ? !(fabs(seen[i] - wanted[i]) <= room * (1 + fabs(wanted[i]))) : isfinite(seen[i])) return (ptrdiff_t)i;
    return -1;
}

/* Copies of tallies, times a factor. */
static void keep_tallies(rig *h, heft_role role, double *const *tally, double factor, double **out)
{
    for (int i = 0; i < h->n_of[role]; i++) {
        out[i] = arena_alloc(h->memory, count_of(h, role, i), sizeof **out);
        for (size_t j = 0; j < count_of(h, role, i); j++) out[i][j] = factor * tally[i][j];
    }
}

/* ---- += ------------------------------------------------------------------------ */

/* A pass that adds to the tallies of a role: in one lane, once more. */
typedef struct adder { const char *name; heft_role role; void (*run)(rig *h, int lane); } adder;

static void forward_trains(rig *h, int lane) { rig_forward_lane(h, lane, true); }
static void forward_judges(rig *h, int lane) { rig_forward_lane(h, lane, false); }

/* From 1, a tally ends at 1 more than from 0. */
static void check_added(check *c, rig *h, const adder *pass)
{
    for (int lane = 0; lane < h->n_lanes; lane++) {
        double *const *tally = pass->role == HEFT_TALLY ? h->lane[lane].tally : h->lane[lane].tally_back, *from_0[HEFT_MAX_TENSORS];
        for (int from = 0; from < 2; from++) {
            for (int i = 0; i < h->n_of[pass->role]; i++)
                for (size_t j = 0; j < count_of(h, pass->role, i); j++) tally[i][j] = from;
            pass->run(h, lane);
            if (!from) keep_tallies(h, pass->role, tally, 1, from_0);
        }
        for (int i = 0; i < h->n_of[pass->role]; i++) {
            const size_t n = count_of(h, pass->role, i);
            for (size_t j = 0; j < n; j++) tally[i][j] -= 1;
            const ptrdiff_t at = first_apart(tally[i], from_0[i], n, 1e-6);
            check_that(c, at < 0, check_text(c, "tally '%s' is added to (+=)", h->of[pass->role][i]->name),
                       "1 more where 1 lay before than where 0 did",
                       check_text(c, "%s: p->tally[i][...] += ..., never =, for every sample", pass->name),
                       "element %td is %.7g from 0, %.7g from 1", at, at < 0 ? 0 : from_0[i][at], at < 0 ? 0 : tally[i][at] + 1);
        }
    }
}

static void check_adders(check *c, const check_case *k)
{
    rig *h = case_open(c, k, two_lanes);
    if (!h) return;
    rig_forward(h, true);
    if (h->layer->survey) check_added(c, h, &(adder){ "survey", HEFT_TALLY, rig_survey_lane });
    else check_added(c, h, &(adder){ "forward", HEFT_TALLY, forward_trains });
    if (h->layer->survey_back && h->layer->backward) {
        rig_backward(h);
        check_added(c, h, &(adder){ "survey_back", HEFT_TALLY_BACK, rig_survey_back_lane });
    }
    rig_forward(h, false);
    check_added(c, h, &(adder){ "forward", HEFT_TALLY, forward_judges });
    rig_close(h);
}

/* ---- lanes and weights --------------------------------------------------------- */

static void compare_cut(check *c, const char *what, const char *name, const double *one, const double *two, size_t n, const char *look)
{
    const ptrdiff_t at = first_apart(two, one, n, 1e-4);
    check_that(c, at < 0, check_text(c, "%s '%s' is the same when the minibatch is cut in two", what, name),
               "nearly the same numbers: sums over lanes may round otherwise", look, "element %td is %.7g in one lane, %.7g in two", at,
               at < 0 ? 0 : one[at], at < 0 ? 0 : two[at]);
}

static const double *state_of(rig *h, int i)
{
    double *x = arena_alloc(h->memory, count_of(h, HEFT_STATE, i), sizeof *x);
    for (size_t j = 0; j < count_of(h, HEFT_STATE, i); j++) x[j] = (double)h->state[i][j];
    return x;
}

/* What fold makes of a metric is its answer, of a layer only where it trains. */
static void check_cut(check *c, const check_case *k)
{
    rig *one = case_open(c, k, whole_lane), *two = one ? case_open(c, k, two_lanes) : NULL;
    for (int train = one && one->layer->backward; two && train < 2; train++) {
        rig *both[] = { one, two };
        for (int i = 0; i < 2; i++) {
            rig_forward(both[i], train);
            rig_fold(both[i]);
        }
        for (int i = 0; i < one->n_of[HEFT_TALLY]; i++)
            compare_cut(c, "tally", one->of[HEFT_TALLY][i]->name, one->total[i], two->total[i], count_of(one, HEFT_TALLY, i),
                        "what survey or forward adds: the sum of what each sample is, by itself");
        for (int i = 0; i < one->n_of[HEFT_STATE]; i++)
            compare_cut(c, "state", one->of[HEFT_STATE][i]->name, state_of(one, i), state_of(two, i), count_of(one, HEFT_STATE, i),
                        "fold, and the tallies that it has");
    }
    if (one) rig_close(one);
    if (two) rig_close(two);
}

/* `weighted` says that a sample's share of a tally is its weight times what it is without. */
static void check_weights(check *c, const check_case *k)
{
    rig *h = c->p->layer.weighted ? case_open(c, k, single_lanes) : NULL;
    if (!h) return;
    float weight[SINGLES];
    double *wanted[SINGLES][HEFT_MAX_TENSORS];
    rig_forward(h, false);
    for (int lane = 0; lane < SINGLES; lane++) {
        weight[lane] = lane % 2 ? 2 : 0.5f;
        keep_tallies(h, HEFT_TALLY, h->lane[lane].tally, (double)weight[lane], wanted[lane]);
    }
    h->sample_weight = weight;
    rig_forward(h, false);
    for (int lane = 0; lane < SINGLES; lane++)
        for (int i = 0; i < h->n_of[HEFT_TALLY]; i++) {
            const double *seen = h->lane[lane].tally[i], *want = wanted[lane][i];
            const ptrdiff_t at = first_apart(seen, want, count_of(h, HEFT_TALLY, i), 1e-6);
            check_that(c, at < 0, check_text(c, "tally '%s' is multiplied by the weights of samples", h->of[HEFT_TALLY][i]->name),
                       check_text(c, "%g times what a sample adds without a weight, from one of that weight", (double)weight[lane]),
                       "p->tally[i][...] += heft_sample_weight(p, i) * ..., i counted from 0 in the lane; or no .weighted = 1",
                       "element %td is %g, where %g was expected", at, at < 0 ? 0 : seen[at], at < 0 ? 0 : want[at]);
        }
    rig_close(h);
}

/* ---- what fold makes of little ------------------------------------------------- */

typedef struct little { const char *name; float value; bool mixed; } little;

static const little littles[] = {
    { "outputs that are zeros, several classes as target", 0, true }, { "outputs that are ones, several classes as target", 1, true },
    { "inputs that are zeros", 0, false }, { "inputs that are ones", 1, false },
};

/* Element j of sample s: value, or, of a mixed target, what differs by sample and by element. */
static void set_little(rig *h, const little *l)
{
    for (int i = 0; i < h->plan.n_in; i++) {
        const size_t each = rig_in_count(h, i) / (size_t)h->n;
        for (size_t j = 0; j < rig_in_count(h, i); j++) {
            const size_t mixed = j / each + j % each;
            if (h->in_shape[i].dtype == HEFT_I32) {
                const size_t limit = (size_t)h->in_shape[i].limit, value = l->mixed ? mixed % limit : l->value > 0 ? limit - 1 : 0;
                ((int32_t *)(void *)h->in[i])[j] = (int32_t)value;
            } else h->in[i][j] = i && l->mixed ? (float)(mixed % 2) : l->value;
        }
    }
}

/* A metric may be undefined where all targets are one, as the area under a curve is; in training it must not be. */
static void check_little(check *c, const check_case *k, const little *l)
{
    const bool measures = !c->p->layer.backward && k->n_in > 1;
    rig *h = l->mixed && !measures ? NULL : case_open(c, k, two_lanes);
    if (!h) return;
    check_at(c, "%s, %s", h->label, l->name);
    set_little(h, l);
    rig_forward(h, !measures);
    rig_fold(h);
    for (int i = 0; i < h->n_of[HEFT_STATE]; i++) {
        const char *name = h->of[HEFT_STATE][i]->name;
        const ptrdiff_t at = first_not_finite(h->state[i], count_of(h, HEFT_STATE, i));
        const double seen = at < 0 ? 0 : isnan(h->state[i][at]) ? (double)NAN : (double)h->state[i][at];     /* without a sign */
        if (at >= 0 && measures && !l->mixed)
            check_note(c, check_text(c, "state '%s' of one class alone", name),
                       "%g from %s; the head of the file should say so, or fold give 0", seen, l->name);
        else
            check_that(c, at < 0, check_text(c, "fold of %s", l->name), "finite numbers",
                       "fold: 0 / 0 where a sum may be 0; x > 0 ? y / x : 0", "'%s'[%td] is %g", name, at, seen);
    }
    rig_close(h);
}

void check_tallies(check *c)
{
    cases_make(c);
    for (size_t i = 0; i < c->n_cases; i++) {
        const check_case *k = &c->cases[i];
        if (is_wild(k)) continue;
        check_adders(c, k);
        check_cut(c, k);
        check_weights(c, k);
        if (k->other && k->other->type != HEFT_ENUM && k->other->type != HEFT_BOOL) continue;
        for (size_t j = 0; c->p->layer.fold && j < sizeof littles / sizeof *littles; j++) check_little(c, k, &littles[j]);
    }
}
