/* group_norm.c -- normalize groups of channels within each sample
 *
 *   y = gamma (x - mean) / sqrt(var + eps) + beta        mean and var (biased) of a sample's group over all positions
 *   dx = (g - mean(g) - z mean(g z)) / sqrt(var + eps)        g = gamma dy, z = (x - mean) / sqrt(var + eps)
 *
 *   x, y [..., channels]     gamma, beta [channels]; a group is channels / groups neighbours
 *
 * Y. Wu, K. He, "Group Normalization", ECCV 2018.  https://arxiv.org/abs/1803.08494  As PyTorch's GroupNorm (Keras:
 * eps 1e-3, 32 groups unless given).  With `groups: channels`, each alone, this is instance normalization (D. Ulyanov,
 * A. Vedaldi, V. Lempitsky, 2016), PyTorch's InstanceNorm with affine=True; with `groups: 1` a layer norm of all axes.
 */
#include <heft/plugin.h>

typedef struct {
    heft_int_list groups;
    double  eps;
    bool    scale, center;
    int64_t area, channels, n_groups, width;     /* derived: positions, ...; width: channels of a group */
} group_norm;

enum { MEAN, REST, RSTD };                       /* saved, of each group; REST: what rounding took from the mean */
enum { SUMS, ROWS };                             /* scratch: two doubles and four floats for each channel */

static const heft_option options[] = {
    HEFT_OPT_INTS(group_norm, groups, "channels", NULL, 1, 1 << 20,
                  "groups that the channels are cut into; channels: each alone (instance norm)"),
    HEFT_OPT_REAL(group_norm, eps, 1e-5, 1e-12, 1, "added to the variance"),
    HEFT_OPT_BOOL(group_norm, scale, true, "multiply by a weight, gamma"),
    HEFT_OPT_BOOL(group_norm, center, true, "add a weight, beta"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    group_norm *l = self;
    const heft_shape *x = &p->in[0];
    if (heft_needs(p, 0, x->rank < 1 ? 1 : -1, "numbers with channels as the last axis")) return -1;
    if (l->groups.word < 0 && l->groups.n != 1)
        return heft_fail(&p->error, "groups takes one number, or channels; found %d numbers", (int)l->groups.n);
    const int64_t n = l->channels = x->dim[x->rank - 1];
    l->area = heft_count(x) / n;
    l->n_groups = l->groups.word < 0 ? l->groups.v[0] : n;
    if (n % l->n_groups)
        return heft_fail(&p->error, "%lld groups do not divide %lld channels evenly", (long long)l->n_groups,
                         (long long)n);
    l->width = n / l->n_groups;
    if (l->area * l->width == 1)
        return heft_fail(&p->error, "a group of one number has no variance; found %lld groups of %lld channels at one "
                         "position", (long long)l->n_groups, (long long)n);
    p->out = *x;
    const heft_shape channels = { HEFT_F32, 1, { n } }, groups = { HEFT_F32, 1, { l->n_groups } };
    const heft_shape four = { HEFT_F32, 2, { 4, n } };
    if (l->scale)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "gamma", .role = HEFT_WEIGHT, .shape = channels,
                                                   .fan_in = n, .fan_out = n, .init = "ones" };
    if (l->center)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = "beta", .role = HEFT_WEIGHT, .shape = channels,
                                                   .fan_in = n, .fan_out = n, .init = "zeros" };
    static const char *const saved[] = { "mean", "rest", "rstd" };
    for (int i = MEAN; i <= RSTD; i++)
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = saved[i], .role = HEFT_SAVED, .shape = groups,
                                                   .per_sample = true };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "sums", .role = HEFT_SCRATCH, .shape = four };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "rows", .role = HEFT_SCRATCH, .shape = four };
    p->flops = 8 * (double)heft_count(x);
    return 0;
}

/* Sums and sums of squares of each channel over one sample's positions. */
static void channel_sums(const group_norm *l, const float *restrict x, double *restrict sum, double *restrict square)
{
    const int64_t n = l->channels;
    for (int64_t c = 0; c < n; c++) sum[c] = square[c] = 0;
    for (int64_t r = 0; r < l->area; r++, x += n)
        for (int64_t c = 0; c < n; c++) {
            const double v = x[c];
            sum[c] += v;
            square[c] += v * v;
        }
}

static double group_sum(int64_t width, const double *x)
{
    double sum = 0;
    for (int64_t c = 0; c < width; c++) sum += x[c];
    return sum;
}

