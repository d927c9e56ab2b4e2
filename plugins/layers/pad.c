/* pad.c -- a border around an image, or before and behind a sequence
 *
 *   y[i, j] = x[i - top, j - left] where that lies on the image, and beyond it
 *     constant   value                        (0, which is zero padding)
 *     reflect    x mirrored at its outermost pixel, which is not repeated:  c b | a b c | b a
 *     replicate  the outermost pixel:         a a | a b c | c c
 *
 * dx: each dy goes to the pixel it came from.  Images are [height, width, channels], sequences [time, features];
 * PyTorch and Keras have a layer each for these, and PyTorch's sides come in the order left, right, top, bottom.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    heft_int_list padding;
    int     mode;
    double  value;
    int64_t h, w, c, top, left, oh, ow;          /* derived; a sequence is an image of width 1 */
} pad;

enum { CONSTANT, REFLECT, REPLICATE };           /* mode */

static const heft_option options[] = {
    HEFT_OPT_INTS(pad, padding, NULL, "1", 0, 1 << 20,
                  "[height, width] or [top, bottom, left, right] of an image, [before, behind] of a sequence, or all"),
    HEFT_OPT_ENUM(pad, mode, CONSTANT, "constant|reflect|replicate", "what the border holds"),
    HEFT_OPT_REAL(pad, value, 0, -1e30, 1e30, "of a constant border"),
    HEFT_OPT_END
};

static int check_reflect(heft_layer_plan *p, int64_t side, int64_t n)
{
    if (side < n) return 0;
    return heft_fail(&p->error, "a border of %lld cannot be reflected from %lld positions; %lld are the most",
                     (long long)side, (long long)n, (long long)n - 1);
}

static int plan(void *self, heft_layer_plan *p)
{
    pad *l = self;
    const heft_shape *x = &p->in[0];
    const int64_t n = l->padding.n, *v = l->padding.v;
    char found[HEFT_SHAPE_TEXT];
    if (x->dtype != HEFT_F32 || x->rank < 2 || x->rank > 3)
        return heft_fail(&p->error, "needs images [height, width, channels] or sequences [time, features]; found %s",
                         heft_shape_text(x, found));
    const bool image = x->rank == 3;
    if (n < 1 || n > (image ? 4 : 2) || n == 3)
        return heft_fail(&p->error, "padding takes one number, %s; found %d numbers",
                         image ? "[height, width] or [top, bottom, left, right]" : "or [before, behind]", (int)n);
    if (l->value != 0 && l->mode != CONSTANT) return heft_fail(&p->error, "value belongs to mode: constant");

    int64_t side[4] = { v[0], v[0], v[0], v[0] };                /* top, bottom, left, right */
    if (n == 4) memcpy(side, v, sizeof side);
    else if (n == 2 && image) side[2] = side[3] = v[1];
    else if (n == 2) side[1] = v[1];
    if (!image) side[2] = side[3] = 0;
    l->h = x->dim[0];
    l->w = image ? x->dim[1] : 1;
    l->c = x->dim[x->rank - 1];
    for (int i = 0; l->mode == REFLECT && i < 4; i++)
        if (check_reflect(p, side[i], i < 2 ? l->h : l->w)) return -1;
    l->top = side[0];
    l->left = side[2];
    l->oh = l->h + side[0] + side[1];
    l->ow = l->w + side[2] + side[3];
    p->out = *x;
    p->out.dim[0] = l->oh;
    if (image) p->out.dim[1] = l->ow;
    return 0;
}

/* The position of n that one at `at`, perhaps outside, shows; -1: none. */
static int64_t source(int mode, int64_t at, int64_t n)
{
    if (at >= 0 && at < n) return at;
    if (mode == REFLECT) return at < 0 ? -at : 2 * (n - 1) - at;
    if (mode == REPLICATE) return at < 0 ? 0 : n - 1;
    return -1;
}

static void forward(const void *self, const heft_forward *p)
{
    const pad *l = self;
    const int64_t c = l->c;
    const float value = (float)l->value;
    for (int64_t r = 0; r < p->n * l->oh; r++) {
        const int64_t i = source(l->mode, r % l->oh - l->top, l->h);
        const float *row = p->in[0] + (r / l->oh * l->h + i) * l->w * c;
        float *y = p->out + r * l->ow * c;
        for (int64_t j = 0, from; j < l->ow; j++, y += c) {
            if (i < 0 || (from = source(l->mode, j - l->left, l->w)) < 0)
                for (int64_t k = 0; k < c; k++) y[k] = value;
            else
                memcpy(y, row + from * c, (size_t)c * sizeof(float));
        }
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const pad *l = self;
    const int64_t c = l->c;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * l->h * l->w * c) * sizeof(float));
    for (int64_t r = 0; r < p->n * l->oh; r++) {
        const int64_t i = source(l->mode, r % l->oh - l->top, l->h);
        if (i < 0) continue;
        float *row = p->din[0] + (r / l->oh * l->h + i) * l->w * c;
        const float *restrict dy = p->dout + r * l->ow * c;
        for (int64_t j = 0; j < l->ow; j++, dy += c) {
            const int64_t from = source(l->mode, j - l->left, l->w);
            if (from < 0) continue;
            float *restrict dx = row + from * c;
            for (int64_t k = 0; k < c; k++) dx[k] += dy[k];
        }
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "pad", "a border around an image or a sequence", sizeof(pad), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
