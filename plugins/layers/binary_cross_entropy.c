/* binary_cross_entropy.c -- cross-entropy of the sigmoid of logits, the mean over a sample's outputs
 *
 *   loss = - t log sigmoid(x) - (1 - t) log(1 - sigmoid(x))
 *        = max(x, 0) - x t + log(1 + exp(-|x|))                which neither overflows nor cancels
 *   dx   = sigmoid(x) - t
 *
 * With pos_weight q the first term counts q times: (q - 1) t (max(-x, 0) + log(1 + exp(-|x|))) is added to the loss,
 * (q - 1) t (sigmoid(x) - 1) to dx.
 *
 * With label smoothing s the target is (1 - s) t + s / 2, as Keras' BinaryCrossentropy has it.
 *
 * As PyTorch's BCEWithLogitsLoss.  Keras expects probabilities unless from_logits is set; Caffe's
 * SigmoidCrossEntropyLoss is the sum over a sample's outputs, not the mean.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    heft_real_list pos_weight;
    double  label_smoothing;
    heft_answers answers;                        /* derived */
} binary_cross_entropy;

enum { SIGMOID };                                /* saved */

static const heft_option options[] = {
    HEFT_OPT_REALS(binary_cross_entropy, pos_weight, "none", "none", 0, 1e6,
                   "what a yes counts, where a no counts 1: one number, or one for each output of the last axis"),
    HEFT_OPT_REAL(binary_cross_entropy, label_smoothing, 0, 0, 1, "share of the target that is half a yes"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    binary_cross_entropy *l = self;
    const heft_shape *x = &p->in[0];
    if (heft_needs_answers(p, HEFT_YES_OR_NO, -1, "softmax_cross_entropy takes more", &l->answers)) return -1;
    const int64_t last = x->rank ? x->dim[x->rank - 1] : 1;
    if (l->pos_weight.n > 1 && l->pos_weight.n != last)
        return heft_fail(&p->error, "pos_weight has %d numbers, the last axis of the output %lld",
                         (int)l->pos_weight.n, (long long)last);

    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "sigmoid", .role = HEFT_SAVED, .shape = { HEFT_F32, 1, { l->answers.rows } }, .per_sample = true };
    return 0;
}

static inline float target_at(const binary_cross_entropy *l, const float *t, int64_t i)
{
    const float s = (float)l->label_smoothing;
    return (1 - s) * (l->answers.labels ? (float)heft_ints(t)[i] : t[i]) + s / 2;
}

/* (q - 1) t of output i, or 0. */
static inline float surplus(const binary_cross_entropy *l, const float *t, int64_t i)
{
    const heft_real_list *q = &l->pos_weight;
    return q->n ? (float)(q->v[i % q->n] - 1) * target_at(l, t, i) : 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const binary_cross_entropy *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->answers.rows; j < (i + 1) * l->answers.rows; j++) {
            const float e = heft_expf(-fabsf(x[j]));
            const float tail = log1pf(e);
            sum += (x[j] > 0 ? x[j] : 0) - x[j] * target_at(l, t, j) + tail;
            if (l->pos_weight.n) sum += surplus(l, t, j) * ((x[j] < 0 ? -x[j] : 0) + tail);
            if (p->train) p->saved[SIGMOID][j] = (x[j] < 0 ? e : 1) / (1 + e);
        }
        p->out[i] = (float)(sum / (double)l->answers.rows);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const binary_cross_entropy *l = self;
    const float *restrict t = p->in[1], *restrict sigmoid = p->saved[SIGMOID];
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float w = p->dout[i] / (float)l->answers.rows;
        for (int64_t j = i * l->answers.rows; j < (i + 1) * l->answers.rows; j++)
            dx[j] = w * (sigmoid[j] - target_at(l, t, j) + surplus(l, t, j) * (sigmoid[j] - 1));
    }
}

/* Probabilities of yes. */
static void predict(const void *self, const heft_forward *p)
{
    const binary_cross_entropy *l = self;
    for (int64_t i = 0; i < p->n * l->answers.rows; i++) {
        const float e = heft_expf(-fabsf(p->in[0][i]));
        p->out[i] = (p->in[0][i] < 0 ? e : 1) / (1 + e);
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "binary_cross_entropy",
                      "loss: cross-entropy of logits against yes or no", sizeof(binary_cross_entropy), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE, .predict = predict,
    .unread = HEFT_UNREAD_OUT,
};
