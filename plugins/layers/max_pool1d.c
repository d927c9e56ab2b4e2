/* max_pool1d.c -- largest value of each window of a sequence
 *
 *   y[i, c] = max over taps r of x[i * stride + r - before, c]
 *   dx of the largest tap (of equals, the first) gets dy
 *
 *   x [n, time, features]     y [n, outputs, features]
 *
 * Windows are cut at the ends: padding is never the largest.  A NaN in a window makes its output NaN.
 */
#include <string.h>
#include <heft/plugin.h>
#include <heft/window.h>

typedef struct {
    int64_t size, stride;
    heft_int_list padding;
    int64_t time, features, step;                /* derived; step: the stride */
    heft_window window;
} max_pool1d;

enum { TAP };                                    /* saved: which tap was the largest */
enum { ROW };                                    /* scratch: the taps of one output, where they are not saved */

static const heft_option options[] = {
    HEFT_OPT_INT   (max_pool1d, size, 2, 1, 1 << 16, "length of the window"),
    HEFT_OPT_INT_OR(max_pool1d, stride, "size", 0, 1, 1 << 16, "step of the window; size: as long as the window"),
    HEFT_OPT_INTS  (max_pool1d, padding, "same|valid", "valid", 0, (1 << 16) - 1,
                    "ends of the sequence: same (ceil(time / stride) outputs), valid (none), a number or "
                    "[before, after]"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    max_pool1d *l = self;
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
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "tap", .role = HEFT_SAVED, .per_sample = true,
        .shape = { HEFT_I32, 2, { w->out, l->features }, l->size } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "row", .role = HEFT_SCRATCH,
        .shape = { HEFT_I32, 1, { l->features }, l->size } };
    p->flops = (double)l->size * (double)heft_count(&p->out);
    return 0;
}

/* y and tap of output i of the sequence x. */
static void largest(const max_pool1d *l, int64_t i, const float *x, float *restrict y, int32_t *restrict tap)
{
    const int64_t n = l->features, first = i * l->step - l->window.before;
    int64_t begin, end;
    heft_taps(i, l->time, l->size, l->step, l->window.before, &begin, &end);
    for (int64_t k = 0; k < n; k++) y[k] = -INFINITY, tap[k] = (int32_t)begin;
    for (int64_t r = begin; r < end; r++) {
        const float *restrict v = x + (first + r) * n;
        for (int64_t k = 0; k < n; k++) {
            const bool take = (v[k] > y[k]) | (v[k] != v[k]);
            y[k] = take ? v[k] : y[k];
            tap[k] = take ? (int32_t)r : tap[k];
        }
    }
}

static void forward(const void *self, const heft_forward *p)
{
    const max_pool1d *l = self;
    const int64_t n = l->features;
    int32_t *tap = (void *)(p->saved ? p->saved[TAP] : p->scratch[ROW]);
    float *y = p->out;
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < l->window.out; i++, y += n, tap += p->saved ? n : 0)
            largest(l, i, p->in[0] + m * l->time * n, y, tap);
}

static void backward(const void *self, const heft_backward *p)
{
    const max_pool1d *l = self;
    const int64_t n = l->features;
    const int32_t *restrict tap = heft_ints(p->saved[TAP]);
    const float *restrict dy = p->dout;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * l->time * n) * sizeof(float));
    for (int64_t m = 0; m < p->n; m++)
        for (int64_t i = 0; i < l->window.out; i++, dy += n, tap += n) {
            int64_t begin, end;
            heft_taps(i, l->time, l->size, l->step, l->window.before, &begin, &end);
            for (int64_t r = begin; r < end; r++) {
                float *restrict dx = p->din[0] + (m * l->time + i * l->step - l->window.before + r) * n;
                for (int64_t k = 0; k < n; k++) dx[k] += tap[k] == (int32_t)r ? dy[k] : 0;
            }
        }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "max_pool1d", "largest value of each window of a sequence",
                      sizeof(max_pool1d), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
