/* scale.c -- a learned factor and a learned shift for each channel
 *
 *   y = gamma x + beta        dx = gamma dy        dgamma = sum dy x        dbeta = sum dy
 *
 * gamma, beta [channels]; channels are the last axis.  What batch_norm does behind its normalization; Caffe's Scale
 * (without bias_term: `center: false`) and Bias (`scale: false`).
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    bool    scale, center;
    int64_t rows, channels;                      /* derived: rows per sample */
} affine;

static const heft_option options[] = {
    HEFT_OPT_BOOL(affine, scale, true, "multiply by a weight, gamma"),
    HEFT_OPT_BOOL(affine, center, true, "add a weight, beta"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    affine *l = self;
    const heft_shape *x = &p->in[0];
    if (heft_needs(p, 0, -1, "numbers with channels as the last axis")) return -1;
    if (!x->rank) return heft_fail(&p->error, "needs numbers with channels as the last axis; found []");
    if (!l->scale && !l->center) return heft_fail(&p->error, "scale: false and center: false leave nothing to do");
    l->channels = x->dim[x->rank - 1];
    l->rows = heft_count(x) / l->channels;
    p->out = *x;
    const heft_shape channels = { HEFT_F32, 1, { l->channels } };
    if (l->scale)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "gamma", .role = HEFT_WEIGHT, .shape = channels,
                                                   .fan_in = l->channels, .fan_out = l->channels, .init = "ones" };
    if (l->center)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "beta", .role = HEFT_WEIGHT, .shape = channels,
                                                   .fan_in = l->channels, .fan_out = l->channels, .init = "zeros" };
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const affine *l = self;
    const bool both = l->scale && l->center;
    const int64_t channels = l->channels, n = p->n * l->rows * channels;
    const float *restrict x = p->in[0], *restrict gamma = p->weight[0], *restrict beta = p->weight[both];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i += channels) {
        if (!l->center) for (int64_t c = 0; c < channels; c++) y[i + c] = gamma[c] * x[i + c];
        else if (!l->scale) for (int64_t c = 0; c < channels; c++) y[i + c] = x[i + c] + beta[c];
        else for (int64_t c = 0; c < channels; c++) y[i + c] = gamma[c] * x[i + c] + beta[c];
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const affine *l = self;
    const int64_t channels = l->channels, n = p->n * l->rows * channels;
    const float *restrict x = p->in[0], *restrict dy = p->dout, *restrict gamma = p->weight[0];
    float *restrict dx = p->din[0], *restrict dgamma = l->scale ? p->dweight[0] : NULL;
    float *restrict dbeta = l->center ? p->dweight[l->scale] : NULL;
    if (dx && !l->scale) memcpy(dx, dy, (size_t)n * sizeof(float));
    for (int64_t i = 0; i < n; i += channels) {
        if (dx && l->scale) for (int64_t c = 0; c < channels; c++) dx[i + c] = gamma[c] * dy[i + c];
        if (dgamma) for (int64_t c = 0; c < channels; c++) dgamma[c] += dy[i + c] * x[i + c];
        if (dbeta) for (int64_t c = 0; c < channels; c++) dbeta[c] += dy[i + c];
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "scale", "a learned factor and shift for each channel",
                      sizeof(affine), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
