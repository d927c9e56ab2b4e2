/* subtract.c -- difference of two inputs, element by element
 *
 *   y = x_0 - x_1        dx_0 = dy        dx_1 = -dy
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct { int64_t size; } subtract;       /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    subtract *l = self;
    if (heft_needs_one_shape(p)) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const subtract *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x0 = p->in[0], *restrict x1 = p->in[1];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x0[i] - x1[i];
}

static void backward(const void *self, const heft_backward *p)
{
    const subtract *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict dy = p->dout;
    float *restrict dx1 = p->din[1];
    if (p->din[0]) memcpy(p->din[0], p->dout, (size_t)n * sizeof(float));
    for (int64_t i = 0; dx1 && i < n; i++) dx1[i] = -dy[i];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "subtract", "the first input less the second", sizeof(subtract), NULL),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
