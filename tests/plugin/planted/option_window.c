/* An option whose default and upper bound are beyond every input that is tried, where both mean all of it; at fault, it is clamped at
 * its default, which is not. */
#include "planted.h"

static const heft_option options[] = {
    HEFT_OPT_INT(affine, counter, TWIN(3, 64), 1, 4096, "features that are scaled, from the first"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    s->slope = 1;
    if (TWIN(s->counter > 3, false)) s->counter = 3;
    return affine_plan(self, p);
}

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
    for (int64_t i = 0; i < p->n * s->size; i++)
        if (i % s->size >= s->counter) p->out[i] = p->in[0][i];
}

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self;
    for (int64_t i = 0; i < p->n * s->size; i++) {
        const int64_t j = i % s->size;
        const bool scaled = j < s->counter;
        if (p->dweight[W] && scaled) p->dweight[W][j] += p->dout[i] * p->saved[0][i];
        if (p->dweight[B] && scaled) p->dweight[B][j] += p->dout[i];
        if (p->din[0]) p->din[0][i] = p->dout[i] * (scaled ? p->weight[W][j] : 1);
    }
}

LAYER(.head = HEFT_HEAD(heft_layer, HEFT_LAYER, STEM, "a planted fault, or its correct twin", sizeof(affine), options),
      .plan = plan, .forward = forward, .backward = backward);
