/* fuzz_sweep.c -- what stands below `sweep:`; of a section that is accepted come points, which are tried, and are what was asked for */
#include <math.h>

#include "fault/fuzz.h"

#include "sweep/sample.h"

enum { POINTS = 24, BUILT = 3 };

static const char head[] =
    "seed: 3\ndata: {format: houses, samples: 100, validation: 0.2}\nmodel: [{dense: {units: 4, name: a}}, {dense: {units: 1}}]\n"
    "loss: mean_squared_error\noptimizer: {adam: {lr: 1e-2}}\ntrain: {epochs: 9}\nsweep:\n";

static void check_point(const space *s, const point *p)
{
    if (!point_allowed(s, p)) abort();
    for (int i = 0; i < s->n; i++) {
        const parameter *q = &s->parameter[i];
        if (point_active(s, i, p) != (p->value[i] != NULL)) abort();
        if (!p->value[i]) continue;
        const bool ranged = q->spread == SPREAD_UNIFORM || q->spread == SPREAD_LOG_UNIFORM || q->spread == SPREAD_INT_UNIFORM;
        /* Six digits of a number that is drawn may round it beyond an end. */
        const double slack = 1e-5 * fmax(fabs(q->min), fabs(q->max));
        if (ranged && !(p->number[i] >= q->min - slack && p->number[i] <= q->max + slack)) abort();
    }
}

/* The point is a variant of the experiment, or the reason why not prints. */
static void build(const space *s, const point *p, problems *pr)
{
    arena *a = arena_new();
    char **over = arena_alloc(a, (size_t)s->n, sizeof *over);
    int n = 0;
    for (int i = 0; i < s->n; i++)
        if (p->value[i]) over[n++] = arena_printf(a, "%s=%s", s->parameter[i].path, p->value[i]);
    experiment *e = experiment_parse("fuzz.yaml", "/nowhere", head, strlen(head) - strlen("sweep:\n"), n, over, pr);
    if (e) experiment_free(e);
    arena_free(a);
}

static void try_points(const space *s, problems *pr)
{
    sampler *p = sampler_new(s, pr);
    seen list[POINTS];
    size_t n = 0;
    for (const point *next; p && n < POINTS && (next = sampler_next(p, n, list)); n++) {
        text t = { 0 };
        check_point(s, next);
        point_text(s, next, &t);
        text_free(&t);
        if (n < BUILT) build(s, next, pr);
        list[n] = (seen){ next, (int64_t)n % 4, n % 5 == 4 ? NAN : (double)(n * 7 % 11) };
    }
    sampler_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    problems pr = { 0 };
    const size_t k = strlen(head);
    char *yaml = malloc(k + n + 1);
    if (!yaml) abort();
    memcpy(yaml, head, k);
    memcpy(yaml + k, bytes, n);
    experiment *e = experiment_parse("fuzz.yaml", "/nowhere", yaml, k + n, 0, NULL, &pr);
    if (!e != (pr.n > 0)) abort();
    if (e) {
        arena *a = arena_new();
        space *s = space_read(e, a, &pr);
        if (!s != (pr.n > 0)) abort();
        if (s) try_points(s, &pr);
        arena_free(a);
        experiment_free(e);
    }
    fuzz_print(&pr);
    free(yaml);
    return 0;
}
