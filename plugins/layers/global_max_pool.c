/* global_max_pool.c -- largest value of each channel over all positions
 *
 *   [height, width, channels] -> [channels]     [time, features] -> [features]
 *   y[c] = max over positions of x[position, c]        dx of the largest position (of equals, the first) gets dy
 *
 * Of sequences a second input [time] tells which positions are padding, which are passed over: tokens (`padding` is the one
 * that fills up), or numbers (0 is padding, 1 is none), as of multi_head_attention.  Of padding alone y is 0.
 *
 * A NaN makes its channel's output NaN.
 */
#include <string.h>
#include <heft/mask.h>
#include <heft/plugin.h>

typedef struct {
    int64_t   padding;
    int64_t   area, channels;                    /* derived */
    heft_mask mask;                              /* derived */
} global_max_pool;

enum { POSITION };                               /* saved: where the largest was; area if all is padding */
enum { ROW };                                    /* scratch: the same where nothing is saved */

static const heft_option options[] = {
    HEFT_OPT_INT(global_max_pool, padding, 0, 0, INT32_MAX, "what marks padding in the second input, if there is one"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    global_max_pool *l = self;
    const heft_shape *s = &p->in[0];
    if (heft_needs(p, 0, s->rank < 2 ? 2 : -1, "images [height, width, channels] or sequences [time, features]"))
        return -1;
    l->channels = s->dim[s->rank - 1];
    l->area = heft_count(s) / l->channels;
    if (l->area >= INT32_MAX)
        return heft_fail(&p->error, "%lld positions are too many; 2^31 - 2 are the most", (long long)l->area);
    if (heft_needs_mask(p, l->padding, &l->mask)) return -1;
    p->out = (heft_shape){ HEFT_F32, 1, { l->channels } };
    const heft_shape positions = { HEFT_I32, 1, { l->channels }, l->area + 1 };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "position", .role = HEFT_SAVED, .shape = positions,
                                               .per_sample = true };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "row", .role = HEFT_SCRATCH, .shape = positions };
    p->flops = (double)heft_count(s);
    return 0;
}

/* Of sample i. */
static void largest(const global_max_pool *l, const float *const *in, int64_t i, float *restrict y, int32_t *restrict at)
{
    const int64_t n = l->channels;
    const float *restrict x = in[0] + i * l->area * n;
    bool nothing = true;
    for (int64_t k = 0; k < n; k++) y[k] = -INFINITY, at[k] = 0;
    for (int64_t r = 0; r < l->area; r++, x += n) {
        const float counts = heft_counts(&l->mask, in, i, r);
        if (counts == 0) continue;
        for (int64_t k = 0; k < n; k++) {
            const float v = x[k] * counts;
            const bool take = nothing | (v > y[k]) | (v != v);
            y[k] = take ? v : y[k];
            at[k] = take ? (int32_t)r : at[k];
        }
        nothing = false;
    }
    for (int64_t k = 0; nothing && k < n; k++) y[k] = 0, at[k] = (int32_t)l->area;
}

static void forward(const void *self, const heft_forward *p)
{
    const global_max_pool *l = self;
    const int64_t n = l->channels;
    int32_t *at = (void *)(p->saved ? p->saved[POSITION] : p->scratch[ROW]);
    for (int64_t i = 0; i < p->n; i++) largest(l, p->in, i, p->out + i * n, at + (p->saved ? i * n : 0));
}

static void backward(const void *self, const heft_backward *p)
{
    const global_max_pool *l = self;
    const int64_t n = l->channels;
    const int32_t *at = heft_ints(p->saved[POSITION]);
    heft_mask_back(&l->mask, p->n, p->din);
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * l->area * n) * sizeof(float));
    for (int64_t i = 0; i < p->n; i++)
        for (int64_t k = 0; k < n; k++)
            if (at[i * n + k] < l->area) p->din[0][(i * l->area + at[i * n + k]) * n + k] = p->dout[i * n + k];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "global_max_pool", "largest value of each channel over all positions; a second input marks padding",
                      sizeof(global_max_pool), options),
    .min_in = 1, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
