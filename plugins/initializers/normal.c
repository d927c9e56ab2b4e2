/* normal.c -- normal, of a mean and a standard deviation
 *
 * The defaults are those of Keras' RandomNormal; PyTorch's and Caffe's std is 1.
 */
#include <heft/plugin.h>

typedef struct { double mean, std; } normal;

static const heft_option options[] = {
    HEFT_OPT_REAL(normal, mean, 0, -1e30, 1e30, "of the distribution"),
    HEFT_OPT_REAL(normal, std, 0.05, 0, 1e30, "standard deviation"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const normal *d = self;
    const int64_t n = heft_count(&f->shape);
    for (int64_t i = 0; i < n; i++) f->x[i] = (float)(d->mean + d->std * heft_normal(&f->rng));
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "normal", "normal, of a mean and a standard deviation",
                      sizeof(normal), options),
    .fill = fill,
};
