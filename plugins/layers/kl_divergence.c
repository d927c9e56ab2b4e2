/* kl_divergence.c -- Kullback and Leibler's divergence of the output's distribution from the target's
 *
 *   loss = sum_k t_k (log t_k - log q_k), the mean over a sample's rows; t_k along the last axis, 0 log 0 = 0
 *   logits              q = softmax(x)            dx = q sum_k t_k - t
 *   log_probabilities   log q = x                 dx = - t
 *   probabilities       q = max(x, 1e-7)          dx = - t / q, 0 where q is 1e-7
 *
 * S. Kullback, R. Leibler, "On Information and Sufficiency", Annals of Mathematical Statistics 22 (1951).
 *
 * log_probabilities is PyTorch's KLDivLoss, with its reduction batchmean (its mean divides by the classes too);
 * probabilities is Keras' KLDivergence.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    int     input;
    int64_t rows, classes;                       /* derived */
} kl_divergence;

enum { LOGITS, LOG_PROBABILITIES, PROBABILITIES };           /* input */

static const heft_option options[] = {
    HEFT_OPT_ENUM(kl_divergence, input, LOGITS, "logits|log_probabilities|probabilities", "what the output is"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    kl_divergence *l = self;
    const heft_shape *x = &p->in[0];
    const int64_t count = heft_needs_pairs(p);
    if (count < 0) return -1;
    l->classes = x->rank ? x->dim[x->rank - 1] : 1;
    l->rows = count / l->classes;
    return 0;
}

/* The largest of x, and the logarithm of the sum of exp(x - it). */
static double log_sum_exp(int64_t n, const float *restrict x, float *most)
{
    double sum = 0;
    *most = x[0];
    for (int64_t k = 1; k < n; k++) *most = x[k] > *most ? x[k] : *most;
    for (int64_t k = 0; k < n; k++) sum += heft_expf(x[k] - *most);
    return log(sum);
}

static double row_loss(const kl_divergence *l, const float *restrict x, const float *restrict t)
{
    float most = 0;
    const double log_sum = l->input == LOGITS ? log_sum_exp(l->classes, x, &most) : 0;
    double loss = 0;
    for (int64_t k = 0; k < l->classes; k++) {
        if (t[k] <= 0) continue;                        /* NaN stays */
        const double log_q = l->input == PROBABILITIES ? log(x[k] <= 1e-7f ? 1e-7 : x[k]) : x[k] - most - log_sum;
        loss += t[k] * (log((double)t[k]) - log_q);
    }
    return loss;
}

static void forward(const void *self, const heft_forward *p)
{
    const kl_divergence *l = self;
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t r = i * l->rows; r < (i + 1) * l->rows; r++)
            sum += row_loss(l, p->in[0] + r * l->classes, p->in[1] + r * l->classes);
        p->out[i] = (float)(sum / (double)l->rows);
    }
}

/* A negative number in a target counts as 0, as in the loss. */
static void row_back(const kl_divergence *l, const float *restrict x, const float *restrict t, float w,
                     float *restrict dx)
{
    const int64_t n = l->classes;
    if (l->input == LOGITS) {
        float most, total = 0;
        const float log_sum = (float)log_sum_exp(n, x, &most);
        for (int64_t k = 0; k < n; k++) total += heft_where(t[k] > 0, t[k], 0);
        for (int64_t k = 0; k < n; k++)
            dx[k] = w * (heft_expf(x[k] - most - log_sum) * total - heft_where(t[k] > 0, t[k], 0));
    } else if (l->input == LOG_PROBABILITIES) {
        for (int64_t k = 0; k < n; k++) dx[k] = heft_where(t[k] > 0, -w * t[k], 0);
    } else {
        for (int64_t k = 0; k < n; k++) dx[k] = heft_where((t[k] > 0) & (x[k] > 1e-7f), -w * t[k] / x[k], 0);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const kl_divergence *l = self;
    if (!p->din[0]) return;
    for (int64_t r = 0; r < p->n * l->rows; r++)
        row_back(l, p->in[0] + r * l->classes, p->in[1] + r * l->classes, p->dout[r / l->rows] / (float)l->rows,
                 p->din[0] + r * l->classes);
}

/* Probabilities. */
static void predict(const void *self, const heft_forward *p)
{
    const kl_divergence *l = self;
    const int64_t n = l->classes;
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        const float *x = p->in[0] + r * n;
        float *y = p->out + r * n, most = 0;
        const float log_sum = l->input == LOGITS ? (float)log_sum_exp(n, x, &most) : 0;
        if (l->input == PROBABILITIES) for (int64_t k = 0; k < n; k++) y[k] = x[k];
        else for (int64_t k = 0; k < n; k++) y[k] = heft_expf(x[k] - most - log_sum);
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "kl_divergence", "loss: divergence from the target's distribution",
                      sizeof(kl_divergence), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE, .predict = predict,
    .unread = HEFT_UNREAD_OUT,
};
