/* multi_head_attention.c -- every position of a sequence attends to the others
 *
 *   Q, K, V = x Wq, x Wk, x Wv (+ biases), cut into heads     y = concat over heads (softmax(Q K' / sqrt(d)) V) Wo + bo
 *
 * x, y [time, features]     Wqkv [features, 3 features], as [Q | K | V]     Wo [features, features]     d = features / heads
 *
 * A. Vaswani et al., "Attention Is All You Need", NIPS 2017, section 3.2.  https://arxiv.org/abs/1706.03762
 * Weights as PyTorch's MultiheadAttention (in_proj_weight is Wqkv transposed).  `causal`: no position sees a later one.
 *
 * A second input [time] tells which positions are padding, which nobody attends to: tokens (`padding` is the one that
 * fills up), or numbers (0 is padding, 1 is none: Keras' attention_mask; PyTorch's key_padding_mask is the opposite).
 * What padding gives itself is left to the loss to ignore.  A position that could attend to nothing but padding takes
 * nothing, y = bo, where PyTorch gives NaN and Keras the mean over all.
 */
#include <heft/mask.h>
#include <heft/plugin.h>

typedef struct {
    int64_t heads, padding;
    bool    causal, bias;
    heft_mask mask;                              /* derived */
    int64_t time, width, d;                      /* derived; d: features of a head */
} attention;

enum { BLOCK = 64 };

enum { WQKV, WO, BQKV, BO };                     /* weights, as declared */
enum { QKV, P, CONTEXT };                        /* saved */
enum { S_QKV, S_P, S_CONTEXT, DQKV, DCONTEXT, DP };   /* scratch; the first three where nothing is saved */

static const heft_option options[] = {
    HEFT_OPT_INT (attention, heads, HEFT_REQUIRED, 1, 1 << 12, "heads; must divide the features"),
    HEFT_OPT_BOOL(attention, causal, false, "no position sees a later one"),
    HEFT_OPT_BOOL(attention, bias, true, "add biases to queries, keys, values and the output"),
    HEFT_OPT_INT (attention, padding, 0, 0, INT32_MAX, "what marks padding in the second input, if there is one"),
    HEFT_OPT_END
};

static void declare(heft_layer_plan *p, const char *name, heft_role role, bool per_sample, int64_t rows, int64_t cols, const char *init)
{
    heft_tensor t = { .name = name, .role = role, .shape = { HEFT_F32, 2, { rows, cols } }, .per_sample = per_sample,
                      .fan_in = rows, .fan_out = cols, .init = init };
    if (rows == 0) t.shape = (heft_shape){ HEFT_F32, 1, { cols } };
    p->tensor[p->n_tensors++] = t;
}

static int plan(void *self, heft_layer_plan *p)
{
    attention *l = self;
    if (heft_needs(p, 0, 2, "a sequence [time, features]")) return -1;
    const int64_t t = l->time = p->in[0].dim[0], w = l->width = p->in[0].dim[1];
    if (w % l->heads) return heft_fail(&p->error, "%lld heads do not divide %lld features", (long long)l->heads, (long long)w);
    if (t > 1 << 16 || w > 1 << 20) return heft_fail(&p->error, "a sequence [%lld, %lld] is too large", (long long)t, (long long)w);
    l->d = w / l->heads;
    if (heft_needs_mask(p, l->padding, &l->mask)) return -1;
    p->out = p->in[0];
    declare(p, "qkv", HEFT_WEIGHT, false, w, 3 * w, "glorot_uniform");
    declare(p, "output", HEFT_WEIGHT, false, w, w, "glorot_uniform");
    if (l->bias) declare(p, "qkv_bias", HEFT_WEIGHT, false, 0, 3 * w, "zeros");
    if (l->bias) declare(p, "output_bias", HEFT_WEIGHT, false, 0, w, "zeros");
    static const struct { const char *saved, *scratch; } name[] = { { "projected", "projected_now" }, { "p", "p_now" }, { "context", "context_now" } };
    for (int again = 0; again < 2; again++) {
        const heft_role role = again ? HEFT_SCRATCH : HEFT_SAVED;
        declare(p, again ? name[0].scratch : name[0].saved, role, true, t, 3 * w, NULL);
        declare(p, again ? name[1].scratch : name[1].saved, role, true, l->heads * t, t, NULL);
        declare(p, again ? name[2].scratch : name[2].saved, role, true, t, w, NULL);
    }
    declare(p, "dprojected", HEFT_SCRATCH, true, t, 3 * w, NULL);
    declare(p, "dcontext", HEFT_SCRATCH, true, t, w, NULL);
    declare(p, "dp", HEFT_SCRATCH, false, t, t, NULL);
    p->flops = 8.0 * (double)t * (double)w * (double)w + 4.0 * (double)t * (double)t * (double)w;
    return 0;
}

