/* tanh.c -- hyperbolic tangent
 *
 *   y = 1 - 2 / (exp(2x) + 1)        dx = dy (1 - y^2)
 *
 * Near zero, where the difference above loses digits, an odd polynomial: S. Moshier, Cephes Mathematical Library, tanhf.
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

static inline float tangent(float x)
{
    const float z = x * x, far = 1 - 2 / (heft_expf(2 * x) + 1);
    const float p = (((-5.70498872745e-3f * z + 2.06390887954e-2f) * z - 5.37397155531e-2f) * z
                     + 1.33314422036e-1f) * z - 3.33332819422e-1f;
    return z < 0.390625f ? x + x * (z * p) : far;
}

static void forward(const void *self, const heft_forward *p)
{
    const hyperbolic *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = tangent(x[i]);
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
};
