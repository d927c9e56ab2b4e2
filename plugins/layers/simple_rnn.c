/* simple_rnn.c -- recurrent layer without gates
 *
 *   h[t] = f(x[t] W + h[t-1] R + b)        f: tanh or relu
 *
 * x [time, in]     W [in, units]     R [units, units]     b [units]
 * y [units], the last h; or [time, units], all of them.  h[-1] = 0.  As PyTorch's RNN, which has a second bias, with
 * the recurrent product (recurrent_bias), and Keras's SimpleRNN.  In both directions: two of these, one with
 * `reverse: true`, and a concat (or add) of them.
 *
 * A second input [time] tells which positions are padding, at which the state, and the output with it, stays as it is: tokens
 * (`padding` is the one that fills up), or numbers (0 is padding, 1 is none).  As Keras' mask.  The last state is that of
 * PyTorch's packed sequences, whose outputs behind the end are 0.
 *
 * J. Elman, "Finding Structure in Time", Cognitive Science 14 (1990).
 */
#include <string.h>
#include <heft/mask.h>
#include <heft/plugin.h>

typedef struct {
    int64_t units;
    int     nonlinearity;
    bool    return_sequences, reverse, recurrent_bias;
    int64_t padding;
    int64_t time, in;                            /* derived */
    heft_mask mask;                              /* derived */
} rnn;

enum { TANH, RELU };                             /* nonlinearity */
enum { W, R, B, RB };                            /* weights, as declared */
enum { HIDDEN };                                 /* saved: h [time, units] */
enum { S_HIDDEN, DSUM, DHIDDEN };                /* scratch; the first where nothing is saved */

static const heft_option options[] = {
    HEFT_OPT_INT (rnn, units, HEFT_REQUIRED, 1, 1 << 16, "length of the state"),
    HEFT_OPT_ENUM(rnn, nonlinearity, TANH, "tanh|relu", "function that makes the state"),
    HEFT_OPT_BOOL(rnn, return_sequences, false, "give the state at every time, not only the last"),
    HEFT_OPT_BOOL(rnn, reverse, false, "go through time backwards; outputs stay at their times"),
    HEFT_OPT_BOOL(rnn, recurrent_bias, false, "a second bias, as PyTorch has"),
    HEFT_OPT_INT (rnn, padding, 0, 0, INT32_MAX, "what marks padding in the second input, if there is one"),
    HEFT_OPT_END
};

static void declare(heft_layer_plan *p, const char *name, heft_role role, int64_t rows, int64_t cols,
                    const char *init)
{
    heft_tensor t = { .name = name, .role = role, .shape = { HEFT_F32, 2, { rows, cols } },
                      .per_sample = role != HEFT_WEIGHT, .fan_in = rows, .fan_out = cols, .init = init };
    if (rows == 0) t.shape = (heft_shape){ HEFT_F32, 1, { cols } };
    p->tensor[p->n_tensors++] = t;
}

static int plan(void *self, heft_layer_plan *p)
{
    rnn *l = self;
    const int64_t u = l->units;
    if (heft_needs(p, 0, 2, "a sequence [time, features]")) return -1;
    if (heft_needs_mask(p, l->padding, &l->mask)) return -1;
    const int64_t t = l->time = p->in[0].dim[0];
    l->in = p->in[0].dim[1];
    p->out = l->return_sequences ? (heft_shape){ HEFT_F32, 2, { t, u } } : (heft_shape){ HEFT_F32, 1, { u } };
    declare(p, "weight", HEFT_WEIGHT, l->in, u, l->nonlinearity == TANH ? "glorot_uniform" : "he_normal");
    declare(p, "recurrent", HEFT_WEIGHT, u, u, "orthogonal");
    declare(p, "bias", HEFT_WEIGHT, 0, u, "zeros");
    if (l->recurrent_bias) declare(p, "recurrent_bias", HEFT_WEIGHT, 0, u, "zeros");
    declare(p, "hidden", HEFT_SAVED, t, u, NULL);
    declare(p, "hidden_now", HEFT_SCRATCH, t, u, NULL);
    declare(p, "dsum", HEFT_SCRATCH, t, u, NULL);
    declare(p, "dhidden", HEFT_SCRATCH, 0, u, NULL);
    p->flops = 2.0 * (double)t * (double)u * (double)(l->in + u);
    return 0;
}

/* The k-th time that is visited. */
static int64_t at(const rnn *l, int64_t k) { return l->reverse ? l->time - 1 - k : k; }

