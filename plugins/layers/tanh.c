/* tanh.c -- hyperbolic tangent
 *
 *   y = tanh(x)        dx = dy (1 - y^2)
 */
#include <heft/plugin.h>

typedef struct { int64_t size; } hyperbolic;     /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    hyperbolic *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const hyperbolic *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = heft_tanhf(x[i]);
}

static void backward(const void *self, const heft_backward *p)
{
    const hyperbolic *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict y = p->out, *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "tanh", "hyperbolic tangent", sizeof(hyperbolic), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "glorot_uniform",
    .unread = HEFT_UNREAD_IN,
    .recomputable = 1,
};
