/* minimum.c -- the least of its inputs, element by element
 *
 *   y = min(x_0, x_1, ...)        dx_i = dy where x_i is the first that equals y, else 0
 *
 * Among equals the first has the whole gradient, as in max_pool2d; PyTorch shares it out.  NaN in, NaN out.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {                                 /* derived: inputs, and floats per sample of each */
    int32_t n_in;
    int64_t size;
} minimum;

enum { LEFT };                                   /* scratch: the gradient that has found no input yet */

static int plan(void *self, heft_layer_plan *p)
{
    minimum *l = self;
    if (heft_needs_one_shape(p)) return -1;
    l->n_in = p->n_in;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "left", .role = HEFT_SCRATCH, .shape = p->in[0],
                                               .per_sample = true };
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const minimum *l = self;
    const int64_t n = p->n * l->size;
    float *restrict y = p->out;
    memcpy(p->out, p->in[0], (size_t)n * sizeof(float));
    for (int32_t k = 1; k < l->n_in; k++) {
        const float *restrict x = p->in[k];
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] < y[i]) | (x[i] != x[i]) ? x[i] : y[i];
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const minimum *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict y = p->out;
    float *restrict left = p->scratch[LEFT];
    memcpy(left, p->dout, (size_t)n * sizeof(float));
    for (int32_t k = 0; k < l->n_in; k++) {
        const float *restrict x = p->in[k];
        float *restrict dx = p->din[k];
        if (dx) for (int64_t i = 0; i < n; i++) dx[i] = x[i] == y[i] ? left[i] : 0;
        for (int64_t i = 0; i < n; i++) left[i] = x[i] == y[i] ? 0 : left[i];
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "minimum", "least of inputs of one shape", sizeof(minimum), NULL),
    .min_in = 2, .max_in = HEFT_MAX_INPUTS,
    .plan = plan, .forward = forward, .backward = backward,
    .recomputable = 1,
};
