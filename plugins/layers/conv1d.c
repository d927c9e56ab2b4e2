/* conv1d.c -- convolution of sequences
 *
 *   y[i, o] = b[o] + sum over r, c of x[i * stride + r * dilation - before, c] w[r, c, o]
 *
 *   x [n, time, features]     w [kernel, features / groups, filters]     b [filters]
 *
 * The kernel is not flipped.  `padding: same` gives ceil(time / stride) outputs with the least padding, the odd
 * zero behind, as TensorFlow; for stride 1 also as PyTorch.  `causal` puts all padding in front, so that y[i] sees no
 * x after i * stride: A. van den Oord et al., "WaveNet", 2016, section 2.1.  https://arxiv.org/abs/1609.03499
 */
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    int64_t filters, kernel, stride, dilation, groups;
    heft_int_list padding;
    bool    bias;
    heft_conv c;                                 /* derived: the sequence as an image of one row */
} conv1d;

enum { W, B };                                   /* weights, as declared */

static const heft_option options[] = {
    HEFT_OPT_INT (conv1d, filters, HEFT_REQUIRED, 1, 1 << 20, "features of the output"),
    HEFT_OPT_INT (conv1d, kernel, HEFT_REQUIRED, 1, 1 << 16, "length of the window"),
    HEFT_OPT_INT (conv1d, stride, 1, 1, 1 << 16, "step of the window"),
    HEFT_OPT_INTS(conv1d, padding, "same|valid|causal", "valid", 0, 1 << 16,
                  "zeros around the sequence: as many as keep its length (same), none (valid), all in front (causal), "
                  "a number or [before, after]"),
    HEFT_OPT_INT (conv1d, dilation, 1, 1, 1 << 16, "distance between taps of the window"),
    HEFT_OPT_INT (conv1d, groups, 1, 1, 1 << 20, "slices of the features that are convolved apart"),
    HEFT_OPT_BOOL(conv1d, bias, true, "add a bias to each filter"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    conv1d *l = self;
    heft_window w = { 0, 0, 0 };
    if (heft_needs(p, 0, 2, "a sequence [time, features]")) return -1;
    const int64_t time = p->in[0].dim[0], features = p->in[0].dim[1], depth = features / l->groups;
    if (features % l->groups || l->filters % l->groups)
        return heft_fail(&p->error, "%lld groups do not divide %lld features and %lld filters evenly",
                         (long long)l->groups, (long long)features, (long long)l->filters);
    if (heft_slide_sequence(time, l->kernel, l->stride, l->dilation, &l->padding, &w, &p->error)) return -1;
    const double weights = (double)l->kernel * (double)depth * (double)l->filters;
    const double outputs = (double)w.out * (double)l->filters;
    if (weights > 0x1p36 || outputs > 0x1p36)
        return heft_fail(&p->error, "%.3g weights and %.3g outputs per sample are too large; 2^36 of each are the most",
                         weights, outputs);
    l->c = (heft_conv){ .ih = 1, .iw = time, .ic = features, .oh = 1, .ow = w.out, .oc = l->filters,
                        .kh = 1, .kw = l->kernel, .stride = { 1, l->stride }, .dilation = { 1, l->dilation },
                        .pad = { 0, 0, w.before, w.after }, .groups = l->groups };

    const int64_t fan_in = l->kernel * depth, fan_out = l->kernel * (l->filters / l->groups);
    p->out = (heft_shape){ HEFT_F32, 2, { w.out, l->filters } };
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "weight", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 3, { l->kernel, depth, l->filters } },
        .fan_in = fan_in, .fan_out = fan_out };
    if (l->bias)
        p->tensor[p->n_tensors++] = (heft_tensor){
            .name = "bias", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 1, { l->filters } },
            .fan_in = fan_in, .fan_out = fan_out, .init = "zeros" };
    p->flops = 2 * (double)fan_in * outputs;
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const conv1d *l = self;
    p->host->conv(&l->c, p->n, p->in[0], p->weight[W], l->bias ? p->weight[B] : NULL, p->out);
}

static void backward(const void *self, const heft_backward *p)
{
    const conv1d *l = self;
    if (p->dweight[W])
        p->host->conv_back_weight(&l->c, p->n, p->in[0], p->dout, p->dweight[W], l->bias ? p->dweight[B] : NULL);
    if (p->din[0]) p->host->conv_back_data(&l->c, p->n, p->dout, p->weight[W], p->din[0]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "conv1d", "convolution of sequences", sizeof(conv1d), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
