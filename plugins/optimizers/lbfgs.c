/* lbfgs.c -- limited-memory BFGS with a backtracking line search
 *
 *   d = H g, H from the last `history` pairs s = x_k+1 - x_k, y = g_k+1 - g_k
 *   x = x - r d, r = lr, lr / 2, lr / 4, ... until f(x - r d) <= f(x) - decrease r g'd
 *
 * J. Nocedal, S. Wright, "Numerical Optimization", 2nd ed.: the two-loop recursion is algorithm 7.4, the sufficient
 * decrease condition (3.6a).  Both gradients of a pair come from the same minibatch, as eval guarantees; it is at its
 * best on all the data at once.  A step that finds no decrease leaves the weights and forgets the pairs.
 *
 * As PyTorch's LBFGS with max_iter 1 (one iteration for each minibatch) wherever the first try, r = lr, is accepted:
 * the first direction is shortened to lr / |g|_1, and a pair counts if s'y > 1e-10.  PyTorch searches by strong_wolfe
 * or, by default, not at all.
 */
#include <string.h>
#include <heft/plugin.h>

enum { MAX_HISTORY = 64 };

typedef struct { int64_t history, tries; double decrease; } lbfgs;

enum { S, Y, G, D, X0, PAIRS };                  /* slots, as declared */

static const heft_option options[] = {
    HEFT_OPT_INT (lbfgs, history, 10, 1, MAX_HISTORY, "pairs (s, y) remembered"),
    HEFT_OPT_INT (lbfgs, tries, 20, 1, 100, "halvings before a step is given up"),
    HEFT_OPT_REAL(lbfgs, decrease, 1e-4, 0, 0.5, "share of the decrease expected that is sufficient"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    const lbfgs *o = self;
    const int32_t m = (int32_t)o->history + 1;   /* the pair that is being made overwrites none in use */
    const heft_slot slots[] = { { "s", m, false }, { "y", m, false }, { "g", 1, false },
                                { "d", 1, false }, { "x0", 1, false }, { "pairs", 1, true } };
    memcpy(p->slot, slots, sizeof slots);
    p->n_slots = (int32_t)(sizeof slots / sizeof slots[0]);
    return 0;
}

/* Where pair k is in a slot that is used as a ring. */
static float *row(const lbfgs *o, const heft_problem *p, int slot, int64_t k)
{
    return p->slot[slot] + (size_t)(k % (o->history + 1)) * p->n;
}

/* d = H g by the two-loop recursion over the last `pairs` pairs. */
static void direction(const lbfgs *o, const heft_problem *p, int64_t pairs)
{
    const heft_host *h = p->host;
    const size_t n = p->n;
    const int64_t kept = pairs < o->history ? pairs : o->history;
    float *d = p->slot[D];
    double alpha[MAX_HISTORY + 1], sy[MAX_HISTORY + 1], gamma = 1;

    memcpy(d, p->slot[G], n * sizeof *d);
    for (int64_t k = pairs - 1; k >= pairs - kept; k--) {
        const float *s = row(o, p, S, k), *y = row(o, p, Y, k);
        const int64_t i = k % (o->history + 1);
        sy[i] = h->dot(n, s, y);
        if (k == pairs - 1) gamma = sy[i] / h->dot(n, y, y);
        alpha[i] = h->dot(n, s, d) / sy[i];
        h->axpy(n, (float)-alpha[i], y, d);
    }
    for (size_t i = 0; i < n; i++) d[i] *= (float)gamma;
    for (int64_t k = pairs - kept; k < pairs; k++) {
        const int64_t i = k % (o->history + 1);
        const double beta = h->dot(n, row(o, p, Y, k), d) / sy[i];
        h->axpy(n, (float)(alpha[i] - beta), row(o, p, S, k), d);
    }
}

/* The first rate to try. */
static double first_rate(const heft_problem *p, int64_t pairs)
{
    double sum = 0;
    for (size_t i = 0; !pairs && i < p->n; i++) sum += fabsf(p->slot[G][i]);
    return sum > 1 ? p->lr / sum : p->lr;
}

/* Move x along -d until the loss has decreased enough, its gradient then in g1.  False: x is as before. */
static bool search(const lbfgs *o, heft_problem *p, double rate, float *g1)
{
    const size_t n = p->n;
    const float *d = p->slot[D];
    float *x0 = p->slot[X0];
    const double f0 = p->loss, slope = p->host->dot(n, p->slot[G], d);
    memcpy(x0, p->x, n * sizeof *x0);
    for (int64_t k = 0; slope > 0 && k < o->tries; k++, rate /= 2) {
        memcpy(p->x, x0, n * sizeof *x0);
        p->host->axpy(n, (float)-rate, d, p->x);
        p->loss = p->eval(p, g1);
        if (p->loss <= f0 - o->decrease * rate * slope) return true;
    }
    memcpy(p->x, x0, n * sizeof *x0);
    p->loss = f0;
    return false;
}

static void iterate(const void *self, heft_problem *p)
{
    const lbfgs *o = self;
    float *g = p->slot[G], *x0 = p->slot[X0];
    int64_t pairs = (int64_t)p->slot[PAIRS][0];
    float *s = row(o, p, S, pairs), *y = row(o, p, Y, pairs);

    p->loss = p->eval(p, g);
    direction(o, p, pairs);
    if (!search(o, p, first_rate(p, pairs), y)) {
        p->slot[PAIRS][0] = 0;
        return;
    }
    for (size_t i = 0; i < p->n; i++) {
        s[i] = p->x[i] - x0[i];
        y[i] -= g[i];
    }
    if (!(p->host->dot(p->n, s, y) > 1e-10)) return;         /* keep H positive definite */
    pairs++;
    if (pairs == 2 * (o->history + 1)) pairs -= o->history + 1;      /* the same rows; a float counts no further */
    p->slot[PAIRS][0] = (float)pairs;
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "lbfgs", "limited-memory BFGS", sizeof(lbfgs), options),
    .plan = plan, .iterate = iterate,
    .default_lr = 1,
};
