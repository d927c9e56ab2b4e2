#include "sweep/steer.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_RUNGS = 64, MEDIAN_OF = 5 };

typedef struct contender {
    const point *point;
    int      bracket;
    int      rungs;                  /* results it has */
    double  *value;                  /* [rungs] smaller is better; NaN: failed */
    int64_t  epochs;                 /* of the last */
    bool     finished, goes_on;
} contender;

typedef struct worker { bool busy; int64_t contender, end, order; } worker;

struct steer {
    const space *space;
    sampler     *sampler;
    arena       *memory;
    int64_t      epochs;
    int64_t      n, room;
    contender   *contender;
    int64_t      n_workers, n_busy;
    worker      *worker;
    int64_t      clock, order;
    int          n_brackets;
    double       weight[MOST_RUNGS], share[MOST_RUNGS];    /* of brackets: wanted, given */
    bool         drained;            /* no more points */
    double       best;
    int64_t      since_best;
};

bool steer_depends(const space *s) { return s->method == SWEEP_TPE || s->early != EARLY_NONE || s->patience > 0; }

int64_t steer_rung(const space *s, int64_t epochs, int bracket, int k)
{
    const int64_t last = s->max_epochs && s->max_epochs < epochs ? s->max_epochs : epochs;
    double at = (double)s->min_epochs;
    if (s->early == EARLY_NONE) return 0;
    if (s->early == EARLY_MEDIAN) at *= k + 1;
    else for (int i = 0; i < bracket + k; i++) at *= (double)s->eta;
    return at < (double)last ? (int64_t)at : 0;
}

steer *steer_new(const space *s, sampler *p, int64_t epochs)
{
    arena *a = arena_new();
    steer *t = arena_alloc(a, 1, sizeof *t);
    *t = (steer){ .space = s, .sampler = p, .memory = a, .epochs = epochs, .n_brackets = 1, .best = NAN };
    const int64_t most = s->trials ? s->trials : p->n_grid;
    t->n_workers = !steer_depends(s) || s->lag > most ? most : s->lag;
    t->worker = arena_alloc(a, (size_t)t->n_workers, sizeof *t->worker);
    if (s->early == EARLY_HYPERBAND)
        while (t->n_brackets < MOST_RUNGS && steer_rung(s, epochs, t->n_brackets - 1, 0)) t->n_brackets++;
    for (int b = 0; b < t->n_brackets; b++)
        t->weight[b] = ceil(t->n_brackets / (double)(t->n_brackets - b) * pow((double)s->eta, t->n_brackets - 1 - b));
    return t;
}

void steer_free(steer *t)
{
    if (t) arena_free(t->memory);
}

int64_t steer_width(const steer *t) { return t->n_workers; }
int64_t steer_points(const steer *t) { return t->n; }

/* ---- choosing ---- */

static int64_t rung_of(const steer *t, const contender *c, int k) { return steer_rung(t->space, t->epochs, c->bracket, k); }

static void set_value(steer *t, contender *c, double v)
{
    c->value = arena_grow(t->memory, c->value, (size_t)c->rungs, (size_t)c->rungs + 1, sizeof *c->value);
    c->value[c->rungs++] = v;
}

typedef struct standing { double value; int64_t at; } standing;

