/* check_gradient.c -- din and dweight against differences of forward, along random directions */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "plugin/check_inside.h"

/* A float's rounding; how many of them a slope may be off by for every output; and the share of it that is borne. */
static const double rounding = 6e-8, noise_factor = 4, tolerance = 4e-3;

/* sum(out dout), and the length of its terms. */
static double objective(rig *h, double *length)
{
    double sum = 0, squares = 0;
    rig_forward(h, true);
    for (size_t i = 0; i < rig_out_count(h); i++) {
        const double term = (double)h->out[i] * h->dout[i];
        sum += term;
        squares += term * term;
    }
    *length = sqrt(squares);
    return sum;
}

typedef struct slopes { double mean, apart; } slopes;

/* How the objective changes along v, by differences to both sides: their mean, and how far they are apart. */
static slopes slopes_along(rig *h, float *x, const float *start, const float *v, size_t n, double middle, float step)
{
    double unused;
    for (size_t i = 0; i < n; i++) x[i] = start[i] + step * v[i];
    const double ahead = (objective(h, &unused) - middle) / (double)step;
    for (size_t i = 0; i < n; i++) x[i] = start[i] - step * v[i];
    const double behind = (middle - objective(h, &unused)) / (double)step;
    memcpy(x, start, n * sizeof *x);
    return (slopes){ (ahead + behind) / 2, ahead - behind };
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

/* dx is the gradient of the objective by x.  Directions across a kink (relu, max) are passed over: there the means of two
 * step sizes differ, or the slopes ahead and behind do not come together in proportion to the step.  Some kinks of many
 * pass by chance, so one direction of four may disagree. */
static void check_slope(check *c, rig *h, const char *subject, const char *look, float *x, const float *dx, size_t n)
{
    enum { WANTED = 8, TRIES = 64 };
    const float far = 0x1p-7f, near = 0x1p-8f;
    const double few = 48.0 / (double)n, share[] = { fmin(few, 1), fmin(few / 4, 0.3), 0, fmin(few, 0.6) };
    double norm = 0, length;
    for (size_t i = 0; i < n; i++) norm += (double)dx[i] * dx[i];
    norm = sqrt(norm);
    heft_rng r = rng_key(7, RNG_TEST, n, 0);
    const float *start = kept(h, x, n);
    float *v = arena_alloc(h->memory, n, sizeof *v);
    const double middle = objective(h, &length), noise = noise_factor * rounding * (1 + length) / (double)near;
    int smooth = 0, wrong = 0, clear = 0;
    double want = 0, got = 0;
    for (int try = 0; try < TRIES && (smooth < WANTED || !clear); try++) {
        const double part = share[try % 4], analytic = direction(&r, part, n, dx, v);
        const slopes wide = slopes_along(h, x, start, v, n, middle, far), fine = slopes_along(h, x, start, v, n, middle, near);
        const double best = (4 * fine.mean - wide.mean) / 3;           /* Richardson: the h^2 term is gone */
        const double size = norm * sqrt(fmax(part, 1 / (double)n)), room = tolerance * fmax(size, fabs(best)) + 8 * noise;
        const double kink = 4 * tolerance * fmax(size, fabs(best)) + 8 * noise;
        if (fabs(wide.mean - fine.mean) > kink || fabs(2 * fine.apart - wide.apart) > 2 * kink) continue;
        smooth++;
        clear += fabs(best) > 4 * room;
        if (fabs(best - analytic) <= room) continue;
        if (!wrong++ || fabs(best) > fabs(want)) want = best, got = analytic;
    }
    if (smooth < 2) check_that(c, true, subject, "", "", " ");         /* kinks all over: no judgement */
    else check_that(c, 4 * wrong <= smooth, subject, check_text(c, "a slope of %.6g along a direction, by differences of forward", want),
                    look, "%.6g by backward (%d of %d directions disagree%s)", got, wrong, smooth,
                    got == 0 ? "; is it written at all?" : "");
}

void check_gradients(check *c)
{
    cases_make(c);
    for (size_t k = 0; c->p->layer.backward && k < c->n_cases; k++) {
        const check_case *now = &c->cases[k];
        const bool wild = now->other && now->other->type == HEFT_REAL && now->value != option_moderate(now->other);
        rig *h = wild ? NULL : case_open(c, now, two_lanes);
        if (!h) continue;
        rig_forward(h, true);
        rig_backward(h);
        const float *din[HEFT_MAX_INPUTS], *dweight[HEFT_MAX_TENSORS];
        for (int i = 0; i < h->plan.n_in; i++) din[i] = kept(h, h->din[i], rig_in_count(h, i));
        for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) dweight[i] = kept(h, h->dweight[i], rig_weight_count(h, i));
        for (int i = 0; i < h->plan.n_in; i++)
            if (has_din(h, i))
                check_slope(c, h, check_text(c, "gradient of input %d", i), check_text(c, "backward: din[%d]", i), h->in[i], din[i],
                            rig_in_count(h, i));
        for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) {
            const bool whole = h->layer->gradient && h->layer->gradient_of >> i & 1;
            check_slope(c, h, check_text(c, "gradient of weight '%s'", h->of[HEFT_WEIGHT][i]->name),
                        check_text(c, "%s (weight %d as declared)", whole ? "gradient" : "backward: dweight", i), h->weight[i], dweight[i],
                        rig_weight_count(h, i));
        }
        rig_close(h);
    }
}