static void fill_rows(int64_t rows, int64_t n, const float *restrict b, float *restrict y)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < n; j++) y[i * n + j] = b[j];
}

/* No position attends to padding: its scores, a column of s [t, t], become -infinity (where the mask is not a number, that). */
static void hide_padding(const attention *l, const float *const *in, int64_t i, float *restrict s)
{
    for (int64_t j = 0; j < l->time; j++) {
        const float counts = heft_counts(&l->mask, in, i, j);
        if (counts == 1) continue;
        for (int64_t r = 0; r < l->time; r++) s[r * l->time + j] = counts == 0 ? -INFINITY : counts;
    }
}

/* Where the vectors end that hold the first `seen` of n. */
static int64_t padded(int64_t n, int64_t seen) { return (seen + 15) / 16 * 16 < n ? (seen + 15) / 16 * 16 : n; }

/* Softmax of the first `seen` of each row; the rest is 0, and so is all of a row of -infinity. */
static void softmax_row(int64_t n, int64_t seen, float *restrict s)
{
    const int64_t end = padded(n, seen);
    for (int64_t j = seen; j < end; j++) s[j] = -INFINITY;
    const float most = heft_max(end, s);
    bool empty = most == -INFINITY;
    for (int64_t j = 0; empty && j < seen; j++) empty = s[j] == -INFINITY;     /* and not NaN */
    if (empty) seen = 0;
    for (int64_t j = 0; j < end; j++) s[j] = heft_expf(s[j] - most);
    const float scale = 1 / heft_sum(end, s);
    for (int64_t j = 0; j < end; j++) s[j] *= scale;
    for (int64_t j = seen; j < n; j++) s[j] = 0;
}

/* Scores are taken by blocks of rows, of which a causal one has no columns behind its end. */
static int64_t block_end(const attention *l, int64_t begin)
{
    return l->causal && l->time - begin > BLOCK ? begin + BLOCK : l->time;
}

static void forward(const void *self, const heft_forward *p)
{
    const attention *l = self;
    const int64_t t = l->time, w = l->width, d = l->d, rows = p->n * t;
    float *const *mine = p->train ? p->saved : p->scratch;
    float *qkv = mine[QKV], *prob = mine[P], *context = mine[CONTEXT];
    const float scale = 1 / sqrtf((float)d);

    if (l->bias) fill_rows(rows, 3 * w, p->weight[BQKV], qkv);
    p->host->gemm(false, false, rows, 3 * w, w, 1, p->in[0], w, p->weight[WQKV], 3 * w, l->bias, qkv, 3 * w);
    for (int64_t i = 0; i < p->n * l->heads; i++) {
        const float *q = qkv + i / l->heads * t * 3 * w + i % l->heads * d, *k = q + w, *v = k + w;
        float *s = prob + i * t * t;
        for (int64_t r = 0, end; r < t; r = end) {
            end = block_end(l, r);
            p->host->gemm(false, true, end - r, end, d, scale, q + r * 3 * w, 3 * w, k, 3 * w, 0, s + r * t, t);
        }
        if (l->mask.given) hide_padding(l, p->in, i / l->heads, s);
        for (int64_t r = 0; r < t; r++) softmax_row(t, l->causal ? r + 1 : t, s + r * t);
        float *c = context + i / l->heads * t * w + i % l->heads * d;
        for (int64_t r = 0, end; r < t; r = end) {
            end = block_end(l, r);
            p->host->gemm(false, false, end - r, d, end, 1, s + r * t, t, v, 3 * w, 0, c + r * w, w);
        }
    }
    if (l->bias) fill_rows(rows, w, p->weight[BO], p->out);
    p->host->gemm(false, false, rows, w, w, 1, context, w, p->weight[WO], w, l->bias, p->out, w);
}

