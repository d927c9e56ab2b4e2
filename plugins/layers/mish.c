/* mish.c -- x times tanh of softplus
 *
 *   y = x t, t = tanh(log(1 + e)) = m / (m + 2)        dx = dy (t + x 4 e (1 + e) / (m + 2)^2)
 *   e = exp(x), m = e (e + 2)
 *
 * D. Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", BMVC 2020.  Beyond x = 40, where
 * squares of m overflow, e stays as it is: t is 1 there and its derivative 0.
 */
#include <heft/plugin.h>

typedef struct { int64_t size; } mish;           /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    mish *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const mish *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) {
        const float e = heft_expf(heft_where(x[i] > 40, 40, x[i])), m = e * (e + 2);
        y[i] = x[i] * (m / (m + 2));
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const mish *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) {
        const float e = heft_expf(heft_where(x[i] > 40, 40, x[i])), m = e * (e + 2), d = 1 / (m + 2);
        dx[i] = dy[i] * (m * d + x[i] * (4 * e * (1 + e) * (d * d)));
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "mish", "x times tanh(log(1 + exp(x)))", sizeof(mish), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
