/* check_layer.c -- what a layer's plan says, and what its passes write and read */
#include <math.h>
#include <string.h>

#include "plugin/check_inside.h"

bool has_din(const rig *h, int i)
{
    /* Nobody asks for the gradient of a target: what takes several inputs and gives one number a sample is taken for a loss. */
    const bool target = i > 0 && h->plan.out.rank == 0;
    return h->in_shape[i].dtype == HEFT_F32 && !target;
}

void want_all(rig *h)
{
    for (int i = 0; i < h->plan.n_in; i++) h->no_din[i] = !has_din(h, i);
}

float *kept(rig *h, const float *x, size_t n)
{
    float *copy = arena_alloc(h->memory, n, sizeof *copy);
    memcpy(copy, x, n * sizeof *copy);
    return copy;
}

ptrdiff_t first_difference(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a)) return (ptrdiff_t)i;
    return -1;
}

ptrdiff_t first_not_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return (ptrdiff_t)i;
    return -1;
}

bool is_wild(const check_case *k) { return fabs(k->value) > 1e6; }

/* ---- shapes and plan ----------------------------------------------------------- */

static void check_shapes(check *c)
{
    cases_make(c);
    if (c->asked->inputs) {
        int n;
        heft_shape in[MOST_INPUTS];
        check_that(c, inputs_read(c->asked->inputs, &n, in), "inputs can be read", "[8, 8, 3], or integers 10 [6]; several with ;",
                   "--inputs", "'%s'", c->asked->inputs);
    }
    check_that(c, c->n_cases, "inputs and options are found that it accepts", "one of the usual inputs, with guessed options",
               "plan; if it needs others, say so: --inputs '[8, 8, 3]; integers 10 [6]' --options '{units: 3}'",
               "the last of %d refusals: %s", c->refused, c->refusal ? c->refusal : "none");
}

#define TENSOR "tensors are declared as the host needs them"

static void check_tensor(check *c, const rig *h, int i)
{
    const heft_tensor *t = &h->plan.tensor[i];
    const char *name = t->name ? t->name : "";
    static const char look[] = "plan: p->tensor";
    check_that(c, *name, TENSOR, "a name", look, "tensor %d has none", i);
    check_that(c, !t->per_sample || t->role == HEFT_SAVED || t->role == HEFT_SCRATCH, TENSOR,
               "per_sample for saved and scratch only", look, "'%s' has another role", name);
    check_that(c, t->role != HEFT_TALLY_BACK || h->layer->survey_back, TENSOR, "survey_back, which fills it", look,
               "'%s' is HEFT_TALLY_BACK without", name);
    const bool used = h->layer->survey || h->layer->fold || !strcmp(name, "weight");        /* by which the host divides */
    check_that(c, t->role != HEFT_TALLY || used, TENSOR, "survey or fold, which use it", look, "'%s' is HEFT_TALLY without", name);
    check_that(c, t->role != HEFT_TALLY || h->layer->survey || !h->layer->recomputable, TENSOR,
               "survey, which fills it, since forward may be called twice (.recomputable)", look, "'%s' is HEFT_TALLY without", name);
    check_that(c, t->role != HEFT_WEIGHT || h->layer->backward, TENSOR, "backward, which trains it", look,
               "'%s' is HEFT_WEIGHT without", name);
    check_that(c, t->role != HEFT_WEIGHT || (t->fan_in >= 0 && t->fan_out >= 0), TENSOR, "fan_in and fan_out of at least 0", look,
               "'%s' has %lld and %lld", name, (long long)t->fan_in, (long long)t->fan_out);
    const char *init = t->init ? arena_strndup(c->memory, t->init, strcspn(t->init, ":")) : "auto";   /* without its options */
    check_that(c, !strcmp(init, "auto") || registry_path(c->plugins, HEFT_INITIALIZER, init), TENSOR,
               "init names an initializer", look, "'%s' wants '%s', which is not found", name, init);
    for (int j = 0; j < i; j++)
        check_that(c, strcmp(h->plan.tensor[j].name ? h->plan.tensor[j].name : "", name), TENSOR, "each name once", look,
                   "two are named '%s'", name);
}

