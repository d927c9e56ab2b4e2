/* global_avg_pool.c -- mean of each channel over all positions
 *
 *   [height, width, channels] -> [channels]     [time, features] -> [features]
 *   y[c] = 1/area sum over positions of x[position, c]        dx[position, c] = dy[c] / area
 *
 * Of sequences a second input [time] tells which positions are padding, which are left out of the mean: tokens (`padding` is
 * the one that fills up), or numbers (0 is padding, 1 is none), as of multi_head_attention.  Of padding alone the mean is 0.
 *
 * M. Lin, Q. Chen, S. Yan, "Network In Network", ICLR 2014, section 3.2.  https://arxiv.org/abs/1312.4400
 * As Keras' GlobalAveragePooling, whose mask is the second input.
 */
#include <heft/mask.h>
#include <heft/plugin.h>

typedef struct {
    int64_t padding;
    int64_t area, channels;                      /* derived */
    heft_mask mask;                              /* derived */
} global_avg_pool;

static const heft_option options[] = {
    HEFT_OPT_INT(global_avg_pool, padding, 0, 0, INT32_MAX, "what marks padding in the second input, if there is one"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    global_avg_pool *l = self;
    const heft_shape *s = &p->in[0];
    if (heft_needs(p, 0, s->rank < 2 ? 2 : -1, "images [height, width, channels] or sequences [time, features]"))
        return -1;
    l->channels = s->dim[s->rank - 1];
    l->area = heft_count(s) / l->channels;
    if (heft_needs_mask(p, l->padding, &l->mask)) return -1;
    p->out = (heft_shape){ HEFT_F32, 1, { l->channels } };
    p->flops = (double)heft_count(s);
    return 0;
}

/* 1 / how many positions of sample i count; 0 for padding alone. */
static float share_of(const global_avg_pool *l, const float *const *in, int64_t i)
{
    float n = 0;
    for (int64_t r = 0; r < l->area; r++) n += heft_counts(&l->mask, in, i, r);
    return n == 0 ? 0 : 1 / n;
}

static void forward(const void *self, const heft_forward *p)
{
    const global_avg_pool *l = self;
    const int64_t n = l->channels;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < p->n; i++, y += n) {
        const float share = share_of(l, p->in, i);
        for (int64_t k = 0; k < n; k++) y[k] = 0;
        for (int64_t r = 0; r < l->area; r++, x += n)
            if (heft_counts(&l->mask, p->in, i, r) != 0)
                for (int64_t k = 0; k < n; k++) y[k] += x[k];
        for (int64_t k = 0; k < n; k++) y[k] *= share;
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const global_avg_pool *l = self;
    const int64_t n = l->channels;
    const float *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    heft_mask_back(&l->mask, p->n, p->din);
    for (int64_t i = 0; dx && i < p->n; i++, dy += n) {
        const float share = share_of(l, p->in, i);
        for (int64_t r = 0; r < l->area; r++, dx += n) {
            const float part = share * heft_counts(&l->mask, p->in, i, r);
            for (int64_t k = 0; k < n; k++) dx[k] = part * dy[k];
        }
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "global_avg_pool", "mean of each channel over all positions; a second input marks padding",
                      sizeof(global_avg_pool), options),
    .min_in = 1, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
