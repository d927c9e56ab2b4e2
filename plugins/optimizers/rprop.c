/* rprop.c -- Rprop: every weight has a step of its own, by the signs of its gradient alone
 *
 *   d_1 = lr, later d = eta_plus d where g has kept its sign, eta_minus d where it has changed, within
 *   [step_min, step_max]
 *   x = x - sign(g) d                             g counts as 0, now and in the next step, where its sign has changed
 *
 * M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", ICNN
 * 1993; of C. Igel, M. Huesken, "Improving the Rprop Learning Algorithm", 2000, the variant iRprop-.  For gradients
 * of all the data: the noise of minibatches turns signs over.
 *
 * As PyTorch's Rprop.  lr counts at the first step only, so a schedule beyond it has no effect.
 */
#include <heft/plugin.h>

typedef struct { double eta_minus, eta_plus, step_min, step_max; } rprop;

enum { G, D };                                   /* slots: the last gradient, the step */

static const heft_option options[] = {
    HEFT_OPT_REAL(rprop, eta_minus, 0.5, 1e-6, 0.999999, "factor of the step where the gradient changes its sign"),
    HEFT_OPT_REAL(rprop, eta_plus, 1.2, 1.000001, 1e3, "factor of the step where it keeps it"),
    HEFT_OPT_REAL(rprop, step_min, 1e-6, 0, 1e30, "the least step"),
    HEFT_OPT_REAL(rprop, step_max, 50, 0, 1e30, "the largest step"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    const rprop *o = self;
    if (o->step_min > o->step_max)
        return heft_fail(&p->error, "step_min %g exceeds step_max %g", o->step_min, o->step_max);
    p->slot[p->n_slots++] = (heft_slot){ "gradient", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "step", 1, false };
    return 0;
}

static void step(const void *self, const heft_step *s)
{
    const rprop *o = self;
    const float minus = (float)o->eta_minus, plus = (float)o->eta_plus;
    const float least = (float)o->step_min, most = (float)o->step_max;
    float *restrict x = s->x, *restrict before = s->slot[G], *restrict d = s->slot[D];
    const float *restrict g = s->g;

    for (size_t i = s->begin; s->t == 1 && i < s->end; i++) d[i] = s->lr;
    for (size_t i = s->begin; i < s->end; i++) {
        const bool up = ((g[i] > 0) & (before[i] > 0)) | ((g[i] < 0) & (before[i] < 0));
        const bool down = ((g[i] > 0) & (before[i] < 0)) | ((g[i] < 0) & (before[i] > 0));
        const float next = d[i] * heft_where(up, plus, heft_where(down, minus, 1)), now = heft_where(down, 0, g[i]);
        d[i] = heft_where(next < least, least, heft_where(next > most, most, next));
        x[i] -= heft_where(now > 0, d[i], heft_where(now < 0, -d[i], 0));
        before[i] = now;
    }
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "rprop", "a step of its own for each weight, by signs",
                      sizeof(rprop), options),
    .plan = plan, .step = step,
    .default_lr = 0.01,
};
