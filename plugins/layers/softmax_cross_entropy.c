/* softmax_cross_entropy.c -- cross-entropy of the softmax of logits
 *
 *   p = softmax(x)      t = (1 - s) y + s / classes      loss = - sum_k t_k log p_k
 *   dx = p sum_k t_k - t
 *
 * x [..., classes]; y: a label for each row of classes, or a probability for each class.  With several rows (one
 * per time step) a sample's loss is their mean.  s is label smoothing: C. Szegedy et al., "Rethinking the Inception
 * Architecture for Computer Vision", CVPR 2016, section 7.
 *
 * With class_weights w, every term of a row's loss counts w_k times: - sum_k w_k t_k log p_k.  A row with the label
 * ignore_index counts nothing.  Of labels, the mean is then PyTorch's weighted one over all rows of the minibatch (when
 * evaluating, of the data set): sum_r loss_r / sum_r w[y_r].  out is the sum over a sample's rows, and the tally
 * "weight" the divisor, as plugin.h says of losses.  Of probabilities it stays the mean over rows, as in PyTorch.
 *
 * As PyTorch's CrossEntropyLoss, whose ignore_index is -100, and Caffe's SoftmaxWithLoss, which divides by the number
 * of rows that are not ignored.  Keras expects probabilities unless from_logits is set, and divides by the number of
 * samples whatever the class_weight.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    double  label_smoothing;
    heft_real_list class_weights;
    int64_t ignore_index;
    heft_answers answers;                        /* derived */
    bool    weighted;                            /* derived: rows do not weigh the same */
} softmax_cross_entropy;

enum { P };                                      /* saved */
enum { E };                                      /* scratch, where nothing is saved */
enum { WEIGHT };                                 /* tally, if weighted */

static const heft_option options[] = {
    HEFT_OPT_REAL(softmax_cross_entropy, label_smoothing, 0, 0, 1,
                  "share of the target spread evenly over all classes"),
    HEFT_OPT_REALS(softmax_cross_entropy, class_weights, "none", "none", 0, 1e6, "a weight for each class"),
    HEFT_OPT_INT_OR(softmax_cross_entropy, ignore_index, "none", -1, 0, INT32_MAX, "label of rows that do not count"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    softmax_cross_entropy *l = self;
    const heft_answers *a = &l->answers;
    if (heft_needs_answers(p, HEFT_CLASSES, l->ignore_index, "binary_cross_entropy takes one logit", &l->answers)) return -1;
    if (l->class_weights.n && l->class_weights.n != a->classes)
        return heft_fail(&p->error, "class_weights has %d numbers, the output %lld classes", (int)l->class_weights.n,
                         (long long)a->classes);
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "p", .role = HEFT_SAVED, .shape = { HEFT_F32, 2, { a->rows, a->classes } }, .per_sample = true };
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "e", .role = HEFT_SCRATCH, .shape = { HEFT_F32, 1, { a->classes } } };
    l->weighted = a->labels && (l->class_weights.n || l->ignore_index >= 0);
    if (l->weighted)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "weight", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    return 0;
}

/* The sum of n numbers, in sixteen interleaved parts. */
static double sum_of(int64_t n, const float *x)
{
    double part[16] = { 0 }, sum = 0;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) part[j] += x[i + j];
    for (int j = 0; j < 16; j++) sum += part[j];
    for (; i < n; i++) sum += x[i];
    return sum;
}

/* e = exp(x - most), most being the largest of x, so that nothing overflows.  Returns the sum. */
static double exponentials(int64_t n, const float *restrict x, float *restrict e, float *most)
{
    const float largest = *most = heft_max(n, x);
    for (int64_t k = 0; k < n; k++) e[k] = heft_expf(x[k] - largest);
    return sum_of(n, e);
}

static void divide(int64_t n, float *e, double sum)
{
    const float scale = (float)(1 / sum);
    for (int64_t k = 0; k < n; k++) e[k] *= scale;
}

/* What the rows of a lane's samples weigh. */
static double weight_of(const softmax_cross_entropy *l, const heft_forward *p)
{
    const float *target = p->in[1];
    double sum = 0;
    for (int64_t r = 0; r < p->n * l->answers.rows; r++)
        if (!heft_ignored(&l->answers, target, r))
            sum += heft_sample_weight(p, r / l->answers.rows) * (l->class_weights.n ? l->class_weights.v[heft_ints(target)[r]] : 1);
    return sum;
}

