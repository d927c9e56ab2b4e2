/* spatial_dropout.c -- zero whole channels with probability rate, scale the rest
 *
 *   train:  y[position, c] = x[position, c] mask[c] / (1 - rate)       eval:  y = x
 *
 * Channels are the last axis of an image or a sequence: neighbours in a channel are so alike that dropping one
 * alone takes little away.  J. Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR
 * 2015; Keras' SpatialDropout1D and 2D, PyTorch's Dropout1d and 2d.  The mask is drawn again in backward from the
 * same key.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    double  rate;
    int64_t rows, channels;                      /* derived: positions of a sample, and its last axis */
} spatial_dropout;

static const heft_option options[] = {
    HEFT_OPT_REAL(spatial_dropout, rate, 0.5, 0, 0.99, "probability of zeroing a channel"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    spatial_dropout *l = self;
    const heft_shape *x = &p->in[0];
    char found[HEFT_SHAPE_TEXT];
    if (x->dtype != HEFT_F32 || x->rank < 2)
        return heft_fail(&p->error,
                         "needs positions with channels as the last axis, such as [time, features]; found %s; "
                         "dropout takes any shape", heft_shape_text(x, found));
    l->channels = x->dim[x->rank - 1];
    l->rows = heft_count(x) / l->channels;
    p->out = *x;
    return 0;
}

/* y = x mask / (1 - rate), for n samples from the first, a block of channels after the other. */
static void apply(const spatial_dropout *l, heft_rng rng, int64_t first, int64_t n, const float *restrict x,
                  float *restrict y)
{
    enum { BLOCK = 512 };
    const float rate = (float)l->rate, kept = 1 / (1 - rate);
    const int64_t channels = l->channels, rows = l->rows;
    float mask[BLOCK];
    for (int64_t i = 0; i < n; i++, x += rows * channels, y += rows * channels) {
        heft_rng r = heft_stream(rng, first + i);
        for (int64_t at = 0, size; at < channels; at += size) {
            size = channels - at < BLOCK ? channels - at : BLOCK;
            heft_uniforms(&r, size, mask);
            for (int64_t c = 0; c < size; c++) mask[c] = mask[c] < rate ? 0 : kept;
            for (int64_t k = at; k < rows * channels; k += channels)
                for (int64_t c = 0; c < size; c++) y[k + c] = heft_where(mask[c] == 0, 0, x[k + c] * mask[c]);
        }
    }
}

static void forward(const void *self, const heft_forward *p)
{
    const spatial_dropout *l = self;
    if (p->train && l->rate > 0) apply(l, p->rng, p->first, p->n, p->in[0], p->out);
    else memcpy(p->out, p->in[0], (size_t)(p->n * l->rows * l->channels) * sizeof(float));
}

static void backward(const void *self, const heft_backward *p)
{
    const spatial_dropout *l = self;
    if (p->din[0]) apply(l, p->rng, p->first, p->n, p->dout, p->din[0]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "spatial_dropout", "zero whole channels at random while training",
                      sizeof(spatial_dropout), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
