/* reshape.c -- the same numbers of a sample, in other axes
 *
 * `shape: [7, 7, -1]` gives a sample these axes; one of them may be -1, which stands for whatever is left.  Row
 * major, so along the last axis neighbours are neighbours in memory.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    heft_int_list shape;
    int64_t size;                                /* derived: floats per sample */
} reshape;

static const heft_option options[] = {
    HEFT_OPT_INTS(reshape, shape, NULL, NULL, -1, INT32_MAX, "new axes; one may be -1: what is left"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    reshape *l = self;
    const int32_t rank = l->shape.n;
    const int64_t *dim = l->shape.v;
    int32_t open = -1;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    if (rank < 1 || rank > HEFT_MAX_RANK)
        return heft_fail(&p->error, "shape takes 1 to %d axes; found %d", HEFT_MAX_RANK, rank);

    l->size = heft_count(&p->in[0]);
    p->out = (heft_shape){ HEFT_F32, rank };
    int64_t left = l->size;
    for (int32_t i = 0; i < rank; i++) {
        if (dim[i] == 0) return heft_fail(&p->error, "an axis of shape is 0; axes are 1 or more, or one -1");
        if (dim[i] < 0 && open >= 0) return heft_fail(&p->error, "shape has more than one -1");
        if (dim[i] < 0) open = i;
        else if (left % dim[i])
            return heft_fail(&p->error, "%lld numbers per sample do not divide into the axes of shape (at %lld)",
                             (long long)l->size, (long long)dim[i]);
        else left /= dim[i];
        p->out.dim[i] = dim[i];
    }
    if (open >= 0) p->out.dim[open] = left;
    else if (left != 1)
        return heft_fail(&p->error, "shape holds %lld numbers; a sample has %lld", (long long)(l->size / left),
                         (long long)l->size);
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const reshape *l = self;
    memcpy(p->out, p->in[0], (size_t)(p->n * l->size) * sizeof(float));
}

static void backward(const void *self, const heft_backward *p)
{
    const reshape *l = self;
    if (p->din[0]) memcpy(p->din[0], p->dout, (size_t)(p->n * l->size) * sizeof(float));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "reshape", "the same numbers in other axes", sizeof(reshape), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
