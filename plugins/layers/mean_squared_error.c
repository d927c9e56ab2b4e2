/* mean_squared_error.c -- the mean over a sample's outputs of (x - t)^2
 *
 *   dx = 2 (x - t) / count
 *
 * As PyTorch's MSELoss and Keras' MeanSquaredError.  Caffe's EuclideanLoss is half the sum over a sample's outputs.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct { int64_t count; } mean_squared_error;        /* derived: outputs per sample */

static int plan(void *self, heft_layer_plan *p)
{
    mean_squared_error *l = self;
    l->count = heft_needs_pairs(p);
    return l->count < 0 ? -1 : 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const mean_squared_error *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) {
            const double d = (double)x[j] - t[j];
            sum += d * d;
        }
        p->out[i] = (float)(sum / (double)l->count);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const mean_squared_error *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float w = 2 * p->dout[i] / (float)l->count;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) dx[j] = w * (x[j] - t[j]);
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "mean_squared_error", "loss or metric: mean of squared differences",
                      sizeof(mean_squared_error), NULL),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE,
    .unread = HEFT_UNREAD_OUT,
};
