/* lion.c -- Lion: steps of one size, in the direction of the momentum's sign
 *
 *   d = sign(beta1 m + (1 - beta1) g)             m = beta2 m + (1 - beta2) g
 *   x = x - lr weight_decay x - lr d
 *
 * X. Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023, algorithm 2.
 * https://arxiv.org/abs/2302.06675
 *
 * As Keras' Lion, with its lr; PyTorch has none.  The authors advise a tenth to a third of the lr that suits AdamW,
 * and a weight_decay larger by as much.
 */
#include <heft/plugin.h>

typedef struct { double beta1, beta2, weight_decay; } lion;

enum { M };                                      /* slot */

static const heft_option options[] = {
    HEFT_OPT_REAL(lion, beta1, 0.9,  0, 0.999999, "share of the momentum in the direction"),
    HEFT_OPT_REAL(lion, beta2, 0.99, 0, 0.999999, "decay of the momentum"),
    HEFT_OPT_REAL(lion, weight_decay, 0, 0, 1e3, "times lr and the weight, taken off the weight"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    return 0;
}

static void step(const void *self, const heft_step *s)
{
    const lion *o = self;
    const float keep1 = (float)o->beta1, take1 = (float)(1 - o->beta1);
    const float keep2 = (float)o->beta2, take2 = (float)(1 - o->beta2);
    const float lr = s->lr, decay = (float)(s->lr * o->weight_decay * s->decay);
    float *restrict x = s->x, *restrict m = s->slot[M];
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        const float d = keep1 * m[i] + take1 * g[i];
        m[i] = keep2 * m[i] + take2 * g[i];
        x[i] -= decay * x[i] + (d > 0 ? lr : d < 0 ? -lr : 0);
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "lion", "steps by the sign of the momentum",
                      sizeof(lion), options),
    .plan = plan, .step = step,
    .default_lr = 1e-3, .decay_matrices = 1,
};
