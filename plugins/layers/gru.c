/* gru.c -- gated recurrent unit
 *
 *   r, z = sigmoid of  a + q        a = x[t] W + b,  q = h[t-1] R + c
 *   n    = tanh(a + r q)            h[t] = (1 - z) n + z h[t-1]
 *
 * x [time, in]     W [in, 3 units]     R [units, 3 units]     b, c [3 units]
 * Columns are in the order r, z, n of PyTorch (Keras: z, r, n).
 * y [units], the last h; or [time, units], all of them.  h[-1] = 0.
 *
 * As PyTorch, cuDNN and Keras, where the reset gate r acts behind the recurrent product; with `reset_after: false` it
 * acts in front, as published: n = tanh(a + (r h[t-1]) R + c).  Without `recurrent_bias` c = 0.  In both directions:
 * two of these, one with `reverse: true`, and a concat (or add) of them.
 *
 * A second input [time] tells which positions are padding, at which the state, and the output with it, stays as it is: tokens
 * (`padding` is the one that fills up), or numbers (0 is padding, 1 is none).  As Keras' mask.  The last state is that of
 * PyTorch's packed sequences, whose outputs behind the end are 0.
 *
 * K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation",
 * EMNLP 2014.  https://arxiv.org/abs/1406.1078
 */
#include <string.h>
#include <heft/mask.h>
#include <heft/plugin.h>

typedef struct {
    int64_t units;
    bool    return_sequences, reverse, reset_after, recurrent_bias;
    int64_t padding;
    int64_t time, in;                            /* derived */
    heft_mask mask;                              /* derived */
} gru;

enum { W, R, B, RB };                            /* weights, as declared */
enum { GATES, BEFORE, INNER };                   /* saved: r, z, n; h[t-1]; n's q, or r h[t-1] if reset in front */
enum { S_GATES, S_BEFORE, S_INNER, DGATES, DINNER, DHIDDEN };   /* scratch; the first three where nothing is saved */

static const heft_option options[] = {
    HEFT_OPT_INT (gru, units, HEFT_REQUIRED, 1, 1 << 16, "length of the state"),
    HEFT_OPT_BOOL(gru, return_sequences, false, "give the state at every time, not only the last"),
    HEFT_OPT_BOOL(gru, reverse, false, "go through time backwards; outputs stay at their times"),
    HEFT_OPT_BOOL(gru, reset_after, true, "the reset gate acts behind the recurrent product, not in front of it"),
    HEFT_OPT_BOOL(gru, recurrent_bias, true, "a second bias, in the recurrent product"),
    HEFT_OPT_INT (gru, padding, 0, 0, INT32_MAX, "what marks padding in the second input, if there is one"),
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
    gru *l = self;
    const int64_t u = l->units;
    if (heft_needs(p, 0, 2, "a sequence [time, features]")) return -1;
    if (heft_needs_mask(p, l->padding, &l->mask)) return -1;
    const int64_t t = l->time = p->in[0].dim[0];
    l->in = p->in[0].dim[1];
    p->out = l->return_sequences ? (heft_shape){ HEFT_F32, 2, { t, u } } : (heft_shape){ HEFT_F32, 1, { u } };
    declare(p, "weight", HEFT_WEIGHT, l->in, 3 * u, "glorot_uniform");
    declare(p, "recurrent", HEFT_WEIGHT, u, 3 * u, "orthogonal");
    declare(p, "bias", HEFT_WEIGHT, 0, 3 * u, "zeros");
    if (l->recurrent_bias) declare(p, "recurrent_bias", HEFT_WEIGHT, 0, 3 * u, "zeros");
    declare(p, "gates", HEFT_SAVED, t, 3 * u, NULL);
    declare(p, "before", HEFT_SAVED, t, u, NULL);
    declare(p, "inner", HEFT_SAVED, t, u, NULL);
    declare(p, "gates_now", HEFT_SCRATCH, t, 3 * u, NULL);
    declare(p, "before_now", HEFT_SCRATCH, t, u, NULL);
    declare(p, "inner_now", HEFT_SCRATCH, t, u, NULL);
    declare(p, "dgates", HEFT_SCRATCH, t, 3 * u, NULL);
    declare(p, "dinner", HEFT_SCRATCH, t, u, NULL);
    declare(p, "dhidden", HEFT_SCRATCH, 0, u, NULL);
    p->flops = 6.0 * (double)t * (double)u * (double)(l->in + u);
    return 0;
}

/* The k-th time that is visited. */
static int64_t at(const gru *l, int64_t k) { return l->reverse ? l->time - 1 - k : k; }

