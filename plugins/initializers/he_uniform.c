/* he_uniform.c -- uniform in [-b, b], b = gain sqrt(3 / fan_in)
 *
 * K. He et al., "Delving Deep into Rectifiers", ICCV 2015, section 2.2.  https://arxiv.org/abs/1502.01852
 *
 * As PyTorch's kaiming_uniform_ and Keras' HeUniform.  (PyTorch's own Linear and Conv layers use the gain 0.577.)
 */
#include <heft/plugin.h>

typedef struct { double gain; } he_uniform;

static const heft_option options[] = {
    HEFT_OPT_REAL(he_uniform, gain, 1.4142135623730951, 0, 1000, "sqrt(2) for ReLU, 1 for linear layers"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const he_uniform *h = self;
    if (f->fan_in < 1)
        return heft_fail(&f->error, "he_uniform needs the number of inputs of each unit, this tensor has none");
    const float b = (float)(h->gain * sqrt(3.0 / (double)f->fan_in));
    const int64_t n = heft_count(&f->shape);
    heft_uniforms(&f->rng, n, f->x);
    for (int64_t i = 0; i < n; i++) f->x[i] = b * (2 * f->x[i] - 1);
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "he_uniform", "uniform, variance gain^2 / fan_in",
                      sizeof(he_uniform), options),
    .fill = fill,
};
