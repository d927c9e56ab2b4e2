/* Of every built layer, for every shape of input and every option that its plan accepts: what plugin.h promises. */
#include "conform.h"
#include "harness.h"

/* Inputs tried, as far as the layer takes that many. */
typedef struct trial { int n; heft_shape in[3]; } trial;

#define IDS(most, ...) (heft_shape){ .dtype = HEFT_I32, .limit = most, .dim = { __VA_ARGS__ }, \
    .rank = sizeof (int64_t[]){ __VA_ARGS__ } / sizeof(int64_t) }

/* Layers that no trial above suits, with the reason: the test of the layer's own room covers them. */
static const struct { const char *name, *reason; } excused[] = { { NULL, NULL } };

static int make_trials(trial *t)
{
    int n = 0;
    const heft_shape shape[] = { SHAPE(8), SHAPE(6, 5), SHAPE(8, 8, 4), SHAPE(4, 4, 4, 2), SHAPE(1), SCALAR };
    const int n_shapes = sizeof shape / sizeof *shape;
    for (int i = 0; i < n_shapes; i++) t[n++] = (trial){ 1, { shape[i] } };
    t[n++] = (trial){ 1, { LABELS(8) } };
    t[n++] = (trial){ 1, { IDS(11, 6) } };
    for (int i = 0; i < n_shapes; i++) t[n++] = (trial){ 2, { shape[i], shape[i] } };
    t[n++] = (trial){ 2, { SHAPE(8), LABELS(8) } };
    t[n++] = (trial){ 2, { SHAPE(8), IDS(8, 1) } };
    t[n++] = (trial){ 2, { SHAPE(1), LABELS(2) } };
    t[n++] = (trial){ 2, { SCALAR, LABELS(2) } };
    t[n++] = (trial){ 2, { SHAPE(8), SHAPE(1) } };
    t[n++] = (trial){ 2, { SHAPE(1), SCALAR } };
    t[n++] = (trial){ 2, { SHAPE(8), SHAPE(4) } };
    t[n++] = (trial){ 2, { SHAPE(6, 5), IDS(5, 6) } };
    t[n++] = (trial){ 2, { SHAPE(6, 5), SHAPE(6, 3) } };
    t[n++] = (trial){ 3, { SHAPE(8), SHAPE(8), SHAPE(8) } };
    return n;
}
enum { MOST_TRIALS = 32, SAMPLES = 7 };

static const int64_t whole[] = { SAMPLES, 0 }, halves[] = { 3, SAMPLES - 3, 0 };

/* ---- plan ----------------------------------------------------------------------- */

static void check_tensor(const harness *h, int i)
{
    const heft_tensor *t = &h->plan.tensor[i];
    if (!t->name || !*t->name) fail_msg("%s: tensor %d has no name", h->label, i);
    if (t->role > HEFT_SCRATCH) fail_msg("%s: %s has role %d", h->label, t->name, (int)t->role);
    if (t->shape.rank < 0 || t->shape.rank > HEFT_MAX_RANK)
        fail_msg("%s: %s has rank %d", h->label, t->name, t->shape.rank);
    for (int j = 0; j < t->shape.rank; j++)
        if (t->shape.dim[j] < 1)
            fail_msg("%s: %s has an axis of %lld", h->label, t->name, (long long)t->shape.dim[j]);
    if (t->per_sample && t->role != HEFT_SAVED && t->role != HEFT_SCRATCH)
        fail_msg("%s: %s is per sample, but neither saved nor scratch", h->label, t->name);
    if (t->role == HEFT_TALLY_BACK && !h->layer->survey_back)
        fail_msg("%s: %s without survey_back", h->label, t->name);
    if (t->role == HEFT_TALLY && !h->layer->survey && !h->layer->fold)
        fail_msg("%s: nobody reads %s", h->label, t->name);
    if (t->role == HEFT_WEIGHT && !h->layer->backward)
        fail_msg("%s: a weight, %s, without backward", h->label, t->name);
    char init[64] = "auto";                          /* without its options */
    if (t->init) snprintf(init, sizeof init, "%.*s", (int)strcspn(t->init, ":"), t->init);
    if (strcmp(init, "auto") && !registry_path(h->plugins, HEFT_INITIALIZER, init))
        fail_msg("%s: %s wants initializer %s, which there is not", h->label, t->name, init);
    for (int j = 0; j < i; j++)
        if (!strcmp(h->plan.tensor[j].name, t->name)) fail_msg("%s: two tensors are named %s", h->label, t->name);
}

