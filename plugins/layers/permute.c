/* permute.c -- the axes of a sample in another order
 *
 *   `axes: [1, 0]` turns [time, features] into [features, time]: axis i of the output is axis axes[i] of the input.
 *
 * Axes count from 0, the batch not among them, and every one is named once.  Keras' Permute counts from 1; PyTorch's
 * permute counts the batch.
 */
#include <heft/plugin.h>

typedef struct {
    heft_int_list axes;
    int64_t size;                                /* derived: floats per sample; ... */
    int64_t dim[HEFT_MAX_RANK];                  /* ... axes of the output, behind 1s in front; ... */
    int64_t step[HEFT_MAX_RANK];                 /* ... and how far apart neighbours along them are in x */
} permute;

static const heft_option options[] = {
    HEFT_OPT_INTS(permute, axes, NULL, NULL, 0, HEFT_MAX_RANK - 1, "axes of the input in their new order, from 0"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    permute *l = self;
    const heft_shape *x = &p->in[0];
    const int rank = x->rank;
    char t[HEFT_SHAPE_TEXT];
    unsigned seen = 0;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    for (int32_t i = 0; i < l->axes.n; i++) seen |= 1u << l->axes.v[i];
    if (l->axes.n != rank || seen + 1 != 1u << rank)
        return heft_fail(&p->error, "axes must name each of the %d axes of %s once, from 0", rank,
                         heft_shape_text(x, t));

    int64_t step[HEFT_MAX_RANK], size = 1;
    for (int i = rank - 1; i >= 0; size *= x->dim[i--]) step[i] = size;
    l->size = size;
    p->out = *x;
    for (int i = 0; i < HEFT_MAX_RANK; i++) l->dim[i] = 1;
    for (int i = 0; i < rank; i++) {
        const int64_t axis = l->axes.v[i];
        p->out.dim[i] = l->dim[HEFT_MAX_RANK - rank + i] = x->dim[axis];
        l->step[HEFT_MAX_RANK - rank + i] = step[axis];
    }
    return 0;
}

/* Both ways: the k-th number of the output and the number of x at offset `at` belong together. */
#define FOR_EACH(l, k, at) \
    for (int64_t k = 0, i0 = 0; i0 < (l)->dim[0]; i0++) \
        for (int64_t i1 = 0; i1 < (l)->dim[1]; i1++) \
            for (int64_t i2 = 0; i2 < (l)->dim[2]; i2++) \
                for (int64_t i3 = 0, at = i0 * (l)->step[0] + i1 * (l)->step[1] + i2 * (l)->step[2]; \
                     i3 < (l)->dim[3]; i3++, k++, at += (l)->step[3])

static void forward(const void *self, const heft_forward *p)
{
    const permute *l = self;
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict x = p->in[0] + i * l->size;
        float *restrict y = p->out + i * l->size;
        FOR_EACH(l, k, at) y[k] = x[at];
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const permute *l = self;
    if (!p->din[0]) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict dy = p->dout + i * l->size;
        float *restrict dx = p->din[0] + i * l->size;
        FOR_EACH(l, k, at) dx[at] = dy[k];
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "permute", "the axes of a sample in another order", sizeof(permute),
                      options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