static bool same_shape(const heft_shape *a, const heft_shape *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank || a->limit != b->limit) return false;
    return !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

/* One instance planned twice from the same bytes. */
static bool plans_alike(const rig *h, const char *options)
{
    arena *a = arena_new();
    text said = { 0 };
    const size_t size = h->layer->head.instance_size;
    void *one = rig_instance(a, &h->layer->head, options, &said), *two = arena_alloc(a, size + 1, 1);
    heft_layer_plan p = { .host = h->plan.host, .n_in = h->plan.n_in, .in = h->in_shape, .lane_max = h->plan.lane_max };
    heft_layer_plan q = p;
    bool same = one;
    if (one) memcpy(two, one, size);
    same = same && !h->layer->plan(one, &p) && !h->layer->plan(two, &q) && p.n_tensors == q.n_tensors && same_shape(&p.out, &q.out)
        && !memcmp(one, two, size);
    for (int i = 0; same && i < p.n_tensors; i++)
        same = same_shape(&p.tensor[i].shape, &q.tensor[i].shape) && p.tensor[i].role == q.tensor[i].role
            && !strcmp(p.tensor[i].name, q.tensor[i].name) && p.tensor[i].per_sample == q.tensor[i].per_sample;
    text_free(&said);
    arena_free(a);
    return same;
}

static void check_plan(check *c)
{
    cases_make(c);
    for (size_t i = 0; i < c->n_cases; i++) {
        const check_case *k = &c->cases[i];
        arena *a = arena_new();
        text said = { 0 };
        heft_layer_plan p;
        check_at(c, "%s %s", c->p->name, k->options);
        plan_fault fault = { .expected = "", .look = "" };
        bool sound = rig_plan(a, &c->p->layer, k->options, k->n_in, k->in, CHECK_SAMPLES, &p, c->at, &said);
        const bool planned = sound;
        sound = sound && plan_is_sound(&p, &fault);
        if (planned) check_that(c, sound, TENSOR, fault.expected, fault.look, "%s", fault.seen);
        text_free(&said);
        arena_free(a);
        rig *h = sound ? case_open(c, k, whole_lane) : NULL;
        if (!h) continue;
        for (int j = 0; j < h->plan.n_tensors; j++) check_tensor(c, h, j);
        check_that(c, plans_alike(h, k->options), "plan gives the same answer every time",
                   "equal shapes, tensors and instances from equal options and inputs", "plan: what else does it depend on?",
                   "planned twice, two plans");
        rig_close(h);
    }
}

/* ---- what is written ----------------------------------------------------------- */

static void check_output(check *c)
{
    cases_make(c);
    for (size_t i = 0; i < c->n_cases; i++) {
        rig *h = is_wild(&c->cases[i]) ? NULL : case_open(c, &c->cases[i], two_lanes);
        if (!h) continue;
        for (int train = 0; train < 2; train++) {
            rig_forward(h, train);
            if (h->plan.out.dtype == HEFT_I32) continue;
            const ptrdiff_t at = first_not_finite(h->out, rig_out_count(h));
            check_that(c, at < 0, train ? "output is written whole, and finite, in training" : "output is written whole, and finite",
                       "finite numbers from inputs and weights in [-1, 1)", "forward: are all n samples written, nothing read before that?",
                       "out[%td] of %zu is %g", at, rig_out_count(h), at < 0 ? 0 : (double)h->out[at]);
        }
        rig_close(h);
    }
}

/* Floats that a pass computes, of which a copy can be compared. */
typedef struct result { const char *name; const float *x; size_t n; } result;

