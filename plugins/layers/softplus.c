/* softplus.c -- smooth rectified linear unit
 *
 *   y = log(1 + exp(beta x)) / beta        dx = dy / (1 + exp(-beta x))
 *
 * C. Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing", NIPS 2000.
 * Computed as max(x, 0) + log(1 + exp(-|beta x|)) / beta, which neither overflows nor loses digits; so there is no
 * threshold (20 in PyTorch) beyond which y = x.  Keras has beta = 1, as Caffe's BNLL.
 */
#include <heft/plugin.h>

typedef struct {
    double  beta;
    int64_t size;                                /* derived: floats per sample */
} softplus;

static const heft_option options[] = {
    HEFT_OPT_REAL(softplus, beta, 1, 1e-3, 1e3, "how sharp the bend is"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    softplus *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const softplus *l = self;
    const int64_t n = p->n * l->size;
    const float beta = (float)l->beta, *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = heft_where(x[i] < 0, 0, x[i]) + heft_log1pf(heft_expf(-fabsf(beta * x[i]))) / beta;
}

static void backward(const void *self, const heft_backward *p)
{
    const softplus *l = self;
    const int64_t n = p->n * l->size;
    const float beta = (float)l->beta, *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * heft_sigmoidf(beta * x[i]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "softplus", "smooth rectified linear unit: log(1 + exp(x))",
                      sizeof(softplus), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .unread = HEFT_UNREAD_OUT,
};
