/* adagrad.c -- Adagrad: steps divided by the root of the sum of all squared gradients
 *
 *   g = g + weight_decay x                        coupled decay, off by default
 *   v = v + g^2                                   from `initial` at first; the slot holds v - initial
 *   x = x - lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps)
 *
 * J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", JMLR
 * 12 (2011).
 *
 * As PyTorch's Adagrad.  Keras has lr 1e-3, initial 0.1 and eps 1e-7 under the root; Caffe has eps 1e-8.
 */
#include <heft/plugin.h>

typedef struct { double lr_decay, initial, eps, weight_decay; } adagrad;

enum { V };                                      /* slot */

static const heft_option options[] = {
    HEFT_OPT_REAL(adagrad, lr_decay, 0, 0, 1e3, "the rate is divided by 1 + (t - 1) lr_decay"),
    HEFT_OPT_REAL(adagrad, initial, 0, 0, 1e30, "value from which the sum of squares starts"),
    HEFT_OPT_REAL(adagrad, eps, 1e-10, 1e-20, 1, "added to the denominator"),
    HEFT_OPT_REAL(adagrad, weight_decay, 0, 0, 1e3, "times the weight, added to its gradient"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->slot[p->n_slots++] = (heft_slot){ "v", 1, false };
    return 0;
}

static void step(const void *self, const heft_step *s)
{
    const adagrad *o = self;
    const float rate = (float)(s->lr / (1 + (double)(s->t - 1) * o->lr_decay));
    const float initial = (float)o->initial, eps = (float)o->eps, decay = (float)(o->weight_decay * s->decay);
    float *restrict x = s->x, *restrict v = s->slot[V];
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        const float d = g[i] + decay * x[i];
        v[i] += d * d;
        x[i] -= rate * d / (sqrtf(initial + v[i]) + eps);
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "adagrad", "steps divided by the root of all squared gradients",
                      sizeof(adagrad), options),
    .plan = plan, .step = step,
    .default_lr = 0.01,
};