static int results_of(rig *h, result *r)
{
    int n = 0;
    r[n++] = (result){ "out", h->out, rig_out_count(h) };
    for (int i = 0; i < h->plan.n_in && h->layer->backward; i++)
        if (!h->no_din[i]) r[n++] = (result){ "din", h->din[i], rig_in_count(h, i) };
    for (int i = 0; i < h->n_of[HEFT_WEIGHT] && h->layer->backward; i++)
        r[n++] = (result){ h->of[HEFT_WEIGHT][i]->name, h->dweight[i], rig_weight_count(h, i) };
    return n;
}
enum { MOST_RESULTS = 1 + HEFT_MAX_INPUTS + HEFT_MAX_TENSORS };

static void run_all(rig *h)
{
    rig_forward(h, true);
    if (h->layer->backward) rig_backward(h);
}

static const struct { const char *subject, *expected, *look; } poisons[POISONS] = {
    [POISON_OUT] = { "output is overwritten, not added to", "the same output whatever lay there before",
                     "forward: p->out[...] = ..., not +=, for every element" },
    [POISON_DIN] = { "din is overwritten, not added to", "the same gradients whatever lay there before",
                     "backward: p->din[i][...] = ..., not +=; memset it first if shares are added up" },
    [POISON_SAVED] = { "saved is written before it is read", "the same results whatever lay there before",
                       "forward: does it write every element of saved that backward reads?" },
    [POISON_SCRATCH] = { "scratch is written before it is read", "the same results whatever lay there before",
                         "scratch is undefined on entry to every call, also from forward to backward" },
    [POISON_GRADIENT] = { "gradient overwrites dweight", "the same gradients whatever lay there before",
                          "gradient: rows begin to end - 1 are overwritten, not added to" },
};

/* The same bits whatever a buffer held before. */
static void check_one_poison(check *c, rig *h, rig_poison which)
{
    const float values[] = { 0, 1, 3e7f };
    result r[MOST_RESULTS];
    const float *first[MOST_RESULTS];
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        for (int k = 0; k < POISONS; k++) h->poison[k] = 0;
        h->poison[which] = values[v];
        run_all(h);
        const int n = results_of(h, r);
        for (int k = 0; k < n; k++) {
            if (v == 0) first[k] = kept(h, r[k].x, r[k].n);
            const ptrdiff_t at = first_difference(first[k], r[k].x, r[k].n);
            check_that(c, at < 0, poisons[which].subject, poisons[which].expected, poisons[which].look,
                       "%s[%td] is %.7g where 0 lay before, %.7g where %g did", r[k].name, at, at < 0 ? 0 : (double)first[k][at],
                       at < 0 ? 0 : (double)r[k].x[at], (double)values[v]);
        }
    }
    for (int k = 0; k < POISONS; k++) h->poison[k] = NAN;
}

/* Are there buffers of the kind at all? */
static bool has_poison(const rig *h, int k)
{
    if (k == POISON_SAVED) return h->n_of[HEFT_SAVED];
    if (k == POISON_SCRATCH) return h->n_of[HEFT_SCRATCH];
    if (k == POISON_GRADIENT) return h->layer->gradient && h->n_of[HEFT_WEIGHT];
    return k == POISON_OUT || h->layer->backward;
}

static void check_poison(check *c)
{
    cases_make(c);
    for (size_t i = 0; i < c->n_cases; i++) {
        rig *h = case_open(c, &c->cases[i], two_lanes);
        if (!h) continue;
        for (int k = 0; k < POISONS; k++)
            if (has_poison(h, k)) check_one_poison(c, h, (rig_poison)k);
        rig_close(h);
    }
}

/* ---- what must not be written -------------------------------------------------- */

