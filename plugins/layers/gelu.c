/* gelu.c -- Gaussian error linear unit
 *
 *   y = x F(x)        dx = dy (F(x) + x f(x))        F, f: distribution and density of the standard normal
 *
 * D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units", 2016.  https://arxiv.org/abs/1606.08415
 * F(x) = (1 + erf(x / sqrt 2)) / 2, erf as a quotient of polynomials on [-4, 4] (coefficients: Eigen, MathFunctionsImpl.h; absolute
 * error below 3e-7).  As PyTorch's default and Keras's approximate=False.
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

static inline float distribution(float x)
{
    float t = x * 0.707106781f;
    t = heft_where(t > 4, 4, t);
    t = heft_where(t < -4, -4, t);
    const float z = t * t;
    const float a = (((((-2.72614225801306e-10f * z + 2.77068142495902e-08f) * z - 2.10102402082508e-06f) * z
                       - 5.69250639462346e-05f) * z - 7.34990630326855e-04f) * z - 2.95459980854025e-03f) * z - 1.60960333262415e-02f;
    const float b = (((-1.45660718464996e-05f * z - 2.13374055278905e-04f) * z - 1.68282697438203e-03f) * z
                     - 7.37332916720468e-03f) * z - 1.42647390514189e-02f;
    return 0.5f + 0.5f * (t * a / b);
}

static void forward(const void *self, const heft_forward *p)
{
    const gelu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * distribution(x[i]);
}

static void backward(const void *self, const heft_backward *p)
{
    const gelu *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++)
        dx[i] = dy[i] * (distribution(x[i]) + x[i] * (0.398942280f * heft_expf(-0.5f * x[i] * x[i])));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "gelu", "x times the normal distribution at x", sizeof(gelu), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