/* gates = x W and all biases but the one inside the reset, which goes to inner. */
static void start(const gru *l, const heft_forward *p, float *gates, float *inner)
{
    const int64_t u = l->units, rows = p->n * l->time, outer = l->reset_after ? 2 * u : 3 * u;
    const float *restrict b = p->weight[B], *restrict c = l->recurrent_bias ? p->weight[RB] : NULL;
    for (int64_t i = 0; i < rows; i++) {
        float *restrict g = gates + i * 3 * u, *restrict q = inner + i * u;
        for (int64_t j = 0; j < 3 * u; j++) g[j] = b[j];
        for (int64_t j = 0; c && j < outer; j++) g[j] += c[j];
        for (int64_t j = 0; j < u; j++) q[j] = c && l->reset_after ? c[2 * u + j] : 0;
    }
    p->host->gemm(false, false, rows, 3 * u, l->in, 1, p->in[0], l->in, p->weight[W], 3 * u, 1, gates, 3 * u);
}

/* One sample at one time: r and z from their sums; r h[t-1] if wanted. */
static void reset(int64_t u, float *restrict g, const float *restrict h0, float *restrict rh)
{
    for (int64_t j = 0; j < 2 * u; j++) g[j] = heft_sigmoidf(g[j]);
    if (rh) for (int64_t j = 0; j < u; j++) rh[j] = g[j] * h0[j];
}

/* Then n from its sum, with r q if that is still to be added; and h[t]. */
static void update(int64_t u, float *restrict g, const float *restrict q, const float *restrict h0, float *restrict h)
{
    float *restrict n = g + 2 * u;
    const float *restrict r = g, *restrict z = g + u;
    if (q) for (int64_t j = 0; j < u; j++) n[j] += r[j] * q[j];
    for (int64_t j = 0; j < u; j++) n[j] = heft_tanhf(n[j]);
    for (int64_t j = 0; j < u; j++) h[j] = n[j] + z[j] * (h0[j] - n[j]);
}

static void forward(const void *self, const heft_forward *p)
{
    const gru *l = self;
    const int64_t u = l->units, time = l->time, ld = time * u;
    float *const *mine = p->train ? p->saved : p->scratch;
    float *gates = mine[GATES], *before = mine[BEFORE], *inner = mine[INNER];

    start(l, p, gates, inner);
    for (int64_t i = 0; i < p->n; i++)
        for (int64_t j = 0; j < u; j++) before[i * ld + at(l, 0) * u + j] = 0;
    for (int64_t k = 0; k < time; k++) {
        const int64_t t = at(l, k);
        float *g = gates + t * 3 * u, *h0 = before + t * u, *q = inner + t * u;
        p->host->gemm(false, false, p->n, 2 * u, u, 1, h0, ld, p->weight[R], 3 * u, 1, g, 3 * ld);
        for (int64_t i = 0; i < p->n; i++) reset(u, g + i * 3 * ld, h0 + i * ld, l->reset_after ? NULL : q + i * ld);
        if (l->reset_after) p->host->gemm(false, false, p->n, u, u, 1, h0, ld, p->weight[R] + 2 * u, 3 * u, 1, q, ld);
        else p->host->gemm(false, false, p->n, u, u, 1, q, ld, p->weight[R] + 2 * u, 3 * u, 1, g + 2 * u, 3 * ld);
        for (int64_t i = 0; i < p->n; i++) {
            float *y = p->out + (l->return_sequences ? i * time + t : i) * u;
            float *h = k + 1 < time ? before + i * ld + at(l, k + 1) * u : y;
            const float counts = heft_counts(&l->mask, p->in, i, t);
            if (counts == 1) update(u, g + i * 3 * ld, l->reset_after ? q + i * ld : NULL, h0 + i * ld, h);
            else heft_stay(counts, u, h0 + i * ld, h);
            for (int64_t j = 0; l->return_sequences && h != y && j < u; j++) y[j] = h[j];
        }
    }
}

/* One sample at one time: gradients of the sums of z and n from that of h[t], which becomes z's share of h[t-1]'s. */
static void update_back(int64_t u, const float *restrict g, const float *restrict h0, float *restrict dh, float *restrict dg)
{
    const float *restrict z = g + u, *restrict n = g + 2 * u;
    for (int64_t j = 0; j < u; j++) dg[u + j] = dh[j] * (h0[j] - n[j]) * z[j] * (1 - z[j]);
    for (int64_t j = 0; j < u; j++) dg[2 * u + j] = dh[j] * (1 - z[j]) * (1 - n[j] * n[j]);
    for (int64_t j = 0; j < u; j++) dh[j] *= z[j];
}

/* Then the gradient of r's sum.  Reset behind: from q, whose own gradient dq is set.  In front: from drh, that of
 * r h[t-1], of which h[t-1] gets its share. */
