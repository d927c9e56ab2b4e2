/* lstm.c -- long short-term memory
 *
 *   i, f, o = sigmoid, g = tanh of  x[t] W + h[t-1] R + b      c[t] = f c[t-1] + i g      h[t] = o tanh(c[t])
 *
 * x [time, in]     W [in, 4 units]     R [units, 4 units]     b [4 units]; gates in the order i, f, g, o of PyTorch and Keras (Caffe: i, f, o, g)
 * y [units], the last h; or [time, units], all of them.  h[-1] = c[-1] = 0.  PyTorch has a second bias, with the recurrent product.
 *
 * A second input [time] tells which positions are padding, at which the state, and the output with it, stays as it is: tokens
 * (`padding` is the one that fills up), or numbers (0 is padding, 1 is none).  As Keras' mask.  The last state is that of
 * PyTorch's packed sequences, whose outputs behind the end are 0.
 *
 * S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997); with the forget gate of
 * F. Gers, J. Schmidhuber, F. Cummins, "Learning to Forget", Neural Computation 12 (2000).
 */
#include <string.h>
#include <heft/mask.h>
#include <heft/plugin.h>

typedef struct {
    int64_t units;
    bool    return_sequences, reverse, recurrent_bias;
    int64_t padding;
    int64_t time, in;                            /* derived */
    heft_mask mask;                              /* derived */
} lstm;

enum { W, R, B, RB };                            /* weights, as declared */
enum { GATES, CELL, HIDDEN };                    /* saved; by time: [time, n, 4 units], [time, n, units], [time, n, units] */
enum { X, DX, DGATES, DBIAS, BIAS = DBIAS, S_GATES, S_CELL, S_HIDDEN };   /* scratch: x, dx and gradients of gates of TOGETHER times, by time */
enum { DHIDDEN = S_HIDDEN, DCELL = S_CELL };     /* of one time, in backward */
enum { TOGETHER = 8 };                           /* times whose gradients become those of weights at once, while in cache */

static const heft_option options[] = {
    HEFT_OPT_INT (lstm, units, HEFT_REQUIRED, 1, 1 << 16, "length of the state"),
    HEFT_OPT_BOOL(lstm, return_sequences, false, "give the state at every time, not only the last"),
    HEFT_OPT_BOOL(lstm, reverse, false, "go through time backwards; outputs stay at their times"),
    HEFT_OPT_BOOL(lstm, recurrent_bias, false, "a second bias, as PyTorch has"),
    HEFT_OPT_INT (lstm, padding, 0, 0, INT32_MAX, "what marks padding in the second input, if there is one"),
    HEFT_OPT_END
};

/* rows 0: a vector. */
static void declare(heft_layer_plan *p, const char *name, heft_role role, int64_t rows, int64_t cols, const char *init)
{
    heft_tensor t = { .name = name, .role = role, .shape = { HEFT_F32, 2, { rows, cols } }, .per_sample = role != HEFT_WEIGHT && rows,
                      .fan_in = rows, .fan_out = cols, .init = init };
    if (rows == 0) t.shape = (heft_shape){ HEFT_F32, 1, { cols } };
    p->tensor[p->n_tensors++] = t;
}

static int plan(void *self, heft_layer_plan *p)
{
    lstm *l = self;
    const int64_t u = l->units;
    if (heft_needs(p, 0, 2, "a sequence [time, features]")) return -1;
    if (heft_needs_mask(p, l->padding, &l->mask)) return -1;
    const int64_t t = l->time = p->in[0].dim[0];
    l->in = p->in[0].dim[1];
    p->out = l->return_sequences ? (heft_shape){ HEFT_F32, 2, { t, u } } : (heft_shape){ HEFT_F32, 1, { u } };
    declare(p, "weight", HEFT_WEIGHT, l->in, 4 * u, "glorot_uniform");
    declare(p, "recurrent", HEFT_WEIGHT, u, 4 * u, "orthogonal");
    declare(p, "bias", HEFT_WEIGHT, 0, 4 * u, "zeros");
    if (l->recurrent_bias) declare(p, "recurrent_bias", HEFT_WEIGHT, 0, 4 * u, "zeros");
    declare(p, "gates", HEFT_SAVED, t, 4 * u, NULL);
    declare(p, "cell", HEFT_SAVED, t, u, NULL);
    declare(p, "hidden", HEFT_SAVED, t, u, NULL);
    const int64_t block = t < TOGETHER ? t : TOGETHER;
    declare(p, "x", HEFT_SCRATCH, block, l->in, NULL);
    declare(p, "dx", HEFT_SCRATCH, block, l->in, NULL);
    declare(p, "dgates", HEFT_SCRATCH, block, 4 * u, NULL);
    declare(p, "both_biases", HEFT_SCRATCH, 0, 4 * u, NULL);
    declare(p, "gates_now", HEFT_SCRATCH, t, 4 * u, NULL);
    declare(p, "cell_now", HEFT_SCRATCH, t, u, NULL);
    declare(p, "hidden_now", HEFT_SCRATCH, t, u, NULL);
    p->flops = 8.0 * (double)t * (double)u * (double)(l->in + u);
    return 0;
}

