/* check_lanes.c -- results depend on the samples alone: not on lanes, threads, neighbours, or what was called before */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "plugin/check_inside.h"

/* Does the output depend on the whole minibatch, so that other sums over lanes may round otherwise? */
static bool is_joint(const rig *h, bool train) { return train && h->layer->survey; }

static bool is_near(const float *a, const float *b, size_t n, double room, ptrdiff_t *at)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= room * (1 + fabs((double)b[i]))) && memcmp(&a[i], &b[i], sizeof *a)) {
            *at = (ptrdiff_t)i;
            return false;
        }
    return true;
}

static void compare_cut(check *c, const char *what, const float *one, const float *two, size_t n, bool joint, bool train)
{
    ptrdiff_t at = joint ? -1 : first_difference(one, two, n);
    const bool good = joint ? is_near(two, one, n, 1e-4, &at) : at < 0;
    check_that(c, good, check_text(c, "%s is the same when the minibatch is cut in two%s", what, train ? ", in training" : ""),
               joint ? "nearly the same numbers: sums over lanes may round otherwise" : "the same bits",
               "use of first, n or lane_max; draws of sample i belong to heft_stream(p->rng, p->first + i)",
               "%s[%td] is %.7g in one lane, %.7g in two", what, at, at < 0 ? 0 : (double)one[at], at < 0 ? 0 : (double)two[at]);
}

/* Equal samples in training: each has draws of its own, unless a layer means one draw for all of them. */
static void check_streams(check *c, rig *h)
{
    enum { KEYS = 8 };
    const size_t all = rig_out_count(h), each = all / (size_t)h->n;
    const heft_rng key = h->rng;
    const float *before = NULL;
    bool random = false, equal = true;
    for (int i = 0; i < h->plan.n_in; i++) {
        const size_t size = rig_in_count(h, i) / (size_t)h->n;
        for (int64_t j = 1; j < h->n; j++) memcpy(h->in[i] + (size_t)j * size, h->in[i], size * sizeof *h->in[i]);
    }
    for (uint64_t k = 0; k < KEYS && equal; k++) {
        h->rng = rng_key(2 + k, RNG_TEST, 0, 0);
        rig_forward(h, true);
        equal = first_difference(h->out, h->out + each, all - each) < 0;
        random = random || (before && first_difference(before, h->out, all) >= 0);
        before = kept(h, h->out, all);
    }
    h->rng = key;
    if (random && equal)
        check_note(c, "random numbers of samples", "equal samples have equal outputs by each of %d keys, and others by another key; if they "
                   "should not, forward needs heft_stream(p->rng, p->first + i) for sample i, and backward too", KEYS);
}

void check_lanes(check *c)
{
    cases_make(c);
    for (size_t k = 0; k < c->n_cases; k++) {
        rig *one = case_open(c, &c->cases[k], whole_lane), *two = one ? case_open(c, &c->cases[k], two_lanes) : NULL;
        for (int train = 0; two && train < 2; train++) {
            rig_forward(one, train);
            rig_forward(two, train);
            compare_cut(c, "out", one->out, two->out, rig_out_count(one), is_joint(one, train), train);
        }
        if (two && one->layer->backward) {
            rig_backward(one);
            rig_backward(two);
            for (int i = 0; i < one->plan.n_in; i++)
                if (has_din(one, i)) compare_cut(c, "din", one->din[i], two->din[i], rig_in_count(one, i), is_joint(one, true), true);
        }
        if (two) check_streams(c, two);
        if (one) rig_close(one);
        if (two) rig_close(two);
    }
}

/* ---- order and neighbours ------------------------------------------------------ */

/* Sample i takes the values of sample i + 1, the last those of the first. */
static void rotate(rig *h)
{
    for (int i = 0; i < h->plan.n_in; i++) {
        const size_t each = rig_in_count(h, i) / (size_t)h->n, all = rig_in_count(h, i);
        float *copy = kept(h, h->in[i], all);
        memcpy(h->in[i], copy + each, (all - each) * sizeof *copy);
        memcpy(h->in[i] + all - each, copy, each * sizeof *copy);
    }
}

/* Another key, the same output: nothing is drawn. */
static bool is_random(rig *h)
{
    rig_forward(h, true);
    const float *out = kept(h, h->out, rig_out_count(h));
    const heft_rng key = h->rng;
    h->rng = rng_key(2, RNG_TEST, 0, 0);
    rig_forward(h, true);
    h->rng = key;
    return first_difference(out, h->out, rig_out_count(h)) >= 0;
}

static void check_rotation(check *c, rig *h, bool train)
{
    const size_t each = rig_out_count(h) / (size_t)h->n, all = rig_out_count(h);
    rig_forward(h, train);
    const float *before = kept(h, h->out, all);
    rotate(h);
    rig_forward(h, train);
    ptrdiff_t at = first_difference(before + each, h->out, all - each);
    if (at < 0 && (at = first_difference(before, h->out + all - each, each)) >= 0) at += (ptrdiff_t)(all - each);
    check_that(c, at < 0, train ? "a sample's output does not depend on its place, in training" : "a sample's output does not depend on its place",
               "samples in another order give the same outputs in that order",
               "use of first, or of the sample's number, for anything but heft_stream",
               "out[%td] of %zu differs when every sample moves up by one", at, all);
}

