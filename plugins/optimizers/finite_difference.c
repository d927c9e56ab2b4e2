/* finite_difference.c -- gradient descent on central differences
 *
 *   g_i = (f(x + h_i e_i) - f(x - h_i e_i)) / 2 h_i           h_i = h max(1, |x_i|)
 *   x = x - lr g
 *
 * W. Press et al., "Numerical Recipes", 3rd ed., section 5.7.  2n + 1 evaluations per step for n weights: a check
 * on backward passes, and a way to train layers that have none.
 *
 * The choice of h.  A loss computed in float32 is off by about eps = 6e-8 of itself, so a difference by about eps
 * f / h; leaving out the third derivative costs h^2 f''' / 6.  The two are equal near the cube root of eps, 4e-3,
 * which suits a smooth model.  The kinks of a ReLU cost in proportion to h, and more.  On small networks of either
 * kind with 32 to 512 samples, 5e-4 gave gradients right to 3e-6 .. 3e-5, and 4e-3 to 5e-7 .. 2e-4.
 */
#include <heft/plugin.h>

typedef struct { double h; } finite_difference;

enum { G };                                      /* slot: the gradient */

static const heft_option options[] = {
    HEFT_OPT_REAL(finite_difference, h, 5e-4, 1e-6, 1, 
                  "half-width of the difference, times the weight if that is above 1"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->slot[p->n_slots++] = (heft_slot){ "gradient", 1, false };
    return 0;
}

/* Divides by the distance of the two points as they are in float32, not by the one meant. */
static float difference(heft_problem *p, size_t i, double h)
{
    const float x = p->x[i], reach = (float)h * fmaxf(1, fabsf(x));
    const float above = x + reach, below = x - reach;
    p->x[i] = above;
    const double up = p->eval(p, NULL);
    p->x[i] = below;
    const double down = p->eval(p, NULL);
    p->x[i] = x;
    return (float)((up - down) / ((double)above - below));
}

static void iterate(const void *self, heft_problem *p)
{
    const finite_difference *o = self;
    float *g = p->slot[G];
    for (size_t i = 0; i < p->n; i++) g[i] = difference(p, i, o->h);
    p->host->axpy(p->n, -p->lr, g, p->x);
    p->loss = p->eval(p, NULL);
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "finite_difference",
                      "gradient descent on central differences", sizeof(finite_difference), options),
    .plan = plan, .iterate = iterate,
    .default_lr = 0.01,
};