/* w_k t_k of row r. */
static inline double share(const softmax_cross_entropy *l, const float *target, int64_t r, int64_t k)
{
    const double y = l->answers.labels ? heft_ints(target)[r] == k : target[r * l->answers.classes + k];
    const double t = (1 - l->label_smoothing) * y + l->label_smoothing / (double)l->answers.classes;
    return t * l->class_weights.v[k];
}

/* - sum_k t_k log p_k of row r, with log p_k = x_k - most - log sum exp(x - most); leaves p in e if `normalize`. */
static double row_loss(const softmax_cross_entropy *l, const float *restrict x, const float *restrict target,
                       int64_t r, float *restrict e, bool normalize)
{
    const int64_t n = l->answers.classes;
    const double s = l->label_smoothing;
    float most;
    const double sum = exponentials(n, x, e, &most), log_sum = log(sum);
    double mean = 0, loss = 0;

    if (l->class_weights.n)
        for (int64_t k = 0; k < n; k++) loss += share(l, target, r, k) * (log_sum - (x[k] - most));
    else if (!l->answers.labels)
        for (int64_t k = 0; k < n; k++) loss += target[r * n + k] * (log_sum - (x[k] - most));
    else
        loss = log_sum - (x[heft_ints(target)[r]] - most);
    if (s > 0 && !l->class_weights.n) {
        for (int64_t k = 0; k < n; k++) mean += x[k] - most;
        loss = (1 - s) * loss + s * (log_sum - mean / (double)n);
    }
    if (normalize) divide(n, e, sum);
    return loss;
}

static void survey(const void *self, const heft_forward *p)
{
    const softmax_cross_entropy *l = self;
    if (l->weighted) p->tally[WEIGHT][0] += weight_of(l, p);
}

static void forward(const void *self, const heft_forward *p)
{
    const softmax_cross_entropy *l = self;
    if (!p->total) survey(l, p);
    for (int64_t i = 0; i < p->n; i++) {
        double loss = 0;
        for (int64_t r = i * l->answers.rows; r < (i + 1) * l->answers.rows; r++)
            if (!heft_ignored(&l->answers, p->in[1], r))
                loss += row_loss(l, p->in[0] + r * l->answers.classes, p->in[1], r,
                                 p->train ? p->saved[P] + r * l->answers.classes : p->scratch[E], p->train);
        p->out[i] = (float)(l->weighted ? loss : loss / (double)l->answers.rows);
    }
}

/* Row r of dx = w (p sum(t) - t), with class weights those of w_k t_k. */
static void row_back(const softmax_cross_entropy *l, const float *restrict prob, const float *restrict target,
                     int64_t r, float w, float *restrict dx)
{
    const int64_t n = l->answers.classes;
    const float keep = (float)(1 - l->label_smoothing), even = (float)(l->label_smoothing / (double)n);
    if (heft_ignored(&l->answers, target, r)) {
        for (int64_t k = 0; k < n; k++) dx[k] = 0;
    } else if (l->class_weights.n) {
        double sum = 0;
        for (int64_t k = 0; k < n; k++) sum += share(l, target, r, k);
        for (int64_t k = 0; k < n; k++) dx[k] = (float)(w * (prob[k] * sum - share(l, target, r, k)));
    } else if (!l->answers.labels) {
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
    const float parts = l->weighted ? 1 : (float)l->answers.rows;
    for (int64_t r = 0; r < p->n * l->answers.rows; r++)
        row_back(l, p->saved[P] + r * l->answers.classes, p->in[1], r, p->dout[r / l->answers.rows] / parts,
                 p->din[0] + r * l->answers.classes);
}

/* Probabilities: the softmax of every row. */
static void predict(const void *self, const heft_forward *p)
{
    const softmax_cross_entropy *l = self;
    const int64_t n = l->answers.classes;
    for (int64_t r = 0; r < p->n * l->answers.rows; r++) {
        float most;
        divide(n, p->out + r * n, exponentials(n, p->in[0] + r * n, p->out + r * n, &most));
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "softmax_cross_entropy",
                      "loss: cross-entropy of logits against classes", sizeof(softmax_cross_entropy), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .survey = survey, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE, .predict = predict, .weighted = 1,
    .unread = HEFT_UNREAD_OUT,
};
