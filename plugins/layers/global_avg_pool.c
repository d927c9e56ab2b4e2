/* global_avg_pool.c -- mean of each channel over all positions
 *
 *   [height, width, channels] -> [channels]     [time, features] -> [features]
 *   y[c] = 1/area sum over positions of x[position, c]        dx[position, c] = dy[c] / area
 *
 * M. Lin, Q. Chen, S. Yan, "Network In Network", ICLR 2014, section 3.2.  https://arxiv.org/abs/1312.4400
 */
#include <heft/plugin.h>

typedef struct { int64_t area, channels; } global_avg_pool;      /* derived */

static int plan(void *self, heft_layer_plan *p)
{
    global_avg_pool *l = self;
    const heft_shape *s = &p->in[0];
    if (heft_needs(p, 0, s->rank < 2 ? 2 : -1, "images [height, width, channels] or sequences [time, features]"))
        return -1;
    l->channels = s->dim[s->rank - 1];
    l->area = heft_count(s) / l->channels;
    p->out = (heft_shape){ HEFT_F32, 1, { l->channels } };
    p->flops = (double)heft_count(s);
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const global_avg_pool *l = self;
    const int64_t n = l->channels;
    const float share = 1 / (float)l->area, *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < p->n; i++, y += n) {
        for (int64_t k = 0; k < n; k++) y[k] = 0;
        for (int64_t r = 0; r < l->area; r++, x += n)
            for (int64_t k = 0; k < n; k++) y[k] += x[k];
        for (int64_t k = 0; k < n; k++) y[k] *= share;
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const global_avg_pool *l = self;
    const int64_t n = l->channels;
    const float share = 1 / (float)l->area, *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < p->n; i++, dy += n)
        for (int64_t r = 0; r < l->area; r++, dx += n)
            for (int64_t k = 0; k < n; k++) dx[k] = share * dy[k];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "global_avg_pool", "mean of each channel over all positions",
                      sizeof(global_avg_pool), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
};
