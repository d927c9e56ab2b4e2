/* leaky_relu.c -- rectified linear unit that leaks below zero
 *
 *   y = x where x > 0, else slope x        dx = dy where x > 0, else slope dy
 *
 * A. Maas, A. Hannun, A. Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", ICML 2013.
 */
#include <heft/plugin.h>

typedef struct {
    double  slope;
    int64_t size;                                /* derived: floats per sample */
} leaky_relu;

static const heft_option options[] = {
    HEFT_OPT_REAL(leaky_relu, slope, 0.01, 0, 1, "factor of negative inputs"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    leaky_relu *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const leaky_relu *l = self;
    const int64_t n = p->n * l->size;
    const float slope = (float)l->slope, *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = heft_where(x[i] > 0, x[i], slope * x[i]);
}

static void backward(const void *self, const heft_backward *p)
{
    const leaky_relu *l = self;
    const int64_t n = p->n * l->size;
    const float slope = (float)l->slope, *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = heft_where(x[i] > 0, dy[i], slope * dy[i]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "leaky_relu", "rectified linear unit with a slope below zero",
                      sizeof(leaky_relu), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "he_normal",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
