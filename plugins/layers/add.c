/* add.c -- sum of its inputs, element by element
 *
 *   y = x_0 + x_1 + ...        dx_i = dy
 *
 * The shortcut of a residual block: K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {                                 /* derived: inputs, and floats per sample of each */
    int32_t n_in;
    int64_t size;
} add;

static int plan(void *self, heft_layer_plan *p)
{
    add *l = self;
    if (heft_needs_one_shape(p)) return -1;
    l->n_in = p->n_in;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const add *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x0 = p->in[0], *restrict x1 = p->in[1];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x0[i] + x1[i];
    for (int32_t k = 2; k < l->n_in; k++) {
        const float *restrict x = p->in[k];
        for (int64_t i = 0; i < n; i++) y[i] += x[i];
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const add *l = self;
    for (int32_t k = 0; k < l->n_in; k++)
        if (p->din[k]) memcpy(p->din[k], p->dout, (size_t)(p->n * l->size) * sizeof(float));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "add", "sum of inputs of one shape", sizeof(add), NULL),
    .min_in = 2, .max_in = HEFT_MAX_INPUTS,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
