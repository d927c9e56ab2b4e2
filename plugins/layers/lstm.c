/* lstm.c -- long short-term memory
 *
 *   i, f, o = sigmoid, g = tanh of  x[t] W + h[t-1] R + b      c[t] = f c[t-1] + i g      h[t] = o tanh(c[t])
 *
 * x [time, in]     W [in, 4 units]     R [units, 4 units]     b [4 units]; gates in the order i, f, g, o of PyTorch and Keras (Caffe: i, f, o, g)
 * y [units], the last h; or [time, units], all of them.  h[-1] = c[-1] = 0.  PyTorch has a second bias, with the recurrent product.
 *
 * S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997); with the forget gate of
 * F. Gers, J. Schmidhuber, F. Cummins, "Learning to Forget", Neural Computation 12 (2000).
 */
#include <heft/plugin.h>

typedef struct {
    int64_t units;
    bool    return_sequences, reverse, recurrent_bias;
    int64_t time, in;                            /* derived */
} lstm;

enum { W, R, B, RB };                            /* weights, as declared */
enum { GATES, CELL, HIDDEN };                    /* saved: [time, 4 units], [time, units], [time, units] */
enum { S_GATES, S_CELL, S_HIDDEN, DGATES, DHIDDEN, DCELL };   /* scratch; the first three where nothing is saved */

static const heft_option options[] = {
    HEFT_OPT_INT (lstm, units, HEFT_REQUIRED, 1, 1 << 16, "length of the state"),
    HEFT_OPT_BOOL(lstm, return_sequences, false, "give the state at every time, not only the last"),
    HEFT_OPT_BOOL(lstm, reverse, false, "go through time backwards; outputs stay at their times"),
    HEFT_OPT_BOOL(lstm, recurrent_bias, false, "a second bias, as PyTorch has"),
    HEFT_OPT_END
};

static void declare(heft_layer_plan *p, const char *name, heft_role role, int64_t rows, int64_t cols, const char *init)
{
    heft_tensor t = { .name = name, .role = role, .shape = { HEFT_F32, 2, { rows, cols } }, .per_sample = role != HEFT_WEIGHT,
                      .fan_in = rows, .fan_out = cols, .init = init };
    if (rows == 0) t.shape = (heft_shape){ HEFT_F32, 1, { cols } };
    p->tensor[p->n_tensors++] = t;
}

static int plan(void *self, heft_layer_plan *p)
{
    lstm *l = self;
    const int64_t u = l->units;
    if (heft_needs(p, 0, 2, "a sequence [time, features]")) return -1;
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
    declare(p, "gates_now", HEFT_SCRATCH, t, 4 * u, NULL);
    declare(p, "cell_now", HEFT_SCRATCH, t, u, NULL);
    declare(p, "hidden_now", HEFT_SCRATCH, t, u, NULL);
    declare(p, "dgates", HEFT_SCRATCH, t, 4 * u, NULL);
    declare(p, "dhidden", HEFT_SCRATCH, 1, u, NULL);
    declare(p, "dcell", HEFT_SCRATCH, 1, u, NULL);
    p->flops = 8.0 * (double)t * (double)u * (double)(l->in + u);
    return 0;
}

/* The k-th time that is visited, and the one before it (-1: none). */
static int64_t at(const lstm *l, int64_t k) { return l->reverse ? l->time - 1 - k : k; }
static int64_t before(const lstm *l, int64_t k) { return k ? at(l, k - 1) : -1; }

/* One sample at one time: gates from sums, then cell and hidden. */
static void cell(int64_t u, float *restrict z, const float *restrict c0, float *restrict c, float *restrict h)
{
    for (int64_t j = 0; j < 2 * u; j++) z[j] = heft_sigmoidf(z[j]);
    for (int64_t j = 2 * u; j < 3 * u; j++) z[j] = heft_tanhf(z[j]);
    for (int64_t j = 3 * u; j < 4 * u; j++) z[j] = heft_sigmoidf(z[j]);
    if (c0) for (int64_t j = 0; j < u; j++) c[j] = z[u + j] * c0[j] + z[j] * z[2 * u + j];
    else for (int64_t j = 0; j < u; j++) c[j] = z[j] * z[2 * u + j];
    for (int64_t j = 0; j < u; j++) h[j] = z[3 * u + j] * heft_tanhf(c[j]);
}

