/* cosine_similarity.c -- one minus the cosine of the angle between output and target, vectors along the last axis
 *
 *   c = x't / (|x| |t|)      loss = 1 - c, the mean over a sample's rows      dx = - (t / |t| - c x / |x|) / |x|
 *
 * A vector shorter than 1e-8 has c = 0 and no gradient.  As PyTorch's CosineEmbeddingLoss for pairs that are alike;
 * Keras' loss CosineSimilarity is -c, its metric c.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct { int64_t rows, width; } cosine_similarity;   /* derived */

static int plan(void *self, heft_layer_plan *p)
{
    cosine_similarity *l = self;
    const heft_shape *x = &p->in[0];
    const int64_t count = heft_needs_pairs(p);
    if (count < 0) return -1;
    l->width = x->rank ? x->dim[x->rank - 1] : 1;
    l->rows = count / l->width;
    return 0;
}

typedef struct { double x, t, cosine; } angle;   /* the lengths, 0 if too short */

static inline angle angle_of(int64_t n, const float *restrict x, const float *restrict t)
{
    double xx = 0, tt = 0, xt = 0;
    for (int64_t j = 0; j < n; j++) {
        xx += (double)x[j] * x[j];
        tt += (double)t[j] * t[j];
        xt += (double)x[j] * t[j];
    }
    if (xx < 1e-16 || tt < 1e-16) return (angle){ 0, 0, 0 };
    return (angle){ sqrt(xx), sqrt(tt), xt / (sqrt(xx) * sqrt(tt)) };
}

static void forward(const void *self, const heft_forward *p)
{
    const cosine_similarity *l = self;
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t r = i * l->rows; r < (i + 1) * l->rows; r++)
            sum += 1 - angle_of(l->width, p->in[0] + r * l->width, p->in[1] + r * l->width).cosine;
        p->out[i] = (float)(sum / (double)l->rows);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const cosine_similarity *l = self;
    if (!p->din[0]) return;
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        const float *restrict x = p->in[0] + r * l->width, *restrict t = p->in[1] + r * l->width;
        float *restrict dx = p->din[0] + r * l->width;
        const angle a = angle_of(l->width, x, t);
        const double w = a.x > 0 ? p->dout[r / l->rows] / (double)l->rows / a.x : 0;
        const float of_x = a.x > 0 ? (float)(w * a.cosine / a.x) : 0, of_t = a.x > 0 ? (float)(-w / a.t) : 0;
        for (int64_t j = 0; j < l->width; j++) dx[j] = of_x * x[j] + of_t * t[j];
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "cosine_similarity", "loss or metric: 1 - cosine of output and target",
                      sizeof(cosine_similarity), NULL),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .goal = HEFT_MINIMIZE,
    .unread = HEFT_UNREAD_OUT,
};
