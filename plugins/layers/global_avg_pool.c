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
#include <heft/plugin.h>

typedef struct {
    int64_t padding;
    int64_t area, channels;                      /* derived */
    bool    masked, tokens;                      /* derived: there is a second input; it is of integers */
} global_avg_pool;

static const heft_option options[] = {
    HEFT_OPT_INT(global_avg_pool, padding, 0, 0, INT32_MAX, "what marks padding in the second input, if there is one"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    global_avg_pool *l = self;
    const heft_shape *s = &p->in[0];
    char found[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, s->rank < 2 ? 2 : -1, "images [height, width, channels] or sequences [time, features]"))
        return -1;
    l->channels = s->dim[s->rank - 1];
    l->area = heft_count(s) / l->channels;
    l->masked = p->n_in == 2;
    l->tokens = l->masked && p->in[1].dtype == HEFT_I32;
    if (l->masked && (s->rank != 2 || p->in[1].rank != 1 || p->in[1].dim[0] != l->area))
        return heft_fail(&p->error, "needs a sequence [time, features] beside a second input [time], a token or a number for each "
                         "position; found %s", heft_shape_text(&p->in[1], found));
    p->out = (heft_shape){ HEFT_F32, 1, { l->channels } };
    p->flops = (double)heft_count(s);
    return 0;
}

/* What position r of a sample counts: 1; 0 for padding; what is not a number stays so. */
static float counts(const global_avg_pool *l, const float *mask, int64_t r)
{
    if (!mask) return 1;
    if (l->tokens) return heft_ints(mask)[r] != l->padding;
    return mask[r] == (float)l->padding ? 0 : mask[r] == mask[r] ? 1 : mask[r];
}

static float share_of(const global_avg_pool *l, const float *mask)
{
    float n = 0;
    for (int64_t r = 0; r < l->area; r++) n += counts(l, mask, r);
    return n == 0 ? 0 : 1 / n;
}

static void forward(const void *self, const heft_forward *p)
{
    const global_avg_pool *l = self;
    const int64_t n = l->channels;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < p->n; i++, y += n) {
        const float *mask = l->masked ? p->in[1] + i * l->area : NULL, share = share_of(l, mask);
        for (int64_t k = 0; k < n; k++) y[k] = 0;
        for (int64_t r = 0; r < l->area; r++, x += n)
            if (counts(l, mask, r) != 0)
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
    for (int64_t i = 0; l->masked && p->din[1] && i < p->n * l->area; i++) p->din[1][i] = 0;
    for (int64_t i = 0; dx && i < p->n; i++, dy += n) {
        const float *mask = l->masked ? p->in[1] + i * l->area : NULL, share = share_of(l, mask);
        for (int64_t r = 0; r < l->area; r++, dx += n) {
            const float part = share * counts(l, mask, r);
            for (int64_t k = 0; k < n; k++) dx[k] = part * dy[k];
        }
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "global_avg_pool", "mean of each channel over all positions; a second input marks padding",
                      sizeof(global_avg_pool), options),
    .min_in = 1, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
};
