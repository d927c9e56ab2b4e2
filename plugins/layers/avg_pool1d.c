/* avg_pool1d.c -- mean of each window of a sequence
 *
 *   y[i, c] = 1/count sum over taps r of x[i * stride + r - before, c]        dx of each tap gets dy / count
 *
 *   x [n, time, features]     y [n, outputs, features]
 *
 * count is the number of taps inside the sequence, as in Keras and avg_pool2d; with `count_include_pad: true`,
 * PyTorch's default, it is the whole window, padding counting as zeros.
 */
#include <string.h>
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    int64_t size, stride;
    heft_int_list padding;
    bool    count_include_pad;
    int64_t time, features, step;                /* derived; step: the stride */
    heft_window window;
} avg_pool1d;

static const heft_option options[] = {
    HEFT_OPT_INT   (avg_pool1d, size, 2, 1, 1 << 16, "length of the window"),
    HEFT_OPT_INT_OR(avg_pool1d, stride, "size", 0, 1, 1 << 16, "step of the window; size: as long as the window"),
    HEFT_OPT_INTS  (avg_pool1d, padding, "same|valid", "valid", 0, (1 << 16) - 1,
                    "ends of the sequence: same (ceil(time / stride) outputs), valid (none), a number or "
                    "[before, after]"),
    HEFT_OPT_BOOL  (avg_pool1d, count_include_pad, false, "padding takes part in the mean, as zeros"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    avg_pool1d *l = self;
    heft_window *w = &l->window;
    if (heft_needs(p, 0, 2, "a sequence [time, features]")) return -1;
    l->time = p->in[0].dim[0];
    l->features = p->in[0].dim[1];
    l->step = l->stride ? l->stride : l->size;
    if (heft_slide_sequence(l->time, l->size, l->step, 1, &l->padding, w, &p->error)) return -1;
    if (w->before >= l->size || w->after >= l->size)
        return heft_fail(&p->error, "padding %lld is not less than the window's %lld, so that some windows would be "
                         "empty", (long long)(w->before > w->after ? w->before : w->after), (long long)l->size);
    p->out = (heft_shape){ HEFT_F32, 2, { w->out, l->features } };
    p->flops = (double)l->size * (double)heft_count(&p->out);
    return 0;
}

/* The part of output i's window inside the sequence, [begin, end), and one over its count. */
typedef struct { int64_t begin, end; float share; } part;

static part window(const avg_pool1d *l, int64_t i)
{
    const int64_t first = i * l->step - l->window.before;
    int64_t begin, end;
    heft_taps(i, l->time, l->size, l->step, l->window.before, &begin, &end);
    return (part){ first + begin, first + end, 1 / (float)(l->count_include_pad ? l->size : end - begin) };
}

static void forward(const void *self, const heft_forward *p)
{
    const avg_pool1d *l = self;
    const int64_t n = l->features;
    float *restrict y = p->out;
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < l->window.out; i++, y += n) {
            const part w = window(l, i);
            for (int64_t k = 0; k < n; k++) y[k] = 0;
            for (int64_t t = w.begin; t < w.end; t++) {
                const float *restrict x = p->in[0] + (m * l->time + t) * n;
                for (int64_t k = 0; k < n; k++) y[k] += x[k];
            }
            for (int64_t k = 0; k < n; k++) y[k] *= w.share;
        }
}

static void backward(const void *self, const heft_backward *p)
{
    const avg_pool1d *l = self;
    const int64_t n = l->features;
    const float *restrict dy = p->dout;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * l->time * n) * sizeof(float));
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < l->window.out; i++, dy += n) {
            const part w = window(l, i);
            for (int64_t t = w.begin; t < w.end; t++) {
                float *restrict dx = p->din[0] + (m * l->time + t) * n;
                for (int64_t k = 0; k < n; k++) dx[k] += w.share * dy[k];
            }
        }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "avg_pool1d", "mean of each window of a sequence", sizeof(avg_pool1d),
                      options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
