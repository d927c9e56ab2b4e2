/* softsign.c -- x / (1 + |x|)
 *
 *   y = x / (1 + |x|)        dx = dy / (1 + |x|)^2
 *
 * J. Turian, J. Bergstra, Y. Bengio, "Quadratic Features and Deep Architectures for Chunking", NAACL 2009.  Its
 * limits are -1 and 1, as tanh's, but it comes to them slowly.
 */
#include <heft/plugin.h>

typedef struct { int64_t size; } softsign;       /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    softsign *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const softsign *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] / (1 + fabsf(x[i]));
}

static void backward(const void *self, const heft_backward *p)
{
    const softsign *l = self;
    const int64_t n = p->n * l->size;
    const float *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    if (!dx) return;
    for (int64_t i = 0; i < n; i++) {
        const float d = 1 / (1 + fabsf(x[i]));
        dx[i] = dy[i] * d * d;
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "softsign", "x / (1 + |x|)", sizeof(softsign), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .init = "glorot_uniform",
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
