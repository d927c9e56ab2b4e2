/* he_normal.c -- normal, standard deviation gain / sqrt(fan_in)
 *
 * K. He et al., "Delving Deep into Rectifiers", ICCV 2015, section 2.2.  https://arxiv.org/abs/1502.01852
 *
 * Not truncated, as PyTorch's kaiming_normal_ and Caffe's msra; Keras' HeNormal redraws what lies beyond two
 * deviations.
 */
#include <heft/plugin.h>

typedef struct { double gain; } he_normal;

static const heft_option options[] = {
    HEFT_OPT_REAL(he_normal, gain, 1.4142135623730951, 0, 1000, "sqrt(2) for ReLU, 1 for linear layers"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const he_normal *h = self;
    if (f->fan_in < 1)
        return heft_fail(&f->error, "he_normal needs the number of inputs of each unit, this tensor has none");
    const float std = (float)(h->gain / sqrt((double)f->fan_in));
    const int64_t n = heft_count(&f->shape);
    for (int64_t i = 0; i < n; i++) f->x[i] = std * heft_normal(&f->rng);
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "he_normal", "normal, variance gain^2 / fan_in",
                      sizeof(he_normal), options),
    .fill = fill,
};
