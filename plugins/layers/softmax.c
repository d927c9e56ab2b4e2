/* softmax.c -- exponentials normalized to sum to one, along the last axis
 *
 *   y_j = exp(x_j - max x) / sum_k exp(x_k - max x)        dx_j = y_j (dy_j - sum_k dy_k y_k)
 *
 * For training with a cross-entropy, leave it out: softmax_cross_entropy takes what comes before it.
 */
#include <heft/plugin.h>

typedef struct { int64_t rows, width; } softmax; /* derived: rows per sample, and the last axis */

static int plan(void *self, heft_layer_plan *p)
{
    softmax *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    const heft_shape *s = &p->in[0];
    l->width = s->rank ? s->dim[s->rank - 1] : 1;
    l->rows = heft_count(s) / l->width;
    p->out = *s;
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const softmax *l = self;
    const int64_t width = l->width;
    for (int64_t i = 0; i < p->n * l->rows; i++) {
        const float *restrict x = p->in[0] + i * width;
        float *restrict y = p->out + i * width;
        const float most = heft_max(width, x);
        for (int64_t j = 0; j < width; j++) y[j] = heft_expf(x[j] - most);
        const float sum = heft_sum(width, y);
        for (int64_t j = 0; j < width; j++) y[j] /= sum;
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const softmax *l = self;
    const int64_t width = l->width;
    if (!p->din[0]) return;
    for (int64_t i = 0; i < p->n * l->rows; i++) {
        const float *restrict y = p->out + i * width, *restrict dy = p->dout + i * width;
        const float dot = heft_sum_products(width, dy, y);
        float *restrict dx = p->din[0] + i * width;
        for (int64_t j = 0; j < width; j++) dx[j] = y[j] * (dy[j] - dot);
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "softmax", "probabilities along the last axis", sizeof(softmax), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "glorot_uniform",
    .unread = HEFT_UNREAD_IN,
};
