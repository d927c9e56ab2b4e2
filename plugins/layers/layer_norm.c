/* layer_norm.c -- normalize each position over its features
 *
 *   y = gamma (x - mean) / sqrt(var + eps) + beta        mean and var (biased) over the last axis
 *
 * J. Ba, J. Kiros, G. Hinton, "Layer Normalization", 2016.  https://arxiv.org/abs/1607.06450
 * As PyTorch's LayerNorm over the last axis (Keras: eps 1e-3).  With z = (x - mean) / sqrt(var + eps) and g = gamma dy:
 *   dx = (g - mean(g) - z mean(g z)) / sqrt(var + eps)
 */
#include <heft/plugin.h>

typedef struct {
    double  eps;
    bool    scale, center;
    int64_t rows, width;                         /* derived: rows of a sample, the last axis */
} layer_norm;

enum { MEAN, RSTD };                             /* saved */
enum { Z };                                      /* scratch: of one row */

static const heft_option options[] = {
    HEFT_OPT_REAL(layer_norm, eps, 1e-5, 1e-12, 1, "added to the variance"),
    HEFT_OPT_BOOL(layer_norm, scale, true, "multiply by a weight, gamma"),
    HEFT_OPT_BOOL(layer_norm, center, true, "add a weight, beta"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    layer_norm *l = self;
    const heft_shape *x = &p->in[0];
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    if (x->rank < 1) return heft_fail(&p->error, "needs a last axis to normalize; found one number per sample");
    l->width = x->dim[x->rank - 1];
    l->rows = heft_count(x) / l->width;
    p->out = *x;
    const heft_shape features = { HEFT_F32, 1, { l->width } }, rows = { HEFT_F32, 1, { l->rows } };
    if (l->scale)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "gamma", .role = HEFT_WEIGHT, .shape = features,
                                                   .fan_in = l->width, .fan_out = l->width, .init = "ones" };
    if (l->center)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "beta", .role = HEFT_WEIGHT, .shape = features,
                                                   .fan_in = l->width, .fan_out = l->width, .init = "zeros" };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "mean", .role = HEFT_SAVED, .shape = rows, .per_sample = true };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "rstd", .role = HEFT_SAVED, .shape = rows, .per_sample = true };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "z", .role = HEFT_SCRATCH, .shape = features };
    return 0;
}

/* Rows are short: all of one stays in cache from loop to loop. */
static void forward(const void *self, const heft_forward *p)
{
    const layer_norm *l = self;
    const int64_t w = l->width;
    const float *restrict gamma = l->scale ? p->weight[0] : NULL, *restrict beta = l->center ? p->weight[l->scale] : NULL;
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        const float *restrict x = p->in[0] + r * w;
        float *restrict y = p->out + r * w;
        const float mean = heft_sum(w, x) / (float)w;
        for (int64_t j = 0; j < w; j++) y[j] = x[j] - mean;
        const float rstd = 1 / sqrtf(heft_sum_products(w, y, y) / (float)w + (float)l->eps);
        if (gamma && beta) for (int64_t j = 0; j < w; j++) y[j] = heft_fma(y[j] * rstd, gamma[j], beta[j]);
        else if (gamma) for (int64_t j = 0; j < w; j++) y[j] = y[j] * rstd * gamma[j];
        else if (beta) for (int64_t j = 0; j < w; j++) y[j] = heft_fma(y[j], rstd, beta[j]);
        else for (int64_t j = 0; j < w; j++) y[j] *= rstd;
        if (!p->train) continue;
        p->saved[MEAN][r] = mean;
        p->saved[RSTD][r] = rstd;
    }
}

/* dx of one row; z is its (x - mean) rstd. */
static void row_back(int64_t w, const float *restrict z, const float *restrict dy, const float *restrict gamma, float rstd,
                     float *restrict dx)
{
    for (int64_t j = 0; j < w; j++) dx[j] = gamma ? dy[j] * gamma[j] : dy[j];
    const float mean_g = heft_sum(w, dx) / (float)w, mean_gz = heft_sum_products(w, dx, z) / (float)w;
    for (int64_t j = 0; j < w; j++) dx[j] = rstd * heft_fma(-mean_gz, z[j], dx[j] - mean_g);
}

static void backward(const void *self, const heft_backward *p)
{
    const layer_norm *l = self;
    const int64_t w = l->width;
    float *restrict dgamma = l->scale ? p->dweight[0] : NULL, *restrict dbeta = l->center ? p->dweight[l->scale] : NULL;
    float *restrict z = p->scratch[Z];
    for (int64_t r = 0; r < p->n * l->rows; r++) {
        const float *restrict x = p->in[0] + r * w, *restrict dy = p->dout + r * w;
        const float mean = p->saved[MEAN][r], rstd = p->saved[RSTD][r];
        for (int64_t j = 0; j < w; j++) z[j] = (x[j] - mean) * rstd;
        if (dgamma) for (int64_t j = 0; j < w; j++) dgamma[j] = heft_fma(dy[j], z[j], dgamma[j]);
        if (dbeta) for (int64_t j = 0; j < w; j++) dbeta[j] += dy[j];
        if (p->din[0]) row_back(w, z, dy, l->scale ? p->weight[0] : NULL, rstd, p->din[0] + r * w);
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "layer_norm", "normalize each position over its features", sizeof(layer_norm), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