/* Inputs, weights, state and dout, one behind the other. */
static uint64_t hash_of_given(const rig *h)
{
    uint64_t sum = HASH_START;
    for (int i = 0; i < h->plan.n_in; i++) sum = hash_bytes(sum, h->in[i], rig_in_count(h, i) * sizeof(float));
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) sum = hash_bytes(sum, h->weight[i], rig_weight_count(h, i) * sizeof(float));
    for (int i = 0; i < h->n_of[HEFT_STATE]; i++)
        sum = hash_bytes(sum, h->state[i], (size_t)heft_count(&h->of[HEFT_STATE][i]->shape) * sizeof(float));
    return hash_bytes(sum, h->dout, rig_out_count(h) * sizeof(float));
}

/* Of a tensor that is one for all samples, that is the first thing to look at. */
static const char *where_to_look(check *c, const rig *h)
{
    for (int i = 0; i < h->plan.n_tensors; i++) {
        const heft_tensor *t = &h->plan.tensor[i];
        if (t->per_sample || (t->role != HEFT_SAVED && t->role != HEFT_SCRATCH)) continue;
        if (strstr(h->trespass, check_text(c, "'%s'", t->name)))
            return check_text(c, "plan: '%s' without .per_sample = true is one for all n samples, not one for each", t->name);
    }
    return "the loops and sizes of the pass, where n is that of the lane; indices made of values (heft_truth and heft_guess may be -1)";
}

void check_buffers(check *c, const rig *h)
{
    const bool instance = strstr(h->trespass, "the instance");
    check_that(c, !h->trespass[0] || instance, "nothing is written outside the buffers", "writes within the sizes that plan declared",
               where_to_look(c, h), "%s", h->trespass);
}

static void check_trespass(check *c, const rig *h, uint64_t given)
{
    const bool instance = strstr(h->trespass, "the instance");
    check_buffers(c, h);
    check_that(c, !instance, "the instance is the same after every pass", "only plan writes the instance: it is shared by all lanes",
               "a cast that takes the const away; what changes belongs into saved, scratch, tally or state", "%s", h->trespass);
    check_that(c, hash_of_given(h) == given, "inputs, weights, state and dout are the same after every pass",
               "passes read them and write out, din, dweight, saved, scratch and tally", "a cast that takes the const away",
               "one of them is different after forward and backward");
}

static void check_memory(check *c)
{
    cases_make(c);
    for (size_t i = 0; i < c->n_cases; i++) {
        rig *h = case_open(c, &c->cases[i], two_lanes);
        if (!h) continue;
        const uint64_t given = hash_of_given(h);
        rig_forward(h, false);
        run_all(h);
        float *shown = rig_alloc(h, rig_in_count(h, 0), sizeof *shown, "prediction");
        if (shown) rig_predict(h, shown);
        check_trespass(c, h, given);
        if (h->trespass[0]) return;              /* and the rig is left as it is: what lies behind red zones may be gone too */
        rig_fold(h);
        check_trespass(c, h, hash_of_given(h));
        if (h->trespass[0]) return;
        rig_close(h);
    }
}

/* ---- gradients as such --------------------------------------------------------- */

static void check_din_of(check *c, rig *h)
{
    const float *din[HEFT_MAX_INPUTS];
    rig_forward(h, true);
    rig_backward(h);
    for (int i = 0; i < h->plan.n_in; i++) {
        if (!has_din(h, i)) continue;
        din[i] = kept(h, h->din[i], rig_in_count(h, i));
        const ptrdiff_t at = first_not_finite(din[i], rig_in_count(h, i));
        check_that(c, at < 0, "din is written whole, and finite", "finite numbers where out is finite",
                   "backward: every element of din[i] is overwritten", "din[%d][%td] is %g", i, at, at < 0 ? 0 : (double)din[i][at]);
    }
    for (int i = 0; i < h->plan.n_in; i++) {
        if (!has_din(h, i)) continue;
        for (int j = 0; j < h->plan.n_in; j++) h->no_din[j] = h->plan.n_in == 1 || j != i;
        rig_forward(h, true);
        rig_backward(h);
        const ptrdiff_t at = h->no_din[i] ? -1 : first_difference(h->din[i], din[i], rig_in_count(h, i));
        check_that(c, at < 0, "din is the same when the other inputs' is not wanted", "the same bits, with din[j] NULL for the others",
                   "backward: if (p->din[j]) around each, nothing shared between them", "din[%d][%td] differs", i, at);
        want_all(h);
    }
}

