/* gaussian_dropout.c -- multiply each input by normal noise of mean 1 while training
 *
 *   train:  y = x (1 + s z), z normal, s = sqrt(rate / (1 - rate))        eval:  y = x        dx = dy (1 + s z)
 *
 * The variance of dropout's factors without their zeros: N. Srivastava et al., "Dropout", JMLR 15 (2014), section
 * 10.  z is drawn again in backward from the same key.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    double  rate;
    int64_t size;                                /* derived: floats per sample */
} gaussian_dropout;

static const heft_option options[] = {
    HEFT_OPT_REAL(gaussian_dropout, rate, 0.5, 0, 0.99, "of the dropout whose variance the noise has"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    gaussian_dropout *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

/* y = x (1 + s z), for n samples from the first. */
static void apply(const gaussian_dropout *l, heft_rng rng, int64_t first, int64_t n, const float *restrict x,
                  float *restrict y)
{
    const float s = (float)sqrt(l->rate / (1 - l->rate));
    const int64_t size = l->size;
    for (int64_t i = 0; i < n; i++, x += size, y += size) {
        heft_rng r = heft_stream(rng, first + i);
        heft_normals(&r, size, y);
        for (int64_t j = 0; j < size; j++) y[j] = x[j] * (1 + s * y[j]);
    }
}

static void forward(const void *self, const heft_forward *p)
{
    const gaussian_dropout *l = self;
    if (p->train && l->rate > 0) apply(l, p->rng, p->first, p->n, p->in[0], p->out);
    else memcpy(p->out, p->in[0], (size_t)(p->n * l->size) * sizeof(float));
}

static void backward(const void *self, const heft_backward *p)
{
    const gaussian_dropout *l = self;
    if (p->din[0]) apply(l, p->rng, p->first, p->n, p->dout, p->din[0]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "gaussian_dropout", "multiply by normal noise of mean 1 while training",
                      sizeof(gaussian_dropout), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
