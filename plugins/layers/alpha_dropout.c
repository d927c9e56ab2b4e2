/* alpha_dropout.c -- dropout that keeps mean 0 and variance 1, to go with selu
 *
 *   train:  y = a (x or, with probability rate, low) + b        eval:  y = x
 *   low = -1.7580993408473766, what selu falls to; a = 1 / sqrt((1 - rate) (1 + rate low^2)), b = -a rate low
 *   dx = a dy where x was kept, else 0
 *
 * G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural Networks", NIPS 2017.  What was
 * dropped is drawn again in backward from the same key.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    double  rate;
    int64_t size;                                /* derived: floats per sample */
    float   low, a, b;
} alpha_dropout;

static const heft_option options[] = {
    HEFT_OPT_REAL(alpha_dropout, rate, 0.5, 0, 0.99, "probability of dropping an input"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    alpha_dropout *l = self;
    const double low = -1.7580993408473766, a = 1 / sqrt((1 - l->rate) * (1 + l->rate * low * low));
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    l->low = (float)low;
    l->a = (float)a;
    l->b = (float)(-a * l->rate * low);
    p->out = p->in[0];
    return 0;
}

/* y = a (x or low) + b, for n samples from the first. */
static void apply(const alpha_dropout *l, float low, float b, heft_rng rng, int64_t first, int64_t n,
                  const float *restrict x, float *restrict y)
{
    enum { BLOCK = 512 };
    const float rate = (float)l->rate, a = l->a;
    float u[BLOCK];
    for (int64_t i = 0; i < n; i++) {
        heft_rng r = heft_stream(rng, first + i);
        for (int64_t left = l->size, size; left; left -= size, x += size, y += size) {
            size = left < BLOCK ? left : BLOCK;
            heft_uniforms(&r, size, u);
            for (int64_t j = 0; j < size; j++) y[j] = a * (u[j] < rate ? low : x[j]) + b;
        }
    }
}

static void forward(const void *self, const heft_forward *p)
{
    const alpha_dropout *l = self;
    if (p->train && l->rate > 0) apply(l, l->low, l->b, p->rng, p->first, p->n, p->in[0], p->out);
    else memcpy(p->out, p->in[0], (size_t)(p->n * l->size) * sizeof(float));
}

static void backward(const void *self, const heft_backward *p)
{
    const alpha_dropout *l = self;
    if (p->din[0]) apply(l, 0, 0, p->rng, p->first, p->n, p->dout, p->din[0]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "alpha_dropout", "dropout that keeps mean and variance, for selu",
                      sizeof(alpha_dropout), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
