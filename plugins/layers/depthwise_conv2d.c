/* depthwise_conv2d.c -- convolution of each channel by itself
 *
 *   y[i, j, c * multiplier + m] = b[c * multiplier + m] + sum over r, s of x[i', j', c] w[r, s, c, m]
 *   i' = i * stride - top + r * dilation     j' = j * stride - left + s * dilation
 *
 *   x [n, height, width, channels]     w [kernel height, kernel width, channels, multiplier]
 *   b [channels * multiplier]
 *
 * As Keras, whose weights lie the same way; PyTorch writes Conv2d with groups = channels.  It is conv2d with as many
 * groups as channels, and is computed as that: the filters of a channel are neighbours, so the weights are the same
 * bytes.  L. Sifre, "Rigid-Motion Scattering for Image Classification", 2014, section 6.2.
 */
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    int64_t multiplier;
    heft_int_list kernel, stride, padding, dilation;
    bool    bias;
    heft_conv c;                                 /* derived: all sizes */
} depthwise;

enum { W, B };                                   /* weights, as declared */

static const heft_option options[] = {
    HEFT_OPT_INTS(depthwise, kernel, NULL, NULL, 1, 1024, "size of the window, or [height, width]"),
    HEFT_OPT_INT (depthwise, multiplier, 1, 1, 1 << 16, "outputs of each channel"),
    HEFT_OPT_INTS(depthwise, stride, NULL, "1", 1, 1024, "step of the window, or [down, right]"),
    HEFT_OPT_INTS(depthwise, padding, "same|valid", "valid", 0, 1024,
                  "zeros around the image: as many as keep its size (same), none (valid), a number, [height, width] or "
                  "[top, bottom, left, right]"),
    HEFT_OPT_INTS(depthwise, dilation, NULL, "1", 1, 1024, "distance between taps of the window, or [down, right]"),
    HEFT_OPT_BOOL(depthwise, bias, true, "add a bias to each output channel"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    depthwise *l = self;
    heft_conv *c = &l->c;
    heft_error *e = &p->error;
    int64_t kernel[2] = { 1, 1 };
    if (heft_needs(p, 0, 3, "images [height, width, channels]")) return -1;
    if (heft_pair(&l->kernel, "kernel", kernel, e) || heft_pair(&l->stride, "stride", c->stride, e)
        || heft_pair(&l->dilation, "dilation", c->dilation, e)) return -1;
    c->kh = kernel[0];
    c->kw = kernel[1];
    if (heft_slide_image(c, &p->in[0], &l->padding, e)) return -1;

    const int64_t window = c->kh * c->kw;
    const double filters = (double)c->ic * (double)l->multiplier, weights = (double)window * filters;
    const double outputs = (double)c->oh * (double)c->ow * filters;
    if (weights > 0x1p36 || outputs > 0x1p36)
        return heft_fail(e, "%.3g weights and %.3g outputs per sample are too large; 2^36 of each are the most",
                         weights, outputs);
    c->groups = c->ic;
    c->oc = c->ic * l->multiplier;

    p->out = (heft_shape){ HEFT_F32, 3, { c->oh, c->ow, c->oc } };
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "weight", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 4, { c->kh, c->kw, c->ic, l->multiplier } },
        .fan_in = window, .fan_out = window * l->multiplier };
    if (l->bias)
        p->tensor[p->n_tensors++] = (heft_tensor){
            .name = "bias", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 1, { c->oc } },
            .fan_in = window, .fan_out = window * l->multiplier, .init = "zeros" };
    p->flops = 2 * (double)window * outputs;
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const depthwise *l = self;
    p->host->conv(&l->c, p->n, p->in[0], p->weight[W], l->bias ? p->weight[B] : NULL, p->out);
}

static void backward(const void *self, const heft_backward *p)
{
    const depthwise *l = self;
    if (p->dweight[W])
        p->host->conv_back_weight(&l->c, p->n, p->in[0], p->dout, p->dweight[W], l->bias ? p->dweight[B] : NULL);
    if (p->din[0]) p->host->conv_back_data(&l->c, p->n, p->dout, p->weight[W], p->din[0]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "depthwise_conv2d", "convolution of each channel by itself",
                      sizeof(depthwise), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
