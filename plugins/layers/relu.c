/* relu.c -- rectified linear unit
 *
 *   y = max(x, 0)        dx = dy where x > 0, else 0
 *
 * V. Nair, G. Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", ICML 2010.
 * NaN stays NaN, so that a diverged run is seen.
 */
#include <heft/plugin.h>

typedef struct { int64_t size; } relu;           /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    relu *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const relu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];
}

static void backward(const void *self, const heft_backward *p)
{
    const relu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict y = p->out, *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = y[i] <= 0 ? 0 : dy[i];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "relu", "rectified linear unit: max(x, 0)", sizeof(relu), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .unread = HEFT_UNREAD_IN,
    .recomputable = 1,
};
