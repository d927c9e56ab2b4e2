/* tpe.c -- tree-structured Parzen estimators
 *
 * The observations of a parameter are split into the best and the rest.  Either part is a mixture of one kernel an
 * observation and one for the prior: normals truncated to [0, 1], or, of values, a distribution over them.  Candidates are drawn
 * from the best's mixture l, and the one with the greatest l(x) / g(x) is suggested.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "sweep/inside.h"

typedef struct mixture {
    size_t  n;                       /* kernels: the observations in the order of time, the prior last */
    double *weight, *mu, *sigma;     /* of values: mu is the index */
    double *upto;                    /* [n] cumulative weights */
} mixture;

/* Optuna's default_gamma. */
static size_t count_best(size_t n)
{
    const size_t k = (size_t)ceil(0.1 * (double)n);
    return k < 25 ? k : 25;
}

/* Optuna's default_weights: observations older than the last 25 fade, down to 1 / n. */
static void set_weights(mixture *m)
{
    enum { FULL = 25 };
    const size_t n = m->n - 1, ramp = n > FULL ? n - FULL : 0;
    double sum = 1;
    for (size_t i = 0; i < n; i++) {
        const double first = 1 / (double)n;
        m->weight[i] = i >= ramp || ramp == 1 ? (i >= ramp ? 1 : first) : first + (1 - first) * (double)i / (double)(ramp - 1);
        sum += m->weight[i];
    }
    m->weight[n] = 1;
    double upto = 0;
    for (size_t i = 0; i < m->n; i++) m->upto[i] = upto += m->weight[i] /= sum;
}

typedef struct placed { double mu; size_t at; } placed;

static int by_mu(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    return x->mu != y->mu ? (x->mu < y->mu ? -1 : 1) : x->at < y->at ? -1 : 1;
}

/* Each kernel reaches to the farther of its neighbours, the outermost to their only one; within 1 / min(100, n + 1) and 1. */
static void set_sigmas(mixture *m, arena *a)
{
    placed *p = arena_alloc(a, m->n, sizeof *p);
    for (size_t i = 0; i < m->n; i++) p[i] = (placed){ m->mu[i], i };
    qsort(p, m->n, sizeof *p, by_mu);
    const double least = 1 / fmin(100, (double)m->n + 1);
    for (size_t i = 0; i < m->n; i++) {
        const double left = i ? p[i].mu - p[i - 1].mu : m->n > 1 ? 0 : p[i].mu;
        const double right = i + 1 < m->n ? p[i + 1].mu - p[i].mu : m->n > 1 ? 0 : 1 - p[i].mu;
        m->sigma[p[i].at] = fmin(1, fmax(least, fmax(left, right)));
    }
    m->sigma[m->n - 1] = 1;
}

static mixture mixture_new(size_t n, const double *t, bool values, arena *a)
{
    mixture m = { .n = n + 1 };
    m.weight = arena_alloc(a, m.n, sizeof(double));
    m.mu = arena_alloc(a, m.n, sizeof(double));
    m.sigma = arena_alloc(a, m.n, sizeof(double));
    m.upto = arena_alloc(a, m.n, sizeof(double));
    if (n) memcpy(m.mu, t, n * sizeof *t);
    m.mu[n] = 0.5;
    set_weights(&m);
    if (!values) set_sigmas(&m, a);
    return m;
}

static size_t pick(size_t n, const double *upto, double u)
{
    size_t k = 0;
    while (k + 1 < n && u >= upto[k]) k++;
    return k;
}

/* ---- numbers ---- */

static double draw_number(const mixture *m, heft_rng *r)
{
    const size_t k = pick(m->n, m->upto, draw_uniform(r));
    const double lo = normal_cdf(-m->mu[k] / m->sigma[k]), hi = normal_cdf((1 - m->mu[k]) / m->sigma[k]);
    const double t = m->mu[k] + m->sigma[k] * normal_quantile(lo + draw_uniform(r) * (hi - lo));
    return t < 0 ? 0 : t >= 1 ? 1 - 0x1p-53 : t;
}

