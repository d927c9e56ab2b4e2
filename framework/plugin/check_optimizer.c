/* check_optimizer.c -- on a least-squares problem: it stays in its range, remembers in slots alone, and descends */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "compute/compute.h"
#include "plugin/check_inside.h"

enum { N = 37, CUT = 20, ROWS = 60, ZONE = 16, STEPS = 200 };

/* The mean of squares of a x - b, with a solution. */
typedef struct squares { float a[ROWS][N], b[ROWS], solution[N]; } squares;

typedef struct opt {
    check  *c;
    const heft_optimizer *o;
    void   *self, *before;
    heft_optimizer_plan plan;
    const squares *of;
    float   memory[N + 2 * ZONE], *x, g[N];
    float  *slot[HEFT_MAX_SLOTS];
    size_t  count[HEFT_MAX_SLOTS];
} opt;

static double loss(const squares *s, const float *x, float *g)
{
    double sum = 0, grad[N] = { 0 };
    for (int i = 0; i < ROWS; i++) {
        double d = -s->b[i];
        for (int j = 0; j < N; j++) d += (double)s->a[i][j] * x[j];
        sum += d * d / ROWS;
        for (int j = 0; j < N; j++) grad[j] += 2 * d * s->a[i][j] / ROWS;
    }
    for (int j = 0; j < N && g; j++) g[j] = (float)grad[j];
    return sum;
}

static const squares *make_problem(check *c)
{
    squares *s = arena_alloc(c->memory, 1, sizeof *s);
    heft_rng r = rng_key(1, RNG_TEST, 0, 0);
    for (int j = 0; j < N; j++) s->solution[j] = heft_normal(&r);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < N; j++) {
            s->a[i][j] = heft_normal(&r) / 3;
            s->b[i] += s->a[i][j] * s->solution[j];
        }
    return s;
}

static const heft_span spans[2] = { { "l", "w", 0, CUT, { HEFT_F32, 2, { 4, 5 } } },
                                    { "l", "b", CUT, N, { HEFT_F32, 1, { N - CUT } } } };

static bool slots_are_sound(check *c, const heft_optimizer_plan *p)
{
    static const char subject[] = "slots are declared as the host needs them", look[] = "plan: p->slot";
    bool good = check_that(c, p->n_slots >= 0 && p->n_slots <= HEFT_MAX_SLOTS, subject, "at most 8 slots", look, "%d", p->n_slots);
    for (int i = 0; good && i < p->n_slots; i++) {
        const heft_slot *s = &p->slot[i];
        good = check_that(c, s->name && *s->name && s->rows >= 1 && s->rows <= 4096, subject, "a name, and rows of at least 1", look,
                          "slot %d has name '%s' and %d rows", i, s->name ? s->name : "", s->rows);
        for (int j = 0; good && j < i; j++)
            good = check_that(c, strcmp(p->slot[j].name, s->name), subject, "each name once", look, "two are named '%s'", s->name);
    }
    return good;
}

/* NULL if the options or plan refuse, with *refusal. */
static opt *start(check *c, const squares *of, const char *options, const char **refusal)
{
    opt *s = arena_alloc(c->memory, 1, sizeof *s);
    text said = { 0 };
    check_at(c, "%s %s", c->p->name, options);
    *s = (opt){ .c = c, .o = &c->p->optimizer, .of = of, .plan = { .host = compute_host(), .n = N } };
    s->self = rig_instance(c->memory, &c->p->head, options, &said);
    rig_enter(c->at, "plan");
    if (s->self && s->o->plan(s->self, &s->plan)) {
        s->self = NULL;
        text_printf(&said, "%.200s", s->plan.error.text);
        check_that(c, s->plan.error.text[0], "a refusal has a reason", "return heft_fail(&p->error, ...)", "plan", "failure without a text");
    }
    rig_enter(c->at, "");
    if (refusal) *refusal = check_text(c, "%s", said.n ? said.s : "no reason");
    text_free(&said);
    if (!s->self || !slots_are_sound(c, &s->plan)) return NULL;
    for (int i = 0; i < s->plan.n_slots; i++) {
        s->count[i] = (size_t)s->plan.slot[i].rows * (s->plan.slot[i].scalar ? 1 : N);
        float *block = arena_alloc(c->memory, s->count[i] + 2 * ZONE, sizeof *block);
        for (size_t j = 0; j < ZONE; j++) block[j] = block[ZONE + s->count[i] + j] = 12345;
        s->slot[i] = block + ZONE;
    }
    s->before = arena_alloc(c->memory, c->p->head.instance_size + 1, 1);
    memcpy(s->before, s->self, c->p->head.instance_size);
    s->x = s->memory + ZONE;
    for (int i = 0; i < N + 2 * ZONE; i++) s->memory[i] = 12345;
    for (int i = 0; i < N; i++) s->x[i] = of->solution[i] + 0.05f * (float)(i % 7 - 3);   /* in reach of small steps */
    return s;
}

