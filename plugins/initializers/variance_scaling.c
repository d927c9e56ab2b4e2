/* variance_scaling.c -- of variance scale / n, n the inputs of a unit, its outputs, or their mean
 *
 * All of the usual ones are cases of it: scale 1, 2 and 1 with fan_in, fan_in and fan_avg are lecun, he and glorot.
 * scale is the square of the gain that suits the activation behind the weights:
 *
 *   activation                        gain                        scale
 *   linear, sigmoid, softmax          1                           1
 *   tanh                              5/3                         25/9
 *   relu                              sqrt(2)                     2
 *   leaky_relu of a slope             sqrt(2 / (1 + slope^2))     2 / (1 + slope^2)
 *   selu                              3/4; to normalize itself 1  9/16; 1
 *   elu, gelu, silu, mish             sqrt(2), as for relu        2
 *
 * The gains are those of PyTorch's calculate_gain, which has none for the last row.  K. He et al., "Delving Deep into
 * Rectifiers", ICCV 2015, derives them: a layer then keeps the variance of what passes through it.
 *
 * As Keras' VarianceScaling.  truncated_normal draws anew beyond two standard deviations, and is widened by 1 /
 * 0.87962566 so that the variance is right behind the cut.
 */
#include <heft/plugin.h>

typedef struct {
    double scale;
    int    mode, distribution;
} variance_scaling;

enum { FAN_IN, FAN_OUT, FAN_AVG };               /* mode */
enum { TRUNCATED_NORMAL, NORMAL, UNIFORM };      /* distribution */

static const heft_option options[] = {
    HEFT_OPT_REAL(variance_scaling, scale, 1, 0, 1e6, "times 1 / n, is the variance"),
    HEFT_OPT_ENUM(variance_scaling, mode, FAN_IN, "fan_in|fan_out|fan_avg",
                  "n: inputs of a unit, outputs, or their mean"),
    HEFT_OPT_ENUM(variance_scaling, distribution, TRUNCATED_NORMAL, "truncated_normal|normal|uniform",
                  "truncated_normal: nothing beyond two standard deviations"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const variance_scaling *v = self;
    const bool in = v->mode != FAN_OUT, out = v->mode != FAN_IN;
    if ((in && f->fan_in < 1) || (out && f->fan_out < 1))
        return heft_fail(&f->error, "variance_scaling needs the number of %s of each unit, this tensor has none",
                         in && f->fan_in < 1 ? "inputs" : "outputs");
    const double fan = ((in ? (double)f->fan_in : 0) + (out ? (double)f->fan_out : 0)) / (in + out);
    const double std = sqrt(v->scale / fan);
    const int64_t n = heft_count(&f->shape);
    if (v->distribution == UNIFORM) {
        const float b = (float)(std * sqrt(3));
        heft_uniforms(&f->rng, n, f->x);
        for (int64_t i = 0; i < n; i++) f->x[i] = b * (2 * f->x[i] - 1);
        return 0;
    }
    const bool cut = v->distribution == TRUNCATED_NORMAL;
    const float scale = (float)(cut ? std / 0.87962566103423978 : std);
    for (int64_t i = 0; i < n; i++) {
        float z;
        do z = heft_normal(&f->rng); while (cut && fabsf(z) > 2);
        f->x[i] = scale * z;
    }
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "variance_scaling", "variance in proportion to 1 / fan",
                      sizeof(variance_scaling), options),
    .fill = fill,
};