static int by_value(const void *a, const void *b)
{
    const standing *x = a, *y = b;
    if (isnan(x->value) != isnan(y->value)) return isnan(x->value) ? 1 : -1;
    if (!isnan(x->value) && x->value != y->value) return x->value < y->value ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

/* The results of a bracket at rung k, the best first. */
static int64_t standings(const steer *t, int bracket, int k, standing *out)
{
    int64_t n = 0;
    for (int64_t i = 0; i < t->n; i++)
        if (t->contender[i].bracket == bracket && t->contender[i].rungs > k) out[n++] = (standing){ t->contender[i].value[k], i };
    qsort(out, (size_t)n, sizeof *out, by_value);
    return n;
}

static bool is_busy(const steer *t, int64_t who)
{
    for (int64_t w = 0; w < t->n_workers; w++)
        if (t->worker[w].busy && t->worker[w].contender == who) return true;
    return false;
}

/* One that has its result at rung k and may go beyond; those that have finished are taken along without a job. */
static int64_t promote(steer *t, int bracket, int k, standing *list)
{
    const int64_t n = standings(t, bracket, k, list);
    for (int64_t i = 0; i < n / t->space->eta; i++) {
        contender *c = &t->contender[list[i].at];
        if (c->rungs > k + 1 || isnan(list[i].value) || is_busy(t, list[i].at)) continue;
        if (!c->finished) return list[i].at;
        set_value(t, c, c->value[k]);
    }
    return -1;
}

static int64_t promotion(steer *t)
{
    if (t->space->early == EARLY_MEDIAN) {
        for (int64_t i = 0; i < t->n; i++)
            if (t->contender[i].goes_on) return i;
        return -1;
    }
    if (t->space->early == EARLY_NONE) return -1;
    standing *list = malloc((size_t)(t->n + 1) * sizeof *list);
    if (!list) memory_exhausted((size_t)t->n * sizeof *list);
    int64_t found = -1;
    for (int b = 0; b < t->n_brackets && found < 0; b++) {
        int top = 0;
        while (steer_rung(t->space, t->epochs, b, top)) top++;
        for (int k = top - 1; k >= 0 && found < 0; k--) found = promote(t, b, k, list);
    }
    free(list);
    return found;
}

static int next_bracket(steer *t)
{
    double all = 0;
    int chosen = 0;
    for (int b = 0; b < t->n_brackets; b++) all += t->weight[b];
    for (int b = 0; b < t->n_brackets; b++) {
        t->share[b] += t->weight[b] / all;
        if (t->share[b] > t->share[chosen]) chosen = b;
    }
    t->share[chosen]--;
    return chosen;
}

static int64_t new_point(steer *t)
{
    if (t->drained || (t->space->patience && t->since_best >= t->space->patience)) return -1;
    seen *list = malloc((size_t)(t->n + 1) * sizeof *list);
    if (!list) memory_exhausted((size_t)t->n * sizeof *list);
    size_t n = 0;
    for (int64_t i = 0; i < t->n; i++) {
        const contender *c = &t->contender[i];
        list[n++] = (seen){ c->point, c->rungs ? c->epochs : 0, c->rungs ? c->value[c->rungs - 1] : NAN };
    }
    const point *p = sampler_next(t->sampler, n, list);
    free(list);
    t->drained = !p;
    if (!p) return -1;
    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 64;
        t->contender = arena_grow(t->memory, t->contender, (size_t)t->n, (size_t)t->room, sizeof *t->contender);
    }
    t->contender[t->n] = (contender){ .point = p, .bracket = next_bracket(t) };
    return t->n++;
}

bool steer_begin(steer *t, job *out)
{
    if (t->n_busy == t->n_workers) return false;
    int64_t i = promotion(t);
    if (i < 0) i = new_point(t);
    if (i < 0) return false;
    contender *c = &t->contender[i];
    c->goes_on = false;
    worker *w = t->worker;
    while (w->busy) w++;
    const int64_t until = rung_of(t, c, c->rungs), from = c->rungs ? rung_of(t, c, c->rungs - 1) : 0;
    *w = (worker){ true, i, t->clock + (until ? until : t->epochs) - from, t->order++ };
    t->n_busy++;
    *out = (job){ i, c->point, until };
    return true;
}

/* ---- results ---- */

/* The busy worker that ends first; of several the one that began first. */
static worker *first_to_end(const steer *t)
{
    worker *first = NULL;
    for (int64_t i = 0; i < t->n_workers; i++) {
        worker *w = &t->worker[i];
        if (w->busy && (!first || w->end < first->end || (w->end == first->end && w->order < first->order))) first = w;
    }
    return first;
}

bool steer_awaits(const steer *t, job *out)
{
    const worker *w = first_to_end(t);
    if (!w) return false;
    const contender *c = &t->contender[w->contender];
    *out = (job){ w->contender, c->point, rung_of(t, c, c->rungs) };
    return true;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static bool below_median(const steer *t, const contender *c)
{
    const int k = c->rungs - 1;
    double *other = malloc((size_t)(t->n + 1) * sizeof *other);
    if (!other) memory_exhausted((size_t)t->n * sizeof *other);
    size_t n = 0;
    for (int64_t i = 0; i < t->n; i++) {
        const contender *o = &t->contender[i];
        if (o != c && o->rungs > k && !isnan(o->value[k])) other[n++] = o->value[k];
    }
    qsort(other, n, sizeof *other, ascending);
    const double median = n ? (other[(n - 1) / 2] + other[n / 2]) / 2 : NAN;
    free(other);
    return n >= MEDIAN_OF && c->value[k] > median;
}

void steer_report(steer *t, const result *r)
{
    worker *w = first_to_end(t);
    contender *c = &t->contender[w->contender];
    const bool last = !rung_of(t, c, c->rungs);
    t->clock = w->end;
    w->busy = false;
    t->n_busy--;
    const double v = t->space->goal == GOAL_MAXIMIZE ? -r->value : r->value;
    set_value(t, c, v);
    c->epochs = r->epochs > 0 ? r->epochs : 1;
    c->finished = r->finished || last || isnan(v);
    const bool better = !isnan(v) && (isnan(t->best) || v < t->best);
    if (better) t->best = v;
    t->since_best = better ? 0 : t->since_best + 1;
    if (t->space->early == EARLY_MEDIAN && !c->finished) c->goes_on = !below_median(t, c);
}