static void fill(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++) x[i] = value;
}

/* dweight is added to: from 1, it ends at 1 more than from 0. */
static void check_accumulates(check *c, rig *h)
{
    h->by_gradient = false;
    rig_forward(h, true);
    rig_backward(h);
    for (int i = 0; i < h->n_lanes; i++) {
        float *const *dw = h->lane[i].dweight;
        float *want[HEFT_MAX_TENSORS];
        for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++) fill(dw[j], rig_weight_count(h, j), 0);
        rig_backward_lane(h, i, dw);
        for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++) {
            want[j] = kept(h, dw[j], rig_weight_count(h, j));
            fill(dw[j], rig_weight_count(h, j), 1);
        }
        rig_backward_lane(h, i, dw);
        for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++) {
            ptrdiff_t at = -1;
            for (size_t k = 0; k < rig_weight_count(h, j) && at < 0; k++)
                if (!(fabs((double)dw[j][k] - (double)want[j][k] - 1) <= 1e-4 * (1 + fabs((double)want[j][k])))) at = (ptrdiff_t)k;
            check_that(c, at < 0, check_text(c, "dweight of '%s' is added to (+=)", h->of[HEFT_WEIGHT][j]->name),
                       "1 more where 1 lay before than where 0 did", "backward: p->dweight[i][...] += ..., since shares of lanes and of "
                       "layers that share weights meet there", "element %td is %.7g from 0, %.7g from 1", at,
                       at < 0 ? 0 : (double)want[j][at], at < 0 ? 0 : (double)dw[j][at]);
        }
    }
    h->by_gradient = true;
}

static void check_backward(check *c)
{
    cases_make(c);
    for (size_t i = 0; c->p->layer.backward && i < c->n_cases; i++) {
        rig *h = is_wild(&c->cases[i]) ? NULL : case_open(c, &c->cases[i], two_lanes);
        if (!h) continue;
        check_din_of(c, h);
        check_accumulates(c, h);
        rig_close(h);
    }
}

/* ---- state --------------------------------------------------------------------- */

static size_t state_count(const rig *h, int i) { return (size_t)heft_count(&h->of[HEFT_STATE][i]->shape); }

static void one_step(rig *h, uint64_t seed)
{
    for (int i = 0; i < h->plan.n_in; i++)
        if (h->in_shape[i].dtype == HEFT_F32) rig_random(h->in[i], rig_in_count(h, i), seed, -1, 1);
    rig_forward(h, true);
    rig_fold(h);
}

/* Weights and state are all that a checkpoint has. */
static void check_resume(check *c)
{
    static const char subject[] = "goes on from saved weights and state";
    cases_make(c);
    for (size_t i = 0; i < c->n_cases; i++) {
        rig *one = case_open(c, &c->cases[i], two_lanes), *two = one ? case_open(c, &c->cases[i], two_lanes) : NULL;
        if (two) {
            one_step(one, 5);
            /* A metric may be undefined where its options leave nothing to count. */
            const bool judged = !is_wild(&c->cases[i]) && (one->layer->backward || !c->cases[i].other);
            for (int k = 0; k < one->n_of[HEFT_STATE]; k++) {
                const ptrdiff_t at = judged ? first_not_finite(one->state[k], state_count(one, k)) : -1;
                check_that(c, at < 0, "state is finite after fold", "finite numbers", "fold", "'%s'[%td] is %g",
                           one->of[HEFT_STATE][k]->name, at, at < 0 ? 0 : (double)one->state[k][at]);
                memcpy(two->state[k], one->state[k], state_count(one, k) * sizeof(float));
            }
            one_step(one, 6);
            one_step(two, 6);
            rig_forward(one, false);
            rig_forward(two, false);
            bool same = first_difference(one->out, two->out, rig_out_count(one)) < 0;
            for (int k = 0; k < one->n_of[HEFT_STATE]; k++)
                same = same && first_difference(one->state[k], two->state[k], state_count(one, k)) < 0;
            check_that(c, same, subject, "the bits of a run that was never stopped", "what a pass remembers outside of HEFT_STATE",
                       "other bits in a new instance with the same weights and state");
        }
        if (one) rig_close(one);
        if (two) rig_close(two);
    }
}

