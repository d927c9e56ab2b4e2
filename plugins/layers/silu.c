/* silu.c -- sigmoid linear unit, also called swish
 *
 *   y = x s        dx = dy s (1 + x (1 - s))        s = 1 / (1 + exp(-x))
 *
 * D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units", 2016.  https://arxiv.org/abs/1606.08415
 * P. Ramachandran, B. Zoph, Q. Le, "Searching for Activation Functions", 2017.  https://arxiv.org/abs/1710.05941
 */
#include <heft/plugin.h>

typedef struct { int64_t size; } silu;           /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    silu *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const silu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * heft_sigmoidf(x[i]);
}

static void backward(const void *self, const heft_backward *p)
{
    const silu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) {
        const float s = heft_sigmoidf(x[i]);
        dx[i] = dy[i] * (s * (1 + x[i] * (1 - s)));
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "silu", "x times the logistic function of x", sizeof(silu), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