static bool same_shape(const heft_shape *a, const heft_shape *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank || a->limit != b->limit) return false;
    return !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

/* One instance planned twice from the same bytes. */
static void check_plan(const harness *h, const char *options)
{
    const heft_shape *out = &h->plan.out;
    if (out->rank < 0 || out->rank > HEFT_MAX_RANK) fail_msg("%s: output has rank %d", h->label, out->rank);
    for (int j = 0; j < out->rank; j++)
        if (out->dim[j] < 1) fail_msg("%s: output has an axis of %lld", h->label, (long long)out->dim[j]);
    if (h->plan.n_tensors < 0 || h->plan.n_tensors > HEFT_MAX_TENSORS)
        fail_msg("%s: %d tensors", h->label, h->plan.n_tensors);
    for (int i = 0; i < h->plan.n_tensors; i++) check_tensor(h, i);

    arena *a = arena_new();
    text said = { 0 };
    const heft_head *head = &h->layer->head;
    void *one = conform_instance(a, head, options, &said), *two = arena_alloc(a, head->instance_size + 1, 1);
    assert_non_null(one);
    memcpy(two, one, head->instance_size);
    heft_layer_plan p = { .host = h->plan.host, .n_in = h->plan.n_in, .in = h->in_shape, .lane_max = h->plan.lane_max };
    heft_layer_plan q = p;
    if (h->layer->plan(one, &p) || h->layer->plan(two, &q)) fail_msg("%s: plan changes its mind", h->label);
    bool same = p.n_tensors == q.n_tensors && same_shape(&p.out, &q.out) && !memcmp(one, two, head->instance_size);
    for (int i = 0; same && i < p.n_tensors; i++)
        same = same_shape(&p.tensor[i].shape, &q.tensor[i].shape) && p.tensor[i].role == q.tensor[i].role
            && !strcmp(p.tensor[i].name, q.tensor[i].name) && p.tensor[i].per_sample == q.tensor[i].per_sample;
    if (!same) fail_msg("%s: planned twice, two plans", h->label);
    arena_free(a);
}

/* ---- forward -------------------------------------------------------------------- */

static size_t out_count(const harness *h) { return (size_t)h->n * harness_count(&h->plan.out); }

static void check_finite(const harness *h, const char *what, const float *x, size_t n, bool ints)
{
    for (size_t i = 0; i < n && !ints; i++)
        if (!isfinite(x[i]))
            fail_msg("%s: %s[%zu] of %zu is %g: not written, or not finite", h->label, what, i, n, x[i]);
}

static void check_forward(harness *one, harness *two)
{
    const size_t n = out_count(one);
    const bool ints = one->plan.out.dtype == HEFT_I32;
    for (int train = 0; train < 2; train++) {
        harness_forward(one, train);
        check_finite(one, train ? "out in training" : "out", one->out, n, ints);
        harness_forward(two, train);
        const bool apart = !train || !(one->n_of[HEFT_TALLY] && one->layer->survey);
        if (apart && memcmp(one->out, two->out, n * sizeof(float)))
            fail_msg("%s: other outputs when the samples are cut in two%s", one->label, train ? ", in training" : "");
        if (!apart) harness_near(two, "out in lanes", n, two->out, one->out, 1e-5, 1e-4);
        harness_forward(two, train);             /* again: nothing may be left from the last time */
        if (apart && memcmp(one->out, two->out, n * sizeof(float)))
            fail_msg("%s: other outputs the second time", one->label);
    }
}

/* ---- backward ------------------------------------------------------------------- */

static float *kept(harness *h, const float *x, size_t n)
{
    float *copy = arena_alloc(h->memory, n, sizeof *copy);
    memcpy(copy, x, n * sizeof *copy);
    return copy;
}

static size_t in_count(const harness *h, int i) { return (size_t)h->n * harness_count(&h->in_shape[i]); }
static size_t weight_count(const harness *h, int i) { return harness_count(&h->of[HEFT_WEIGHT][i]->shape); }

/* Nobody asks for the gradient of a target: what has two inputs and gives one number a sample is taken for a
 * loss. */
static bool is_target(const harness *h, int i) { return i == 1 && h->plan.n_in == 2 && h->plan.out.rank == 0; }

/* Does backward give a gradient of input i? */
static bool has_din(const harness *h, int i) { return h->in_shape[i].dtype == HEFT_F32 && !is_target(h, i); }

