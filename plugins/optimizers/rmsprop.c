/* rmsprop.c -- RMSprop: steps divided by a running root mean square of the gradient
 *
 *   g = g + weight_decay x                        coupled decay, off by default
 *   v = alpha v + (1 - alpha) g^2
 *   m = alpha m + (1 - alpha) g                   centered only: the variance v - m^2 takes the place of v
 *   d = g / (sqrt(v) + eps)
 *   x = x - lr d                                  with momentum: b = momentum b + d, x = x - lr b
 *
 * T. Tieleman, G. Hinton, "Lecture 6.5 -- rmsprop", COURSERA: Neural Networks for Machine Learning, 2012; centered in
 * A. Graves, "Generating Sequences With Recurrent Neural Networks", 2013, equations 38 to 41.
 * https://arxiv.org/abs/1308.0850
 *
 * As PyTorch's RMSprop.  Keras has alpha (rho) 0.9, lr 1e-3, eps 1e-7 under the root, and lr inside the momentum,
 * which differs while lr changes; Caffe has no momentum.
 */
#include <heft/plugin.h>

typedef struct {
    double alpha, eps, momentum, weight_decay;
    bool   centered;
} rmsprop;

enum { V, FIRST };                               /* slots; m and b follow v, each if it is wanted */

static const heft_option options[] = {
    HEFT_OPT_REAL(rmsprop, alpha, 0.99, 0, 0.999999, "decay of the mean square"),
    HEFT_OPT_REAL(rmsprop, eps, 1e-8, 1e-20, 1, "added to the denominator"),
    HEFT_OPT_REAL(rmsprop, momentum, 0, 0, 1, "share of the previous update that is kept"),
    HEFT_OPT_BOOL(rmsprop, centered, false, "divide by the deviation from the mean gradient"),
    HEFT_OPT_REAL(rmsprop, weight_decay, 0, 0, 1e3, "times the weight, added to its gradient"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    const rmsprop *o = self;
    p->slot[p->n_slots++] = (heft_slot){ "v", 1, false };
    if (o->centered) p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    if (o->momentum > 0) p->slot[p->n_slots++] = (heft_slot){ "momentum", 1, false };
    return 0;
}

/* One loop for each case: the flags are constants where it is called.  Rounding may leave v below m^2 by a hair. */
static inline void update(const rmsprop *o, const heft_step *s, bool centered, bool moving)
{
    const float keep = (float)o->alpha, take = (float)(1 - o->alpha), momentum = (float)o->momentum;
    const float lr = s->lr, eps = (float)o->eps, decay = (float)(o->weight_decay * s->decay);
    float *restrict x = s->x, *restrict v = s->slot[V];
    float *restrict m = centered ? s->slot[FIRST] : NULL, *restrict b = moving ? s->slot[FIRST + centered] : NULL;
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        const float d = g[i] + decay * x[i];
        float square = v[i] = keep * v[i] + take * d * d;
        if (centered) {
            m[i] = keep * m[i] + take * d;
            square -= m[i] * m[i];
            square = square > 0 ? square : 0;
        }
        float move = d / (sqrtf(square) + eps);
        if (moving) move = b[i] = momentum * b[i] + move;
        x[i] -= lr * move;
    }
}

static void step(const void *self, const heft_step *s)
{
    const rmsprop *o = self;
    const bool moving = o->momentum > 0;
    if (o->centered && moving) update(o, s, true, true);
    else if (o->centered) update(o, s, true, false);
    else if (moving) update(o, s, false, true);
    else update(o, s, false, false);
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "rmsprop", "steps divided by a running root mean square",
                      sizeof(rmsprop), options),
    .plan = plan, .step = step,
    .default_lr = 0.01,
};