/* The k-th time that is visited. */
static int64_t at(const lstm *l, int64_t k) { return l->reverse ? l->time - 1 - k : k; }

/* Inside, sequences lie by time in the order of the visits, [time, n, width], so that the states of all samples at one time are one
 * matrix, and several times another.  Outside they are [n, time, width]. */
static void by_time(const lstm *l, int64_t n, int64_t width, int64_t from, int64_t to, const float *x, float *restrict y)
{
    for (int64_t k = from; k < to; k++)
        for (int64_t i = 0; i < n; i++, y += width) memcpy(y, x + (i * l->time + at(l, k)) * width, (size_t)width * sizeof *y);
}

static void by_sample(const lstm *l, int64_t n, int64_t width, int64_t from, int64_t to, const float *x, float *restrict y)
{
    for (int64_t k = from; k < to; k++)
        for (int64_t i = 0; i < n; i++, x += width) memcpy(y + (i * l->time + at(l, k)) * width, x, (size_t)width * sizeof *y);
}

/* One sample at one time: gates from their sums without biases, then cell and hidden. */
static void cell(int64_t u, const float *restrict bias, float *restrict z, const float *restrict c0, float *restrict c, float *restrict h)
{
    for (int64_t j = 0; j < 2 * u; j++) z[j] = heft_sigmoidf(z[j] + bias[j]);
    for (int64_t j = 2 * u; j < 3 * u; j++) z[j] = heft_tanhf(z[j] + bias[j]);
    for (int64_t j = 3 * u; j < 4 * u; j++) z[j] = heft_sigmoidf(z[j] + bias[j]);
    if (c0) for (int64_t j = 0; j < u; j++) c[j] = z[u + j] * c0[j] + z[j] * z[2 * u + j];
    else for (int64_t j = 0; j < u; j++) c[j] = z[j] * z[2 * u + j];
    for (int64_t j = 0; j < u; j++) h[j] = z[3 * u + j] * heft_tanhf(c[j]);
}

static void forward(const void *self, const heft_forward *p)
{
    const lstm *l = self;
    const int64_t u = l->units, n = p->n, time = l->time;
    float *z = p->train ? p->saved[GATES] : p->scratch[S_GATES], *restrict bias = p->scratch[BIAS];
    float *c = p->train ? p->saved[CELL] : p->scratch[S_CELL], *h = p->train ? p->saved[HIDDEN] : p->scratch[S_HIDDEN];

    for (int64_t j = 0; j < 4 * u; j++) bias[j] = p->weight[B][j];
    if (l->recurrent_bias) for (int64_t j = 0; j < 4 * u; j++) bias[j] += p->weight[RB][j];
    for (int64_t k = 0; k < time; k++) {
        float *now = z + k * n * 4 * u;
        p->host->gemm(false, false, n, 4 * u, l->in, 1, p->in[0] + at(l, k) * l->in, time * l->in, p->weight[W], 4 * u, 0, now, 4 * u);
        if (k) p->host->gemm(false, false, n, 4 * u, u, 1, h + (k - 1) * n * u, u, p->weight[R], 4 * u, 1, now, 4 * u);
        for (int64_t i = 0; i < n; i++) {
            const int64_t row = k * n + i;
            const float counts = heft_counts(&l->mask, p->in, i, at(l, k)), *c0 = k ? c + (row - n) * u : NULL;
            if (counts == 1) {
                cell(u, bias, z + row * 4 * u, c0, c + row * u, h + row * u);
                continue;
            }
            heft_stay(counts, u, c0, c + row * u);
            heft_stay(counts, u, k ? h + (row - n) * u : NULL, h + row * u);
        }
        if (l->return_sequences) by_sample(l, n, u, k, k + 1, h + k * n * u, p->out);
    }
    if (!l->return_sequences) memcpy(p->out, h + (time - 1) * n * u, (size_t)(n * u) * sizeof *p->out);
}

