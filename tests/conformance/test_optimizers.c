/* Of every built optimizer: it stays in its range, does not depend on how ranges are cut, goes on from its slots
 * alone, and lowers a least-squares loss. */
#include "base/rng.h"
#include "compute/compute.h"
#include "conform.h"

enum { N = 37, CUT = 20, ROWS = 60, ZONE = 16, STEPS = 200 };

typedef struct opt {
    const heft_optimizer *o;
    void   *self;
    heft_optimizer_plan plan;
    float   memory[N + 2 * ZONE], *x;
    float  *slot[HEFT_MAX_SLOTS];
    size_t  count[HEFT_MAX_SLOTS];
} opt;

/* Mean of squares of a x - b, with a solution. */
static float a[ROWS][N], b[ROWS], solution[N];

static double loss(const float *x, float *g)
{
    double sum = 0, grad[N] = { 0 };
    for (int i = 0; i < ROWS; i++) {
        double d = -b[i];
        for (int j = 0; j < N; j++) d += (double)a[i][j] * x[j];
        sum += d * d / ROWS;
        for (int j = 0; j < N; j++) grad[j] += 2 * d * a[i][j] / ROWS;
    }
    for (int j = 0; j < N && g; j++) g[j] = (float)grad[j];
    return sum;
}

static void make_problem(void)
{
    heft_rng r = rng_key(1, RNG_TEST, 0, 0);
    for (int j = 0; j < N; j++) solution[j] = heft_normal(&r);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = heft_normal(&r) / 3;
            b[i] += a[i][j] * solution[j];
        }
}

static const plugin *find(const plugin_file *file, registry *r)
{
    problems pr = { 0 };
    const plugin *p = registry_find(r, HEFT_OPTIMIZER, file->name, (place){ 0 }, &pr);
    if (!p) fail_msg("%s: %s", file->name, pr.item[0].text);
    return p;
}

/* NULL if the options or plan refuse. */
static opt *start(arena *m, const plugin *p, const char *options)
{
    opt *s = arena_alloc(m, 1, sizeof *s);
    text said = { 0 };
    s->o = &p->optimizer;
    s->self = conform_instance(m, &p->head, options, &said);
    text_free(&said);
    s->plan = (heft_optimizer_plan){ .host = compute_host(), .n = N };
    if (!s->self || s->o->plan(s->self, &s->plan)) return NULL;
    if (s->plan.n_slots < 0 || s->plan.n_slots > HEFT_MAX_SLOTS) fail_msg("%s: %d slots", p->name, s->plan.n_slots);
    for (int i = 0; i < s->plan.n_slots; i++) {
        const heft_slot *slot = &s->plan.slot[i];
        if (!slot->name || !*slot->name || slot->rows < 1)
            fail_msg("%s: slot %d has no name or no rows", p->name, i);
        for (int j = 0; j < i; j++)
            if (!strcmp(s->plan.slot[j].name, slot->name))
                fail_msg("%s: two slots are named %s", p->name, slot->name);
        s->count[i] = (size_t)slot->rows * (slot->scalar ? 1 : N);
        float *block = arena_alloc(m, s->count[i] + 2 * ZONE, sizeof *block);
        for (size_t j = 0; j < ZONE; j++) block[j] = block[ZONE + s->count[i] + j] = 12345;
        s->slot[i] = block + ZONE;
    }
    s->x = s->memory + ZONE;
    for (int i = 0; i < N + 2 * ZONE; i++) s->memory[i] = 12345;
    for (int i = 0; i < N; i++) s->x[i] = solution[i] + 0.05f * (float)(i % 7 - 3);   /* in reach of small steps */
    return s;
}

static void check_zones(const opt *s)
{
    for (int i = 0; i < ZONE; i++)
        if (s->memory[i] != 12345 || s->memory[ZONE + N + i] != 12345)
            fail_msg("%s: wrote outside x", s->o->head.name);
    for (int i = 0; i < s->plan.n_slots; i++)
        for (int j = -ZONE; j < ZONE; j++)
            if (s->slot[i][j < 0 ? j : (int)s->count[i] + j] != 12345)
                fail_msg("%s: wrote outside slot %s", s->o->head.name, s->plan.slot[i].name);
}

static void same(const opt *s, const opt *t, const char *what)
{
    if (memcmp(s->x, t->x, N * sizeof(float))) fail_msg("%s: other weights %s", s->o->head.name, what);
    for (int i = 0; i < s->plan.n_slots; i++)
        if (memcmp(s->slot[i], t->slot[i], s->count[i] * sizeof(float)))
            fail_msg("%s: other slot %s %s", s->o->head.name, s->plan.slot[i].name, what);
}

static void copy(opt *to, const opt *from)
{
    memcpy(to->x, from->x, N * sizeof(float));
    for (int i = 0; i < from->plan.n_slots; i++) memcpy(to->slot[i], from->slot[i], from->count[i] * sizeof(float));
}

