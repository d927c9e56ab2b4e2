/* gelu.c -- Gaussian error linear unit
 *
 *   y = x F(x)        dx = dy (F(x) + x f(x))        F, f: distribution and density of the standard normal
 *
 * D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units", 2016.  https://arxiv.org/abs/1606.08415
 * F(x) and F(x) + x f(x) are 1/2 and x times a quotient of polynomials in x^2, those of least absolute error for |x| <= 5.8 (Remez' method), which
 * is below 3e-7 for all x after rounding.  As PyTorch's default and Keras's approximate=False.
 */
#include <heft/plugin.h>

typedef struct { int64_t size; } gelu;           /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    gelu *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

typedef struct { int degree; float above[8], below[6]; } quotient;    /* the degree of what is above; coefficients of 1, z, z^2, ... */

static const quotient distribution = { 5,                    /* F(x) = 1/2 + x above(x^2) / below(x^2) */
    { 0.398942181f, 0.0357423274f, 0.00479017152f, 0.000187437296f, 6.41863156e-6f, 2.09063745e-8f },
    { 1, 0.256257812f, 0.0297196886f, 0.00199047921f, 7.92774764e-5f, 1.14840326e-6f } };
static const quotient derivative = { 7,                      /* F(x) + x f(x) likewise */
    { 0.797884725f, -0.0433650990f, 0.0145953962f, -0.000178282422f, 3.27114941e-5f, -1.50398774e-7f, 3.29841039e-9f, -1.83482791e-11f },
    { 1, 0.278985028f, 0.0362831401f, 0.00285700181f, 0.000143199446f, 5.04778914e-6f } };

static inline float polynomial(float z, int degree, const float *c)
{
    float p = c[degree];
    while (degree--) p = heft_fma(z, p, c[degree]);
    return p;
}

static inline float evaluate(const quotient *q, float x)
{
    const float z = x * x, y = 0.5f + x * polynomial(z, q->degree, q->above) / polynomial(z, 5, q->below);
    return heft_where(x > 5.8f, 1, heft_where(x < -5.8f, 0, y));
}

static void forward(const void *self, const heft_forward *p)
{
    const gelu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * evaluate(&distribution, x[i]);
}

/* 0 x: an infinite x gives NaN, as x f(x) does. */
static void backward(const void *self, const heft_backward *p)
{
    const gelu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * heft_fma(0, x[i], evaluate(&derivative, x[i]));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "gelu", "x times the normal distribution at x", sizeof(gelu), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
