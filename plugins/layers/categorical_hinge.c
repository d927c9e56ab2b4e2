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
#include <heft/plugin.h>

typedef struct {
    double  margin;
    int64_t rows, classes;                       /* derived */
    bool    labels;                              /* derived: the target is integers */
} categorical_hinge;

static const heft_option options[] = {
    HEFT_OPT_REAL(categorical_hinge, margin, 1, 0, 1e30, "how far ahead the right class costs nothing"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    categorical_hinge *l = self;
    const heft_shape *x = &p->in[0], *y = &p->in[1];
    char output[HEFT_SHAPE_TEXT], target[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "a number for each class as output")) return -1;
    l->classes = x->rank ? x->dim[x->rank - 1] : 1;
    if (l->classes < 2)
        return heft_fail(&p->error, "the output has 1 class, 2 or more are needed (hinge takes one output)");
    l->rows = heft_count(x) / l->classes;
    l->labels = y->dtype == HEFT_I32;
    if (heft_count(y) != (l->labels ? l->rows : heft_count(x)))
        return heft_fail(&p->error, "needs a label for each row of classes, or a number for each class; "
                         "the output is %s, the target %s", heft_shape_text(x, output), heft_shape_text(y, target));
    if (l->labels && y->limit > l->classes)
        return heft_fail(&p->error, "labels reach %lld, the output has %lld classes", (long long)(y->limit - 1),
                         (long long)l->classes);
    p->out = (heft_shape){ HEFT_F32, 0 };
    return 0;
}

/* The first of the largest, `but` left out (-1: none). */
static int64_t largest(int64_t n, const float *x, int64_t but)
{
    int64_t at = but == 0;
    for (int64_t k = at + 1; k < n; k++)
        if (k != but && x[k] > x[at]) at = k;
    return at;
}

static int64_t label_of(const categorical_hinge *l, const float *target, int64_t r)
{
    return l->labels ? heft_ints(target)[r] : largest(l->classes, target + r * l->classes, -1);
}

static void forward(const void *self, const heft_forward *p)
{
    const categorical_hinge *l = self;
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t r = i * l->rows; r < (i + 1) * l->rows; r++) {
            const float *x = p->in[0] + r * l->classes;
            const int64_t y = label_of(l, p->in[1], r), k = largest(l->classes, x, y);
            const double d = l->margin + x[k] - x[y];
            sum += d < 0 ? 0 : d;                       /* NaN stays */
        }
        p->out[i] = (float)(sum / (double)l->rows);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const categorical_hinge *l = self;
    if (!p->din[0]) return;
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        const float *x = p->in[0] + r * l->classes, w = p->dout[r / l->rows] / (float)l->rows;
        float *dx = p->din[0] + r * l->classes;
        const int64_t y = label_of(l, p->in[1], r), k = largest(l->classes, x, y);
        const bool counts = l->margin + x[k] - x[y] > 0;
        for (int64_t j = 0; j < l->classes; j++) dx[j] = 0;
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
