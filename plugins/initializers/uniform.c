/* uniform.c -- uniform in [min, max]
 *
 * The default range is that of Keras' RandomUniform; PyTorch's and Caffe's is [0, 1].
 */
#include <heft/plugin.h>

typedef struct { double min, max; } uniform;

static const heft_option options[] = {
    HEFT_OPT_REAL(uniform, min, -0.05, -1e30, 1e30, "least value"),
    HEFT_OPT_REAL(uniform, max,  0.05, -1e30, 1e30, "largest value"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const uniform *u = self;
    if (u->min > u->max)
        return heft_fail(&f->error, "min %g exceeds max %g", u->min, u->max);
    const int64_t n = heft_count(&f->shape);
    heft_uniforms(&f->rng, n, f->x);
    for (int64_t i = 0; i < n; i++) f->x[i] = (float)(u->min + (u->max - u->min) * f->x[i]);
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "uniform", "uniform in [min, max]",
                      sizeof(uniform), options),
    .fill = fill,
};