/* The density at t, or, of a parameter with few values, the mass of the cell of width 1 / cells around t. */
static double log_number(const mixture *m, double t, double cells)
{
    double sum = 0;
    for (size_t k = 0; k < m->n; k++) {
        const double mu = m->mu[k], s = m->sigma[k], inside = normal_cdf((1 - mu) / s) - normal_cdf(-mu / s);
        const double z = (t - mu) / s, cell = floor(t * cells);
        const double mass = cells > 0 ? normal_cdf(((cell + 1) / cells - mu) / s) - normal_cdf((cell / cells - mu) / s)
                                      : exp(-z * z / 2) / (s * sqrt(2 * M_PI));
        sum += m->weight[k] * mass / inside;
    }
    return log(sum + 1e-300);
}

/* ---- values ---- */

/* The kernel of an observation: its value, and 1 / n of the prior. */
static double value_chance(const mixture *m, const parameter *p, size_t v)
{
    const double prior = p->upto[v] - (v ? p->upto[v - 1] : 0), part = 1 / (double)m->n;
    double sum = 0;
    for (size_t k = 0; k + 1 < m->n; k++) sum += m->weight[k] * (((size_t)m->mu[k] == v) + part * prior) / (1 + part);
    return sum + m->weight[m->n - 1] * prior;
}

static size_t draw_value(const mixture *m, const parameter *p, heft_rng *r)
{
    double u = draw_uniform(r);
    for (size_t v = 0; v + 1 < p->n; v++)
        if ((u -= value_chance(m, p, v)) < 0) return v;
    return p->n - 1;
}

/* ---- the split ---- */

static int by_rank(const void *a, const void *b)
{
    const seen *x = *(const seen *const *)a, *y = *(const seen *const *)b;
    if (!x->epochs != !y->epochs) return x->epochs ? -1 : 1;
    if (isnan(x->value) != isnan(y->value)) return isnan(x->value) ? 1 : -1;
    if (!isnan(x->value) && x->epochs != y->epochs) return x->epochs > y->epochs ? -1 : 1;
    if (!isnan(x->value) && x->value != y->value) return x->value < y->value ? -1 : 1;
    return x < y ? -1 : 1;
}

static bool *find_best(size_t n, const seen *list, arena *a)
{
    const seen **order = arena_alloc(a, n, sizeof *order);
    bool *best = arena_alloc(a, n, sizeof *best);
    size_t results = 0;
    for (size_t i = 0; i < n; i++) order[i] = &list[i], results += list[i].epochs > 0;
    qsort(order, n, sizeof *order, by_rank);
    for (size_t i = 0; i < count_best(results); i++) best[order[i] - list] = !isnan(order[i]->value);
    return best;
}

static void suggest_one(const space *s, int i, uint64_t key, size_t n, const seen *list, const bool *best, point *out,
                        arena *results, arena *a)
{
    const parameter *p = &s->parameter[i];
    const bool values = p->spread == SPREAD_VALUES;
    double *t = arena_alloc(a, 2 * n + 1, sizeof *t);
    size_t n_best = 0, n_rest = 0;
    for (size_t k = 0; k < n; k++)
        if (list[k].point->value[i]) t[best[k] ? n_best++ : n + n_rest++] = list[k].point->t[i];
    const mixture l = mixture_new(n_best, t, values, a), g = mixture_new(n_rest, t + n, values, a);
    const double cells = values ? 0 : (double)parameter_count(p);
    heft_rng r = rng_key(s->seed, RNG_SWEEP, key, p->hash);
    double top = -INFINITY, chosen = 0;
    for (int c = 0; c < TPE_CANDIDATES; c++) {
        const double x = values ? (double)draw_value(&l, p, &r) : draw_number(&l, &r);
        const double score = values ? log(value_chance(&l, p, (size_t)x)) - log(value_chance(&g, p, (size_t)x))
                                    : log_number(&l, x, cells) - log_number(&g, x, cells);
        if (score > top) top = score, chosen = x;
    }
    if (values) point_choose(s, i, (size_t)chosen, out);
    else point_draw(s, i, chosen, out, results);
}

void tpe_suggest(const space *s, uint64_t key, size_t n_seen, const seen *list, point *out, arena *a)
{
    arena *scratch = arena_new();
    const bool *best = find_best(n_seen, list, scratch);
    for (int i = 0; i < s->n; i++)
        if (point_active(s, i, out)) suggest_one(s, i, key, n_seen, list, best, out, a, scratch);
    arena_free(scratch);
}
