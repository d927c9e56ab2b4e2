/* radam.c -- RAdam: Adam that holds back while its second moment rests on few gradients
 *
 *   g = g + weight_decay x                        or x = x - lr weight_decay x with decoupled_weight_decay
 *   m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2
 *   R = 2 / (1 - beta2) - 1                       r = R - 2 t beta2^t / (1 - beta2^t)
 *   x = x - lr / (1 - beta1^t) m                                                           while r <= 5
 *   x = x - lr / (1 - beta1^t) m c sqrt(1 - beta2^t) / (sqrt(v) + eps)                     after that,
 *   c = sqrt((r - 4) (r - 2) R / ((R - 4) (R - 2) r))
 *
 * L. Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020, algorithm 2, where the limit
 * is 4.  https://arxiv.org/abs/1908.03265
 *
 * As PyTorch's RAdam; eps is added before the correction by 1 - beta2^t, unlike in its Adam.
 */
#include <heft/plugin.h>

typedef struct {
    double beta1, beta2, eps, weight_decay;
    bool   decoupled_weight_decay;
} radam;

enum { M, V };                                   /* slots */

static const heft_option options[] = {
    HEFT_OPT_REAL(radam, beta1, 0.9,   0, 0.999999, "decay of the first moment"),
    HEFT_OPT_REAL(radam, beta2, 0.999, 0, 0.999999, "decay of the second moment"),
    HEFT_OPT_REAL(radam, eps,   1e-8,  1e-20, 1, "added to the denominator"),
    HEFT_OPT_REAL(radam, weight_decay, 0, 0, 1e3, "times the weight, added to its gradient"),
    HEFT_OPT_BOOL(radam, decoupled_weight_decay, false, "the decay is times lr and taken off the weight, as adamw's"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "v", 1, false };
    return 0;
}

/* c sqrt(1 - beta2^t), or 0 while the second moment is not to be used. */
static double rectified(const radam *o, double t)
{
    const double power = pow(o->beta2, t), most = 2 / (1 - o->beta2) - 1, r = most - 2 * t * power / (1 - power);
    if (r <= 5) return 0;
    return sqrt((r - 4) * (r - 2) * most / ((most - 4) * (most - 2) * r) * (1 - power));
}

static void step(const void *self, const heft_step *s)
{
    const radam *o = self;
    const double rate = s->lr / (1 - pow(o->beta1, (double)s->t)), adapt = rectified(o, (double)s->t);
    const float keep1 = (float)o->beta1, take1 = (float)(1 - o->beta1);
    const float keep2 = (float)o->beta2, take2 = (float)(1 - o->beta2);
    const float plain = adapt > 0 ? 0 : (float)rate, scaled = (float)(rate * adapt), eps = (float)o->eps;
    const float decay = (float)(o->weight_decay * s->decay);
    const bool apart = o->decoupled_weight_decay;
    const float coupled = apart ? 0 : decay, decoupled = apart ? s->lr * decay : 0;
    float *restrict x = s->x, *restrict m = s->slot[M], *restrict v = s->slot[V];
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        const float d = g[i] + coupled * x[i];
        m[i] = keep1 * m[i] + take1 * d;
        v[i] = keep2 * v[i] + take2 * d * d;
        x[i] -= decoupled * x[i] + m[i] * (plain + scaled / (sqrtf(v[i]) + eps));
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "radam", "Adam, rectified in its first steps",
                      sizeof(radam), options),
    .plan = plan, .step = step,
    .default_lr = 1e-3,
};
