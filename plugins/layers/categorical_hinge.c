/* categorical_hinge.c -- by how much the right class is not ahead of the best other one by a margin
 *
 *   loss = max(0, margin + x_k - x_y), k the largest other than y          dx_k = 1, dx_y = -1 where it is above 0
 *
 * x [..., classes]; y: a label for each row of classes, or a number for each class, the largest of which it is.  With
 * several rows a sample's loss is their mean.
 *
 * K. Crammer, Y. Singer, "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines", JMLR 2
 * (2001).  As Keras' CategoricalHinge, but for its quirk that an x_k below 0 counts as 0.  PyTorch's MultiMarginLoss
 * adds up over all k and divides by the number of classes.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    double  margin;
    heft_answers answers;                        /* derived */
} categorical_hinge;

static const heft_option options[] = {
    HEFT_OPT_REAL(categorical_hinge, margin, 1, 0, 1e30, "how far ahead the right class costs nothing"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    categorical_hinge *l = self;
    return heft_needs_answers(p, HEFT_CLASSES, -1, "hinge takes one output", &l->answers);
}

/* The first of the largest other than y. */
static int64_t rival(int64_t n, const float *x, int64_t y)
{
    int64_t at = y == 0;
    for (int64_t k = at + 1; k < n; k++)
        if (k != y && x[k] > x[at]) at = k;
    return at;
}

static void forward(const void *self, const heft_forward *p)
{
    const categorical_hinge *l = self;
    const heft_answers *a = &l->answers;
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t r = i * a->rows; r < (i + 1) * a->rows; r++) {
            const float *x = p->in[0] + r * a->classes;
            const int64_t y = heft_truth(a, p->in[1], r), k = rival(a->classes, x, y);
            const double d = y < 0 ? NAN : l->margin + x[k] - x[y];
            sum += d < 0 ? 0 : d;                       /* NaN stays */
        }
        p->out[i] = (float)(sum / (double)a->rows);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const categorical_hinge *l = self;
    const heft_answers *a = &l->answers;
    if (!p->din[0]) return;
    for (int64_t r = 0; r < p->n * a->rows; r++) {
        const float *x = p->in[0] + r * a->classes, w = p->dout[r / a->rows] / (float)a->rows;
        float *dx = p->din[0] + r * a->classes;
        const int64_t y = heft_truth(a, p->in[1], r), k = rival(a->classes, x, y);
        for (int64_t j = 0; j < a->classes; j++) dx[j] = y < 0 ? NAN : 0;
        if (y < 0) continue;
        const bool counts = l->margin + x[k] - x[y] > 0;
        dx[k] = counts ? w : 0;
        dx[y] = counts ? -w : 0;
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "categorical_hinge", "loss: the right class ahead by a margin",
                      sizeof(categorical_hinge), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE,
    .unread = HEFT_UNREAD_OUT,
};
