/* nadam.c -- NAdam: Adam that looks ahead along its momentum, as Nesterov
 *
 *   g = g + weight_decay x                        or x = x - lr weight_decay x with decoupled_weight_decay
 *   mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)          P_t = mu_1 mu_2 ... mu_t
 *   m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2
 *   x = x - lr ((1 - mu_t) / (1 - P_t) g + mu_t+1 / (1 - P_t+1) m) / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop.
 *
 * As PyTorch's NAdam (in 1.13 without foreach, mu_t counts twice in P_t+1).  Keras has lr 1e-3, eps 1e-7 and the
 * paper's momentum_decay 1, which is materially different: the momentum then reaches beta1 within a hundred steps, not
 * within some ten thousand.
 */
#include <heft/plugin.h>

typedef struct {
    double beta1, beta2, eps, momentum_decay, weight_decay;
    bool   decoupled_weight_decay;
} nadam;

enum { M, V };                                   /* slots */

static const heft_option options[] = {
    HEFT_OPT_REAL(nadam, beta1, 0.9,   0, 0.999999, "decay of the first moment"),
    HEFT_OPT_REAL(nadam, beta2, 0.999, 0, 0.999999, "decay of the second moment"),
    HEFT_OPT_REAL(nadam, eps,   1e-8,  1e-20, 1, "added to the denominator"),
    HEFT_OPT_REAL(nadam, momentum_decay, 4e-3, 0, 1e3, "how fast the momentum rises from beta1 / 2 to beta1"),
    HEFT_OPT_REAL(nadam, weight_decay, 0, 0, 1e3, "times the weight, added to its gradient"),
    HEFT_OPT_BOOL(nadam, decoupled_weight_decay, false, "the decay is times lr and taken off the weight, as adamw's"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "v", 1, false };
    return 0;
}

static double momentum_at(const nadam *o, double t)
{
    return o->beta1 * (1 - 0.5 * pow(0.96, t * o->momentum_decay));
}

/* P_t from t alone, by log(1 - r^i / 2) = - sum_k r^ik 2^-k / k with r = 0.96^momentum_decay: the sum over i is a
 * geometric series. */
static double momentum_product(const nadam *o, double t)
{
    if (!(t * log(o->beta1) > -50)) return 0;    /* nothing beside 1 */
    const double log_r = o->momentum_decay * log(0.96);
    double sum = t * log(o->beta1), half = 1;
    for (int k = 1; k <= 52; k++) {
        const double q = k * log_r;
        half /= 2;
        sum -= half / k * (q < 0 ? exp(q) * expm1(q * t) / expm1(q) : t);
    }
    return exp(sum);
}

static void step(const void *self, const heft_step *s)
{
    const nadam *o = self;
    const double t = (double)s->t, now = momentum_at(o, t), next = momentum_at(o, t + 1);
    const double product = momentum_product(o, t);
    const float keep1 = (float)o->beta1, take1 = (float)(1 - o->beta1);
    const float keep2 = (float)o->beta2, take2 = (float)(1 - o->beta2);
    const float of_g = (float)(s->lr * (1 - now) / (1 - product));
    const float of_m = (float)(s->lr * next / (1 - product * next));
    const float root = (float)(1 / sqrt(1 - pow(o->beta2, t)));
    const float eps = (float)o->eps, decay = (float)(o->weight_decay * s->decay);
    const bool apart = o->decoupled_weight_decay;
    const float coupled = apart ? 0 : decay, decoupled = apart ? s->lr * decay : 0;
    float *restrict x = s->x, *restrict m = s->slot[M], *restrict v = s->slot[V];
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        const float d = g[i] + coupled * x[i];
        m[i] = keep1 * m[i] + take1 * d;
        v[i] = keep2 * v[i] + take2 * d * d;
        x[i] -= decoupled * x[i] + (of_g * d + of_m * m[i]) / (root * sqrtf(v[i]) + eps);
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "nadam", "Adam with Nesterov's momentum",
                      sizeof(nadam), options),
    .plan = plan, .step = step,
    .default_lr = 2e-3,
};
