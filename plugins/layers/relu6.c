/* relu6.c -- rectified linear unit that saturates at 6
 *
 *   y = min(max(x, 0), 6)        dx = dy where 0 < x < 6, else 0
 *
 * A. Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010; of the MobileNets.
 */
#include <heft/plugin.h>

typedef struct { int64_t size; } relu6;          /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    relu6 *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const relu6 *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i] > 6 ? 6 : x[i];
}

static void backward(const void *self, const heft_backward *p)
{
    const relu6 *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = x[i] <= 0 || x[i] >= 6 ? 0 : dy[i];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "relu6", "rectified linear unit up to 6: min(max(x, 0), 6)",
                      sizeof(relu6), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
