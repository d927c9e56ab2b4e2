/* adaptive_avg_pool2d.c -- mean of windows that cut an image into a given number of parts
 *
 *   y[i, j, c] = mean of x[r, s, c] over r in [floor(i height / rows), ceil((i + 1) height / rows)), s likewise
 *   dx of each of a window's pixels gets dy / (pixels of the window)
 *
 *   x [n, height, width, channels]     y [n, rows, columns, channels]
 *
 * As PyTorch's AdaptiveAvgPool2d (Keras: AdaptiveAveragePooling2D): windows overlap by one where sizes do not divide,
 * and repeat where there are more parts than pixels.
 */
#include <string.h>
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    heft_int_list output_size;
    int64_t in[2], out[2], channels;             /* derived */
} adaptive;

static const heft_option options[] = {
    HEFT_OPT_INTS(adaptive, output_size, NULL, NULL, 1, 1 << 16, "size of the output, or [height, width]"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    adaptive *l = self;
    const heft_shape *x = &p->in[0];
    if (heft_needs(p, 0, 3, "images [height, width, channels]")
        || heft_pair(&l->output_size, "output_size", l->out, &p->error)) return -1;
    l->in[0] = x->dim[0];
    l->in[1] = x->dim[1];
    l->channels = x->dim[2];
    p->out = (heft_shape){ HEFT_F32, 3, { l->out[0], l->out[1], l->channels } };
    p->flops = (double)heft_count(x);
    return 0;
}

/* Window (i, j), [r0, r1) by [s0, s1), and one over its pixels. */
typedef struct { int64_t r0, r1, s0, s1; float share; } part;

static part window(const adaptive *l, int64_t i, int64_t j)
{
    const int64_t h = l->in[0], w = l->in[1], rows = l->out[0], columns = l->out[1];
    part a = { i * h / rows, ((i + 1) * h + rows - 1) / rows,
               j * w / columns, ((j + 1) * w + columns - 1) / columns, 0 };
    a.share = 1 / (float)((a.r1 - a.r0) * (a.s1 - a.s0));
    return a;
}

static void forward(const void *self, const heft_forward *p)
{
    const adaptive *l = self;
    const int64_t n = l->channels;
    float *restrict y = p->out;
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < l->out[0]; i++)
            for (int64_t j = 0; j < l->out[1]; j++, y += n) {
                const part w = window(l, i, j);
                for (int64_t k = 0; k < n; k++) y[k] = 0;
                for (int64_t r = w.r0; r < w.r1; r++)
                    for (int64_t s = w.s0; s < w.s1; s++) {
                        const float *restrict x = p->in[0] + ((m * l->in[0] + r) * l->in[1] + s) * n;
                        for (int64_t k = 0; k < n; k++) y[k] += x[k];
                    }
                for (int64_t k = 0; k < n; k++) y[k] *= w.share;
            }
}

static void backward(const void *self, const heft_backward *p)
{
    const adaptive *l = self;
    const int64_t n = l->channels;
    const float *restrict dy = p->dout;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * l->in[0] * l->in[1] * n) * sizeof(float));
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < l->out[0]; i++)
            for (int64_t j = 0; j < l->out[1]; j++, dy += n) {
                const part w = window(l, i, j);
                for (int64_t r = w.r0; r < w.r1; r++)
                    for (int64_t s = w.s0; s < w.s1; s++) {
                        float *restrict dx = p->din[0] + ((m * l->in[0] + r) * l->in[1] + s) * n;
                        for (int64_t k = 0; k < n; k++) dx[k] += w.share * dy[k];
                    }
            }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "adaptive_avg_pool2d", "mean of windows, to a given size of the output",
                      sizeof(adaptive), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