static void want_all(harness *h)
{
    for (int i = 0; i < h->plan.n_in; i++) h->no_din[i] = !has_din(h, i);
}

/* How sum(out dout) changes along v, by differences to both sides: their mean, and how far they are apart. */
static void slopes_along(harness *h, float *x, const float *start, const float *v, size_t n, double middle, float step,
                         double *mean, double *apart)
{
    for (size_t i = 0; i < n; i++) x[i] = start[i] + step * v[i];
    const double ahead = (harness_objective(h) - middle) / (double)step;
    for (size_t i = 0; i < n; i++) x[i] = start[i] - step * v[i];
    const double behind = (middle - harness_objective(h)) / (double)step;
    memcpy(x, start, n * sizeof *x);
    *mean = (ahead + behind) / 2;
    *apart = ahead - behind;
}

/* A random direction in which a share of the elements moves, or (0) only one; its product with dx. */
static double direction(heft_rng *r, double share, size_t n, const float *dx, float *v)
{
    const size_t only = rng_below(r, n);
    double product = 0;
    for (size_t i = 0; i < n; i++) {
        const bool moves = share > 0 ? heft_uniform(r) < (float)share : i == only;
        v[i] = !moves ? 0 : heft_uniform(r) < 0.5f ? -1 : 1;
        product += (double)dx[i] * v[i];
    }
    return product;
}

/* dx is the gradient of sum(out dout) by x.  Directions across a kink (relu, max) are passed over: there the means
 * of two step sizes differ, or the slopes ahead and behind do not come together in proportion to the step.  Some
 * kinks of many pass by chance, so one direction of four may disagree. */
static void check_slope(harness *h, const char *what, float *x, const float *dx, size_t n)
{
    enum { WANTED = 8, TRIES = 64 };
    const double few = 48.0 / (double)n, share[] = { fmin(few, 1), fmin(few / 4, 0.3), 0, fmin(few, 0.6) };
    double norm = 0;
    for (size_t i = 0; i < n; i++) norm += (double)dx[i] * dx[i];
    norm = sqrt(norm);
    heft_rng r = rng_key(7, RNG_TEST, n, 0);
    const float *start = kept(h, x, n);
    float *v = arena_alloc(h->memory, n, sizeof *v);
    const double middle = harness_objective(h);
    int smooth = 0, wrong = 0;
    char last[160] = "";
    for (int try = 0; try < TRIES && smooth < WANTED; try++) {
        const double part = share[try % 4], analytic = direction(&r, part, n, dx, v);
        double wide, near, wide_apart, near_apart;
        slopes_along(h, x, start, v, n, middle, 0x1p-8f, &wide, &wide_apart);
        slopes_along(h, x, start, v, n, middle, 0x1p-9f, &near, &near_apart);
        const double size = norm * sqrt(fmax(part, 1 / (double)n)), room = 2e-2 * fmax(size, fabs(near)) + 1e-3;
        if (fabs(wide - near) > room / 4 || fabs(2 * near_apart - wide_apart) > room / 2) continue;
        smooth++;
        if (fabs(near - analytic) <= room) continue;
        wrong++;
        snprintf(last, sizeof last, "%.6g by backward, %.6g by differences", analytic, near);
    }
    if (smooth < 2) fail_msg("%s: too few smooth directions of %s: %d of %d", h->label, what, smooth, TRIES);
    if (4 * wrong > smooth)
        fail_msg("%s: slope of %s along a direction is %s (%d of %d)", h->label, what, last, wrong, smooth);
}

static void check_gradients(harness *h)
{
    harness_forward(h, true);
    harness_backward(h);
    const float *din[HEFT_MAX_INPUTS], *dweight[HEFT_MAX_TENSORS];
    for (int i = 0; i < h->plan.n_in; i++) din[i] = kept(h, h->din[i], in_count(h, i));
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) dweight[i] = kept(h, h->dweight[i], weight_count(h, i));
    for (int i = 0; i < h->plan.n_in; i++)
        if (has_din(h, i)) check_slope(h, i ? "a later input" : "the first input", h->in[i], din[i], in_count(h, i));
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++)
        check_slope(h, h->of[HEFT_WEIGHT][i]->name, h->weight[i], dweight[i], weight_count(h, i));
}

