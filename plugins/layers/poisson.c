/* poisson.c -- the mean over a sample's outputs of minus the log likelihood of counts t under Poisson's law
 *
 *   loss = exp(x) - t x                          x the logarithm of the rate, dx = exp(x) - t
 *   loss = x - t log(max(x, 0) + eps)            log_input false: x the rate, dx = 1 - t / (x + eps), 1 below 0
 *   with full, + t log t - t + log(2 pi t) / 2 where t > 1: Stirling's approximation to log t!
 *
 * As PyTorch's PoissonNLLLoss, for which the logarithm of a rate below 0 is not a number.  Keras' Poisson has x the rate, and eps 1e-7.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    bool    log_input, full;
    double  eps;
    int64_t count;                               /* derived: outputs per sample */
} poisson;

static const heft_option options[] = {
    HEFT_OPT_BOOL(poisson, log_input, true, "the output is the logarithm of the rate"),
    HEFT_OPT_BOOL(poisson, full, false, "add the terms that depend on the target alone"),
    HEFT_OPT_REAL(poisson, eps, 1e-8, 1e-30, 1, "added to the rate in the logarithm, if log_input is false"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    poisson *l = self;
    l->count = heft_needs_pairs(p);
    return l->count < 0 ? -1 : 0;
}

static double of_target(double t)
{
    return t > 1 ? t * log(t) - t + log(6.283185307179586 * t) / 2 : 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const poisson *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++) {
            sum += l->log_input ? heft_expf(x[j]) - (double)t[j] * x[j] : x[j] - t[j] * log((x[j] > 0 ? x[j] : 0) + l->eps);
            if (l->full) sum += of_target(t[j]);
        }
        p->out[i] = (float)(sum / (double)l->count);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const poisson *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1], eps = (float)l->eps;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float w = p->dout[i] / (float)l->count;
        for (int64_t j = i * l->count; j < (i + 1) * l->count; j++)
            dx[j] = w * (l->log_input ? heft_expf(x[j]) - t[j] : x[j] < 0 ? 1 : 1 - t[j] / (x[j] + eps));
    }
}

/* Rates. */
static void predict(const void *self, const heft_forward *p)
{
    const poisson *l = self;
    for (int64_t i = 0; i < p->n * l->count; i++) p->out[i] = l->log_input ? heft_expf(p->in[0][i]) : p->in[0][i];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "poisson", "loss: counts under Poisson's law",
                      sizeof(poisson), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE, .predict = predict,
    .unread = HEFT_UNREAD_OUT,
};
