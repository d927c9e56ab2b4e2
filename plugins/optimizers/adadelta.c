/* adadelta.c -- Adadelta: steps as large as recent steps were, relative to recent gradients
 *
 *   g = g + weight_decay x                        coupled decay, off by default
 *   v = rho v + (1 - rho) g^2
 *   d = sqrt(u + eps) / sqrt(v + eps) g           u = rho u + (1 - rho) d^2
 *   x = x - lr d
 *
 * M. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, algorithm 1, which has no lr.
 * https://arxiv.org/abs/1212.5701
 *
 * As PyTorch's Adadelta.  Keras has rho 0.95, eps 1e-7 and lr 1e-3, with which it hardly moves.
 */
#include <heft/plugin.h>

typedef struct { double rho, eps, weight_decay; } adadelta;

enum { V, U };                                   /* slots */

static const heft_option options[] = {
    HEFT_OPT_REAL(adadelta, rho, 0.9, 0, 0.999999, "decay of both mean squares"),
    HEFT_OPT_REAL(adadelta, eps, 1e-6, 1e-20, 1, "added under both roots; sets the size of the first steps"),
    HEFT_OPT_REAL(adadelta, weight_decay, 0, 0, 1e3, "times the weight, added to its gradient"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->slot[p->n_slots++] = (heft_slot){ "v", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "u", 1, false };
    return 0;
}

static void step(const void *self, const heft_step *s)
{
    const adadelta *o = self;
    const float keep = (float)o->rho, take = (float)(1 - o->rho);
    const float lr = s->lr, eps = (float)o->eps, decay = (float)(o->weight_decay * s->decay);
    float *restrict x = s->x, *restrict v = s->slot[V], *restrict u = s->slot[U];
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        const float d = g[i] + decay * x[i];
        v[i] = keep * v[i] + take * d * d;
        const float move = sqrtf(u[i] + eps) / sqrtf(v[i] + eps) * d;
        u[i] = keep * u[i] + take * move * move;
        x[i] -= lr * move;
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "adadelta", "steps as large as recent ones, without a rate",
                      sizeof(adadelta), options),
    .plan = plan, .step = step,
    .default_lr = 1,
};
