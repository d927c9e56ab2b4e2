/* log_softmax.c -- logarithms of softmax, along the last axis
 *
 *   y_j = x_j - max x - log(sum_k exp(x_k - max x))        dx_j = dy_j - exp(y_j) sum_k dy_k
 *
 * Not in front of softmax_cross_entropy, which takes what comes before it.
 */
#include <heft/plugin.h>

typedef struct { int64_t rows, width; } log_softmax;         /* derived: rows per sample, and the last axis */

static int plan(void *self, heft_layer_plan *p)
{
    log_softmax *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    const heft_shape *s = &p->in[0];
    l->width = s->rank ? s->dim[s->rank - 1] : 1;
    l->rows = heft_count(s) / l->width;
    p->out = *s;
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const log_softmax *l = self;
    const int64_t width = l->width;
    for (int64_t i = 0; i < p->n * l->rows; i++) {
        const float *restrict x = p->in[0] + i * width;
        float *restrict y = p->out + i * width;
        const float most = heft_max(width, x);
        for (int64_t j = 0; j < width; j++) y[j] = heft_expf(x[j] - most);
        const float log_sum = heft_logf(heft_sum(width, y));
        for (int64_t j = 0; j < width; j++) y[j] = x[j] - most - log_sum;
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const log_softmax *l = self;
    const int64_t width = l->width;
    if (!p->din[0]) return;
    for (int64_t i = 0; i < p->n * l->rows; i++) {
        const float *restrict y = p->out + i * width, *restrict dy = p->dout + i * width;
        const float sum = heft_sum(width, dy);
        float *restrict dx = p->din[0] + i * width;
        for (int64_t j = 0; j < width; j++) dx[j] = dy[j] - heft_expf(y[j]) * sum;
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "log_softmax", "logarithms of probabilities along the last axis",
                      sizeof(log_softmax), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "glorot_uniform",
    .unread = HEFT_UNREAD_IN,
};
