/* sgd.c -- stochastic gradient descent, with momentum
 *
 *   g = g + weight_decay x                        coupled decay: the gradient of an L2 penalty
 *   b = momentum b + (1 - dampening) g            b = g at the first step
 *   x = x - lr b                                  or x - lr (g + momentum b) with nesterov
 *
 * B. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Nesterov's form as in
 * I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
 *
 * As PyTorch's SGD.  Keras and Caffe keep lr inside the buffer (b = momentum b + lr g, x = x - b), which differs
 * while lr changes; Keras' weight_decay is decoupled: x = x - lr weight_decay x.
 */
#include <heft/plugin.h>

typedef struct {
    double momentum, dampening, weight_decay;
    bool   nesterov;
} sgd;

enum { B };                                      /* slot, if there is momentum */

static const heft_option options[] = {
    HEFT_OPT_REAL(sgd, momentum, 0, 0, 1, "share of the previous update that is kept"),
    HEFT_OPT_REAL(sgd, dampening, 0, 0, 1, "share of the gradient that does not enter the momentum"),
    HEFT_OPT_REAL(sgd, weight_decay, 0, 0, 1e3, "times the weight, added to its gradient"),
    HEFT_OPT_BOOL(sgd, nesterov, false, "look ahead along the momentum"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    const sgd *o = self;
    if (o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return heft_fail(&p->error, "nesterov needs a momentum above 0 and dampening 0; found %g and %g",
                         o->momentum, o->dampening);
    if (o->momentum > 0)
        p->slot[p->n_slots++] = (heft_slot){ "momentum", 1, false };
    return 0;
}

static void step_plain(const sgd *o, const heft_step *s)
{
    const float lr = s->lr, decay = (float)(o->weight_decay * s->decay);
    float *restrict x = s->x;
    const float *restrict g = s->g;
    for (size_t i = s->begin; i < s->end; i++) x[i] -= lr * (g[i] + decay * x[i]);
}

static void step(const void *self, const heft_step *s)
{
    const sgd *o = self;
    if (o->momentum == 0) {
        step_plain(o, s);
        return;
    }
    const bool first = s->t == 1;
    const float lr = s->lr, decay = (float)(o->weight_decay * s->decay);
    const float keep = first ? 0 : (float)o->momentum, take = first ? 1 : (float)(1 - o->dampening);
    const float ahead = o->nesterov ? (float)o->momentum : 1, now = o->nesterov ? 1 : 0;
    float *restrict x = s->x, *restrict b = s->slot[B];
    const float *restrict g = s->g;

    for (size_t i = s->begin; i < s->end; i++) {
        const float d = g[i] + decay * x[i];
        b[i] = keep * b[i] + take * d;
        x[i] -= lr * (now * d + ahead * b[i]);
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "sgd", "stochastic gradient descent, with momentum",
                      sizeof(sgd), options),
    .plan = plan, .step = step,
    .default_lr = 0.01,
};
