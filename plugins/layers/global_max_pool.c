/* global_max_pool.c -- largest value of each channel over all positions
 *
 *   [height, width, channels] -> [channels]     [time, features] -> [features]
 *   y[c] = max over positions of x[position, c]        dx of the largest position (of equals, the first) gets dy
 *
 * A NaN makes its channel's output NaN.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct { int64_t area, channels; } global_max_pool;      /* derived */

enum { POSITION };                               /* saved: where the largest was */
enum { ROW };                                    /* scratch: the same where nothing is saved */

static int plan(void *self, heft_layer_plan *p)
{
    global_max_pool *l = self;
    const heft_shape *s = &p->in[0];
    if (heft_needs(p, 0, s->rank < 2 ? 2 : -1, "images [height, width, channels] or sequences [time, features]"))
        return -1;
    l->channels = s->dim[s->rank - 1];
    l->area = heft_count(s) / l->channels;
    if (l->area > INT32_MAX)
        return heft_fail(&p->error, "%lld positions are too many; 2^31 - 1 are the most", (long long)l->area);
    p->out = (heft_shape){ HEFT_F32, 1, { l->channels } };
    const heft_shape positions = { HEFT_I32, 1, { l->channels }, l->area };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "position", .role = HEFT_SAVED, .shape = positions,
                                               .per_sample = true };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "row", .role = HEFT_SCRATCH, .shape = positions };
    p->flops = (double)heft_count(s);
    return 0;
}

static void largest(int64_t area, int64_t n, const float *restrict x, float *restrict y, int32_t *restrict at)
{
    for (int64_t k = 0; k < n; k++) y[k] = -INFINITY, at[k] = 0;
    for (int64_t r = 0; r < area; r++, x += n)
        for (int64_t k = 0; k < n; k++) {
            const bool take = (x[k] > y[k]) | (x[k] != x[k]);
            y[k] = take ? x[k] : y[k];
            at[k] = take ? (int32_t)r : at[k];
        }
}

static void forward(const void *self, const heft_forward *p)
{
    const global_max_pool *l = self;
    const int64_t n = l->channels;
    int32_t *at = (void *)(p->saved ? p->saved[POSITION] : p->scratch[ROW]);
    for (int64_t i = 0; i < p->n; i++)
        largest(l->area, n, p->in[0] + i * l->area * n, p->out + i * n, at + (p->saved ? i * n : 0));
}

static void backward(const void *self, const heft_backward *p)
{
    const global_max_pool *l = self;
    const int64_t n = l->channels;
    const int32_t *at = heft_ints(p->saved[POSITION]);
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * l->area * n) * sizeof(float));
    for (int64_t i = 0; i < p->n; i++)
        for (int64_t k = 0; k < n; k++) p->din[0][(i * l->area + at[i * n + k]) * n + k] = p->dout[i * n + k];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "global_max_pool", "largest value of each channel over all positions",
                      sizeof(global_max_pool), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
};
