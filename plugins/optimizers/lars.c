/* lars.c -- LARS: momentum, with a rate for each tensor in proportion to its weights over its gradient
 *
 *   q = trust |x| / (|g| + weight_decay |x| + eps)          1 where |x| or |g|, the lengths over a tensor, is 0
 *   b = momentum b + q (g + weight_decay x)
 *   x = x - lr b
 *
 * Y. You, I. Gitman, B. Ginsburg, "Large Batch Training of Convolutional Networks", 2017, algorithm 1, where lr
 * stands inside b, which differs while lr changes.  https://arxiv.org/abs/1708.03888
 *
 * None of PyTorch, Keras and Caffe has it.  Many leave biases and norms as they are: scale_vectors false here, and
 * decay_rank1 (one of the host's keys) false beside it.
 */
#include <heft/plugin.h>

typedef struct {
    double momentum, trust, eps, weight_decay;
    bool   scale_vectors;
} lars;

enum { B };                                      /* slot */
enum { BLOCK = 1024 };

static const heft_option options[] = {
    HEFT_OPT_REAL(lars, momentum, 0.9, 0, 1, "share of the previous update that is kept"),
    HEFT_OPT_REAL(lars, trust, 1e-3, 0, 1e3, "share of a tensor's length that a step of lr 1 moves it"),
    HEFT_OPT_REAL(lars, eps, 1e-8, 0, 1, "added to the denominator"),
    HEFT_OPT_REAL(lars, weight_decay, 0, 0, 1e3, "times the weight, added to its gradient"),
    HEFT_OPT_BOOL(lars, scale_vectors, true, "scale tensors of one axis (biases, norms) as well"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->whole_tensors = true;
    p->slot[p->n_slots++] = (heft_slot){ "momentum", 1, false };
    return 0;
}

static double length(size_t n, const float *x)
{
    double sum = 0;
    for (size_t at = 0; at < n; at += BLOCK)
        sum += heft_sum_products((int64_t)(n - at < BLOCK ? n - at : BLOCK), x + at, x + at);
    return sqrt(sum);
}

static void step(const void *self, const heft_step *s)
{
    const lars *o = self;
    const float lr = s->lr, momentum = (float)o->momentum, decay = (float)(o->weight_decay * s->decay);
    for (int32_t k = 0; k < s->n_span; k++) {
        const size_t begin = s->span[k].begin, n = s->span[k].end - begin;
        float *restrict x = s->x + begin, *restrict b = s->slot[B] + begin;
        const float *restrict g = s->g + begin;
        const double weights = length(n, x), gradient = length(n, g);
        const bool scale = weights > 0 && gradient > 0 && (o->scale_vectors || s->span[k].shape.rank > 1);
        const float q = scale ? (float)(o->trust * weights / (gradient + decay * weights + o->eps)) : 1;
        for (size_t i = 0; i < n; i++) {
            b[i] = momentum * b[i] + q * (g[i] + decay * x[i]);
            x[i] -= lr * b[i];
        }
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "lars",
                      "momentum, with a rate for each tensor, for big batches", sizeof(lars), options),
    .plan = plan, .step = step,
    .default_lr = 0.1,
};
