/* conv2d.c -- convolution of images
 *
 *   y[i, j, o] = b[o] + sum over r, s, c of x[i' + r * dilation, j' + s * dilation, c] w[r, s, c, o]
 *   i' = i * stride - top     j' = j * stride - left
 *
 *   x [n, height, width, channels]     w [kernel height, kernel width, channels / groups, filters]     b [filters]
 *
 * The kernel is not flipped, as everywhere in the field.  `padding: same` gives ceil(size / stride) outputs with the
 * least padding, the odd row or column at the bottom or right: as TensorFlow; for stride 1 also as PyTorch.  With
 * groups, the k-th slice of the filters sees only the k-th slice of the channels; as many groups as channels make a
 * depthwise convolution.
 */
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    int64_t filters;
    heft_int_list kernel, stride, padding, dilation;
    int64_t groups;
    bool    bias;
    heft_conv c;                                 /* derived: all sizes */
} conv2d;

enum { W, B };                                   /* weights, as declared */

static const heft_option options[] = {
    HEFT_OPT_INT (conv2d, filters, HEFT_REQUIRED, 1, 1 << 20, "channels of the output"),
    HEFT_OPT_INTS(conv2d, kernel, NULL, NULL, 1, 1024, "size of the window, or [height, width]"),
    HEFT_OPT_INTS(conv2d, stride, NULL, "1", 1, 1024, "step of the window, or [down, right]"),
    HEFT_OPT_INTS(conv2d, padding, "same|valid", "valid", 0, 1024,
                  "zeros around the image: as many as keep its size (same), none (valid), a number, [height, width] or "
                  "[top, bottom, left, right]"),
    HEFT_OPT_INTS(conv2d, dilation, NULL, "1", 1, 1024, "distance between taps of the window, or [down, right]"),
    HEFT_OPT_INT (conv2d, groups, 1, 1, 1 << 20, "slices of the channels that are convolved apart"),
    HEFT_OPT_BOOL(conv2d, bias, true, "add a bias to each filter"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    conv2d *l = self;
    heft_conv *c = &l->c;
    heft_error *e = &p->error;
    int64_t kernel[2] = { 1, 1 };
    if (heft_needs(p, 0, 3, "images [height, width, channels]")) return -1;
    const int64_t channels = p->in[0].dim[2];
    if (channels % l->groups || l->filters % l->groups)
        return heft_fail(e, "%lld groups do not divide %lld channels and %lld filters evenly", (long long)l->groups,
                         (long long)channels, (long long)l->filters);
    if (heft_pair(&l->kernel, "kernel", kernel, e) || heft_pair(&l->stride, "stride", c->stride, e)
        || heft_pair(&l->dilation, "dilation", c->dilation, e)) return -1;
    c->kh = kernel[0];
    c->kw = kernel[1];
    c->oc = l->filters;
    c->groups = l->groups;
    if (heft_slide_image(c, &p->in[0], &l->padding, e)) return -1;

    const int64_t window = c->kh * c->kw, depth = c->ic / c->groups;
    const double weights = (double)window * (double)depth * (double)c->oc;
    const double outputs = (double)c->oh * (double)c->ow * (double)c->oc;
    if (weights > 0x1p36 || outputs > 0x1p36)
        return heft_fail(e, "%.3g weights and %.3g outputs per sample are too large; 2^36 of each are the most",
                         weights, outputs);

    p->out = (heft_shape){ HEFT_F32, 3, { c->oh, c->ow, c->oc } };
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "weight", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 4, { c->kh, c->kw, depth, c->oc } },
        .fan_in = window * depth, .fan_out = window * (c->oc / c->groups) };
    if (l->bias)
        p->tensor[p->n_tensors++] = (heft_tensor){
            .name = "bias", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 1, { c->oc } },
            .fan_in = window * depth, .fan_out = window * (c->oc / c->groups), .init = "zeros" };
    p->flops = 2 * (double)(window * depth) * outputs;
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const conv2d *l = self;
    p->host->conv(&l->c, p->n, p->in[0], p->weight[W], l->bias ? p->weight[B] : NULL, p->out);
}

static void backward(const void *self, const heft_backward *p)
{
    const conv2d *l = self;
    if (p->dweight[W])
        p->host->conv_back_weight(&l->c, p->n, p->in[0], p->dout, p->dweight[W], l->bias ? p->dweight[B] : NULL);
    if (p->din[0]) p->host->conv_back_data(&l->c, p->n, p->dout, p->weight[W], p->din[0]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "conv2d", "convolution of images", sizeof(conv2d), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
