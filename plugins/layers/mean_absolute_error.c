/* mean_absolute_error.c -- the mean over a sample's outputs of |x - t|
 *
 *   dx = sign(x - t) / count, 0 where x = t
 *
 * As PyTorch's L1Loss and Keras' MeanAbsoluteError.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct { int64_t count; } mean_absolute_error;       /* derived: outputs per sample */

static int plan(void *self, heft_layer_plan *p)
{
    mean_absolute_error *l = self;
    l->count = heft_needs_pairs(p);
    return l->count < 0 ? -1 : 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const mean_absolute_error *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) sum += fabs((double)x[j] - t[j]);
        p->out[i] = (float)(sum / (double)l->count);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const mean_absolute_error *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float w = p->dout[i] / (float)l->count;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++)
            dx[j] = w * (float)((x[j] > t[j]) - (x[j] < t[j]));
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "mean_absolute_error", "loss or metric: mean of absolute differences",
                      sizeof(mean_absolute_error), NULL),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE,
    .unread = HEFT_UNREAD_OUT,
};
