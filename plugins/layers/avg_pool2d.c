/* avg_pool2d.c -- mean of each window
 *
 *   y[i, j, c] = 1/count sum over taps r, s of x[i * stride + r - top, j * stride + s - left, c]
 *   dx of each tap gets dy / count
 *
 * count is the number of taps inside the image, as in Keras; with `count_include_pad: true`, PyTorch's default, it is
 * the whole window, padding counting as zeros.
 */
#include <string.h>
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    heft_int_list size, stride, padding;
    bool count_include_pad;
    heft_conv c;                                 /* derived: all sizes */
} avg_pool2d;

static const heft_option options[] = {
    HEFT_OPT_INTS(avg_pool2d, size, NULL, "2", 1, 1024, "size of the window, or [height, width]"),
    HEFT_OPT_INTS(avg_pool2d, stride, "size", "size", 1, 1024,
                  "step of the window, or [down, right]; size: as large as the window"),
    HEFT_OPT_INTS(avg_pool2d, padding, "same|valid", "valid", 0, 1023,
                  "border of the image: same (ceil(size / stride) outputs), valid (none), a number, [height, width] or "
                  "[top, bottom, left, right]"),
    HEFT_OPT_BOOL(avg_pool2d, count_include_pad, false, "padding takes part in the mean, as zeros"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    avg_pool2d *l = self;
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
    p->flops = (double)(c->kh * c->kw) * (double)heft_count(&p->out);
    return 0;
}

/* The part of output (i, j)'s window inside the image, [r0, r1) by [s0, s1), and one over its count. */
typedef struct { int64_t r0, r1, s0, s1; float share; } part;

static part window(const avg_pool2d *l, int64_t i, int64_t j)
{
    const heft_conv *c = &l->c;
    const int64_t top = i * c->stride[0] - c->pad[0], left = j * c->stride[1] - c->pad[2];
    int64_t r0, r1, s0, s1;
    heft_taps(i, c->ih, c->kh, c->stride[0], c->pad[0], &r0, &r1);
    heft_taps(j, c->iw, c->kw, c->stride[1], c->pad[2], &s0, &s1);
    const int64_t count = l->count_include_pad ? c->kh * c->kw : (r1 - r0) * (s1 - s0);
    return (part){ top + r0, top + r1, left + s0, left + s1, 1 / (float)count };
}

static void forward(const void *self, const heft_forward *p)
{
    const avg_pool2d *l = self;
    const heft_conv *c = &l->c;
    const int64_t n = c->ic;
    float *restrict y = p->out;
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < c->oh; i++)
            for (int64_t j = 0; j < c->ow; j++, y += n) {
                const part w = window(l, i, j);
                for (int64_t k = 0; k < n; k++) y[k] = 0;
                for (int64_t r = w.r0; r < w.r1; r++)
                    for (int64_t s = w.s0; s < w.s1; s++) {
                        const float *restrict x = p->in[0] + ((m * c->ih + r) * c->iw + s) * n;
                        for (int64_t k = 0; k < n; k++) y[k] += x[k];
                    }
                for (int64_t k = 0; k < n; k++) y[k] *= w.share;
            }
}

static void backward(const void *self, const heft_backward *p)
{
    const avg_pool2d *l = self;
    const heft_conv *c = &l->c;
    const int64_t n = c->ic;
    const float *restrict dy = p->dout;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * c->ih * c->iw * n) * sizeof(float));
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < c->oh; i++)
            for (int64_t j = 0; j < c->ow; j++, dy += n) {
                const part w = window(l, i, j);
                for (int64_t r = w.r0; r < w.r1; r++)
                    for (int64_t s = w.s0; s < w.s1; s++) {
                        float *restrict dx = p->din[0] + ((m * c->ih + r) * c->iw + s) * n;
                        for (int64_t k = 0; k < n; k++) dx[k] += w.share * dy[k];
                    }
            }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "avg_pool2d", "mean of each window", sizeof(avg_pool2d), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