static void forward(const void *self, const heft_forward *p)
{
    const group_norm *l = self;
    const int64_t n = l->channels, width = l->width;
    const double N = (double)(l->area * width);
    const float *gamma = l->scale ? p->weight[0] : NULL, *beta = l->center ? p->weight[l->scale] : NULL;
    double *sum = (void *)p->scratch[SUMS], *square = sum + n;
    float *restrict mean = p->scratch[ROWS], *restrict factor = mean + n, *restrict offset = factor + n;
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict x = p->in[0] + i * l->area * n;
        float *restrict y = p->out + i * l->area * n;
        channel_sums(l, x, sum, square);
        for (int64_t g = 0; g < l->n_groups; g++) {
            const double m = group_sum(width, sum + g * width) / N;
            const double var = group_sum(width, square + g * width) / N - m * m;
            const double s = 1 / sqrt((var > 0 ? var : 0) + l->eps);     /* rounding may leave less than 0 */
            for (int64_t c = g * width; c < (g + 1) * width; c++) {
                mean[c] = (float)m;
                factor[c] = (float)(gamma ? gamma[c] * s : s);
                offset[c] = (beta ? beta[c] : 0) - (float)(m - mean[c]) * factor[c];
            }
            if (!p->train) continue;
            p->saved[MEAN][i * l->n_groups + g] = (float)m;
            p->saved[REST][i * l->n_groups + g] = (float)(m - (float)m);
            p->saved[RSTD][i * l->n_groups + g] = (float)s;
        }
        for (int64_t r = 0; r < l->area; r++, x += n, y += n)
            for (int64_t c = 0; c < n; c++) y[c] = (x[c] - mean[c]) * factor[c] + offset[c];
    }
}

/* Sums over one sample's positions of dy, and of dy (x - mean), of each channel. */
static void channel_sums_back(const group_norm *l, const float *restrict x, const float *restrict dy,
                              const float *restrict mean, const float *rest, double *restrict sum, double *restrict dot)
{
    const int64_t n = l->channels;
    for (int64_t c = 0; c < n; c++) sum[c] = dot[c] = 0;
    for (int64_t r = 0; r < l->area; r++, x += n, dy += n)
        for (int64_t c = 0; c < n; c++) {
            sum[c] += dy[c];
            dot[c] += (double)dy[c] * (x[c] - mean[c]);
        }
    for (int64_t c = 0; c < n; c++) dot[c] -= sum[c] * rest[c / l->width];
}

/* What dx is made of: dx = factor dy - offset - (x - mean) slope, for the channels of a group; s is 1 / deviation. */
static void group_back(int64_t width, double N, double s, double rest, const float *gamma, const double *sum,
                       const double *dot, float *factor, float *offset, float *slope)
{
    double g = 0, gz = 0;
    for (int64_t c = 0; c < width; c++) {
        g += (gamma ? gamma[c] : 1) * sum[c];
        gz += (gamma ? gamma[c] : 1) * dot[c] * s;
    }
    for (int64_t c = 0; c < width; c++) {
        factor[c] = (float)(gamma ? gamma[c] * s : s);
        offset[c] = (float)(s * (g - rest * s * gz) / N);
        slope[c] = (float)(s * s * gz / N);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const group_norm *l = self;
    const int64_t n = l->channels, width = l->width;
    const float *gamma = l->scale ? p->weight[0] : NULL;
    float *dgamma = l->scale ? p->dweight[0] : NULL, *dbeta = l->center ? p->dweight[l->scale] : NULL;
    double *sum = (void *)p->scratch[SUMS], *dot = sum + n;
    float *restrict mean = p->scratch[ROWS], *restrict factor = mean + n, *restrict offset = factor + n;
    float *restrict slope = offset + n;
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict x = p->in[0] + i * l->area * n, *restrict dy = p->dout + i * l->area * n;
        const float *rest = p->saved[REST] + i * l->n_groups, *rstd = p->saved[RSTD] + i * l->n_groups;
        for (int64_t c = 0; c < n; c++) mean[c] = p->saved[MEAN][i * l->n_groups + c / width];
        channel_sums_back(l, x, dy, mean, rest, sum, dot);
        for (int64_t c = 0; dgamma && c < n; c++) dgamma[c] += (float)(dot[c] * rstd[c / width]);
        for (int64_t c = 0; dbeta && c < n; c++) dbeta[c] += (float)sum[c];
        if (!p->din[0]) continue;
        for (int64_t c = 0; c < n; c += width)
            group_back(width, (double)(l->area * width), rstd[c / width], rest[c / width], gamma ? gamma + c : NULL,
                       sum + c, dot + c, factor + c, offset + c, slope + c);
        float *restrict dx = p->din[0] + i * l->area * n;
        for (int64_t r = 0; r < l->area; r++, x += n, dy += n, dx += n)
            for (int64_t c = 0; c < n; c++) dx[c] = factor[c] * dy[c] - offset[c] - (x[c] - mean[c]) * slope[c];
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "group_norm",
                      "normalize groups of channels within each sample (groups: channels: instance norm)",
                      sizeof(group_norm), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
