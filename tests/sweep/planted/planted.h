/* planted.h -- an activation that passes its plan and misbehaves when it runs */
#include <heft/plugin.h>

typedef struct { int64_t size; } instance;

static void misbehave(float *y, int64_t n);

static int plan(void *self, heft_layer_plan *p)
{
    ((instance *)self)->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const int64_t n = p->n * ((const instance *)self)->size;
    for (int64_t i = 0; i < n; i++) p->out[i] = p->in[0][i];
    misbehave(p->out, n);
}

static void backward(const void *self, const heft_backward *p)
{
    const int64_t n = p->n * ((const instance *)self)->size;
    for (int64_t i = 0; i < n && p->din[0]; i++) p->din[0][i] = p->dout[i];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, STEM, "misbehaves when it runs", sizeof(instance), NULL),
    .min_in = 1, .max_in = 1, .plan = plan, .forward = forward, .backward = backward,
};