/* One lane's backward once more, onto dweight as it is. */
static void backward_again(harness *h, harness_lane *l, float *const *dweight)
{
    const size_t at = (size_t)l->first * harness_count(&h->plan.out);
    const heft_backward b = {
        .host = h->plan.host, .first = l->first, .n = l->n, .rng = h->rng, .in = l->in, .out = h->out + at,
        .dout = h->dout + at, .din = l->din, .weight = (const float *const *)h->weight, .dweight = dweight,
        .state = (const float *const *)h->state,
        .saved = (const float *const *)l->saved, .scratch = l->scratch, .tally = l->tally_back,
        .total = h->layer->survey ? (const double *const *)h->total : NULL,
        .total_back = h->layer->survey_back ? (const double *const *)h->total_back : NULL };
    h->layer->backward(h->self, &b);
}

static void set_all(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++) x[i] = value;
}

/* dweight is added to: from 1, it ends at 1 more than from 0. */
static void check_accumulates(harness *h)
{
    h->by_gradient = false;
    harness_forward(h, true);
    harness_backward(h);
    for (int i = 0; i < h->n_lanes; i++) {
        harness_lane *l = &h->lane[i];
        float *want[HEFT_MAX_TENSORS];
        for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++) set_all(l->dweight[j], weight_count(h, j), 0);
        backward_again(h, l, l->dweight);
        for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++) {
            const size_t n = weight_count(h, j);
            want[j] = kept(h, l->dweight[j], n);
            for (size_t k = 0; k < n; k++) want[j][k] += 1;
            set_all(l->dweight[j], n, 1);
        }
        backward_again(h, l, l->dweight);
        for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++)
            harness_near(h, "dweight, added to 1,", weight_count(h, j), l->dweight[j], want[j], 1e-4, 1e-4);
    }
}

/* The gradient pass equals what backward adds up over the samples. */
static void check_gradient_pass(harness *h)
{
    if (!h->layer->gradient) return;
    const float *by_lanes[HEFT_MAX_TENSORS];
    h->by_gradient = false;
    harness_forward(h, true);
    harness_backward(h);
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) by_lanes[i] = kept(h, h->dweight[i], weight_count(h, i));
    h->by_gradient = true;
    harness_forward(h, true);
    harness_backward(h);
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++)
        harness_near(h, "dweight by gradient", weight_count(h, i), h->dweight[i], by_lanes[i], 1e-4, 1e-4);
}

/* Overwritten and finite; the same bits without the other inputs' din. */
static void check_din(harness *h)
{
    harness_forward(h, true);
    harness_backward(h);
    const float *din[HEFT_MAX_INPUTS];
    for (int i = 0; i < h->plan.n_in; i++) {
        if (has_din(h, i)) check_finite(h, i ? "din of a later input" : "din", h->din[i], in_count(h, i), false);
        din[i] = kept(h, h->din[i], in_count(h, i));
    }
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++)
        check_finite(h, "dweight", h->dweight[i], weight_count(h, i), false);
    for (int i = 0; i < h->plan.n_in; i++) {
        if (!has_din(h, i)) continue;
        for (int j = 0; j < h->plan.n_in; j++) h->no_din[j] = j != i;
        if (h->plan.n_in == 1) h->no_din[0] = true;
        harness_forward(h, true);
        harness_backward(h);
        if (!h->no_din[i] && memcmp(h->din[i], din[i], in_count(h, i) * sizeof(float)))
            fail_msg("%s: other din[%d] when the other inputs' is not wanted", h->label, i);
    }
    want_all(h);
    h->frozen = true;                            /* no gradient of a weight is wanted */
    harness_forward(h, true);
    harness_backward(h);
    h->frozen = false;
    for (int i = 0; i < h->plan.n_in; i++)
        if (has_din(h, i) && memcmp(h->din[i], din[i], in_count(h, i) * sizeof(float)))
            fail_msg("%s: other din[%d] when the weights' gradients are not wanted", h->label, i);
}

/* What a loss shows its user: as long as the output, whole, and of each sample alone. */
static void check_predict(harness *h)
{
    if (!h->layer->predict) return;
    const size_t each = harness_count(&h->in_shape[0]), n = (size_t)h->n * each;
    float *shown[2] = { harness_alloc(h, n, sizeof(float), "prediction"), harness_alloc(h, n, sizeof(float), "prediction") };
    for (int cut = 0; cut < 2; cut++) {
        harness_undefine(shown[cut], n);
        for (int i = 0; i < (cut ? h->n_lanes : 1); i++) {
            const harness_lane *l = &h->lane[i];
            const size_t at = cut ? (size_t)l->first * each : 0;
            const heft_forward f = { .host = h->plan.host, .first = cut ? l->first : 0, .n = cut ? l->n : h->n, .rng = h->rng,
                                     .in = (const float *const[]){ h->in[0] + at, NULL }, .out = shown[cut] + at };
            h->layer->predict(h->self, &f);
        }
        harness_check_zones(h, "predict");
        check_finite(h, "prediction", shown[cut], n, false);
    }
    if (memcmp(shown[0], shown[1], n * sizeof(float))) fail_msg("%s: other predictions in lanes", h->label);
}

