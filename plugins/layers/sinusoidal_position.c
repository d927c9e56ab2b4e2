/* sinusoidal_position.c -- add sines and cosines of its place to each position of a sequence
 *
 *   y[t, 2 i] = x[t, 2 i] + sin(t w_i)        y[t, 2 i + 1] = x[t, 2 i + 1] + cos(t w_i)
 *   w_i = wavelength^(-2 i / features)
 *
 * dx = dy.  x, y [time, features]; of an odd number of features the last one is a sine.  A. Vaswani et al.,
 * "Attention Is All You Need", NIPS 2017, section 3.5, where x was first multiplied by sqrt(features).  sin and
 * cos of t w come from those of (t - 1) w by a rotation, in double.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    double  wavelength;
    int64_t time, features;                      /* derived */
} sinusoid;

enum { TABLE };                                  /* scratch: what is added, [time, features] */

static const heft_option options[] = {
    HEFT_OPT_REAL(sinusoid, wavelength, 10000, 1, 1e9, "the longest is this times 2 pi, nearly"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    sinusoid *l = self;
    if (heft_needs(p, 0, 2, "a sequence [time, features]")) return -1;
    l->time = p->in[0].dim[0];
    l->features = p->in[0].dim[1];
    p->out = p->in[0];
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "table", .role = HEFT_SCRATCH, .shape = p->in[0] };
    return 0;
}

static void fill(const sinusoid *l, float *table)
{
    for (int64_t j = 0; j < l->features; j += 2) {
        const double w = pow(l->wavelength, -(double)j / (double)l->features), dc = cos(w), ds = sin(w);
        double c = 1, s = 0;
        for (float *at = table + j; at < table + l->time * l->features; at += l->features) {
            at[0] = (float)s;
            if (j + 1 < l->features) at[1] = (float)c;
            const double next = c * dc - s * ds;
            s = s * dc + c * ds;
            c = next;
        }
    }
}

static void forward(const void *self, const heft_forward *p)
{
    const sinusoid *l = self;
    const int64_t size = l->time * l->features;
    const float *restrict table = p->scratch[TABLE];
    fill(l, p->scratch[TABLE]);
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict x = p->in[0] + i * size;
        float *restrict y = p->out + i * size;
        for (int64_t j = 0; j < size; j++) y[j] = x[j] + table[j];
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const sinusoid *l = self;
    if (p->din[0]) memcpy(p->din[0], p->dout, (size_t)(p->n * l->time * l->features) * sizeof(float));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "sinusoidal_position",
                      "add sines and cosines of its place to each position", sizeof(sinusoid), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
};