/* Other values in the last sample change no other sample's output. */
static void check_neighbours(check *c, rig *h)
{
    rig_forward(h, false);
    const size_t each = rig_out_count(h) / (size_t)h->n, others = rig_out_count(h) - each;
    const float *before = kept(h, h->out, rig_out_count(h));
    for (int i = 0; i < h->plan.n_in; i++) {
        const size_t size = rig_in_count(h, i) / (size_t)h->n;
        if (h->in_shape[i].dtype == HEFT_F32) rig_random(h->in[i] + rig_in_count(h, i) - size, size, 77, -1, 1);
    }
    rig_forward(h, false);
    const ptrdiff_t at = first_difference(before, h->out, others);
    check_that(c, at < 0, "a sample's output does not depend on its neighbours", "outputs of the other samples as they were",
               "forward: what is shared by the samples of a lane? (In training survey may share)",
               "out[%td] differs when the last sample has other values", at);
}

void check_order(check *c)
{
    cases_make(c);
    for (size_t k = 0; k < c->n_cases; k++) {
        rig *h = case_open(c, &c->cases[k], two_lanes);
        if (!h) continue;
        check_rotation(c, h, false);
        if (!is_joint(h, true) && !is_random(h)) check_rotation(c, h, true);
        check_neighbours(c, h);
        rig_close(h);
    }
}

/* ---- hidden state -------------------------------------------------------------- */

static uint64_t hash_of_lane(const rig *h, uint64_t sum, int lane)
{
    const rig_lane *l = &h->lane[lane];
    for (int i = 0; i < h->plan.n_in; i++)
        if (l->din[i]) sum = hash_bytes(sum, l->din[i], rig_in_count(h, i) / (size_t)h->n * (size_t)l->n * sizeof(float));
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) sum = hash_bytes(sum, l->dweight[i], rig_weight_count(h, i) * sizeof(float));
    return sum;
}

uint64_t hash_of_pass(rig *h, bool with_backward)
{
    rig_forward(h, true);
    uint64_t sum = hash_bytes(HASH_START, h->out, rig_out_count(h) * sizeof(float));
    if (!with_backward || !h->layer->backward) return sum;
    rig_backward(h);
    for (int i = 0; i < h->n_lanes; i++) sum = hash_of_lane(h, sum, i);
    return sum;
}

static uint64_t hash_of_results(const rig *h)
{
    uint64_t sum = hash_bytes(HASH_START, h->out, rig_out_count(h) * sizeof(float));
    for (int i = 0; i < h->n_lanes && h->layer->backward; i++) sum = hash_of_lane(h, sum, i);
    return sum;
}

void check_again(check *c)
{
    static const char look[] = "static variables, what a cast writes into the instance, clocks, random numbers not from p->rng";
    cases_make(c);
    for (size_t k = 0; k < c->n_cases; k++) {
        rig *one = case_open(c, &c->cases[k], two_lanes), *two = one ? case_open(c, &c->cases[(k + 1) % c->n_cases], whole_lane) : NULL;
        if (two) {
            check_at(c, "%s", one->label);
            const uint64_t first = hash_of_pass(one, true);
            check_that(c, hash_of_pass(one, true) == first, "the same call gives the same bits again", "the same bits", look,
                       "other bits the second time");
            rig_fill(two, 9);
            rig_forward(one, true);
            rig_forward(two, false);
            rig_forward(two, true);
            if (one->layer->backward) {
                rig_backward(two);
                rig_backward(one);
            }
            check_that(c, hash_of_results(one) == first, "calls on another instance in between change nothing", "the same bits", look,
                       "other bits when a second instance is run between forward and backward");
        }
        if (one) rig_close(one);
        if (two) rig_close(two);
    }
}

/* ---- a second forward ---------------------------------------------------------- */

/* The tallies of a lane, one behind the other. */
static uint64_t hash_of_tallies(const rig *h, int lane)
{
    uint64_t sum = HASH_START;
    for (int i = 0; i < h->n_of[HEFT_TALLY]; i++)
        sum = hash_bytes(sum, h->lane[lane].tally[i], (size_t)heft_count(&h->of[HEFT_TALLY][i]->shape) * sizeof(double));
    return sum;
}

static void check_second_forward(check *c, rig *h)
{
    static const char look[] = "what forward remembers of the first call: in saved, in a tally, in a static variable; or no .recomputable = 1";
    const uint64_t once = hash_of_pass(h, true);
    rig_forward(h, true);
    const size_t n = rig_out_count(h);
    const float *first = kept(h, h->out, n);
    for (size_t i = 0; i < n; i++) h->out[i] = NAN;
    bool counted = false;
    for (int lane = 0; lane < h->n_lanes; lane++) {
        const uint64_t before = hash_of_tallies(h, lane);
        rig_forward_lane(h, lane, true);
        counted |= hash_of_tallies(h, lane) != before;
    }
    const ptrdiff_t at = first_difference(first, h->out, n);
    check_that(c, at < 0, "a second forward gives the same output", "the same bits", look, "out[%td] is %.7g the first time, %.7g the second",
               at, at < 0 ? 0 : (double)first[at], at < 0 ? 0 : (double)h->out[at]);
    check_that(c, !counted, "a second forward adds to no tally", "tallies as they were", "survey alone adds to tallies; or no .recomputable = 1",
               "a tally has changed");
    if (h->layer->backward) rig_backward(h);
    check_that(c, hash_of_results(h) == once, "backward after a second forward gives the same gradients", "the same bits", look, "other bits");
}

/* What `recomputable` promises. */
void check_recompute(check *c)
{
    cases_make(c);
    for (size_t k = 0; c->p->layer.recomputable && k < c->n_cases; k++) {
        rig *h = case_open(c, &c->cases[k], two_lanes);
        if (!h) continue;
        check_at(c, "%s", h->label);
        check_second_forward(c, h);
        rig_close(h);
    }
}