static void inspect(const opt *s)
{
    static const char subject[] = "nothing is written outside x and the slots", expected[] = "writes to x[i] and slot[k][row * n + i] alone",
        look[] = "step: loops and sizes";
    bool good = true;
    for (int i = 0; i < ZONE; i++) good = good && s->memory[i] == 12345 && s->memory[ZONE + N + i] == 12345;
    check_that(s->c, good, subject, expected, look, "floats in front of x or behind it were written");
    for (int i = 0; i < s->plan.n_slots; i++) {
        good = true;
        for (int j = 0; j < ZONE; j++) good = good && s->slot[i][j - ZONE] == 12345 && s->slot[i][s->count[i] + (size_t)j] == 12345;
        check_that(s->c, good, subject, expected, look, "floats in front of slot '%s' or behind it were written", s->plan.slot[i].name);
    }
    check_that(s->c, !memcmp(s->before, s->self, s->o->head.instance_size), "the instance is the same after every step",
               "an instance that step only reads: it is shared by all ranges", "a cast that takes the const away; slots hold what changes",
               "it was changed");
}

/* One step of the range, which begins and ends with a tensor. */
static void step_range(opt *s, uint64_t t, const float *g, size_t begin, size_t end)
{
    const heft_step step = {
        .host = s->plan.host, .t = t, .lr = (float)s->o->default_lr, .decay = 1, .begin = begin, .end = end,
        .span = s->plan.whole_tensors ? spans + (begin > 0) : NULL, .n_span = s->plan.whole_tensors ? (begin == 0) + (end == N) : 0,
        .x = s->x, .g = g, .slot = s->slot };
    rig_enter(s->c->at, "step");
    s->o->step(s->self, &step);
    rig_enter(s->c->at, "");
}

typedef struct evaluation { heft_problem p; const squares *of; } evaluation;

static double evaluate(heft_problem *p, float *g) { return loss(((evaluation *)p)->of, p->x, g); }

/* Steps first .. last in ranges [cut, N), [0, cut); cut 0: one range.  What it says of its loss, or what is so. */
static double run(opt *s, uint64_t first, uint64_t last, size_t cut)
{
    double accepted = loss(s->of, s->x, NULL);
    for (uint64_t t = first; t <= last; t++) {
        if (s->o->step) {
            loss(s->of, s->x, s->g);
            if (cut) step_range(s, t, s->g, cut, N);
            step_range(s, t, s->g, 0, cut ? cut : N);
            accepted = loss(s->of, s->x, NULL);
            continue;
        }
        evaluation e = { { .host = s->plan.host, .t = t, .lr = (float)s->o->default_lr, .n = N, .x = s->x, .slot = s->slot,
                           .eval = evaluate, .loss = NAN }, s->of };
        rig_enter(s->c->at, "iterate");
        s->o->iterate(s->self, &e.p);
        rig_enter(s->c->at, "");
        accepted = e.p.loss;
    }
    inspect(s);
    return accepted;
}

/* NULL if they are the same, else what differs. */
static const char *difference(const opt *s, const opt *t)
{
    if (memcmp(s->x, t->x, N * sizeof(float))) return "other weights";
    for (int i = 0; i < s->plan.n_slots; i++)
        if (memcmp(s->slot[i], t->slot[i], s->count[i] * sizeof(float))) return check_text(s->c, "another slot '%s'", s->plan.slot[i].name);
    return NULL;
}

static void copy(opt *to, const opt *from)
{
    memcpy(to->x, from->x, N * sizeof(float));
    for (int i = 0; i < from->plan.n_slots; i++) memcpy(to->slot[i], from->slot[i], from->count[i] * sizeof(float));
}

