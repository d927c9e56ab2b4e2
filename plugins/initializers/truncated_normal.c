/* truncated_normal.c -- normal, what lies beyond `bound` standard deviations drawn again
 *
 * std is that of the normal distribution, before the cut; with bound 2 the numbers that are left have 0.88 of it.
 *
 * As Keras' TruncatedNormal, with its defaults; PyTorch's trunc_normal_ has std 1 and cuts at -2 and 2, whatever the
 * standard deviation.
 */
#include <heft/plugin.h>

typedef struct { double mean, std, bound; } truncated_normal;

static const heft_option options[] = {
    HEFT_OPT_REAL(truncated_normal, mean, 0, -1e30, 1e30, "of the distribution"),
    HEFT_OPT_REAL(truncated_normal, std, 0.05, 0, 1e30, "standard deviation, before the cut"),
    HEFT_OPT_REAL(truncated_normal, bound, 2, 0.1, 10, "standard deviations from the mean where it is cut"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const truncated_normal *d = self;
    const int64_t n = heft_count(&f->shape);
    for (int64_t i = 0; i < n; i++) {
        float z;
        do z = heft_normal(&f->rng); while (fabsf(z) > d->bound);
        f->x[i] = (float)(d->mean + d->std * z);
    }
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "truncated_normal", "normal, cut off on both sides",
                      sizeof(truncated_normal), options),
    .fill = fill,
};
