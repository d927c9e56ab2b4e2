/* plain_conv.c -- convolution without a library
 *
 *   y[n, oy, ox, o] = bias[o] + sum over ky, kx, i of x[n, iy, ix, g I + i] w[ky, kx, i, o]
 *   iy = oy stride + ky dilation - pad, likewise ix; g = o / O the group, I and O the channels of one
 *
 * and its two transposes.  Terms outside the image are left out.  The loops over output channels are the inner
 * ones, since these are contiguous in y and w; a depthwise convolution (I = O = 1) has its channels in that
 * place instead.
 */
#include "compute/internal.h"

enum { WAYS = 16 };

typedef struct span { int64_t begin, end; } span;

/* Kernel elements that fall inside the image for output element o of an axis. */
static span taps(int64_t o, int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad)
{
    const int64_t first = o * stride - pad;
    span s = { first < 0 ? (-first + dilation - 1) / dilation : 0, kernel };
    if (first + (kernel - 1) * dilation >= in) s.end = first >= in ? 0 : (in - 1 - first) / dilation + 1;
    return s;
}

/* What the three passes do with one image point x, one output point y and the kernel element w between them. */
typedef void (*touch)(const heft_conv *c, float *x, float *w, float *y);

static void walk(const heft_conv *c, int64_t n, float *x, float *w, float *y, touch f)
{
    const int64_t element = c->ic / c->groups * c->oc;
    for (int64_t s = 0; s < n; s++)
        for (int64_t oy = 0; oy < c->oh; oy++)
            for (int64_t ox = 0; ox < c->ow; ox++) {
                const span v = taps(oy, c->ih, c->kh, c->stride[0], c->dilation[0], c->pad[0]);
                const span h = taps(ox, c->iw, c->kw, c->stride[1], c->dilation[1], c->pad[2]);
                float *to = y + ((s * c->oh + oy) * c->ow + ox) * c->oc;
                for (int64_t ky = v.begin; ky < v.end; ky++)
                    for (int64_t kx = h.begin; kx < h.end; kx++) {
                        const int64_t iy = oy * c->stride[0] + ky * c->dilation[0] - c->pad[0];
                        const int64_t ix = ox * c->stride[1] + kx * c->dilation[1] - c->pad[2];
                        f(c, x + ((s * c->ih + iy) * c->iw + ix) * c->ic, w + (ky * c->kw + kx) * element, to);
                    }
            }
}

static bool depthwise(const heft_conv *c) { return c->groups == c->ic && c->groups == c->oc; }

/* y += a x, all of n; or elementwise with a vector a. */
static void add_scaled(int64_t n, float a, const float *restrict x, float *restrict y)
{
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void add_product(int64_t n, const float *restrict a, const float *restrict x, float *restrict y)
{
    for (int64_t i = 0; i < n; i++) y[i] += a[i] * x[i];
}

static float dot(int64_t n, const float *restrict a, const float *restrict b)
{
    float way[WAYS] = { 0 };
    int64_t i = 0;
    for (; i + WAYS <= n; i += WAYS)
        for (int64_t j = 0; j < WAYS; j++) way[j] += a[i + j] * b[i + j];
    for (int64_t j = 0; i < n; i++, j++) way[j] += a[i] * b[i];
    for (int64_t s = 1; s < WAYS; s *= 2)
        for (int64_t j = 0; j < WAYS; j += 2 * s) way[j] += way[j + s];
    return way[0];
}

static void touch_forward(const heft_conv *c, float *x, float *w, float *y)
{
    const int64_t in = c->ic / c->groups, out = c->oc / c->groups;
    if (depthwise(c)) add_product(c->oc, w, x, y);
    else
        for (int64_t g = 0; g < c->groups; g++)
            for (int64_t i = 0; i < in; i++)
                add_scaled(out, x[g * in + i], w + i * c->oc + g * out, y + g * out);
}

static void touch_data(const heft_conv *c, float *dx, float *w, float *dy)
{
    const int64_t in = c->ic / c->groups, out = c->oc / c->groups;
    if (depthwise(c)) add_product(c->oc, w, dy, dx);
    else
        for (int64_t g = 0; g < c->groups; g++)
            for (int64_t i = 0; i < in; i++)
                dx[g * in + i] += dot(out, w + i * c->oc + g * out, dy + g * out);
}

static void touch_weight(const heft_conv *c, float *x, float *dw, float *dy)
{
    const int64_t in = c->ic / c->groups, out = c->oc / c->groups;
    if (depthwise(c)) add_product(c->oc, x, dy, dw);
    else
        for (int64_t g = 0; g < c->groups; g++)
            for (int64_t i = 0; i < in; i++)
                add_scaled(out, x[g * in + i], dy + g * out, dw + i * c->oc + g * out);
}

/* The casts: walk hands each function three pointers, and each writes only the one that its caller may write. */

void plain_conv(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y)
{
    for (int64_t i = 0; i < n * c->oh * c->ow; i++)
        for (int64_t o = 0; o < c->oc; o++) y[i * c->oc + o] = bias ? bias[o] : 0;
    walk(c, n, (float *)x, (float *)w, y, touch_forward);
}

void plain_conv_back_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx)
{
    for (int64_t i = 0; i < n * c->ih * c->iw * c->ic; i++) dx[i] = 0;
    walk(c, n, dx, (float *)w, (float *)dy, touch_data);
}

void plain_conv_back_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw,
                            float *dbias)
{
    walk(c, n, (float *)x, dw, (float *)dy, touch_weight);
    for (int64_t i = 0; dbias && i < n * c->oh * c->ow; i++)
        for (int64_t o = 0; o < c->oc; o++) dbias[o] += dy[i * c->oc + o];
}
