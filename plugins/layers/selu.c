/* selu.c -- scaled exponential linear unit: keeps mean 0 and variance 1 from layer to layer
 *
 *   y = scale x where x > 0, else scale alpha (exp(x) - 1)
 *   dx = scale dy where x > 0, else dy (y + scale alpha)
 *
 * G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural Networks", NIPS 2017.  It wants
 * weights by lecun_normal, which `init: auto` gives, and alpha_dropout in dropout's place.
 */
#include <heft/plugin.h>

typedef struct { int64_t size; } selu;           /* derived: floats per sample */

static const float scale = 1.0507009873554805f, scale_alpha = 1.0507009873554805f * 1.6732632423543772f;

static int plan(void *self, heft_layer_plan *p)
{
    selu *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const selu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = heft_where(x[i] > 0, scale * x[i], scale_alpha * heft_expm1f(x[i]));
}

static void backward(const void *self, const heft_backward *p)
{
    const selu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0], *restrict y = p->out, *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * heft_where(x[i] > 0, scale, y[i] + scale_alpha);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "selu", "scaled exponential linear unit", sizeof(selu), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "lecun_normal",
    .recomputable = 1,
};
