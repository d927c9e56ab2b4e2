/* hard_tanh.c -- x, cut to a range
 *
 *   y = min(max(x, min), max)        dx = dy where min < x < max, else 0
 *
 * R. Collobert, "Large Scale Machine Learning", thesis, Paris VI, 2004.
 */
#include <heft/plugin.h>

typedef struct {
    double  min, max;
    int64_t size;                                /* derived: floats per sample */
} hard_tanh;

static const heft_option options[] = {
    HEFT_OPT_REAL(hard_tanh, min, -1, -1e30, 1e30, "least output"),
    HEFT_OPT_REAL(hard_tanh, max, 1, -1e30, 1e30, "largest output"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    hard_tanh *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    if (l->min >= l->max) return heft_fail(&p->error, "min %g is not below max %g", l->min, l->max);
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const hard_tanh *l = self;
    const int64_t n = p->n * l->size;
    const float low = (float)l->min, high = (float)l->max, *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] < low ? low : x[i] > high ? high : x[i];
}

static void backward(const void *self, const heft_backward *p)
{
    const hard_tanh *l = self;
    const int64_t n = p->n * l->size;
    const float low = (float)l->min, high = (float)l->max, *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) dx[i] = x[i] <= low || x[i] >= high ? 0 : dy[i];
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "hard_tanh", "x, cut to a range: [-1, 1] if nothing else is said",
                      sizeof(hard_tanh), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "glorot_uniform",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
