/* prelu.c -- rectified linear unit whose slope below zero is learned
 *
 *   y = x where x > 0, else a x        dx = dy where x > 0, else a dy        da += dy x where x <= 0
 *
 * a [1], or [channels] with `shared: false`; channels are the last axis.  K. He et al., "Delving Deep into
 * Rectifiers", ICCV 2015.  a starts at 0.25, as in PyTorch and Caffe (Keras: 0); Keras has one for each number of
 * a sample, Caffe one for each channel.
 */
#include <heft/plugin.h>

typedef struct {
    bool    shared;
    int64_t rows, channels;                      /* derived: rows per sample; slopes, 1 if shared */
} prelu;

static const heft_option options[] = {
    HEFT_OPT_BOOL(prelu, shared, true, "one slope for all channels, not one for each"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    prelu *l = self;
    const heft_shape *x = &p->in[0];
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    if (!l->shared && !x->rank)
        return heft_fail(&p->error, "needs a last axis, channels, for shared: false; found one number per sample");
    l->channels = l->shared ? 1 : x->dim[x->rank - 1];
    l->rows = heft_count(x) / l->channels;
    p->out = *x;
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "slope", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 1, { l->channels } }, .fan_in = l->channels,
        .fan_out = l->channels, .init = "constant: {value: 0.25}" };
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const prelu *l = self;
    const int64_t channels = l->channels, rows = p->n * l->rows;
    const float *restrict x = p->in[0], *restrict a = p->weight[0];
    float *restrict y = p->out;
    if (channels == 1) {
        const float slope = a[0];
        for (int64_t i = 0; i < rows; i++) y[i] = heft_where(x[i] > 0, x[i], slope * x[i]);
    } else
        for (int64_t i = 0; i < rows; i++, x += channels, y += channels)
            for (int64_t c = 0; c < channels; c++) y[c] = heft_where(x[c] > 0, x[c], a[c] * x[c]);
}

/* The sum of dy x where x <= 0, in the sixteen parts of heft_sum. */
static float slope_gradient(int64_t n, const float *restrict x, const float *restrict dy)
{
    float part[16] = { 0 };
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) part[j] += dy[i + j] * (x[i + j] > 0 ? 0 : x[i + j]);
    for (int j = 0; i < n; i++, j++) part[j] += dy[i] * (x[i] > 0 ? 0 : x[i]);
    return heft_sum(16, part);
}

static void backward(const void *self, const heft_backward *p)
{
    const prelu *l = self;
    const int64_t channels = l->channels, rows = p->n * l->rows;
    const float *restrict a = p->weight[0], *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0], *restrict da = p->dweight[0];
    if (da && channels == 1) da[0] += slope_gradient(rows, x, dy);
    if (dx && channels == 1) {
        const float slope = a[0];
        for (int64_t i = 0; i < rows; i++) dx[i] = heft_where(x[i] > 0, dy[i], slope * dy[i]);
    }
    for (int64_t i = 0; channels > 1 && i < rows * channels; i += channels) {
        if (da) for (int64_t c = 0; c < channels; c++) da[c] += dy[i + c] * (x[i + c] > 0 ? 0 : x[i + c]);
        if (dx) for (int64_t c = 0; c < channels; c++) dx[i + c] = heft_where(x[i + c] > 0, dy[i + c], a[c] * dy[i + c]);
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "prelu", "rectified linear unit with a learned slope below zero",
                      sizeof(prelu), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
