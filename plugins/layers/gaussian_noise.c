/* gaussian_noise.c -- add normal noise while training
 *
 *   train:  y = x + stddev z, z normal        eval:  y = x        dx = dy
 *
 * C. Bishop, "Training with Noise is Equivalent to Tikhonov Regularization", Neural Computation 7 (1995).
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    double  stddev;
    int64_t size;                                /* derived: floats per sample */
} gaussian_noise;

static const heft_option options[] = {
    HEFT_OPT_REAL(gaussian_noise, stddev, 0.1, 0, 1e6, "standard deviation of the noise"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    gaussian_noise *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const gaussian_noise *l = self;
    const int64_t size = l->size;
    const float stddev = (float)l->stddev;
    if (!p->train || stddev == 0) {
        memcpy(p->out, p->in[0], (size_t)(p->n * size) * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < p->n; i++) {
        heft_rng r = heft_stream(p->rng, p->first + i);
        const float *restrict x = p->in[0] + i * size;
        float *restrict y = p->out + i * size;
        heft_normals(&r, size, y);
        for (int64_t j = 0; j < size; j++) y[j] = x[j] + stddev * y[j];
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const gaussian_noise *l = self;
    if (p->din[0]) memcpy(p->din[0], p->dout, (size_t)(p->n * l->size) * sizeof(float));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "gaussian_noise", "add normal noise while training",
                      sizeof(gaussian_noise), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
