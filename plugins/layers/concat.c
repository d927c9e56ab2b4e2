/* concat.c -- its inputs side by side along one axis
 *
 *   [h, w, a], [h, w, b], ... -> [h, w, a + b + ...] for the last axis; all other axes must be equal.
 *
 * Axes count from 0, the batch not among them; from -1 backwards.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    int64_t axis;
    int32_t n_in;                                /* derived: inputs, ... */
    int64_t blocks;                              /* ... contiguous blocks per sample, ... */
    int64_t width[HEFT_MAX_INPUTS], sum;         /* ... floats of a block of each input, and of the output */
} concat;

static const heft_option options[] = {
    HEFT_OPT_INT(concat, axis, -1, -HEFT_MAX_RANK, HEFT_MAX_RANK - 1, "axis of a sample to join along; -1: the last"),
    HEFT_OPT_END
};

/* Floats of one sample of s behind the axes before `axis`. */
static int64_t block(const heft_shape *s, int64_t axis)
{
    int64_t n = 1;
    for (int64_t d = axis; d < s->rank; d++) n *= s->dim[d];
    return n;
}

static int plan(void *self, heft_layer_plan *p)
{
    concat *l = self;
    const heft_shape *first = &p->in[0];
    const int64_t axis = l->axis < 0 ? l->axis + first->rank : l->axis;
    char a[HEFT_SHAPE_TEXT], b[HEFT_SHAPE_TEXT];
    if (axis < 0 || axis >= first->rank)
        return heft_fail(&p->error, "axis %lld is none of the %d axes of %s", (long long)l->axis, first->rank,
                         heft_shape_text(first, a));

    l->n_in = p->n_in;
    p->out = *first;
    p->out.dim[axis] = 0;
    for (int32_t i = 0; i < p->n_in; i++) {
        const heft_shape *s = &p->in[i];
        if (heft_needs(p, i, -1, "numbers of any shape")) return -1;
        bool fits = s->rank == first->rank;
        for (int32_t d = 0; fits && d < s->rank; d++) fits = d == axis || s->dim[d] == first->dim[d];
        if (!fits)
            return heft_fail(&p->error, "needs inputs that differ in axis %lld only; the first is %s, number %d is %s",
                             (long long)axis, heft_shape_text(first, a), i + 1, heft_shape_text(s, b));
        l->width[i] = block(s, axis);
        l->sum += l->width[i];
        p->out.dim[axis] += s->dim[axis];
    }
    l->blocks = heft_count(first) / l->width[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const concat *l = self;
    int64_t at = 0;
    for (int32_t k = 0; k < l->n_in; at += l->width[k++])
        for (int64_t i = 0; i < p->n * l->blocks; i++)
            memcpy(p->out + i * l->sum + at, p->in[k] + i * l->width[k], (size_t)l->width[k] * sizeof(float));
}

static void backward(const void *self, const heft_backward *p)
{
    const concat *l = self;
    int64_t at = 0;
    for (int32_t k = 0; k < l->n_in; at += l->width[k++])
        for (int64_t i = 0; p->din[k] && i < p->n * l->blocks; i++)
            memcpy(p->din[k] + i * l->width[k], p->dout + i * l->sum + at, (size_t)l->width[k] * sizeof(float));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "concat", "inputs side by side along one axis", sizeof(concat), options),
    .min_in = 2, .max_in = HEFT_MAX_INPUTS,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
