/* lamb.c -- LAMB: Adam's direction, scaled for each tensor to the size of its weights
 *
 *   m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2
 *   r = (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay x
 *   x = x - lr |x| / |r| r                        x - lr r where |x| or |r|, the lengths over a tensor, is 0
 *
 * Y. You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", ICLR 2020, algorithm 2
 * with phi(z) = z.  https://arxiv.org/abs/1904.00962
 *
 * As Keras' Lamb, which has eps 1e-7 and a decoupled weight_decay; PyTorch has none.
 */
#include <heft/plugin.h>

typedef struct {
    double beta1, beta2, eps, weight_decay;
    bool   scale_vectors;
} lamb;

enum { M, V };                                   /* slots */
enum { BLOCK = 1024 };

static const heft_option options[] = {
    HEFT_OPT_REAL(lamb, beta1, 0.9,   0, 0.999999, "decay of the first moment"),
    HEFT_OPT_REAL(lamb, beta2, 0.999, 0, 0.999999, "decay of the second moment"),
    HEFT_OPT_REAL(lamb, eps,   1e-6,  1e-20, 1, "added to the denominator"),
    HEFT_OPT_REAL(lamb, weight_decay, 0, 0, 1e3, "times the weight, added to the direction"),
    HEFT_OPT_BOOL(lamb, scale_vectors, true, "scale tensors of one axis (biases, norms) as well"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->whole_tensors = true;
    p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "v", 1, false };
    return 0;
}

typedef struct { float rate, root, eps, decay; } factors;    /* 1 / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */

static inline float direction(factors f, float x, float m, float v)
{
    return f.rate * m / (f.root * sqrtf(v) + f.eps) + f.decay * x;
}

/* The moments of n weights; adds the squares of x and r up, a block at a time. */
static void moments(const lamb *o, factors f, size_t n, const float *restrict x, const float *restrict g,
                    float *restrict m, float *restrict v, double *xx, double *rr)
{
    const float keep1 = (float)o->beta1, take1 = (float)(1 - o->beta1);
    const float keep2 = (float)o->beta2, take2 = (float)(1 - o->beta2);
    float r[BLOCK];
    for (size_t at = 0; at < n; at += BLOCK) {
        const size_t count = n - at < BLOCK ? n - at : BLOCK;
        for (size_t i = at; i < at + count; i++) {
            m[i] = keep1 * m[i] + take1 * g[i];
            v[i] = keep2 * v[i] + take2 * g[i] * g[i];
            r[i - at] = direction(f, x[i], m[i], v[i]);
        }
        *xx += heft_sum_products((int64_t)count, x + at, x + at);
        *rr += heft_sum_products((int64_t)count, r, r);
    }
}

static void step(const void *self, const heft_step *s)
{
    const lamb *o = self;
    const double t = (double)s->t;
    const factors f = { (float)(1 / (1 - pow(o->beta1, t))), (float)(1 / sqrt(1 - pow(o->beta2, t))), (float)o->eps,
                        (float)(o->weight_decay * s->decay) };
    for (int32_t k = 0; k < s->n_span; k++) {
        const size_t begin = s->span[k].begin, n = s->span[k].end - begin;
        float *restrict x = s->x + begin, *restrict m = s->slot[M] + begin, *restrict v = s->slot[V] + begin;
        double xx = 0, rr = 0;
        moments(o, f, n, x, s->g + begin, m, v, &xx, &rr);
        const bool scale = xx > 0 && rr > 0 && (o->scale_vectors || s->span[k].shape.rank > 1);
        const float rate = (float)(s->lr * (scale ? sqrt(xx / rr) : 1));
        for (size_t i = 0; i < n; i++) x[i] -= rate * direction(f, x[i], m[i], v[i]);
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "lamb",
                      "Adam, scaled to the size of each tensor, for big batches", sizeof(lamb), options),
    .plan = plan, .step = step,
    .default_lr = 1e-3, .decay_matrices = 1,
};
