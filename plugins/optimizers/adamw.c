/* adamw.c -- Adam with decoupled weight decay
 *
 *   m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2
 *   x = x - lr weight_decay x - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * With amsgrad, the largest v so far takes the place of v in the last line: S. Reddi et al., "On the Convergence of
 * Adam and Beyond", ICLR 2018, whose v is not corrected by 1 - beta2^t.
 *
 * I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2, whose lambda is per
 * step where this one is times lr.  https://arxiv.org/abs/1711.05101
 *
 * As PyTorch's AdamW.  Keras' AdamW has weight_decay 0.004 and eps 1e-7, added before the correction by 1 -
 * beta2^t.
 */
#include <heft/plugin.h>

typedef struct {
    double beta1, beta2, eps, weight_decay;
    bool   amsgrad;
} adamw;

enum { M, V, V_MAX };                            /* slots; the last with amsgrad */

static const heft_option options[] = {
    HEFT_OPT_REAL(adamw, beta1, 0.9,   0, 0.999999, "decay of the first moment"),
    HEFT_OPT_REAL(adamw, beta2, 0.999, 0, 0.999999, "decay of the second moment"),
    HEFT_OPT_REAL(adamw, eps,   1e-8,  1e-20, 1, "added to the denominator"),
    HEFT_OPT_REAL(adamw, weight_decay, 0.01, 0, 1e3, "times lr and the weight, taken off the weight"),
    HEFT_OPT_BOOL(adamw, amsgrad, false, "divide by the root of the largest v so far"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    const adamw *o = self;
    p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "v", 1, false };
    if (o->amsgrad) p->slot[p->n_slots++] = (heft_slot){ "v_max", 1, false };
    return 0;
}

/* The decay is a term of the update, not a factor 1 - lr weight_decay on x: so near 1, float would round it the
 * same way at every step. */
static inline void update(const adamw *o, const heft_step *s, bool amsgrad)
{
    const double t = (double)s->t;
    const float keep1 = (float)o->beta1, take1 = (float)(1 - o->beta1);
    const float keep2 = (float)o->beta2, take2 = (float)(1 - o->beta2);
    const float rate = (float)(s->lr / (1 - pow(o->beta1, t)));
    const float root = (float)(1 / sqrt(1 - pow(o->beta2, t)));
    const float eps = (float)o->eps, decay = (float)(s->lr * o->weight_decay * s->decay);
    float *restrict x = s->x, *restrict m = s->slot[M], *restrict v = s->slot[V];
    float *restrict most = amsgrad ? s->slot[V_MAX] : NULL;
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        m[i] = keep1 * m[i] + take1 * g[i];
        v[i] = keep2 * v[i] + take2 * g[i] * g[i];
        if (amsgrad) most[i] = most[i] > v[i] ? most[i] : v[i];
        x[i] -= decay * x[i] + rate * m[i] / (root * sqrtf(amsgrad ? most[i] : v[i]) + eps);
    }
}

static void step(const void *self, const heft_step *s)
{
    const adamw *o = self;
    if (o->amsgrad) update(o, s, true);
    else update(o, s, false);
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "adamw", "Adam with decoupled weight decay",
                      sizeof(adamw), options),
    .plan = plan, .step = step,
    .default_lr = 1e-3, .decay_matrices = 1,
};
