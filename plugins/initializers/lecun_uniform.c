/* lecun_uniform.c -- uniform in [-b, b], b = sqrt(3 / fan_in)
 *
 * Y. LeCun et al., "Efficient BackProp", 1998, section 4.6: variance 1 / fan_in.  As Keras' LecunUniform and
 * Caffe's xavier.
 */
#include <heft/plugin.h>

static int fill(const void *self, heft_fill *f)
{
    (void)self;
    if (f->fan_in < 1)
        return heft_fail(&f->error, "lecun_uniform needs the number of inputs of each unit, this tensor has none");
    const float b = (float)sqrt(3.0 / (double)f->fan_in);
    const int64_t n = heft_count(&f->shape);
    heft_uniforms(&f->rng, n, f->x);
    for (int64_t i = 0; i < n; i++) f->x[i] = b * (2 * f->x[i] - 1);
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "lecun_uniform", "uniform, variance 1 / fan_in", 0, NULL),
    .fill = fill,
};
