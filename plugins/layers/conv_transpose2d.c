/* conv_transpose2d.c -- the transpose of a convolution, which makes images larger
 *
 *   y = b; then for every pixel (i, j) of x and tap (r, s):   y[i', j', o] += sum over c of x[i, j, c] w[r, s, o, c]
 *   i' = i * stride + r * dilation - top     j' = j * stride + s * dilation - left
 *   height of y = (height - 1) * stride + dilation * (kernel - 1) + 1 - top - bottom + output_padding
 *
 *   x [n, height, width, channels]     w [kernel height, kernel width, filters / groups, channels]     b [filters]
 *
 * It is what conv2d, from filters to channels, does to a gradient on its way back; so forward and backward here are the
 * host's backward and forward there, and w lies as that convolution's: as Keras has it (PyTorch: [channels, filters /
 * groups, kernel height, kernel width]).  Sizes are PyTorch's; padding cuts the output.  `padding: same` is Keras's:
 * stride times the input.  output_padding adds rows and columns behind and is less than the stride, for they pick one
 * of the sizes that conv2d would have made this input from.
 *
 * V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, section 4.
 * https://arxiv.org/abs/1603.07285
 */
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    int64_t filters;
    heft_int_list kernel, stride, padding, output_padding, dilation;
    int64_t groups;
    bool    bias;
    heft_conv c;                                 /* derived: the convolution from y to x */
} transpose;

enum { W, B };                                   /* weights, as declared */
enum { SAME };                                   /* padding's first word */

static const heft_option options[] = {
    HEFT_OPT_INT (transpose, filters, HEFT_REQUIRED, 1, 1 << 20, "channels of the output"),
    HEFT_OPT_INTS(transpose, kernel, NULL, NULL, 1, 1024, "size of the window, or [height, width]"),
    HEFT_OPT_INTS(transpose, stride, NULL, "1", 1, 1024, "step of the window in the output, or [down, right]"),
    HEFT_OPT_INTS(transpose, padding, "same|valid", "valid", 0, 1024,
                  "cut off the output: as much as leaves stride times the input (same), nothing (valid), a number, "
                  "[height, width] or [top, bottom, left, right]"),
    HEFT_OPT_INTS(transpose, output_padding, NULL, "0", 0, 1023, "rows and columns more, or [rows, columns]"),
    HEFT_OPT_INTS(transpose, dilation, NULL, "1", 1, 1024, "distance between taps of the window, or [down, right]"),
    HEFT_OPT_INT (transpose, groups, 1, 1, 1 << 20, "slices of the channels that are convolved apart"),
    HEFT_OPT_BOOL(transpose, bias, true, "add a bias to each filter"),
    HEFT_OPT_END
};

/* Side i (top, bottom, left, right) of a list that heft_slide_image will check. */
static int64_t side(const heft_int_list *padding, int i)
{
    const int64_t n = padding->n;
    return n == 4 ? padding->v[i] : n == 2 ? padding->v[i / 2] : n == 1 ? padding->v[0] : 0;
}

/* The size of y along axis a; 0 with what is wrong. */
static int64_t size_out(const transpose *l, int a, int64_t in, int64_t kernel, int64_t more, heft_error *e)
{
    const int64_t stride = l->c.stride[a], cut = side(&l->padding, 2 * a) + side(&l->padding, 2 * a + 1);
    const bool same = l->padding.n == 0 && l->padding.word == SAME;
    if (more >= stride)
        return heft_fail(e, "output_padding %lld is not less than the stride, %lld", (long long)more,
                         (long long)stride), 0;
    if (same && more)
        return heft_fail(e, "output_padding goes with a numeric padding; same already gives stride times the input"),
               0;
    if (same) return in * stride;
    const int64_t whole = (in - 1) * stride + l->c.dilation[a] * (kernel - 1) + 1 + more;
    if (whole > cut) return whole - cut;
    return heft_fail(e, "a padding of %lld in all leaves nothing of an output of %s %lld", (long long)cut,
                     a ? "width" : "height", (long long)whole), 0;
}

static int plan(void *self, heft_layer_plan *p)
{
    transpose *l = self;
    heft_conv *c = &l->c;
    heft_error *e = &p->error;
    int64_t kernel[2] = { 1, 1 }, more[2] = { 0, 0 }, out[2];
    if (heft_needs(p, 0, 3, "images [height, width, channels]")) return -1;
    c->oc = p->in[0].dim[2];
    c->groups = l->groups;
    if (c->oc % l->groups || l->filters % l->groups)
        return heft_fail(e, "%lld groups do not divide %lld channels and %lld filters evenly", (long long)l->groups,
                         (long long)c->oc, (long long)l->filters);
    if (heft_pair(&l->kernel, "kernel", kernel, e) || heft_pair(&l->stride, "stride", c->stride, e)
        || heft_pair(&l->output_padding, "output_padding", more, e)
        || heft_pair(&l->dilation, "dilation", c->dilation, e)) return -1;
    for (int a = 0; a < 2; a++)
        if (!(out[a] = size_out(l, a, p->in[0].dim[a], kernel[a], more[a], e))) return -1;
    c->kh = kernel[0];
    c->kw = kernel[1];
    p->out = (heft_shape){ HEFT_F32, 3, { out[0], out[1], l->filters } };
    if (heft_slide_image(c, &p->out, &l->padding, e)) return -1;

    const int64_t window = c->kh * c->kw, depth = l->filters / l->groups;
    const double weights = (double)window * (double)depth * (double)c->oc;
    const double outputs = (double)c->ih * (double)c->iw * (double)c->ic;
    if (weights > 0x1p36 || outputs > 0x1p36)
        return heft_fail(e, "%.3g weights and %.3g outputs per sample are too large; 2^36 of each are the most",
                         weights, outputs);

    /* Only every stride-th tap of a window meets one output. */
    const int64_t met = ((c->kh - 1) / c->stride[0] + 1) * ((c->kw - 1) / c->stride[1] + 1);
    const int64_t fan_in = met * (c->oc / l->groups), fan_out = window * depth;
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "weight", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 4, { c->kh, c->kw, depth, c->oc } },
        .fan_in = fan_in, .fan_out = fan_out };
    if (l->bias)
        p->tensor[p->n_tensors++] = (heft_tensor){
            .name = "bias", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 1, { l->filters } },
            .fan_in = fan_in, .fan_out = fan_out, .init = "zeros" };
    p->flops = 2 * (double)(window * depth) * (double)(c->oh * c->ow) * (double)c->oc;
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const transpose *l = self;
    const int64_t rows = p->n * l->c.ih * l->c.iw, n = l->c.ic;
    p->host->conv_back_data(&l->c, p->n, p->in[0], p->weight[W], p->out);
    if (!l->bias) return;
    const float *restrict b = p->weight[B];
    float *restrict y = p->out;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < n; k++) y[i * n + k] += b[k];
}

static void backward(const void *self, const heft_backward *p)
{
    const transpose *l = self;
    const int64_t rows = p->n * l->c.ih * l->c.iw, n = l->c.ic;
    if (p->dweight[W]) p->host->conv_back_weight(&l->c, p->n, p->dout, p->in[0], p->dweight[W], NULL);
    if (l->bias && p->dweight[B]) heft_add_rows(rows, n, p->dout, n, p->dweight[B]);
    if (p->din[0]) p->host->conv(&l->c, p->n, p->dout, p->weight[W], NULL, p->din[0]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "conv_transpose2d", "transposed convolution of images", sizeof(transpose),
                      options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
