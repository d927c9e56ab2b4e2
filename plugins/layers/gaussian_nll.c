/* gaussian_nll.c -- minus the log likelihood under a normal distribution whose mean and variance are both output
 *
 *   The last axis of the output holds the k means x and then k values s, for k targets t.
 *   v = exp(s)                                   variance log
 *   v = max(s, eps)                              variance plain, ds = 0 where s < eps
 *   loss = ((x - t)^2 / v + log v) / 2           mean over a sample's targets; with full, + log(2 pi) / 2
 *   dx = (x - t) / v      dv = (1 - (x - t)^2 / v) / (2 v)      ds = v dv, or dv
 *
 * D. Nix, A. Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994.
 *
 * PyTorch's GaussianNLLLoss takes the variance as it is, from an input of its own, and lets the gradient pass where s <
 * eps.  `plain` is that for an output joined of means and of variances that an activation has made positive.
 */
#include <heft/plugin.h>

typedef struct {
    int     variance;
    bool    full;
    double  eps;
    int64_t rows, count;                         /* derived: rows of a sample, targets of a row */
} gaussian_nll;

enum { LOG, PLAIN };                             /* variance */

static const heft_option options[] = {
    HEFT_OPT_ENUM(gaussian_nll, variance, LOG, "log|plain", "what the second half of the output is: log v, or v"),
    HEFT_OPT_BOOL(gaussian_nll, full, false, "add the constant log(2 pi) / 2"),
    HEFT_OPT_REAL(gaussian_nll, eps, 1e-6, 1e-30, 1e30, "the least variance, where it is plain"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    gaussian_nll *l = self;
    const heft_shape *x = &p->in[0], *t = &p->in[1];
    char output[HEFT_SHAPE_TEXT], target[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "numbers as output") || heft_needs(p, 1, -1, "numbers as target")) return -1;
    const int64_t last = x->rank ? x->dim[x->rank - 1] : 1;
    if (last % 2 || heft_count(x) != 2 * heft_count(t))
        return heft_fail(&p->error, "needs a mean and a variance for each target, one half of the last axis each; "
                         "the output is %s, the target %s", heft_shape_text(x, output), heft_shape_text(t, target));
    l->count = last / 2;
    l->rows = heft_count(x) / last;
    p->out = (heft_shape){ HEFT_F32, 0 };
    return 0;
}

/* Above 0, so that no error over no variance is none; NaN stays. */
static inline double variance_of(const gaussian_nll *l, double s)
{
    const double v = l->variance == LOG ? exp(s) : s, least = l->variance == LOG ? 1e-300 : l->eps;
    return v < least ? least : v;
}

static void forward(const void *self, const heft_forward *p)
{
    const gaussian_nll *l = self;
    const int64_t k = l->count;
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t r = i * l->rows; r < (i + 1) * l->rows; r++) {
            const float *restrict x = p->in[0] + 2 * k * r, *restrict s = x + k, *restrict t = p->in[1] + k * r;
            for (int64_t j = 0; j < k; j++) {
                const double v = variance_of(l, s[j]), d = (double)x[j] - t[j];
                sum += d * d / v + (l->variance == LOG ? s[j] : log(v));
            }
        }
        p->out[i] = (float)(sum / (double)(2 * l->rows * k) + (l->full ? 0.91893853320467274 : 0));
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const gaussian_nll *l = self;
    const int64_t k = l->count;
    if (!p->din[0]) return;
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        const float *restrict x = p->in[0] + 2 * k * r, *restrict s = x + k, *restrict t = p->in[1] + k * r;
        float *restrict dx = p->din[0] + 2 * k * r, *restrict ds = dx + k;
        const double w = p->dout[r / l->rows] / (double)(l->rows * k);
        for (int64_t j = 0; j < k; j++) {
            const double v = variance_of(l, s[j]), d = (double)x[j] - t[j], half = (1 - d * d / v) / 2;
            dx[j] = (float)(w * d / v);
            ds[j] = (float)(w * (l->variance == LOG ? half : s[j] < l->eps ? 0 : half / v));
        }
    }
}

/* Means and variances. */
static void predict(const void *self, const heft_forward *p)
{
    const gaussian_nll *l = self;
    for (int64_t i = 0; i < 2 * p->n * l->rows * l->count; i++)
        p->out[i] = i / l->count % 2 ? (float)variance_of(l, p->in[0][i]) : p->in[0][i];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "gaussian_nll",
                      "loss: normal distributions of their own mean and variance", sizeof(gaussian_nll), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE, .predict = predict,
    .unread = HEFT_UNREAD_OUT,
};