static void check_predict(check *c)
{
    cases_make(c);
    for (size_t i = 0; c->p->layer.predict && i < c->n_cases; i++) {
        const int64_t *cut[] = { whole_lane, two_lanes };
        const float *first = NULL;
        rig *h[2] = { 0 };
        for (int k = 0; k < 2 && (h[k] = case_open(c, &c->cases[i], cut[k])); k++) {
            float *shown = rig_alloc(h[k], rig_in_count(h[k], 0), sizeof *shown, "prediction");
            if (!shown || !rig_predict(h[k], shown)) break;
            const ptrdiff_t bad = first_not_finite(shown, rig_in_count(h[k], 0));
            check_that(c, bad < 0, "predict writes all of it", "as many finite numbers as in[0] has", "predict; in[1] is NULL there",
                       "element %td is %g", bad, bad < 0 ? 0 : (double)shown[bad]);
            if (!first) first = shown;
            else check_that(c, first_difference(first, shown, rig_in_count(h[k], 0)) < 0, "predict looks at each sample alone",
                            "the same bits when the samples are cut in two", "predict", "other predictions");
        }
        for (int k = 0; k < 2; k++)
            if (h[k]) rig_close(h[k]);
    }
}

const check_row layer_checks[] = {
    { "file", "symbols, libraries and variables of the file", check_image, NULL },
    { "shapes", "inputs that suit it are found, others are refused with a reason", check_shapes, NULL },
    { "plan", "output and tensors as plan declares them; the same plan every time", check_plan, NULL },
    { "memory", "nothing is written but what a pass may write", check_memory, NULL },
    { "output", "out is written whole, and finite", check_output, "memory" },
    { "options", "every option at its bounds and between them", check_layer_options, "memory output" },
    { "again", "nothing is remembered from one call to the next", check_again, "memory output" },
    { "poison", "nothing is read that was not written; what is overwritten, is", check_poison, "memory output again" },
    { "order", "a sample's output does not depend on its place or its neighbours", check_order, "memory output again poison" },
    { "backward", "din is overwritten, dweight added to", check_backward, "memory output again poison" },
    { "recompute", "forward may be called a second time in a step", check_recompute, "memory output again poison backward" },
    { "gradient", "gradients of inputs and weights along random directions, by differences of forward", check_gradients,
      "memory output again poison order backward" },
    { "tiles", "the gradient pass gives what backward adds up", check_gradient_pass, "memory output again poison backward gradient" },
    { "lanes", "the same bits however the minibatch is cut", check_lanes, "memory output again poison order backward" },
    { "tallies", "tallies are added to; fold makes a number of them, however the minibatch is cut", check_tallies,
      "memory output again poison" },
    { "threads", "the same bits with lanes on several threads", check_threads, "memory output again poison backward" },
    { "resume", "goes on from weights and state alone", check_resume, "memory output again poison" },
    { "values", "zeros, huge numbers, infinities, NaN", check_values, "memory output again poison order backward" },
    { "predict", "what a loss shows its user", check_predict, "memory output again" },
    { "speed", "time per sample", check_speed, "memory" },
    { NULL, NULL, NULL, NULL },
};
