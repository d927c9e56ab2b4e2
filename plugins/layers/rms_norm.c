/* rms_norm.c -- divide each position by the root of the mean square of its features
 *
 *   y = gamma x / rms        rms = sqrt(mean(x^2) + eps), over the last axis
 *   dx = (g - x mean(g x) / rms^2) / rms        dgamma = sum of dy x / rms        g = gamma dy
 *
 * B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019.  https://arxiv.org/abs/1910.07467
 * As Keras's RMSNormalization and PyTorch's RMSNorm, whose eps is 1.2e-7 unless given.
 */
#include <heft/plugin.h>

typedef struct {
    double  eps;
    bool    scale;
    int64_t rows, width;                         /* derived: rows of a sample, the last axis */
} rms_norm;

enum { FACTOR };                                 /* saved: 1 / rms of each row */

static const heft_option options[] = {
    HEFT_OPT_REAL(rms_norm, eps, 1e-6, 1e-12, 1, "added to the mean square"),
    HEFT_OPT_BOOL(rms_norm, scale, true, "multiply by a weight, gamma"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    rms_norm *l = self;
    const heft_shape *x = &p->in[0];
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    if (x->rank < 1) return heft_fail(&p->error, "needs a last axis to normalize; found one number per sample");
    l->width = x->dim[x->rank - 1];
    l->rows = heft_count(x) / l->width;
    p->out = *x;
    if (l->scale)
        p->tensor[p->n_tensors++] = (heft_tensor){
            .name = "gamma", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 1, { l->width } },
            .fan_in = l->width, .fan_out = l->width, .init = "ones" };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "factor", .role = HEFT_SAVED, .per_sample = true,
                                               .shape = { HEFT_F32, 1, { l->rows } } };
    p->flops = 4 * (double)heft_count(x);
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const rms_norm *l = self;
    const int64_t w = l->width;
    const float *restrict gamma = l->scale ? p->weight[0] : NULL;
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        const float *restrict x = p->in[0] + r * w;
        float *restrict y = p->out + r * w;
        const float factor = 1 / sqrtf(heft_sum_products(w, x, x) / (float)w + (float)l->eps);
        if (gamma) for (int64_t j = 0; j < w; j++) y[j] = x[j] * factor * gamma[j];
        else for (int64_t j = 0; j < w; j++) y[j] = x[j] * factor;
        if (p->train) p->saved[FACTOR][r] = factor;
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const rms_norm *l = self;
    const int64_t w = l->width;
    const float *restrict gamma = l->scale ? p->weight[0] : NULL;
    float *restrict dgamma = l->scale ? p->dweight[0] : NULL;
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        const float *restrict x = p->in[0] + r * w, *restrict dy = p->dout + r * w;
        const float factor = p->saved[FACTOR][r];
        if (dgamma) for (int64_t j = 0; j < w; j++) dgamma[j] += dy[j] * (x[j] * factor);
        if (!p->din[0]) continue;
        float *restrict dx = p->din[0] + r * w;
        for (int64_t j = 0; j < w; j++) dx[j] = gamma ? gamma[j] * dy[j] : dy[j];
        const float share = heft_sum_products(w, dx, x) / (float)w * factor * factor;
        for (int64_t j = 0; j < w; j++) dx[j] = (dx[j] - x[j] * share) * factor;
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "rms_norm", "divide each position by the root mean square of its features",
                      sizeof(rms_norm), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
