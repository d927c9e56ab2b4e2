/* smooth_l1.c -- the mean over a sample's outputs of |x - t|, rounded off near 0
 *
 *   d = x - t      loss = d^2 / (2 beta)        where |d| < beta           dx = d / beta / count
 *                  loss = |d| - beta / 2        beyond                     dx = sign(d) / count
 *
 * R. Girshick, "Fast R-CNN", ICCV 2015, with beta 1.  https://arxiv.org/abs/1504.08083
 *
 * As PyTorch's SmoothL1Loss; beta 0 gives its L1Loss.  huber is this times its delta.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    double  beta;
    int64_t count;                               /* derived: outputs per sample */
} smooth_l1;

static const heft_option options[] = {
    HEFT_OPT_REAL(smooth_l1, beta, 1, 0, 1e30, "the difference at which the square becomes a line"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    smooth_l1 *l = self;
    l->count = heft_needs_pairs(p);
    return l->count < 0 ? -1 : 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const smooth_l1 *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) {
            const double d = fabs((double)x[j] - t[j]);
            sum += d < l->beta ? d * d / (2 * l->beta) : d - l->beta / 2;
        }
        p->out[i] = (float)(sum / (double)l->count);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const smooth_l1 *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1], beta = (float)l->beta;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float w = p->dout[i] / (float)l->count;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) {
            const float d = x[j] - t[j];
            dx[j] = w * heft_where(fabsf(d) < beta, d / beta, (float)((d > 0) - (d < 0)));
        }
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "smooth_l1", "loss or metric: absolute differences, rounded off near 0",
                      sizeof(smooth_l1), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE,
    .unread = HEFT_UNREAD_OUT,
};
