/* An option that acts on a second input alone, which need not be given; at fault, nothing reads it. */
#include "planted.h"

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    s->counter = p->n_in;
    if (p->n_in > 1 && heft_count(&p->in[1]) != heft_count(&p->in[0])) return heft_fail(&p->error, "inputs of one shape were expected");
    if (heft_needs(p, p->n_in - 1, -1, "numbers of any shape")) return -1;
    return affine_plan(self, p);
}

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self, plain = { .slope = 1, .size = s->size };
    affine_forward(&plain, p);
    for (int64_t i = 0; s->counter > 1 && i < p->n * s->size; i++) p->out[i] += (float)TWIN(0.5, s->slope) * p->in[1][i];
}

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self, plain = { .slope = 1, .size = s->size };
    affine_backward(&plain, p);
    for (int64_t i = 0; s->counter > 1 && p->din[1] && i < p->n * s->size; i++) p->din[1][i] = (float)TWIN(0.5, s->slope) * p->dout[i];
}

LAYER(.plan = plan, .forward = forward, .backward = backward, .max_in = 2);
