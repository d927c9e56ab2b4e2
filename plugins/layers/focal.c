/* focal.c -- cross-entropy that dwells on what is hard: right answers with probability p cost - a (1 - p)^gamma log p
 *
 *   binary   each output x is a yes or a no: p = sigmoid(x) if the target is yes, sigmoid(-x) if it is no;
 *            a = alpha for yes, 1 - alpha for no; z = x or -x
 *            dz = a (1 - p)^gamma (gamma p log p - (1 - p))
 *   softmax  x [..., classes]: p = softmax(x) at the label y; a = alpha
 *            dx_k = a (1 - p)^gamma (1 - gamma p log p / (1 - p)) (softmax(x)_k - [k = y])
 *
 * alpha may be a number for each class: a = alpha_y.  A sample's loss is the mean over its outputs or rows.  Those with the label
 * ignore_index count nothing: out is then the sum, and the tally "weight" their number, as plugin.h says of losses.  `auto` is softmax for a label for each row of classes, and
 * binary for a label (0 or 1) or a number (yes if above 0.5) for each output.
 *
 * T.-Y. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.  https://arxiv.org/abs/1708.02002
 *
 * binary is torchvision's sigmoid_focal_loss of hard targets, and Keras' BinaryFocalCrossentropy with
 * apply_class_balancing; softmax is Keras' CategoricalFocalCrossentropy.  Keras' take probabilities unless told
 * otherwise.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    heft_real_list alpha;
    double  gamma;
    int     form;
    int64_t ignore_index;
    heft_answers answers;                        /* derived */
} focal;

enum { AUTO, BINARY, SOFTMAX };                  /* form */
enum { WEIGHT };                                 /* tally, with ignore_index */

static const heft_option options[] = {
    HEFT_OPT_REALS(focal, alpha, NULL, "0.25", 0, 1, "weight of a yes, 1 - alpha that of a no; of softmax: of every class, or a list"),
    HEFT_OPT_REAL(focal, gamma, 2, 0, 100, "how much less the easy ones count; 0: as much"),
    HEFT_OPT_ENUM(focal, form, AUTO, "auto|binary|softmax", "yes or no for each output, or one class of several"),
    HEFT_OPT_INT_OR(focal, ignore_index, "none", -1, 0, INT32_MAX, "label of rows that do not count"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    focal *l = self;
    const bool binary = l->form == BINARY || (l->form == AUTO && heft_count(&p->in[0]) == heft_count(&p->in[1]));
    if (heft_needs_answers(p, binary ? HEFT_YES_OR_NO : HEFT_CLASSES, l->ignore_index,
                           binary ? "form softmax takes more" : "form binary takes one logit", &l->answers))
        return -1;
    if (l->alpha.n != 1 && l->alpha.n != l->answers.classes)
        return heft_fail(&p->error, "alpha has %d numbers, one is accepted%s", (int)l->alpha.n, binary ? "" : ", or one for each class");
    if (l->ignore_index >= 0)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "weight", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    return 0;
}

/* log(1 + exp(x)) = - log sigmoid(-x). */
static inline double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }

/* Of one output, y being 1 for yes: the loss, and its derivative by x. */
static double binary_loss(const focal *l, float x, int64_t y, double *dx)
{
    if (y < 0) return *dx = NAN;
    const bool yes = y == 1;
    const double z = yes ? x : -x, a = yes ? l->alpha.v[0] : 1 - l->alpha.v[0];
    const double log_p = -softplus(-z), log_q = -softplus(z), easy = a * exp(l->gamma * log_q);
    *dx = easy * (l->gamma * exp(log_p) * log_p - exp(log_q)) * (yes ? 1 : -1);
    return -easy * log_p;
}

/* dx_k is slope (softmax(x)_k - [k = y]); sum is that of exp(x - most). */
typedef struct { double loss, slope, sum; float most; } row;