/* Runs a check for the plain options and for every option at every value that is accepted (which may be a wild one). */
static void for_all(check *c, void (*one)(check *c, const squares *of, const char *options, bool plain))
{
    const squares *of = make_problem(c);
    const heft_option *table = c->p->head.options;
    const heft_shape any = { HEFT_F32, 1, { 8 } };
    const char *refusal = "", *options = NULL;
    opt *s = NULL;
    int guess = 0;
    for (; !s && (options = plain_options(c, guess)); guess += !s) s = start(c, of, options, &refusal);
    check_that(c, s, "options are found that it accepts", "its defaults, and guesses at what is required",
               "plan; if it needs others, say so: --options '{beta: 0.9}'", "%s", refusal);
    if (!s) return;
    one(c, of, options, true);
    for (const heft_option *o = table; !c->asked->options && o && o->type != HEFT_END; o++)
        for (int i = 0;; i++) {
            double unused;
            const char *value = option_value(c->memory, o, i, &unused);
            if (!value) break;
            options = options_guess(c->memory, table, guess, &any, (const setting[]){ { o, value }, { 0 } });
            if (start(c, of, options, NULL)) one(c, of, options, false);
        }
}

/* ---- checks -------------------------------------------------------------------- */

static void one_memory(check *c, const squares *of, const char *options, bool plain)
{
    (void)plain;
    opt *s = start(c, of, options, NULL);
    run(s, 1, 4, 0);
}

static void check_memory(check *c) { for_all(c, one_memory); }

/* A step of one half leaves the other as it was. */
static void check_half(check *c, const opt *s, opt *t, bool upper)
{
    static const char subject[] = "a step stays in its range", look[] = "step: for (size_t i = s->begin; i < s->end; i++)";
    const size_t begin = upper ? CUT : 0, end = upper ? N : CUT;
    copy(t, s);
    loss(s->of, s->x, t->g);
    step_range(t, 6, t->g, begin, end);
    for (size_t i = upper ? 0 : CUT; i < (upper ? CUT : N); i++) {
        check_that(c, !memcmp(&s->x[i], &t->x[i], sizeof(float)), subject, "x outside [begin, end) left alone", look,
                   "x[%zu] written by the step of [%zu, %zu)", i, begin, end);
        for (int k = 0; k < s->plan.n_slots; k++)
            for (int row = 0; row < s->plan.slot[k].rows && !s->plan.slot[k].scalar; row++) {
                const size_t at = (size_t)row * N + i;
                check_that(c, !memcmp(&s->slot[k][at], &t->slot[k][at], sizeof(float)), subject, "slots outside [begin, end) left alone",
                           look, "slot '%s'[%d][%zu] written by the step of [%zu, %zu)", s->plan.slot[k].name, row, i, begin, end);
            }
    }
    for (int k = 0; k < s->plan.n_slots; k++)
        if (s->plan.slot[k].scalar)
            check_that(c, !memcmp(s->slot[k], t->slot[k], s->count[k] * sizeof(float)), subject, "scalar slots left alone: all ranges read them",
                       "step: slots declared as scalar", "the scalar slot '%s' was written", s->plan.slot[k].name);
}

static void one_range(check *c, const squares *of, const char *options, bool plain)
{
    (void)plain;
    opt *s = start(c, of, options, NULL), *t = start(c, of, options, NULL);
    if (!s->o->step) return;
    run(s, 1, 5, 0);
    run(t, 1, 5, CUT);
    const char *other = difference(s, t);
    check_that(c, !other, "the same bits however the weights are cut into ranges", "the same bits",
               "step: what does x[i] depend on besides g[i], x[i] and slot[.][i]? If on the whole tensor, set whole_tensors",
               "%s when the weights are cut in two", other ? other : "");
    for (int half = 0; half < 2; half++) check_half(c, s, t, half);
}

static void check_ranges(check *c) { for_all(c, one_range); }

static void one_again(check *c, const squares *of, const char *options, bool plain)
{
    (void)plain;
    opt *s = start(c, of, options, NULL), *t = start(c, of, options, NULL), *u = start(c, of, options, NULL);
    run(s, 1, 5, 0);
    for (uint64_t i = 1; i <= 5; i++) {
        run(t, i, i, 0);
        run(u, i + 7, i + 7, 0);
    }
    const char *other = difference(s, t);
    check_that(c, !other, "steps of another instance in between change nothing", "the same bits",
               "static variables, clocks, what a cast writes into the instance", "%s", other ? other : "");
}

static void check_again_of(check *c) { for_all(c, one_again); }

