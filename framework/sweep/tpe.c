/* tpe.c -- tree-structured Parzen estimators
 *
 * The observations are split into the best and the rest.  Either part is a mixture of one kernel an observation and one for the prior.
 * A kernel is a product over parameters: a normal truncated to [0, 1], or, of values, a distribution over them; and the prior, for
 * parameters that are no part of that observation.  Candidates are drawn whole from the best's mixture l, so that what is good together
 * stays together (S. Falkner et al., "BOHB", ICML 2018), and the one with the greatest l(x) / g(x) is suggested.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "sweep/inside.h"

/* Of a kernel, times n^(-1 / (parameters + 4)), Scott's rule.  Optuna has 0.2; docs/sweeps.md says why half of it. */
static const double kernel_width = 0.1;

typedef struct mixture {
    const space *s;
    size_t       n;                  /* observations, in the order of time; kernel n is the prior's */
    const seen **of;
    double      *weight, *upto;      /* [n + 1]; cumulative */
    double       sigma;
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
    const size_t n = m->n, ramp = n > FULL ? n - FULL : 0;
    double sum = 1, upto = 0;
    for (size_t i = 0; i < n; i++) {
        const double first = 1 / (double)n;
        m->weight[i] = i >= ramp ? 1 : ramp == 1 ? first : first + (1 - first) * (double)i / (double)(ramp - 1);
        sum += m->weight[i];
    }
    m->weight[n] = 1;
    for (size_t i = 0; i <= n; i++) m->upto[i] = upto += m->weight[i] /= sum;
}

static mixture mixture_new(const space *s, size_t n, const seen **of, arena *a)
{
    mixture m = { .s = s, .n = n, .of = of, .weight = arena_alloc(a, n + 1, sizeof(double)), .upto = arena_alloc(a, n + 1, sizeof(double)) };
    m.sigma = kernel_width * pow((double)(n ? n : 1), -1 / (double)(s->n + 4));
    set_weights(&m);
    return m;
}

/* ---- a parameter of a kernel ---- */

typedef struct normal { double mu, sigma, below, inside; } normal;       /* below: the mass left of 0; inside: that of [0, 1] */

/* The point of kernel k, if it has parameter i. */
static const point *observed(const mixture *m, size_t k, int i)
{
    return k < m->n && m->of[k]->point->value[i] ? m->of[k]->point : NULL;
}

static normal normal_of(const mixture *m, size_t k, int i)
{
    const point *p = observed(m, k, i);
    normal x = { p ? p->t[i] : 0.5, p ? m->sigma : 1, 0, 0 };
    x.below = normal_cdf(-x.mu / x.sigma);
    x.inside = normal_cdf((1 - x.mu) / x.sigma) - x.below;
    return x;
}

/* The observation's own value, and 1 / (n + 1) of the prior. */
static double value_chance(const mixture *m, size_t k, int i, size_t v)
{
    const parameter *q = &m->s->parameter[i];
    const point *p = observed(m, k, i);
    const double prior = q->upto[v] - (v ? q->upto[v - 1] : 0), part = 1 / (double)(m->n + 1);
    return p ? ((size_t)p->t[i] == v ? 1 + part * prior : part * prior) / (1 + part) : prior;
}

/* The density at t, or, of a parameter with few values, the mass of the cell of width 1 / cells around t. */
static double density(const mixture *m, size_t k, int i, double t)
{
    const parameter *q = &m->s->parameter[i];
    if (q->spread == SPREAD_VALUES) return value_chance(m, k, i, (size_t)t);
    const normal x = normal_of(m, k, i);
    const double z = (t - x.mu) / x.sigma, cells = (double)parameter_count(q), cell = floor(t * cells);
    const double mass = cells > 0 ? normal_cdf(((cell + 1) / cells - x.mu) / x.sigma) - normal_cdf((cell / cells - x.mu) / x.sigma)
                                  : exp(-z * z / 2) / (x.sigma * sqrt(2 * M_PI));
    return mass / x.inside;
}

static void draw(const mixture *m, size_t k, int i, double u, point *out, arena *a)
{
    const parameter *q = &m->s->parameter[i];
    if (q->spread == SPREAD_VALUES) {
        size_t v = 0;
        while (v + 1 < q->n && (u -= value_chance(m, k, i, v)) >= 0) v++;
        point_choose(m->s, i, v, out);
    } else {
        const normal x = normal_of(m, k, i);
        const double t = x.mu + x.sigma * normal_quantile(x.below + u * x.inside);
        point_draw(m->s, i, t < 0 ? 0 : t >= 1 ? 1 - 0x1p-53 : t, out, a);
    }
}

/* ---- whole points ---- */

static double log_density(const mixture *m, const point *p)
{
    double sum = 0;
    for (size_t k = 0; k <= m->n; k++) {
        double product = m->weight[k];
        for (int i = 0; i < m->s->n; i++)
            if (p->value[i]) product *= density(m, k, i, p->t[i]);
        sum += product;
    }
    return log(sum + 1e-300);
}

static point *candidate(const mixture *m, size_t k, heft_rng *r, arena *a)
{
    point *p = point_new(m->s, a);
    for (int i = 0; i < m->s->n; i++) {
        const double u = draw_uniform(&r[i]);
        if (point_active(m->s, i, p)) draw(m, k, i, u, p, a);
    }
    return p;
}

static size_t pick(const mixture *m, double u)
{
    size_t k = 0;
    while (k < m->n && u >= m->upto[k]) k++;
    return k;
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

void tpe_suggest(const space *s, uint64_t key, size_t n_seen, const seen *list, point *out, arena *results)
{
    arena *a = arena_new();
    const bool *best = find_best(n_seen, list, a);
    const seen **part[2] = { arena_alloc(a, n_seen + 1, sizeof **part), arena_alloc(a, n_seen + 1, sizeof **part) };
    size_t n[2] = { 0, 0 };
    for (size_t k = 0; k < n_seen; k++) part[best[k]][n[best[k]]++] = &list[k];
    const mixture l = mixture_new(s, n[true], part[true], a), g = mixture_new(s, n[false], part[false], a);
    heft_rng which = rng_key(s->seed, RNG_SWEEP, key, 0), *r = arena_alloc(a, (size_t)s->n, sizeof *r);
    for (int i = 0; i < s->n; i++) r[i] = rng_key(s->seed, RNG_SWEEP, key, s->parameter[i].hash);
    const point *chosen = NULL;
    double top = -INFINITY;
    for (int c = 0; c < TPE_CANDIDATES; c++) {
        const point *p = candidate(&l, pick(&l, draw_uniform(&which)), r, a);
        const double score = log_density(&l, p) - log_density(&g, p);
        if (!chosen || score > top) top = score, chosen = p;
    }
    point_copy(s, chosen, out, results);
    arena_free(a);
}