/* Of a row of classes.  1 - p is added up from the other classes, and log p / (1 - p) goes to -1 with it. */
static row softmax_loss(const focal *l, const float *restrict x, int64_t y)
{
    const int64_t n = l->answers.classes;
    row o = { 0, 0, 0, x[0] };
    if (y < 0) return (row){ NAN, NAN, NAN, x[0] };
    for (int64_t k = 1; k < n; k++) o.most = x[k] > o.most ? x[k] : o.most;
    double others = 0;
    for (int64_t k = 0; k < n; k++) others += k == y ? 0 : heft_expf(x[k] - o.most);
    const double own = heft_expf(x[y] - o.most);
    o.sum = own + others;
    const double p = own / o.sum, q = others / o.sum, log_p = x[y] - o.most - log(o.sum);
    const double easy = l->alpha.v[l->alpha.n > 1 ? y : 0] * pow(q, l->gamma);
    o.loss = -easy * log_p;
    o.slope = easy * (1 - l->gamma * p * (q > 1e-12 ? log_p / q : -1));
    return o;
}

static void survey(const void *self, const heft_forward *p)
{
    const focal *l = self;
    const heft_answers *a = &l->answers;
    for (int64_t r = 0; l->ignore_index >= 0 && r < p->n * a->rows; r++)
        if (!heft_ignored(a, p->in[1], r)) p->tally[WEIGHT][0] += heft_sample_weight(p, r / a->rows);
}

static void forward(const void *self, const heft_forward *p)
{
    const focal *l = self;
    const heft_answers *a = &l->answers;
    double unused;
    if (!p->total) survey(self, p);
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t r = i * a->rows; r < (i + 1) * a->rows; r++) {
            const int64_t y = heft_truth(a, p->in[1], r);
            sum += y == HEFT_IGNORED ? 0 : a->classes == 1 ? binary_loss(l, p->in[0][r], y, &unused)
                 : softmax_loss(l, p->in[0] + r * a->classes, y).loss;
        }
        p->out[i] = (float)(l->ignore_index >= 0 ? sum : sum / (double)a->rows);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const focal *l = self;
    const heft_answers *a = &l->answers;
    const int64_t n = a->classes;
    if (!p->din[0]) return;
    for (int64_t r = 0; r < p->n * a->rows; r++) {
        const double w = p->dout[r / a->rows] / (l->ignore_index >= 0 ? 1 : (double)a->rows);
        const int64_t y = heft_truth(a, p->in[1], r);
        const float *restrict x = p->in[0] + r * n;
        float *restrict dx = p->din[0] + r * n;
        if (y == HEFT_IGNORED) {
            for (int64_t k = 0; k < n; k++) dx[k] = 0;
            continue;
        }
        if (n == 1) {
            double slope;
            binary_loss(l, *x, y, &slope);
            *dx = (float)(w * slope);
            continue;
        }
        const row o = softmax_loss(l, x, y);
        const float scale = (float)(w * o.slope / o.sum);
        double others = 0;
        for (int64_t k = 0; k < n; k++) {
            dx[k] = scale * heft_expf(x[k] - o.most);
            others += k == y ? 0 : dx[k];
        }
        if (y >= 0) dx[y] = (float)-others;
    }
}

/* Probabilities: of yes, or of the classes. */
static void predict(const void *self, const heft_forward *p)
{
    const focal *l = self;
    const int64_t n = l->answers.classes;
    for (int64_t r = 0; r < p->n * l->answers.rows; r++) {
        const float *x = p->in[0] + r * n;
        if (n == 1) {
            p->out[r] = heft_sigmoidf(x[0]);
            continue;
        }
        const row o = softmax_loss(l, x, 0);
        for (int64_t k = 0; k < n; k++)
            p->out[r * n + k] = (float)(heft_expf(x[k] - o.most) / o.sum);
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "focal", "loss: cross-entropy that dwells on what is hard",
                      sizeof(focal), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .survey = survey, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE, .predict = predict, .weighted = 1,
    .unread = HEFT_UNREAD_OUT,
};
