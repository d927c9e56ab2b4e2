/* multiply.c -- product of its inputs, element by element
 *
 *   y = x_0 x_1 ...        dx_i = dy times the other inputs
 *
 * The gradient multiplies anew instead of dividing y by x_i, so zeros are no trouble (Caffe's stable_prod_grad).
 */
#include <heft/plugin.h>

typedef struct {                                 /* derived: inputs, and floats per sample of each */
    int32_t n_in;
    int64_t size;
} multiply;

static int plan(void *self, heft_layer_plan *p)
{
    multiply *l = self;
    if (heft_needs_one_shape(p)) return -1;
    l->n_in = p->n_in;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const multiply *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x0 = p->in[0], *restrict x1 = p->in[1];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x0[i] * x1[i];
    for (int32_t k = 2; k < l->n_in; k++) {
        const float *restrict x = p->in[k];
        for (int64_t i = 0; i < n; i++) y[i] *= x[i];
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const multiply *l = self;
    const int64_t n = p->n * l->size;
    for (int32_t k = 0; k < l->n_in; k++) {
        const float *restrict dy = p->dout;
        float *restrict dx = p->din[k];
        if (!dx) continue;
        for (int64_t i = 0; i < n; i++) dx[i] = dy[i];
        for (int32_t j = 0; j < l->n_in; j++) {
            const float *restrict x = p->in[j];
            if (j == k) continue;
            for (int64_t i = 0; i < n; i++) dx[i] *= x[i];
        }
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "multiply", "product of inputs of one shape", sizeof(multiply), NULL),
    .min_in = 2, .max_in = HEFT_MAX_INPUTS,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
