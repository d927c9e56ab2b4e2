/* repeat.c -- a sample a number of times, along a new first axis
 *
 *   [features] -> [times, features]        dx = sum of dy over times
 *
 * Between the encoder and the decoder of a sequence: Keras' RepeatVector, here for samples of any shape.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    int64_t times;
    int64_t size;                                /* derived: floats per sample of the input */
} repeat;

static const heft_option options[] = {
    HEFT_OPT_INT(repeat, times, HEFT_REQUIRED, 1, 1 << 20, "length of the new axis"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    repeat *l = self;
    const heft_shape *x = &p->in[0];
    char t[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    if (x->rank == HEFT_MAX_RANK)
        return heft_fail(&p->error, "%s has no room for one more axis; %d are the most", heft_shape_text(x, t),
                         HEFT_MAX_RANK);
    l->size = heft_count(x);
    p->out = (heft_shape){ HEFT_F32, x->rank + 1, { l->times } };
    for (int32_t i = 0; i < x->rank; i++) p->out.dim[i + 1] = x->dim[i];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const repeat *l = self;
    for (int64_t r = 0; r < p->n * l->times; r++)
        memcpy(p->out + r * l->size, p->in[0] + r / l->times * l->size, (size_t)l->size * sizeof(float));
}

static void backward(const void *self, const heft_backward *p)
{
    const repeat *l = self;
    if (!p->din[0]) return;
    memset(p->din[0], 0, (size_t)(p->n * l->size) * sizeof(float));
    for (int64_t r = 0; r < p->n * l->times; r++) {
        const float *restrict dy = p->dout + r * l->size;
        float *restrict dx = p->din[0] + r / l->times * l->size;
        for (int64_t j = 0; j < l->size; j++) dx[j] += dy[j];
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "repeat", "a sample a number of times, along a new first axis",
                      sizeof(repeat), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
