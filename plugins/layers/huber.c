/* huber.c -- the mean over a sample's outputs of a square near 0 that goes on as a line
 *
 *   d = x - t      loss = d^2 / 2               where |d| <= delta         dx = d / count
 *                  loss = delta (|d| - delta / 2)      beyond              dx = delta sign(d) / count
 *
 * P. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35 (1964).
 *
 * As PyTorch's HuberLoss and Keras' Huber.  smooth_l1 is this divided by delta.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    double  delta;
    int64_t count;                               /* derived: outputs per sample */
} huber;

static const heft_option options[] = {
    HEFT_OPT_REAL(huber, delta, 1, 1e-30, 1e30, "the difference at which the square becomes a line"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    huber *l = self;
    l->count = heft_needs_pairs(p);
    return l->count < 0 ? -1 : 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const huber *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) {
            const double d = fabs((double)x[j] - t[j]);
            sum += d <= l->delta ? d * d / 2 : l->delta * (d - l->delta / 2);
        }
        p->out[i] = (float)(sum / (double)l->count);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const huber *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1], delta = (float)l->delta;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float w = p->dout[i] / (float)l->count;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) {
            const float d = x[j] - t[j];
            dx[j] = w * (d > delta ? delta : d < -delta ? -delta : d);
        }
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "huber",
                      "loss or metric: squares of small differences, sizes of large ones", sizeof(huber), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE,
    .unread = HEFT_UNREAD_OUT,
};
