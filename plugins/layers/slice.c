/* slice.c -- a part of its input along one axis
 *
 *   y = x[..., begin:end, ...]        dx = dy there, 0 elsewhere
 *
 * Positions count from 0, negative ones from the end, as in Python; axes too, the batch not among them.  `size`
 * may stand in place of `end`.  The last time of a sequence: `{axis: 0, begin: -1}`.  A border of one pixel off an
 * image (Keras' Cropping2D): `{axis: 0, begin: 1, end: -1}`, then the same with axis 1.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    int64_t axis, begin, end, size;
    int64_t blocks;                              /* derived: contiguous blocks per sample; ... */
    int64_t in, at, out;                         /* ... floats of one: in all, before the part, in the part */
} slice;

static const heft_option options[] = {
    HEFT_OPT_INT(slice, axis, -1, -HEFT_MAX_RANK, HEFT_MAX_RANK - 1, "axis of a sample to cut; -1: the last"),
    HEFT_OPT_INT(slice, begin, 0, INT32_MIN, INT32_MAX, "first position; -1: the last one"),
    HEFT_OPT_INT_OR(slice, end, "last", INT32_MAX, INT32_MIN, INT32_MAX,
                    "position behind the part; -1: without the last one; last: with all"),
    HEFT_OPT_INT_OR(slice, size, "auto", 0, 0, INT32_MAX, "positions, in place of end"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    slice *l = self;
    const heft_shape *x = &p->in[0];
    char t[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    const int64_t axis = l->axis < 0 ? l->axis + x->rank : l->axis;
    if (axis < 0 || axis >= x->rank)
        return heft_fail(&p->error, "axis %lld is none of the %d axes of %s", (long long)l->axis, (int)x->rank,
                         heft_shape_text(x, t));
    if (l->size && l->end != INT32_MAX) return heft_fail(&p->error, "end and size exclude each other");

    const int64_t n = x->dim[axis], begin = l->begin < 0 ? l->begin + n : l->begin;
    const int64_t end = l->size ? begin + l->size : l->end == INT32_MAX ? n : l->end < 0 ? l->end + n : l->end;
    if (begin < 0 || end > n || begin >= end)
        return heft_fail(&p->error, "positions %lld to %lld (not included) are no part of axis %lld of %s",
                         (long long)begin, (long long)end, (long long)axis, heft_shape_text(x, t));
    int64_t inner = 1;
    for (int64_t d = axis + 1; d < x->rank; d++) inner *= x->dim[d];
    l->blocks = heft_count(x) / (n * inner);
    l->in = n * inner;
    l->at = begin * inner;
    l->out = (end - begin) * inner;
    p->out = *x;
    p->out.dim[axis] = end - begin;
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const slice *l = self;
    for (int64_t i = 0; i < p->n * l->blocks; i++)
        memcpy(p->out + i * l->out, p->in[0] + i * l->in + l->at, (size_t)l->out * sizeof(float));
}

static void backward(const void *self, const heft_backward *p)
{
    const slice *l = self;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * l->blocks * l->in) * sizeof(float));
    for (int64_t i = 0; i < p->n * l->blocks; i++)
        memcpy(p->din[0] + i * l->in + l->at, p->dout + i * l->out, (size_t)l->out * sizeof(float));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "slice", "a part of the input along one axis", sizeof(slice), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
