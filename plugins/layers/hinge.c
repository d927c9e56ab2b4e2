/* hinge.c -- the mean over a sample's outputs of max(0, margin - y x), y being 1 for yes and -1 for no
 *
 *   dx = - y / count where y x < margin, 0 elsewhere
 *
 * The target is a label 0 or 1 for each output, or a number, which is a yes if above 0: -1 and 1 do, and 0 and 1.
 *
 * B. Boser, I. Guyon, V. Vapnik, "A Training Algorithm for Optimal Margin Classifiers", COLT 1992.  As Keras' Hinge;
 * Caffe's HingeLoss is the sum over the outputs, one against all the others; PyTorch's HingeEmbeddingLoss is another.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    double  margin;
    heft_answers answers;                        /* derived */
} hinge;

static const heft_option options[] = {
    HEFT_OPT_REAL(hinge, margin, 1, 0, 1e15, "how far on the right side of 0 an output costs nothing"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    hinge *l = self;
    return heft_needs_answers(p, HEFT_YES_OR_NO, -1, "categorical_hinge takes more", &l->answers);
}

static inline float sign_at(const hinge *l, const float *t, int64_t i)
{
    if (l->answers.labels) return heft_ints(t)[i] == 1 ? 1 : -1;
    return heft_where(t[i] > 0, 1, heft_where(t[i] <= 0, -1, NAN));
}

static void forward(const void *self, const heft_forward *p)
{
    const hinge *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1];
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t j = i * l->answers.rows; j < (i + 1) * l->answers.rows; j++) {
            const double d = l->margin - (double)sign_at(l, t, j) * x[j];
            sum += d < 0 ? 0 : d;                       /* NaN stays */
        }
        p->out[i] = (float)(sum / (double)l->answers.rows);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const hinge *l = self;
    const float *restrict x = p->in[0], *restrict t = p->in[1], margin = (float)l->margin;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float w = p->dout[i] / (float)l->answers.rows;
        for (int64_t j = i * l->answers.rows; j < (i + 1) * l->answers.rows; j++) {
            const float y = sign_at(l, t, j), d = margin - y * x[j];
            dx[j] = heft_where(d > 0, -w * y, 0);
        }
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "hinge", "loss: outputs on the right side of 0 by a margin",
                      sizeof(hinge), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE,
    .unread = HEFT_UNREAD_OUT,
};