static void forward(const void *self, const heft_forward *p)
{
    const lstm *l = self;
    const int64_t u = l->units, time = l->time;
    float *const *mine = p->train ? p->saved : p->scratch;
    float *z = mine[GATES], *c = mine[CELL], *h = mine[HIDDEN];

    for (int64_t i = 0; i < p->n * time; i++) {
        float *restrict to = z + i * 4 * u;
        for (int64_t j = 0; j < 4 * u; j++) to[j] = p->weight[B][j];
        if (l->recurrent_bias) for (int64_t j = 0; j < 4 * u; j++) to[j] += p->weight[RB][j];
    }
    p->host->gemm(false, false, p->n * time, 4 * u, l->in, 1, p->in[0], l->in, p->weight[W], 4 * u, 1, z, 4 * u);
    for (int64_t k = 0; k < time; k++) {
        const int64_t t = at(l, k), t0 = before(l, k);
        if (k) p->host->gemm(false, false, p->n, 4 * u, u, 1, h + t0 * u, time * u, p->weight[R], 4 * u, 1, z + t * 4 * u, time * 4 * u);
        for (int64_t i = 0; i < p->n; i++) {
            const int64_t row = i * time + t;
            cell(u, z + row * 4 * u, k ? c + (i * time + t0) * u : NULL, c + row * u, h + row * u);
        }
    }
    for (int64_t i = 0; i < p->n; i++) {
        const int64_t rows = l->return_sequences ? time : 1;
        const float *restrict from = h + (i * time + (l->return_sequences ? 0 : at(l, time - 1))) * u;
        float *restrict y = p->out + i * rows * u;
        for (int64_t j = 0; j < rows * u; j++) y[j] = from[j];
    }
}

/* One sample at one time: from the gradients of hidden and cell to those of the gates' sums; dc becomes that of the cell before. */
static void cell_back(int64_t u, const float *restrict z, const float *restrict c0, const float *restrict c,
                      const float *restrict dh, float *restrict dc, float *restrict dz)
{
    for (int64_t j = 0; j < u; j++) {
        const float i = z[j], f = z[u + j], g = z[2 * u + j], o = z[3 * u + j], tc = heft_tanhf(c[j]);
        const float d = dc[j] + dh[j] * o * (1 - tc * tc);
        dz[j] = d * g * i * (1 - i);
        dz[2 * u + j] = d * i * (1 - g * g);
        dz[3 * u + j] = dh[j] * tc * o * (1 - o);
        dc[j] = d * f;
        dz[u + j] = d;
    }
    for (int64_t j = 0; j < u; j++) dz[u + j] = c0 ? dz[u + j] * c0[j] * z[u + j] * (1 - z[u + j]) : 0;
}

static void add_output_gradient(const lstm *l, const heft_backward *p, int64_t k, float *dh)
{
    const int64_t u = l->units;
    if (!l->return_sequences && k < l->time - 1) return;
    for (int64_t i = 0; i < p->n; i++) {
        const float *restrict dy = p->dout + (l->return_sequences ? i * l->time + at(l, k) : i) * u;
        float *restrict to = dh + i * u;
        for (int64_t j = 0; j < u; j++) to[j] += dy[j];
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const lstm *l = self;
    const int64_t u = l->units, time = l->time, rows = p->n * time;
    const float *z = p->saved[GATES], *c = p->saved[CELL], *h = p->saved[HIDDEN];
    float *dz = p->scratch[DGATES], *dh = p->scratch[DHIDDEN], *dc = p->scratch[DCELL];

    for (int64_t j = 0; j < p->n * u; j++) dh[j] = dc[j] = 0;
    for (int64_t k = time - 1; k >= 0; k--) {
        const int64_t t = at(l, k), t0 = before(l, k);
        add_output_gradient(l, p, k, dh);
        for (int64_t i = 0; i < p->n; i++) {
            const int64_t row = i * time + t;
            cell_back(u, z + row * 4 * u, k ? c + (i * time + t0) * u : NULL, c + row * u, dh + i * u, dc + i * u, dz + row * 4 * u);
        }
        if (!k) break;
        p->host->gemm(false, true, p->n, u, 4 * u, 1, dz + t * 4 * u, time * 4 * u, p->weight[R], 4 * u, 0, dh, u);
        /* A product for each time, since h[t-1] and dz[t] of all samples lie a sequence apart. */
        if (p->dweight[R])
            p->host->gemm(true, false, u, 4 * u, p->n, 1, h + t0 * u, time * u, dz + t * 4 * u, time * 4 * u, 1, p->dweight[R], 4 * u);
    }
    if (p->dweight[W])
        p->host->gemm(true, false, l->in, 4 * u, rows, 1, p->in[0], l->in, dz, 4 * u, 1, p->dweight[W], 4 * u);
    for (int b = B; b <= (l->recurrent_bias ? RB : B); b++) {
        float *restrict db = p->dweight[b];
        for (int64_t i = 0; db && i < rows; i++)
            for (int64_t j = 0; j < 4 * u; j++) db[j] += dz[i * 4 * u + j];
    }
    if (p->din[0])
        p->host->gemm(false, true, rows, l->in, 4 * u, 1, dz, 4 * u, p->weight[W], 4 * u, 0, p->din[0], l->in);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "lstm", "long short-term memory over a sequence", sizeof(lstm), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
};