static void one_resume(check *c, const squares *of, const char *options, bool plain)
{
    (void)plain;
    opt *s = start(c, of, options, NULL), *t = start(c, of, options, NULL), *u = start(c, of, options, NULL);
    run(s, 1, 6, 0);
    run(t, 1, 3, 0);
    copy(u, t);                                  /* weights and slots are all that a checkpoint has */
    run(u, 4, 6, 0);
    const char *other = difference(s, u);
    check_that(c, !other, "goes on from saved weights and slots", "the bits of a run that was never stopped",
               "what is remembered outside of the slots", "%s", other ? other : "");
}

static void check_resume_of(check *c) { for_all(c, one_resume); }

/* A slot that can be anything without consequence is not remembered, or not used. */
static void one_slots(check *c, const squares *of, const char *options, bool plain)
{
    if (!plain) return;                          /* a bound may well switch a slot off (beta 0) */
    opt *s = start(c, of, options, NULL), *t = start(c, of, options, NULL);
    if (!s->o->step) return;
    run(s, 1, 4, 0);
    for (int k = 0; k < s->plan.n_slots; k++) {
        const float factor[] = { -1, 0, 3 };
        bool matters = false;
        for (int f = 0; f < 3 && !matters; f++) {
            copy(t, s);
            for (size_t i = 0; i < t->count[k]; i++) t->slot[k][i] = factor[f] * t->slot[k][i] + (f == 2 ? 1 : 0);
            opt *same = start(c, of, options, NULL);
            copy(same, s);
            run(t, 5, 5, 0);
            run(same, 5, 5, 0);
            matters = difference(same, t);
        }
        check_that(c, matters, check_text(c, "slot '%s' is carried from step to step", s->plan.slot[k].name),
                   "another step where the slot held something else", "step: is the slot read before it is written?",
                   "the same weights and slots whatever it held");
    }
}

static void check_slots(check *c) { for_all(c, one_slots); }

static void check_descent(check *c)
{
    const squares *of = make_problem(c);
    const char *options;
    opt *s = NULL;
    for (int i = 0; !s && (options = plain_options(c, i)); i++) s = start(c, of, options, NULL);
    if (!s) return;
    const double first = loss(of, s->x, NULL), last = run(s, 1, STEPS, 0), real = loss(of, s->x, NULL);
    check_that(c, real < first / 2, "the loss falls", check_text(c, "less than half of %.4g after %d steps of a least-squares problem", first, STEPS),
               "the sign of the step, default_lr, the order of updates", "%.4g", real);
    check_that(c, fabs(last - real) <= 1e-3 * (first + 1e-6), "the loss that iterate reports is that of its point",
               check_text(c, "%.6g", real), "iterate: p->loss", "%.6g", last);
}

/* ---- threads, odd gradients, options ------------------------------------------- */

typedef struct ranges_job { opt *s; uint64_t t; } ranges_job;

static void run_half(void *context, int64_t i)
{
    const ranges_job *job = context;
    const heft_step step = {
        .host = job->s->plan.host, .t = job->t, .lr = (float)job->s->o->default_lr, .decay = 1, .begin = i ? CUT : 0, .end = i ? N : CUT,
        .span = job->s->plan.whole_tensors ? spans + i : NULL, .n_span = job->s->plan.whole_tensors,
        .x = job->s->x, .g = job->s->g, .slot = job->s->slot };
    job->s->o->step(job->s->self, &step);
}

static void one_threads(check *c, const squares *of, const char *options, bool plain)
{
    (void)plain;
    opt *s = start(c, of, options, NULL), *t = start(c, of, options, NULL);
    if (!s->o->step) return;
    run(s, 1, 30, CUT);
    for (uint64_t i = 1; i <= 30; i++) {
        loss(of, t->x, t->g);
        compute_parallel(2, run_half, &(ranges_job){ t, i });
    }
    const char *other = difference(s, t);
    check_that(c, !other, "ranges on several threads give the bits of ranges one by one", "the same bits", "static buffers", "%s",
               other ? other : "");
}

static void check_threads_of(check *c) { for_all(c, one_threads); }

