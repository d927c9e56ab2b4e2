/* position.c -- add a trained vector to each position of a sequence
 *
 *   y[t] = x[t] + W[t]        dx = dy        dW[t] += dy[t]
 *
 * x, y [time, features]     W [time, features].  A. Radford et al., "Improving Language Understanding by Generative
 * Pre-Training", 2018, section 3.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct { int64_t size; } position;       /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    position *l = self;
    if (heft_needs(p, 0, 2, "a sequence [time, features]")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "weight", .role = HEFT_WEIGHT, .shape = p->in[0], .fan_in = p->in[0].dim[1], .fan_out = p->in[0].dim[1], .init = "uniform" };
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const position *l = self;
    const float *restrict w = p->weight[0];
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict x = p->in[0] + i * l->size;
        float *restrict y = p->out + i * l->size;
        for (int64_t j = 0; j < l->size; j++) y[j] = x[j] + w[j];
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const position *l = self;
    if (p->din[0]) memcpy(p->din[0], p->dout, (size_t)(p->n * l->size) * sizeof(float));
    float *restrict dw = p->dweight[0];
    for (int64_t i = 0; dw && i < p->n; i++) {
        const float *restrict dy = p->dout + i * l->size;
        for (int64_t j = 0; j < l->size; j++) dw[j] += dy[j];
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "position", "add a trained vector to each position", sizeof(position), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
