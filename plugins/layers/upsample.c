/* upsample.c -- an image, or a sequence, enlarged by whole factors
 *
 *   nearest   y[i, j] = x[floor(i / sh), floor(j / sw)]
 *   bilinear  output i lies at u = max(0, (i + 1/2) / sh - 1/2) of x; y is interpolated between floor(u) and the next
 *             one, if there is one, along both axes
 *
 * dx: each dy goes back to where it came from, with the same weights.  Images are [height, width, channels],
 * sequences [time, features] (there bilinear is linear).  As Keras' UpSampling1D and 2D, and PyTorch's Upsample
 * with align_corners False.
 */
#include <string.h>
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    heft_int_list size;
    int     interpolation;
    int64_t h, w, c, sh, sw;                     /* derived; a sequence is an image of width 1 */
} upsample;

enum { NEAREST, BILINEAR };                      /* interpolation */

static const heft_option options[] = {
    HEFT_OPT_INTS(upsample, size, NULL, "2", 1, 1 << 16, "factor, or [height, width] of an image"),
    HEFT_OPT_ENUM(upsample, interpolation, NEAREST, "nearest|bilinear", "what the new pixels hold"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    upsample *l = self;
    const heft_shape *x = &p->in[0];
    int64_t s[2] = { 1, 1 };
    char found[HEFT_SHAPE_TEXT];
    if (x->dtype != HEFT_F32 || x->rank < 2 || x->rank > 3)
        return heft_fail(&p->error, "needs images [height, width, channels] or sequences [time, features]; found %s",
                         heft_shape_text(x, found));
    const bool image = x->rank == 3;
    if (heft_pair(&l->size, "size", s, &p->error)) return -1;
    if (!image && l->size.n > 1) return heft_fail(&p->error, "size takes one number for a sequence; found 2");
    l->h = x->dim[0];
    l->w = image ? x->dim[1] : 1;
    l->c = x->dim[x->rank - 1];
    l->sh = s[0];
    l->sw = image ? s[1] : 1;
    p->out = *x;
    p->out.dim[0] *= l->sh;
    if (image) p->out.dim[1] *= l->sw;
    return 0;
}

/* The two positions of n that output i lies between, and the weight of the second. */
typedef struct between { int64_t low, high; float weight; } between;

static between place(int mode, int64_t i, int64_t factor, int64_t n)
{
    if (mode == NEAREST) return (between){ i / factor, i / factor, 0 };
    const float u = ((float)i + 0.5f) / (float)factor - 0.5f, at = u < 0 ? 0 : u;
    const int64_t low = (int64_t)at;
    return (between){ low, low + 1 < n ? low + 1 : low, at - (float)low };
}

static void forward(const void *self, const heft_forward *p)
{
    const upsample *l = self;
    const int64_t c = l->c, oh = l->h * l->sh, ow = l->w * l->sw;
    for (int64_t r = 0; r < p->n * oh; r++) {
        const between i = place(l->interpolation, r % oh, l->sh, l->h);
        const float *image = p->in[0] + r / oh * l->h * l->w * c;
        const float *up = image + i.low * l->w * c, *down = image + i.high * l->w * c;
        float *restrict y = p->out + r * ow * c;
        for (int64_t o = 0; o < ow; o++, y += c) {
            const between j = place(l->interpolation, o, l->sw, l->w);
            const float *restrict a = up + j.low * c, *restrict b = up + j.high * c;
            const float *restrict d = down + j.low * c, *restrict e = down + j.high * c;
            if (l->interpolation == NEAREST) memcpy(y, a, (size_t)c * sizeof(float));
            else
                for (int64_t k = 0; k < c; k++)
                    y[k] = (1 - i.weight) * ((1 - j.weight) * a[k] + j.weight * b[k])
                         + i.weight * ((1 - j.weight) * d[k] + j.weight * e[k]);
        }
    }
}

/* dx += weight dy */
static void give(int64_t n, float weight, const float *restrict dy, float *restrict dx)
{
    for (int64_t k = 0; weight != 0 && k < n; k++) dx[k] += weight * dy[k];
}

static void backward(const void *self, const heft_backward *p)
{
    const upsample *l = self;
    const int64_t c = l->c, oh = l->h * l->sh, ow = l->w * l->sw;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * l->h * l->w * c) * sizeof(float));
    for (int64_t r = 0; r < p->n * oh; r++) {
        const between i = place(l->interpolation, r % oh, l->sh, l->h);
        float *image = p->din[0] + r / oh * l->h * l->w * c;
        float *up = image + i.low * l->w * c, *down = image + i.high * l->w * c;
        const float *dy = p->dout + r * ow * c;
        for (int64_t o = 0; o < ow; o++, dy += c) {
            const between j = place(l->interpolation, o, l->sw, l->w);
            give(c, (1 - i.weight) * (1 - j.weight), dy, up + j.low * c);
            give(c, (1 - i.weight) * j.weight, dy, up + j.high * c);
            give(c, i.weight * (1 - j.weight), dy, down + j.low * c);
            give(c, i.weight * j.weight, dy, down + j.high * c);
        }
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "upsample", "an image or a sequence enlarged by whole factors",
                      sizeof(upsample), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
