/* adaptive_max_pool2d.c -- largest value of windows that cut an image into a given number of parts
 *
 *   y[i, j, c] = max of x[r, s, c] over r in [floor(i height / rows), ceil((i + 1) height / rows)), s likewise
 *   dx of the largest pixel (of equals, the first) gets dy
 *
 *   x [n, height, width, channels]     y [n, rows, columns, channels]
 *
 * As PyTorch's AdaptiveMaxPool2d: windows overlap by one where sizes do not divide, and repeat where there are more
 * parts than pixels.  A NaN in a window makes its output NaN.
 */
#include <string.h>
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    heft_int_list output_size;
    int64_t in[2], out[2], channels;             /* derived */
} adaptive;

enum { PIXEL };                                  /* saved: which pixel of the image was the largest */
enum { ROW };                                    /* scratch: the pixels of one output, where they are not saved */

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
    if (l->in[0] > INT32_MAX / l->in[1])
        return heft_fail(&p->error, "%lld by %lld pixels are too many; 2^31 - 1 are the most", (long long)l->in[0],
                         (long long)l->in[1]);
    p->out = (heft_shape){ HEFT_F32, 3, { l->out[0], l->out[1], l->channels } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "pixel", .role = HEFT_SAVED, .per_sample = true,
        .shape = { HEFT_I32, 3, { l->out[0], l->out[1], l->channels }, l->in[0] * l->in[1] } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "row", .role = HEFT_SCRATCH,
        .shape = { HEFT_I32, 1, { l->channels }, l->in[0] * l->in[1] } };
    p->flops = (double)heft_count(x);
    return 0;
}

/* y and pixel of output (i, j) of the image x. */
static void largest(const adaptive *l, int64_t i, int64_t j, const float *x, float *restrict y, int32_t *restrict pixel)
{
    const int64_t n = l->channels, h = l->in[0], w = l->in[1], rows = l->out[0], columns = l->out[1];
    const int64_t r0 = i * h / rows, r1 = ((i + 1) * h + rows - 1) / rows;
    const int64_t s0 = j * w / columns, s1 = ((j + 1) * w + columns - 1) / columns;
    for (int64_t k = 0; k < n; k++) y[k] = -INFINITY, pixel[k] = (int32_t)(r0 * w + s0);
    for (int64_t r = r0; r < r1; r++)
        for (int64_t at = r * w + s0; at < r * w + s1; at++) {
            const float *restrict v = x + at * n;
            for (int64_t k = 0; k < n; k++) {
                const bool take = (v[k] > y[k]) | (v[k] != v[k]);
                y[k] = take ? v[k] : y[k];
                pixel[k] = take ? (int32_t)at : pixel[k];
            }
        }
}

static void forward(const void *self, const heft_forward *p)
{
    const adaptive *l = self;
    const int64_t n = l->channels;
    int32_t *pixel = (void *)(p->saved ? p->saved[PIXEL] : p->scratch[ROW]);
    float *y = p->out;
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < l->out[0]; i++)
            for (int64_t j = 0; j < l->out[1]; j++, y += n, pixel += p->saved ? n : 0)
                largest(l, i, j, p->in[0] + m * l->in[0] * l->in[1] * n, y, pixel);
}

static void backward(const void *self, const heft_backward *p)
{
    const adaptive *l = self;
    const int64_t n = l->channels, image = l->in[0] * l->in[1] * n, outputs = l->out[0] * l->out[1];
    const int32_t *restrict pixel = heft_ints(p->saved[PIXEL]);
    const float *restrict dy = p->dout;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * image) * sizeof(float));
    for (int64_t m = 0; m < p->n; m++) {
        float *restrict dx = p->din[0] + m * image;
        for (int64_t i = 0; i < outputs; i++, dy += n, pixel += n)
            for (int64_t k = 0; k < n; k++) dx[pixel[k] * n + k] += dy[k];
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "adaptive_max_pool2d",
                      "largest value of windows, to a given size of the output", sizeof(adaptive), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