/* ds = p (dp - sum(dp p)), in place of dp. */
static void softmax_back(int64_t n, int64_t seen, const float *restrict prob, float *restrict dp)
{
    const int64_t end = padded(n, seen);
    for (int64_t j = seen; j < n; j++) dp[j] = 0;
    const float dot = heft_sum_products(end, dp, prob);
    for (int64_t j = 0; j < end; j++) dp[j] = prob[j] * (dp[j] - dot);
    for (int64_t j = seen; j < end; j++) dp[j] = 0;                            /* also where dot is NaN */
}

static void backward(const void *self, const heft_backward *p)
{
    const attention *l = self;
    const int64_t t = l->time, w = l->width, d = l->d, rows = p->n * t;
    const float *qkv = p->saved[QKV], *prob = p->saved[P];
    float *dqkv = p->scratch[DQKV], *dcontext = p->scratch[DCONTEXT], *dp = p->scratch[DP];
    const float scale = 1 / sqrtf((float)d);

    p->host->gemm(false, true, rows, w, w, 1, p->dout, w, p->weight[WO], w, 0, dcontext, w);
    for (int64_t i = 0; i < p->n * l->heads; i++) {
        const int64_t at = i / l->heads * t * 3 * w + i % l->heads * d;
        const float *q = qkv + at, *k = q + w, *v = k + w, *s = prob + i * t * t;
        const float *dc = dcontext + i / l->heads * t * w + i % l->heads * d;
        float *dq = dqkv + at, *dk = dq + w, *dv = dk + w;
        for (int64_t r = 0, end; r < t; r = end) {
            end = block_end(l, r);
            p->host->gemm(false, true, end - r, end, d, 1, dc + r * w, w, v, 3 * w, 0, dp + r * t, t);
            for (int64_t j = r; j < end; j++) softmax_back(t, l->causal ? j + 1 : t, s + j * t, dp + j * t);
            p->host->gemm(false, false, end - r, d, end, scale, dp + r * t, t, k, 3 * w, 0, dq + r * 3 * w, 3 * w);
        }
        for (int64_t r = 0, end; r < t; r = end) {
            const int64_t first = l->causal ? r : 0, on = first * t + r;       /* rows of these columns */
            end = block_end(l, r);
            p->host->gemm(true, false, end - r, d, t - first, 1, s + on, t, dc + first * w, w, 0, dv + r * 3 * w, 3 * w);
            p->host->gemm(true, false, end - r, d, t - first, scale, dp + on, t, q + first * 3 * w, 3 * w, 0, dk + r * 3 * w, 3 * w);
        }
    }
    if (p->dweight[WO])
        p->host->gemm(true, false, w, w, rows, 1, p->saved[CONTEXT], w, p->dout, w, 1, p->dweight[WO], w);
    if (p->dweight[WQKV])
        p->host->gemm(true, false, w, 3 * w, rows, 1, p->in[0], w, dqkv, 3 * w, 1, p->dweight[WQKV], 3 * w);
    if (l->bias) {
        if (p->dweight[BO]) heft_add_rows(rows, w, p->dout, w, p->dweight[BO]);
        if (p->dweight[BQKV]) heft_add_rows(rows, 3 * w, dqkv, 3 * w, p->dweight[BQKV]);
    }
    heft_mask_back(&l->mask, p->n, p->din);
    if (p->din[0])
        p->host->gemm(false, true, rows, w, 3 * w, 1, dqkv, 3 * w, p->weight[WQKV], 3 * w, 0, p->din[0], w);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "multi_head_attention", "self-attention in several heads; a second input marks padding", sizeof(attention), options),
    .min_in = 1, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
