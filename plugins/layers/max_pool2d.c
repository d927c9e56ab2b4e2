/* max_pool2d.c -- largest value of each window
 *
 *   y[i, j, c] = max over taps r, s of x[i * stride + r - top, j * stride + s - left, c]
 *   dx of the largest tap (of equals, the first) gets dy
 *
 * Windows are cut at the border: padding is never the largest.  A NaN in a window makes its output NaN.  Training
 * keeps which tap was the largest, so that backward is one comparison per tap, over whole rows of channels.
 */
#include <string.h>
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    heft_int_list size, stride, padding;
    heft_conv c;                                 /* derived: all sizes */
} max_pool2d;

enum { TAP };                                    /* saved */
enum { ROW };                                    /* scratch: the taps of one output, where they are not saved */

static const heft_option options[] = {
    HEFT_OPT_INTS(max_pool2d, size, NULL, "2", 1, 1024, "size of the window, or [height, width]"),
    HEFT_OPT_INTS(max_pool2d, stride, "size", "size", 1, 1024,
                  "step of the window, or [down, right]; size: as large as the window"),
    HEFT_OPT_INTS(max_pool2d, padding, "same|valid", "valid", 0, 1023,
                  "border of the image: same (ceil(size / stride) outputs), valid (none), a number, [height, width] or "
                  "[top, bottom, left, right]"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    max_pool2d *l = self;
    heft_conv *c = &l->c;
    heft_error *e = &p->error;
    int64_t size[2] = { 1, 1 };
    if (heft_needs(p, 0, 3, "images [height, width, channels]")) return -1;
    if (heft_pair(&l->size, "size", size, e)
        || heft_pair(l->stride.word == 0 ? &l->size : &l->stride, "stride", c->stride, e)) return -1;
    c->kh = size[0];
    c->kw = size[1];
    c->dilation[0] = c->dilation[1] = 1;
    if (heft_slide_image(c, &p->in[0], &l->padding, e)) return -1;
    for (int i = 0; i < 4; i++)
        if (c->pad[i] >= size[i / 2])
            return heft_fail(e, "padding %lld is not less than the window's %lld, so that some windows would be empty",
                             (long long)c->pad[i], (long long)size[i / 2]);

    p->out = (heft_shape){ HEFT_F32, 3, { c->oh, c->ow, c->ic } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "tap", .role = HEFT_SAVED, .per_sample = true,
        .shape = { HEFT_I32, 3, { c->oh, c->ow, c->ic }, c->kh * c->kw } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "row", .role = HEFT_SCRATCH,
        .shape = { HEFT_I32, 1, { c->ic }, c->kh * c->kw } };
    p->flops = (double)(c->kh * c->kw) * (double)heft_count(&p->out);
    return 0;
}

/* y and tap of output (i, j) of the image x. */
static void window(const heft_conv *c, int64_t i, int64_t j, const float *x, float *restrict y, int32_t *restrict tap)
{
    const int64_t n = c->ic, top = i * c->stride[0] - c->pad[0], left = j * c->stride[1] - c->pad[2];
    int64_t r0, r1, s0, s1;
    heft_taps(i, c->ih, c->kh, c->stride[0], c->pad[0], &r0, &r1);
    heft_taps(j, c->iw, c->kw, c->stride[1], c->pad[2], &s0, &s1);
    for (int64_t k = 0; k < n; k++) y[k] = -INFINITY, tap[k] = (int32_t)(r0 * c->kw + s0);
    for (int64_t r = r0; r < r1; r++)
        for (int64_t s = s0; s < s1; s++) {
            const float *restrict v = x + ((top + r) * c->iw + left + s) * n;
            const int32_t t = (int32_t)(r * c->kw + s);
            for (int64_t k = 0; k < n; k++) {
                const bool take = (v[k] > y[k]) | (v[k] != v[k]);
                y[k] = take ? v[k] : y[k];
                tap[k] = take ? t : tap[k];
            }
        }
}

static void forward(const void *self, const heft_forward *p)
{
    const max_pool2d *l = self;
    const heft_conv *c = &l->c;
    int32_t *tap = (void *)(p->saved ? p->saved[TAP] : p->scratch[ROW]);
    float *y = p->out;
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < c->oh; i++)
            for (int64_t j = 0; j < c->ow; j++, y += c->ic, tap += p->saved ? c->ic : 0)
                window(c, i, j, p->in[0] + m * c->ih * c->iw * c->ic, y, tap);
}

/* Adds dy of output (i, j) to dx of its largest taps. */
static void window_back(const heft_conv *c, int64_t i, int64_t j, const float *restrict dy,
                        const int32_t *restrict tap, float *dx)
{
    const int64_t n = c->ic, top = i * c->stride[0] - c->pad[0], left = j * c->stride[1] - c->pad[2];
    int64_t r0, r1, s0, s1;
    heft_taps(i, c->ih, c->kh, c->stride[0], c->pad[0], &r0, &r1);
    heft_taps(j, c->iw, c->kw, c->stride[1], c->pad[2], &s0, &s1);
    for (int64_t r = r0; r < r1; r++)
        for (int64_t s = s0; s < s1; s++) {
            float *restrict d = dx + ((top + r) * c->iw + left + s) * n;
            const int32_t t = (int32_t)(r * c->kw + s);
            for (int64_t k = 0; k < n; k++) d[k] += tap[k] == t ? dy[k] : 0;
        }
}

static void backward(const void *self, const heft_backward *p)
{
    const max_pool2d *l = self;
    const heft_conv *c = &l->c;
    const int64_t image = c->ih * c->iw * c->ic;
    const int32_t *tap = heft_ints(p->saved[TAP]);
    const float *dy = p->dout;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * image) * sizeof(float));
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < c->oh; i++)
            for (int64_t j = 0; j < c->ow; j++, dy += c->ic, tap += c->ic)
                window_back(c, i, j, dy, tap, p->din[0] + m * image);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "max_pool2d", "largest value of each window", sizeof(max_pool2d),
                      options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