/* ---- the gradient pass --------------------------------------------------------- */

/* One tile writes its rows and no others. */
static void check_tile(check *c, rig *h, int i)
{
    const heft_shape *s = &h->of[HEFT_WEIGHT][i]->shape;
    const size_t n = rig_weight_count(h, i);
    const int64_t rows = s->rank ? s->dim[0] : 1, begin = rows / 3, end = begin + (rows > 1 ? rows / 2 : 1);
    const size_t row = n / (size_t)rows;
    for (size_t k = 0; k < n; k++) h->dweight[i][k] = 12345;
    const heft_gradient g = { .host = h->plan.host, .n = h->n, .tensor = i, .begin = begin, .end = end,
                              .in = (const float *const *)h->in, .dout = h->dout, .dweight = h->dweight[i] };
    h->layer->gradient(h->self, &g);
    ptrdiff_t at = -1;
    for (size_t k = 0; k < n && at < 0; k++)
        if ((k < (size_t)begin * row || k >= (size_t)end * row) && h->dweight[i][k] != 12345) at = (ptrdiff_t)k;
    check_that(c, at < 0, "a tile writes its rows alone", "rows begin to end - 1 written, the others left as they are", "gradient",
               "rows %lld to %lld asked for, element %td of row %lld written", (long long)begin, (long long)end - 1, at,
               (long long)(at / (ptrdiff_t)row));
}

void check_gradient_pass(check *c)
{
    cases_make(c);
    for (size_t k = 0; c->p->layer.gradient && k < c->n_cases; k++) {
        rig *h = case_open(c, &c->cases[k], two_lanes);
        if (!h) continue;
        const float *sum[HEFT_MAX_TENSORS];
        h->by_gradient = false;
        rig_forward(h, true);
        rig_backward(h);
        for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) sum[i] = kept(h, h->dweight[i], rig_weight_count(h, i));
        h->by_gradient = true;
        rig_forward(h, true);
        rig_backward(h);
        for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) {
            ptrdiff_t at = -1;
            for (size_t j = 0; j < rig_weight_count(h, i) && at < 0; j++)
                if (!(fabs((double)h->dweight[i][j] - (double)sum[i][j]) <= 1e-4 * (1 + fabs((double)sum[i][j])))) at = (ptrdiff_t)j;
            check_that(c, at < 0, check_text(c, "gradient of '%s' by tiles", h->of[HEFT_WEIGHT][i]->name),
                       "what backward adds up over the samples", "gradient, against backward where dweight is not NULL",
                       "element %td is %.7g, %.7g by backward", at, at < 0 ? 0 : (double)h->dweight[i][at], at < 0 ? 0 : (double)sum[i][at]);
            if (h->layer->gradient_of >> i & 1) check_tile(c, h, i);
        }
        rig_close(h);
    }
}
