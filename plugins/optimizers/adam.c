/* adam.c -- Adam: adaptive moment estimation
 *
 *   g = g + weight_decay x                        coupled decay, off by default; adamw has the decoupled one
 *   m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2
 *   x = x - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * With amsgrad, the largest v so far takes the place of v in the last line: S. Reddi et al., "On the Convergence of
 * Adam and Beyond", ICLR 2018, whose v is not corrected by 1 - beta2^t.
 *
 * D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
 * https://arxiv.org/abs/1412.6980
 *
 * As PyTorch's Adam.  Keras and Caffe add eps before the correction by 1 - beta2^t, so that theirs weighs more in
 * early steps; Keras' eps is 1e-7 and its weight_decay decoupled.
 */
#include <heft/plugin.h>

typedef struct {
    double beta1, beta2, eps, weight_decay;
    bool   amsgrad;
} adam;

enum { M, V, V_MAX };                            /* slots; the last with amsgrad */

static const heft_option options[] = {
    HEFT_OPT_REAL(adam, beta1, 0.9,   0, 0.999999, "decay of the first moment"),
    HEFT_OPT_REAL(adam, beta2, 0.999, 0, 0.999999, "decay of the second moment"),
    HEFT_OPT_REAL(adam, eps,   1e-8,  1e-20, 1, "added to the denominator"),
    HEFT_OPT_REAL(adam, weight_decay, 0, 0, 1e3, "times the weight, added to its gradient"),
    HEFT_OPT_BOOL(adam, amsgrad, false, "divide by the root of the largest v so far"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    const adam *o = self;
    p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "v", 1, false };
    if (o->amsgrad) p->slot[p->n_slots++] = (heft_slot){ "v_max", 1, false };
    return 0;
}

static inline void update(const adam *o, const heft_step *s, bool amsgrad)
{
    const double t = (double)s->t;
    const float keep1 = (float)o->beta1, take1 = (float)(1 - o->beta1);
    const float keep2 = (float)o->beta2, take2 = (float)(1 - o->beta2);
    const float rate = (float)(s->lr / (1 - pow(o->beta1, t)));
    const float root = (float)(1 / sqrt(1 - pow(o->beta2, t)));
    const float eps = (float)o->eps, decay = (float)(o->weight_decay * s->decay);
    float *restrict x = s->x, *restrict m = s->slot[M], *restrict v = s->slot[V];
    float *restrict most = amsgrad ? s->slot[V_MAX] : NULL;
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        const float d = g[i] + decay * x[i];
        m[i] = keep1 * m[i] + take1 * d;
        v[i] = keep2 * v[i] + take2 * d * d;
        if (amsgrad) most[i] = most[i] > v[i] ? most[i] : v[i];
        x[i] -= rate * m[i] / (root * sqrtf(amsgrad ? most[i] : v[i]) + eps);
    }
}

static void step(const void *self, const heft_step *s)
{
    const adam *o = self;
    if (o->amsgrad) update(o, s, true);
    else update(o, s, false);
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "adam", "adaptive moment estimation", sizeof(adam), options),
    .plan = plan, .step = step,
    .default_lr = 1e-3,
};
