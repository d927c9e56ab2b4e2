/* adamax.c -- Adamax: Adam with the largest recent gradient in place of the root mean square
 *
 *   g = g + weight_decay x                        coupled decay, off by default
 *   m = beta1 m + (1 - beta1) g                   u = max(beta2 u, |g| + eps)
 *   x = x - lr / (1 - beta1^t) m / u
 *
 * D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 2, which has no eps.
 * https://arxiv.org/abs/1412.6980
 *
 * As PyTorch's Adamax.  Keras has lr 1e-3 and adds eps 1e-7 to u where it divides.
 */
#include <heft/plugin.h>

typedef struct { double beta1, beta2, eps, weight_decay; } adamax;

enum { M, U };                                   /* slots */

static const heft_option options[] = {
    HEFT_OPT_REAL(adamax, beta1, 0.9,   0, 0.999999, "decay of the first moment"),
    HEFT_OPT_REAL(adamax, beta2, 0.999, 0, 0.999999, "decay of the largest gradient"),
    HEFT_OPT_REAL(adamax, eps,   1e-8,  1e-20, 1, "added to the size of the gradient"),
    HEFT_OPT_REAL(adamax, weight_decay, 0, 0, 1e3, "times the weight, added to its gradient"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "u", 1, false };
    return 0;
}

static void step(const void *self, const heft_step *s)
{
    const adamax *o = self;
    const float keep1 = (float)o->beta1, take1 = (float)(1 - o->beta1), keep2 = (float)o->beta2;
    const float rate = (float)(s->lr / (1 - pow(o->beta1, (double)s->t)));
    const float eps = (float)o->eps, decay = (float)(o->weight_decay * s->decay);
    float *restrict x = s->x, *restrict m = s->slot[M], *restrict u = s->slot[U];
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        const float d = g[i] + decay * x[i], now = fabsf(d) + eps, before = keep2 * u[i];
        m[i] = keep1 * m[i] + take1 * d;
        u[i] = now > before ? now : before;
        x[i] -= rate * m[i] / u[i];
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "adamax", "Adam by the largest recent gradient",
                      sizeof(adamax), options),
    .plan = plan, .step = step,
    .default_lr = 2e-3,
};
