/* mean_absolute_percentage_error.c -- the mean over a sample's outputs of |x - t| / max(|t|, eps)
 *
 *   dx = sign(x - t) / max(|t|, eps) / count
 *
 * A share, 0.05 being 5 %, as scikit-learn's; Keras' is in percent.  Targets near 0 make it useless.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    double  eps;
    int64_t count;                               /* derived: outputs per sample */
} mean_absolute_percentage_error;

static const heft_option options[] = {
    HEFT_OPT_REAL(mean_absolute_percentage_error, eps, 1e-7, 1e-30, 1e30, "the least size a target counts with"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    mean_absolute_percentage_error *l = self;
    l->count = heft_needs_pairs(p);
    return l->count < 0 ? -1 : 0;
}

static inline double size_of(const mean_absolute_percentage_error *l, float t)
{
    const double size = fabs((double)t);
    return size > l->eps ? size : l->eps;
}

static void forward(const void *self, const heft_forward *p)
{
    const mean_absolute_percentage_error *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++)
            sum += fabs((double)x[j] - t[j]) / size_of(l, t[j]);
        p->out[i] = (float)(sum / (double)l->count);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const mean_absolute_percentage_error *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++) {
        const double w = p->dout[i] / (double)l->count;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++)
            dx[j] = (float)(w * ((x[j] > t[j]) - (x[j] < t[j])) / size_of(l, t[j]));
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "mean_absolute_percentage_error",
                      "loss or metric: mean of differences as shares of the targets",
                      sizeof(mean_absolute_percentage_error), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE,
    .unread = HEFT_UNREAD_OUT,
};