static void one_gradient(check *c, const squares *of, const char *options, bool plain)
{
    static const struct { const char *name; float g; bool finite; } odd[] = {
        { "zero", 0, true }, { "tiny (1e-38)", 1e-38f, true }, { "large (1e4)", 1e4f, true }, { "infinite", INFINITY, false }, { "NaN", NAN, false } };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        opt *s = start(c, of, options, NULL);
        if (!s->o->step) return;
        check_at(c, "%s %s, gradient %s", c->p->name, options, odd[i].name);
        for (int j = 0; j < N; j++) s->g[j] = j % 2 ? -odd[i].g : odd[i].g;
        step_range(s, 1, s->g, 0, N);
        step_range(s, 2, s->g, 0, N);
        const ptrdiff_t at = first_not_finite(s->x, N);
        if (odd[i].finite && plain)
            check_that(c, at < 0, check_text(c, "gradients that are %s", odd[i].name), "finite weights", "step: 0 / 0, a division without eps",
                       "x[%td] is %g", at, at < 0 ? 0 : (double)s->x[at]);
        bool seen = at >= 0;
        for (int k = 0; k < s->plan.n_slots; k++) seen = seen || first_not_finite(s->slot[k], s->count[k]) >= 0;
        if (isnan(odd[i].g) && plain)
            check_that(c, seen, "NaN is not swallowed", "NaN in weights or slots, so that a diverged run is seen", "comparisons in step",
                       "finite weights and slots from gradients that are NaN");
        inspect(s);
    }
}

static void check_values_of(check *c) { for_all(c, one_gradient); }

static void observe_weights(observation *sum, const opt *s)
{
    observe_floats(sum, s->x, N);
    for (int i = 0; i < s->plan.n_slots; i++) observe_floats(sum, s->slot[i], s->count[i]);
}

/* Gradients that keep their sign, change it at every step, and are drawn, each for so long that limits of a step are reached. */
static void observe_courses(opt *s, observation *sum)
{
    enum { LONG = 100 };
    heft_rng r = rng_key(2, RNG_TEST, 0, 0);
    uint64_t t = 4;
    for (int course = 0; course < 3; course++) {
        for (int k = 0; k < LONG; k++) {
            const float sign = course == 1 && k % 2 ? -1 : 1;
            for (int j = 0; j < N; j++) s->g[j] = course == 2 ? heft_normal(&r) : sign * (float)(j + 1) / N;
            step_range(s, ++t, s->g, 0, N);
        }
        observe_weights(sum, s);
    }
}

static observation observe(check *c, int base, const setting *set)
{
    (void)base;
    const heft_shape any = { HEFT_F32, 1, { 8 } };
    const squares *of = make_problem(c);
    const char *options = options_guess(c->memory, c->p->head.options, 0, &any, set);
    opt *s = start(c, of, options, NULL);
    observation sum = { 0 };
    if (!s) return sum;
    sum.bits = HASH_START;
    run(s, 1, 4, 0);
    observe_weights(&sum, s);
    if (s->o->step) observe_courses(s, &sum);
    return sum;
}

static void check_options_of(check *c)
{
    if (!c->asked->options) check_option_effects(c, 1, 1, observe);
}

static void check_step_speed(check *c)
{
    const squares *of = make_problem(c);
    opt *s = start(c, of, plain_options(c, 0), NULL);
    if (!s || !s->o->step) return;
    int calls = 0;
    loss(of, s->x, s->g);
    const double begin = clock_seconds();
    double now = begin;
    for (; now - begin < 0.01 || calls < 3; now = clock_seconds())
        for (int i = 0; i < 100; i++, calls++) step_range(s, 1 + (uint64_t)calls, s->g, 0, N);
    check_note(c, "time per step", "%.3g ns a weight, for %d weights on one thread", 1e9 * (now - begin) / calls / N, N);
}

const check_row optimizer_checks[] = {
    { "file", "symbols, libraries and variables of the file", check_image, NULL },
    { "memory", "nothing is written but weights and slots", check_memory, NULL },
    { "again", "nothing is remembered outside of the slots", check_again_of, "memory" },
    { "range", "a step stays in its range, and ranges do not matter", check_ranges, "memory again" },
    { "slots", "every slot is carried from step to step", check_slots, "memory" },
    { "options", "every option at its bounds and between them", check_options_of, "memory slots" },
    { "threads", "the same bits with ranges on several threads", check_threads_of, "memory again range" },
    { "resume", "goes on from weights and slots alone", check_resume_of, "memory again" },
    { "descent", "the loss of a least-squares problem falls", check_descent, "memory again" },
    { "values", "gradients of zero, huge gradients, NaN", check_values_of, "memory" },
    { "speed", "time per weight", check_step_speed, NULL },
    { NULL, NULL, NULL, NULL },
};