/* ---- all of it ------------------------------------------------------------------ */

/* slopes: hold the gradients against differences too. */
static void check_case(const char *name, const char *options, const trial *t, bool slopes)
{
    harness *one = harness_open(name, options, t->n, t->in, whole);
    harness *two = harness_open(name, options, t->n, t->in, halves);
    const size_t size = one->layer->head.instance_size;
    snprintf(one->label + strlen(one->label), 60, ", input rank %d", t->in[0].rank);
    void *before = arena_alloc(one->memory, size + 1, 1);
    memcpy(before, one->self, size);
    check_plan(one, options);
    want_all(one);
    want_all(two);
    harness_fill(one, 3);
    harness_fill(two, 3);
    check_forward(one, two);
    if (one->layer->backward) {
        check_din(one);
        check_din(two);
        check_accumulates(two);
        check_gradient_pass(two);
        if (slopes) check_gradients(two);
    }
    check_predict(two);
    harness_forward(two, true);
    harness_fold(two);
    for (int i = 0; i < two->n_of[HEFT_STATE]; i++)
        check_finite(two, "state after fold", two->state[i], harness_count(&two->of[HEFT_STATE][i]->shape), false);
    if (memcmp(before, one->self, size)) fail_msg("%s: a pass changed the instance", one->label);
    harness_close(one);
    harness_close(two);
}

/* Is the layer ready for that?  A refusal must say something. */
static bool accepts(const char *name, const char *options, const trial *t, text *last)
{
    char said[320];
    harness_refusal(name, options, t->n, t->in, said, sizeof said);
    if (!said[0]) return true;
    last->n = 0;
    text_add(last, said);
    return false;
}

/* The first guess at the required options that the inputs suit; NULL if none. */
static const char *base_options(arena *a, const heft_head *head, const trial *t, int *guess, text *last)
{
    const int64_t count = heft_count(&t->in[0]);
    for (*guess = 0; *guess < CONFORM_GUESSES; ++*guess) {
        const char *options = conform_options(a, head->options, *guess, count, NULL, NULL);
        if (accepts(head->name, options, t, last)) return options;
    }
    return NULL;
}

static int check_trial(const heft_head *head, const trial *t, text *last)
{
    arena *a = arena_new();
    int guess = 0, done = 0;
    const char *base = base_options(a, head, t, &guess, last);
    if (base) {
        check_case(head->name, base, t, true);
        done++;
    }
    for (const heft_option *o = head->options; base && o && o->type != HEFT_END; o++)
        for (int i = 0;; i++) {
            const char *value = conform_other(a, o, i);
            if (!value) break;
            const char *options = conform_options(a, head->options, guess, heft_count(&t->in[0]), o, value);
            if (!accepts(head->name, options, t, last)) continue;
            check_case(head->name, options, t, o->type != HEFT_REAL);
            done++;
        }
    arena_free(a);
    return done;
}

static void layer(void **state)
{
    const plugin_file *file = *state;
    problems pr = { 0 };
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const plugin *p = registry_find(r, HEFT_LAYER, file->name, (place){ 0 }, &pr);
    if (!p) fail_msg("%s: %s", file->name, pr.item[0].text);
    trial trials[MOST_TRIALS];
    const int n = make_trials(trials);
    text last = { 0 };
    int done = 0;
    for (int i = 0; i < n; i++)
        if (trials[i].n >= p->layer.min_in && trials[i].n <= p->layer.max_in)
            done += check_trial(&p->head, &trials[i], &last);
    bool excuse = false;
    for (int i = 0; excused[i].name; i++) excuse = excuse || !strcmp(excused[i].name, file->name);
    if (!done && !excuse)
        fail_msg("%s: accepts no input tried; the last refusal: %s", file->name, last.n ? last.s : "none");
    print_message("             %d cases\n", done);
    text_free(&last);
    registry_free(r);
}

int main(void)
{
    compute_init(2, COMPUTE_F32);
    return conform_run("layers", HEFT_LAYER, layer);
}
