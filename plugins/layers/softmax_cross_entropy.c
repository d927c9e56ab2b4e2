/* softmax_cross_entropy.c -- cross-entropy of the softmax of logits
 *
 *   p = softmax(x)      t = (1 - s) y + s / classes      loss = - sum_k t_k log p_k
 *   dx = p sum_k t_k - t
 *
 * x [..., classes]; y: a label for each row of classes, or a probability for each class.  With several rows (one
 * per time step) a sample's loss is their mean.  s is label smoothing: C. Szegedy et al., "Rethinking the Inception
 * Architecture for Computer Vision", CVPR 2016, section 7.
 *
 * As PyTorch's CrossEntropyLoss and Caffe's SoftmaxWithLoss.  Keras expects probabilities unless from_logits is
 * set.
 */
#include <heft/plugin.h>

typedef struct {
    double  label_smoothing;
    int64_t rows, classes;                       /* derived */
    bool    soft;                                /* derived: y is probabilities */
} softmax_cross_entropy;

enum { P };                                      /* saved */
enum { E };                                      /* scratch, where nothing is saved */

static const heft_option options[] = {
    HEFT_OPT_REAL(softmax_cross_entropy, label_smoothing, 0, 0, 1,
                  "share of the target spread evenly over all classes"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    softmax_cross_entropy *l = self;
    const heft_shape *x = &p->in[0], *y = &p->in[1];
    char output[HEFT_SHAPE_TEXT], target[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "logits as output")) return -1;
    l->classes = x->rank ? x->dim[x->rank - 1] : 1;
    if (l->classes < 2)
        return heft_fail(&p->error, "the output has 1 class, 2 or more are needed "
                         "(binary_cross_entropy takes one logit)");
    l->rows = heft_count(x) / l->classes;
    l->soft = y->dtype == HEFT_F32;
    if (heft_count(y) != (l->soft ? heft_count(x) : l->rows))
        return heft_fail(&p->error, "needs a label for each row of classes, or a probability for each class; "
                         "the output is %s, the target %s", heft_shape_text(x, output), heft_shape_text(y, target));
    if (!l->soft && y->limit > l->classes)
        return heft_fail(&p->error, "labels reach %lld, the output has %lld classes",
                         (long long)(y->limit - 1), (long long)l->classes);

    p->out = (heft_shape){ HEFT_F32, 0 };
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "p", .role = HEFT_SAVED, .shape = { HEFT_F32, 2, { l->rows, l->classes } }, .per_sample = true };
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "e", .role = HEFT_SCRATCH, .shape = { HEFT_F32, 1, { l->classes } } };
    return 0;
}

/* e = exp(x - most), most being the largest of x, so that nothing overflows.  Returns the sum. */
static double exponentials(int64_t n, const float *restrict x, float *restrict e, float *most)
{
    double sum = 0;
    *most = x[0];
    for (int64_t k = 1; k < n; k++) *most = x[k] > *most ? x[k] : *most;
    for (int64_t k = 0; k < n; k++) e[k] = heft_expf(x[k] - *most);
    for (int64_t k = 0; k < n; k++) sum += e[k];
    return sum;
}

static void divide(int64_t n, float *e, double sum)
{
    const float scale = (float)(1 / sum);
    for (int64_t k = 0; k < n; k++) e[k] *= scale;
}

/* - sum_k t_k log p_k of row r, with log p_k = x_k - most - log sum exp(x - most); leaves p in e if `normalize`. */
static double row_loss(const softmax_cross_entropy *l, const float *restrict x, const float *restrict target,
                       int64_t r, float *restrict e, bool normalize)
{
    const int64_t n = l->classes;
    const double s = l->label_smoothing;
    float most;
    const double sum = exponentials(n, x, e, &most), log_sum = log(sum);
    double mean = 0, loss = 0;

    if (l->soft)
        for (int64_t k = 0; k < n; k++) loss += target[r * n + k] * (log_sum - (x[k] - most));
    else
        loss = log_sum - (x[heft_ints(target)[r]] - most);
    if (s > 0) {
        for (int64_t k = 0; k < n; k++) mean += x[k] - most;
        loss = (1 - s) * loss + s * (log_sum - mean / (double)n);
    }
    if (normalize) divide(n, e, sum);
    return loss;
}

static void forward(const void *self, const heft_forward *p)
{
    const softmax_cross_entropy *l = self;
    for (int64_t i = 0; i < p->n; i++) {
        double loss = 0;
        for (int64_t r = i * l->rows; r < (i + 1) * l->rows; r++)
            loss += row_loss(l, p->in[0] + r * l->classes, p->in[1], r,
                             p->train ? p->saved[P] + r * l->classes : p->scratch[E], p->train);
        p->out[i] = (float)(loss / (double)l->rows);
    }
}

/* Row r of dx = w (p sum(t) - t). */
static void row_back(const softmax_cross_entropy *l, const float *restrict prob, const float *restrict target,
                     int64_t r, float w, float *restrict dx)
{
    const int64_t n = l->classes;
    const float keep = (float)(1 - l->label_smoothing), even = (float)(l->label_smoothing / (double)n);
    if (l->soft) {
        const float *restrict y = target + r * n;
        double sum = 0;
        for (int64_t k = 0; k < n; k++) sum += y[k];
        const float total = (float)((1 - l->label_smoothing) * sum + l->label_smoothing);
        for (int64_t k = 0; k < n; k++) dx[k] = w * (prob[k] * total - (keep * y[k] + even));
    } else {
        const int32_t label = heft_ints(target)[r];
        for (int64_t k = 0; k < n; k++) dx[k] = w * (prob[k] - even);
        dx[label] = w * (prob[label] - even - keep);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const softmax_cross_entropy *l = self;
    if (!p->din[0]) return;
    for (int64_t r = 0; r < p->n * l->rows; r++)
        row_back(l, p->saved[P] + r * l->classes, p->in[1], r, p->dout[r / l->rows] / (float)l->rows,
                 p->din[0] + r * l->classes);
}

/* Probabilities: the softmax of every row. */
static void predict(const void *self, const heft_forward *p)
{
    const softmax_cross_entropy *l = self;
    const int64_t n = l->classes;
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        float most;
        divide(n, p->out + r * n, exponentials(n, p->in[0] + r * n, p->out + r * n, &most));
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "softmax_cross_entropy",
                      "loss: cross-entropy of logits against classes", sizeof(softmax_cross_entropy), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE, .predict = predict,
};