static void forward(const void *self, const heft_forward *p)
{
    const rnn *l = self;
    const int64_t u = l->units, time = l->time, end = at(l, time - 1);
    float *hidden = p->train ? p->saved[HIDDEN] : p->scratch[S_HIDDEN];

    for (int64_t i = 0; i < p->n * time; i++) {
        float *restrict to = hidden + i * u;
        for (int64_t j = 0; j < u; j++) to[j] = p->weight[B][j];
        if (l->recurrent_bias) for (int64_t j = 0; j < u; j++) to[j] += p->weight[RB][j];
    }
    p->host->gemm(false, false, p->n * time, u, l->in, 1, p->in[0], l->in, p->weight[W], u, 1, hidden, u);
    for (int64_t k = 0; k < time; k++) {
        float *now = hidden + at(l, k) * u;
        const float *last = k ? hidden + at(l, k - 1) * u : NULL;
        if (last) p->host->gemm(false, false, p->n, u, u, 1, last, time * u, p->weight[R], u, 1, now, time * u);
        for (int64_t i = 0; i < p->n; i++) {
            float *restrict h = now + i * time * u;
            const float counts = heft_counts(&l->mask, p->in, i, at(l, k));
            if (counts != 1) {
                heft_stay(counts, u, last ? last + i * time * u : NULL, h);
                continue;
            }
            if (l->nonlinearity == TANH) for (int64_t j = 0; j < u; j++) h[j] = heft_tanhf(h[j]);
            else for (int64_t j = 0; j < u; j++) h[j] = h[j] < 0 ? 0 : h[j];
        }
    }
    const int64_t rows = l->return_sequences ? time : 1;
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict from = hidden + (i * time + (l->return_sequences ? 0 : end)) * u;
        float *restrict y = p->out + i * rows * u;
        for (int64_t j = 0; j < rows * u; j++) y[j] = from[j];
    }
}

/* One sample at one time: the gradient of the sum under f, from that of h.  A state that stayed passes its own on. */
static void cell_back(const rnn *l, bool stayed, const float *restrict h, const float *restrict dy, float *restrict dh,
                      float *restrict ds)
{
    const int64_t u = l->units;
    if (dy) for (int64_t j = 0; j < u; j++) dh[j] += dy[j];
    if (stayed) {
        memset(ds, 0, (size_t)u * sizeof *ds);
        return;
    }
    if (l->nonlinearity == TANH) for (int64_t j = 0; j < u; j++) ds[j] = dh[j] * (1 - h[j] * h[j]);
    else for (int64_t j = 0; j < u; j++) ds[j] = h[j] <= 0 ? 0 : dh[j];
    if (l->mask.given) memset(dh, 0, (size_t)u * sizeof *dh);
}

/* dR = sum of h[t-1]' ds[t], as one product over the rows of all samples: one array is a row ahead of the other.
 * What would mix two samples falls on the first time of a sample, whose ds is set to zero: so this comes last. */
static void recurrent_back(const rnn *l, const heft_backward *p, const float *hidden, float *ds)
{
    const int64_t u = l->units, rows = p->n * l->time - 1;
    for (int64_t i = 0; i < p->n; i++)
        for (int64_t j = 0; j < u; j++) ds[(i * l->time + at(l, 0)) * u + j] = 0;
    if (rows)
        p->host->gemm(true, false, u, u, rows, 1, hidden + (l->reverse ? u : 0), u, ds + (l->reverse ? 0 : u), u, 1,
                      p->dweight[R], u);
}

static void backward(const void *self, const heft_backward *p)
{
    const rnn *l = self;
    const int64_t u = l->units, time = l->time, rows = p->n * time;
    const float *hidden = p->saved[HIDDEN];
    float *ds = p->scratch[DSUM], *dh = p->scratch[DHIDDEN];

    for (int64_t j = 0; j < p->n * u; j++) dh[j] = 0;
    heft_mask_back(&l->mask, p->n, p->din);
    for (int64_t k = time - 1; k >= 0; k--) {
        const int64_t t = at(l, k);
        for (int64_t i = 0; i < p->n; i++) {
            const float *dy = l->return_sequences ? p->dout + (i * time + t) * u
                            : k == time - 1 ? p->dout + i * u : NULL;
            const bool stayed = heft_counts(&l->mask, p->in, i, t) != 1;
            cell_back(l, stayed, hidden + (i * time + t) * u, dy, dh + i * u, ds + (i * time + t) * u);
        }
        if (k) p->host->gemm(false, true, p->n, u, u, 1, ds + t * u, time * u, p->weight[R], u, l->mask.given, dh, u);
    }
    if (p->dweight[W]) p->host->gemm(true, false, l->in, u, rows, 1, p->in[0], l->in, ds, u, 1, p->dweight[W], u);
    for (int b = B; b <= (l->recurrent_bias ? RB : B); b++)
        if (p->dweight[b]) heft_add_rows(rows, u, ds, u, p->dweight[b]);
    if (p->din[0]) p->host->gemm(false, true, rows, l->in, u, 1, ds, u, p->weight[W], u, 0, p->din[0], l->in);
    if (p->dweight[R]) recurrent_back(l, p, hidden, ds);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "simple_rnn", "recurrent layer without gates; a second input marks padding", sizeof(rnn), options),
    .min_in = 1, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
