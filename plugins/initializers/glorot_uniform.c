/* glorot_uniform.c -- uniform in [-b, b], b = gain sqrt(6 / (fan_in + fan_out))
 *
 * X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010,
 * equation 16.
 *
 * As PyTorch's xavier_uniform_ and Keras' GlorotUniform.  Caffe's xavier takes sqrt(3 / fan_in) unless told
 * otherwise, which is lecun_uniform.
 */
#include <heft/plugin.h>

typedef struct { double gain; } glorot_uniform;

static const heft_option options[] = {
    HEFT_OPT_REAL(glorot_uniform, gain, 1, 0, 1000,
                  "1 for linear layers and sigmoid, 5/3 for tanh as PyTorch advises"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const glorot_uniform *g = self;
    if (f->fan_in < 1 || f->fan_out < 1)
        return heft_fail(&f->error, "glorot_uniform needs numbers of inputs and outputs, this tensor has none");
    const float b = (float)(g->gain * sqrt(6.0 / ((double)f->fan_in + (double)f->fan_out)));
    const int64_t n = heft_count(&f->shape);
    heft_uniforms(&f->rng, n, f->x);
    for (int64_t i = 0; i < n; i++) f->x[i] = b * (2 * f->x[i] - 1);
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "glorot_uniform",
                      "uniform, variance 2 gain^2 / (fan_in + fan_out)", sizeof(glorot_uniform), options),
    .fill = fill,
};
