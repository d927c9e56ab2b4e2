/* glorot_normal.c -- normal, standard deviation gain sqrt(2 / (fan_in + fan_out))
 *
 * X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010,
 * equation 12.
 *
 * Not truncated, as PyTorch's xavier_normal_; Keras' GlorotNormal redraws what lies beyond two deviations.
 */
#include <heft/plugin.h>

typedef struct { double gain; } glorot_normal;

static const heft_option options[] = {
    HEFT_OPT_REAL(glorot_normal, gain, 1, 0, 1000,
                  "1 for linear layers and sigmoid, 5/3 for tanh as PyTorch advises"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const glorot_normal *g = self;
    if (f->fan_in < 1 || f->fan_out < 1)
        return heft_fail(&f->error, "glorot_normal needs numbers of inputs and outputs, this tensor has none");
    const float std = (float)(g->gain * sqrt(2.0 / ((double)f->fan_in + (double)f->fan_out)));
    const int64_t n = heft_count(&f->shape);
    for (int64_t i = 0; i < n; i++) f->x[i] = std * heft_normal(&f->rng);
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "glorot_normal",
                      "normal, variance 2 gain^2 / (fan_in + fan_out)", sizeof(glorot_normal), options),
    .fill = fill,
};
