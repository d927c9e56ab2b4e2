/* lecun_normal.c -- normal, standard deviation 1 / sqrt(fan_in)
 *
 * Y. LeCun et al., "Efficient BackProp", 1998, section 4.6; what self-normalizing networks (SELU) start from:
 * G. Klambauer et al., NeurIPS 2017.
 *
 * Not truncated, as PyTorch's kaiming_normal_(nonlinearity='linear'); Keras' LecunNormal redraws what lies beyond
 * two deviations.
 */
#include <heft/plugin.h>

static int fill(const void *self, heft_fill *f)
{
    (void)self;
    if (f->fan_in < 1)
        return heft_fail(&f->error, "lecun_normal needs the number of inputs of each unit, this tensor has none");
    const float std = (float)(1 / sqrt((double)f->fan_in));
    const int64_t n = heft_count(&f->shape);
    for (int64_t i = 0; i < n; i++) f->x[i] = std * heft_normal(&f->rng);
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "lecun_normal", "normal, variance 1 / fan_in", 0, NULL),
    .fill = fill,
};
