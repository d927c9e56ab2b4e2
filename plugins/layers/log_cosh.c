/* log_cosh.c -- the mean over a sample's outputs of log cosh(x - t): half a square near 0, |x - t| - log 2 far off
 *
 *   log cosh d = |d| + log(1 + exp(-2 |d|)) - log 2, which does not overflow         dx = tanh(d) / count
 *
 * As Keras' LogCosh; PyTorch has none.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct { int64_t count; } log_cosh;      /* derived: outputs per sample */

static int plan(void *self, heft_layer_plan *p)
{
    log_cosh *l = self;
    l->count = heft_needs_pairs(p);
    return l->count < 0 ? -1 : 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const log_cosh *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) {
            const double d = fabs((double)x[j] - t[j]);
            sum += d + log1p(exp(-2 * d)) - 0.69314718055994531;
        }
        p->out[i] = (float)(sum / (double)l->count);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const log_cosh *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float w = p->dout[i] / (float)l->count;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) dx[j] = w * heft_tanhf(x[j] - t[j]);
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "log_cosh", "loss or metric: log cosh of differences",
                      sizeof(log_cosh), NULL),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE,
    .unread = HEFT_UNREAD_OUT,
};