static void reset_behind_back(int64_t u, const float *restrict r, const float *restrict q, float *restrict dg,
                              float *restrict dq)
{
    const float *restrict dn = dg + 2 * u;
    for (int64_t j = 0; j < u; j++) {
        dq[j] = dn[j] * r[j];
        dg[j] = dn[j] * q[j] * r[j] * (1 - r[j]);
    }
}

static void reset_in_front_back(int64_t u, const float *restrict r, const float *restrict h0, const float *restrict drh,
                                float *restrict dh, float *restrict dg)
{
    for (int64_t j = 0; j < u; j++) {
        dg[j] = drh[j] * h0[j] * r[j] * (1 - r[j]);
        dh[j] += drh[j] * r[j];
    }
}

/* All times: gradients of the gates' sums, and of inner. */
static void times_back(const gru *l, const heft_backward *p, float *dgates, float *dinner, float *dh)
{
    const int64_t u = l->units, time = l->time, ld = time * u;
    const float *rn = p->weight[R] + 2 * u;
    for (int64_t j = 0; j < p->n * u; j++) dh[j] = 0;
    for (int64_t k = time - 1; k >= 0; k--) {
        const int64_t t = at(l, k);
        const float *g = p->saved[GATES] + t * 3 * u, *h0 = p->saved[BEFORE] + t * u, *q = p->saved[INNER] + t * u;
        float *dg = dgates + t * 3 * u, *dq = dinner + t * u;
        for (int64_t i = 0; i < p->n; i++) {
            const float *dy = l->return_sequences ? p->dout + (i * time + t) * u
                            : k == time - 1 ? p->dout + i * u : NULL;
            for (int64_t j = 0; dy && j < u; j++) dh[i * u + j] += dy[j];
            if (heft_counts(&l->mask, p->in, i, t) == 1) update_back(u, g + i * 3 * ld, h0 + i * ld, dh + i * u, dg + i * 3 * ld);
            else memset(dg + i * 3 * ld, 0, (size_t)(3 * u) * sizeof *dg);
        }
        if (!l->reset_after) p->host->gemm(false, true, p->n, u, u, 1, dg + 2 * u, 3 * ld, rn, 3 * u, 0, dq, ld);
        for (int64_t i = 0; i < p->n; i++)
            if (heft_counts(&l->mask, p->in, i, t) != 1) memset(dq + i * ld, 0, (size_t)u * sizeof *dq);
            else if (l->reset_after) reset_behind_back(u, g + i * 3 * ld, q + i * ld, dg + i * 3 * ld, dq + i * ld);
            else reset_in_front_back(u, g + i * 3 * ld, h0 + i * ld, dq + i * ld, dh + i * u, dg + i * 3 * ld);
        p->host->gemm(false, true, p->n, u, 2 * u, 1, dg, 3 * ld, p->weight[R], 3 * u, 1, dh, u);
        if (l->reset_after) p->host->gemm(false, true, p->n, u, u, 1, dq, ld, rn, 3 * u, 1, dh, u);
    }
}

static void backward(const void *self, const heft_backward *p)
{
    const gru *l = self;
    const int64_t u = l->units, rows = p->n * l->time;
    const float *before = p->saved[BEFORE];
    float *dg = p->scratch[DGATES], *dq = p->scratch[DINNER];
    float *dr = p->dweight[R], *dc = l->recurrent_bias ? p->dweight[RB] : NULL;

    heft_mask_back(&l->mask, p->n, p->din);
    times_back(l, p, dg, dq, p->scratch[DHIDDEN]);
    if (p->dweight[W])
        p->host->gemm(true, false, l->in, 3 * u, rows, 1, p->in[0], l->in, dg, 3 * u, 1, p->dweight[W], 3 * u);
    if (dr) p->host->gemm(true, false, u, 2 * u, rows, 1, before, u, dg, 3 * u, 1, dr, 3 * u);
    if (dr && l->reset_after) p->host->gemm(true, false, u, u, rows, 1, before, u, dq, u, 1, dr + 2 * u, 3 * u);
    if (dr && !l->reset_after)
        p->host->gemm(true, false, u, u, rows, 1, p->saved[INNER], u, dg + 2 * u, 3 * u, 1, dr + 2 * u, 3 * u);
    if (p->dweight[B]) heft_add_rows(rows, 3 * u, dg, 3 * u, p->dweight[B]);
    if (dc) heft_add_rows(rows, l->reset_after ? 2 * u : 3 * u, dg, 3 * u, dc);
    if (dc && l->reset_after) heft_add_rows(rows, u, dq, u, dc + 2 * u);
    if (p->din[0])
        p->host->gemm(false, true, rows, l->in, 3 * u, 1, dg, 3 * u, p->weight[W], 3 * u, 0, p->din[0], l->in);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "gru", "gated recurrent unit over a sequence; a second input marks padding", sizeof(gru), options),
    .min_in = 1, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
