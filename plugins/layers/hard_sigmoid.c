/* hard_sigmoid.c -- the logistic function in three straight pieces
 *
 *   y = min(max(x + 3, 0), 6) / 6        dx = dy / 6 where -3 < x < 3, else 0
 *
 * A. Howard et al., "Searching for MobileNetV3", ICCV 2019; as PyTorch and Keras 3.  Keras 2 had min(max(0.2 x +
 * 0.5, 0), 1).
 */
#include <heft/plugin.h>

typedef struct { int64_t size; } hard_sigmoid;   /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    hard_sigmoid *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const hard_sigmoid *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) {
        const float z = x[i] + 3, low = heft_where(z < 0, 0, z);
        y[i] = heft_where(low > 6, 6, low) / 6;
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const hard_sigmoid *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = heft_where((x[i] <= -3) | (x[i] >= 3), 0, dy[i] / 6);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "hard_sigmoid", "logistic function in three straight pieces",
                      sizeof(hard_sigmoid), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "glorot_uniform",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