/* One step of the range, which begins and ends with a tensor. */
static void step_range(opt *s, uint64_t t, const float *g, size_t begin, size_t end)
{
    static const heft_span span[2] = { { "l", "w", 0, CUT, { HEFT_F32, 2, { 4, 5 } } },
                                       { "l", "b", CUT, N, { HEFT_F32, 1, { N - CUT } } } };
    const heft_step step = {
        .host = s->plan.host, .t = t, .lr = (float)s->o->default_lr, .decay = 1, .begin = begin, .end = end,
        .span = span + (begin > 0), .n_span = (begin == 0) + (end == N), .x = s->x, .g = g, .slot = s->slot };
    s->o->step(s->self, &step);
}

static double evaluate(heft_problem *p, float *g) { return loss(p->x, g); }

/* Steps first .. last in ranges [0, cut), [cut, N); cut 0: one range. */
static double run(opt *s, uint64_t first, uint64_t last, size_t cut)
{
    float g[N];
    double accepted = loss(s->x, NULL);
    for (uint64_t t = first; t <= last; t++) {
        if (s->o->step) {
            loss(s->x, g);
            if (cut) step_range(s, t, g, cut, N);
            step_range(s, t, g, 0, cut ? cut : N);
            accepted = loss(s->x, NULL);
        } else {
            heft_problem p = { .host = s->plan.host, .t = t, .lr = (float)s->o->default_lr, .n = N, .x = s->x,
                               .slot = s->slot, .eval = evaluate, .loss = NAN };
            s->o->iterate(s->self, &p);
            accepted = p.loss;
        }
    }
    check_zones(s);
    return accepted;
}

static void check_cuts(arena *m, const plugin *p, const char *options)
{
    opt *s = start(m, p, options), *t = start(m, p, options);
    run(s, 1, 5, 0);
    run(t, 1, 5, CUT);
    same(s, t, "when the range is cut in two");
    for (int half = 0; half < 2; half++) {
        float g[N];
        copy(t, s);
        loss(s->x, g);
        step_range(t, 6, g, half ? CUT : 0, half ? N : CUT);
        for (size_t i = half ? 0 : CUT; i < (half ? CUT : N); i++) {
            if (memcmp(&s->x[i], &t->x[i], sizeof(float))) fail_msg("%s: changed x outside its range", p->name);
            for (int k = 0; k < s->plan.n_slots; k++)
                for (int row = 0; row < s->plan.slot[k].rows && !s->plan.slot[k].scalar; row++)
                    if (memcmp(&s->slot[k][(size_t)row * N + i], &t->slot[k][(size_t)row * N + i], sizeof(float)))
                        fail_msg("%s: changed slot %s outside its range", p->name, s->plan.slot[k].name);
        }
        for (int k = 0; k < s->plan.n_slots; k++)
            if (s->plan.slot[k].scalar && memcmp(s->slot[k], t->slot[k], s->count[k] * sizeof(float)))
                fail_msg("%s: step wrote the scalar slot %s", p->name, s->plan.slot[k].name);
    }
}

static void check_resume(arena *m, const plugin *p, const char *options)
{
    opt *s = start(m, p, options), *t = start(m, p, options), *u = start(m, p, options);
    run(s, 1, 6, 0);
    run(t, 1, 3, 0);
    copy(u, t);                                  /* weights and slots are all that a checkpoint has */
    run(u, 4, 6, 0);
    same(s, u, "when it goes on from its slots");
}

static void check_descent(arena *m, const plugin *p, const char *options)
{
    opt *s = start(m, p, options);
    if (!s) fail_msg("%s: refuses its defaults", p->name);
    void *before = arena_alloc(m, p->head.instance_size + 1, 1);
    memcpy(before, s->self, p->head.instance_size);
    const double first = loss(s->x, NULL), last = run(s, 1, STEPS, 0), real = loss(s->x, NULL);
    if (!(real < first / 2)) fail_msg("%s: loss %g after %d steps, %g before", p->name, real, STEPS, first);
    if (!(fabs(last - real) <= 1e-3 * (first + 1e-6)))
        fail_msg("%s: says its loss is %g, it is %g", p->name, last, real);
    if (memcmp(before, s->self, p->head.instance_size)) fail_msg("%s: changed its instance", p->name);
}

static void optimizer(void **state)
{
    arena *m = arena_new();
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const plugin *p = find(*state, r);
    const char *options = conform_options(m, p->head.options, 0, 8, NULL, NULL);
    check_descent(m, p, options);
    if (p->optimizer.step) check_cuts(m, p, options);
    check_resume(m, p, options);
    for (const heft_option *o = p->head.options; o && o->type != HEFT_END; o++)
        for (int i = 0;; i++) {
            const char *value = conform_other(m, o, i);
            if (!value) break;
            options = conform_options(m, p->head.options, 0, 8, o, value);
            if (!start(m, p, options)) continue;
            if (p->optimizer.step) check_cuts(m, p, options);
            check_resume(m, p, options);
        }
    registry_free(r);
    arena_free(m);
}

int main(void)
{
    compute_init(2, COMPUTE_F32);
    make_problem();
    return conform_run("optimizers", HEFT_OPTIMIZER, optimizer);
}