/* One sample at one time: from the gradients of hidden and cell to those of the gates' sums; dc becomes that of the cell before. */
static void cell_back(int64_t u, const float *restrict z, const float *restrict c0, const float *restrict c,
                      const float *restrict dh, float *restrict dc, float *restrict dz)
{
    for (int64_t j = 0; j < u; j++) {
        const float i = z[j], f = z[u + j], g = z[2 * u + j], o = z[3 * u + j], tc = heft_tanhf(c[j]);
        const float d = dc[j] + dh[j] * o * (1 - tc * tc);
        dz[j] = d * g * i * (1 - i);
        dz[u + j] = d * f * (1 - f);
        dz[2 * u + j] = d * i * (1 - g * g);
        dz[3 * u + j] = dh[j] * tc * o * (1 - o);
        dc[j] = d * f;
    }
    if (c0) for (int64_t j = 0; j < u; j++) dz[u + j] *= c0[j];
    else for (int64_t j = 0; j < u; j++) dz[u + j] = 0;
}

static void add_output_gradient(const lstm *l, const heft_backward *p, int64_t k, float *dh)
{
    const int64_t u = l->units, t = at(l, k);
    if (!l->return_sequences && k < l->time - 1) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict dy = p->dout + (l->return_sequences ? i * l->time + t : i) * u;
        float *restrict to = dh + i * u;
        for (int64_t j = 0; j < u; j++) to[j] += dy[j];
    }
}

/* The times [from, to), whose dz is complete: gradients of the weights, and dx. */
static void times_back(const lstm *l, const heft_backward *p, int64_t from, int64_t to, const float *dz)
{
    const int64_t u = l->units, n = p->n, rows = (to - from) * n, later = from ? from : 1;
    const float *h = p->saved[HIDDEN];
    if (p->dweight[W]) {
        by_time(l, n, l->in, from, to, p->in[0], p->scratch[X]);
        p->host->gemm(true, false, l->in, 4 * u, rows, 1, p->scratch[X], l->in, dz, 4 * u, 1, p->dweight[W], 4 * u);
    }
    if (p->dweight[R] && later < to)
        p->host->gemm(true, false, u, 4 * u, (to - later) * n, 1, h + (later - 1) * n * u, u,
                      dz + (later - from) * n * 4 * u, 4 * u, 1, p->dweight[R], 4 * u);
    heft_add_rows(rows, 4 * u, dz, 4 * u, p->scratch[DBIAS]);
    if (!p->din[0]) return;
    p->host->gemm(false, true, rows, l->in, 4 * u, 1, dz, 4 * u, p->weight[W], 4 * u, 0, p->scratch[DX], l->in);
    by_sample(l, n, l->in, from, to, p->scratch[DX], p->din[0]);
}

static void backward(const void *self, const heft_backward *p)
{
    const lstm *l = self;
    const int64_t u = l->units, n = p->n;
    const float *z = p->saved[GATES], *c = p->saved[CELL];
    float *dh = p->scratch[DHIDDEN], *dc = p->scratch[DCELL];

    memset(dh, 0, (size_t)(n * u) * sizeof *dh);
    memset(dc, 0, (size_t)(n * u) * sizeof *dc);
    memset(p->scratch[DBIAS], 0, (size_t)(4 * u) * sizeof *dc);
    heft_mask_back(&l->mask, n, p->din);
    for (int64_t to = l->time, from; to > 0; to = from) {
        from = to > TOGETHER ? to - TOGETHER : 0;
        for (int64_t k = to - 1; k >= from; k--) {
            float *dz = p->scratch[DGATES] + (k - from) * n * 4 * u;
            add_output_gradient(l, p, k, dh);
            for (int64_t i = 0; i < n; i++) {
                const int64_t row = k * n + i;
                if (heft_counts(&l->mask, p->in, i, at(l, k)) != 1) {
                    memset(dz + i * 4 * u, 0, (size_t)(4 * u) * sizeof *dz);
                    continue;
                }
                cell_back(u, z + row * 4 * u, k ? c + (row - n) * u : NULL, c + row * u, dh + i * u, dc + i * u, dz + i * 4 * u);
                if (l->mask.given) memset(dh + i * u, 0, (size_t)u * sizeof *dh);
            }
            /* What is left of dh with a mask is that of states that stayed. */
            if (k) p->host->gemm(false, true, n, u, 4 * u, 1, dz, 4 * u, p->weight[R], 4 * u, l->mask.given, dh, u);
        }
        times_back(l, p, from, to, p->scratch[DGATES]);
    }
    for (int b = B; b <= (l->recurrent_bias ? RB : B); b++)
        if (p->dweight[b]) heft_add_rows(1, 4 * u, p->scratch[DBIAS], 4 * u, p->dweight[b]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "lstm", "long short-term memory over a sequence; a second input marks padding", sizeof(lstm), options),
    .min_in = 1, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
