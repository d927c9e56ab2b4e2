/* elu.c -- exponential linear unit
 *
 *   y = x where x > 0, else alpha (exp(x) - 1)        dx = dy where x > 0, else dy (y + alpha)
 *
 * D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear
 * Units", ICLR 2016.
 */
#include <heft/plugin.h>

typedef struct {
    double  alpha;
    int64_t size;                                /* derived: floats per sample */
} elu;

static const heft_option options[] = {
    HEFT_OPT_REAL(elu, alpha, 1, 0, 100, "-alpha is what the output falls to"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    elu *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const elu *l = self;
    const int64_t n = p->n * l->size;
    const float alpha = (float)l->alpha, *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = heft_where(x[i] > 0, x[i], alpha * heft_expm1f(x[i]));
}

static void backward(const void *self, const heft_backward *p)
{
    const elu *l = self;
    const int64_t n = p->n * l->size;
    const float alpha = (float)l->alpha, *restrict x = p->in[0], *restrict y = p->out, *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * heft_where(x[i] > 0, 1, y[i] + alpha);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "elu", "exponential linear unit", sizeof(elu), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .recomputable = 1,
};
