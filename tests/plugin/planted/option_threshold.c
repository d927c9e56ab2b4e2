/* An option that acts on inputs beyond it alone, which is far out; at fault, it is clamped at its default. */
#include "planted.h"

static const heft_option options[] = {
    HEFT_OPT_REAL(affine, slope, 2e4, 1e3, 1e5, "the largest input"),
    HEFT_OPT_END
};

static double limit_of(const affine *s) { return TWIN(s->slope > 2e4, false) ? 2e4 : s->slope; }

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    const float most = (float)limit_of(s);
    for (int64_t i = 0; i < p->n * s->size; i++)
        p->out[i] = p->weight[W][i % s->size] * (p->in[0][i] > most ? most : p->in[0][i]) + p->weight[B][i % s->size];
    for (int64_t i = 0; p->saved && i < p->n * s->size; i++) p->saved[0][i] = p->in[0][i] > most ? most : p->in[0][i];
}

static void backward(const void *self, const heft_backward *p)
{
    const affine *s = self, plain = { .slope = 1, .size = s->size };
    const float most = (float)limit_of(s);
    affine_backward(&plain, p);
    for (int64_t i = 0; p->din[0] && i < p->n * s->size; i++)
        if (p->in[0][i] > most) p->din[0][i] = 0;
}

LAYER(.head = HEFT_HEAD(heft_layer, HEFT_LAYER, STEM, "a planted fault, or its correct twin", sizeof(affine), options),
      .forward = forward, .backward = backward);
