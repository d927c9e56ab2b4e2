/* embedding.c -- a vector for each token
 *
 *   y[t] = W[x[t]]        dW[x[t]] += dy[t]
 *
 * x [] or [time], integers in [0, vocabulary)      W [vocabulary, units]      y [units] or [time, units]
 * The token `padding` gives zeros and nothing is learned from it, whatever its vector is.
 * As PyTorch's Embedding (whose weights start N(0, 1), that of padding_idx 0) and Keras's (U(-0.05, 0.05), as here).
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    int64_t units, vocabulary, padding;
    int64_t tokens;                              /* derived: per sample */
} embedding;

static const heft_option options[] = {
    HEFT_OPT_INT(embedding, units, HEFT_REQUIRED, 1, 1 << 20, "length of a vector"),
    HEFT_OPT_INT_OR(embedding, vocabulary, "auto", 0, 1, 1 << 30, "number of vectors; auto: as many as the data have tokens"),
    HEFT_OPT_INT_OR(embedding, padding, "none", -1, 0, INT32_MAX, "the token that fills up sequences"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    embedding *l = self;
    const heft_shape *x = &p->in[0];
    char found[HEFT_SHAPE_TEXT];
    if (x->dtype != HEFT_I32 || x->rank > 1)
        return heft_fail(&p->error, "needs tokens, integers [] or [time]; found %s", heft_shape_text(x, found));
    if (l->vocabulary == 0) l->vocabulary = x->limit;
    if (l->vocabulary < x->limit)
        return heft_fail(&p->error, "tokens reach %lld, the vocabulary has %lld", (long long)(x->limit - 1), (long long)l->vocabulary);
    if (l->padding >= l->vocabulary)
        return heft_fail(&p->error, "padding %lld is no token; the vocabulary has %lld", (long long)l->padding, (long long)l->vocabulary);
    l->tokens = heft_count(x);
    p->out = x->rank ? (heft_shape){ HEFT_F32, 2, { x->dim[0], l->units } } : (heft_shape){ HEFT_F32, 1, { l->units } };
    p->tensor[p->n_tensors++] = (heft_tensor){
        .name = "weight", .role = HEFT_WEIGHT, .shape = { HEFT_F32, 2, { l->vocabulary, l->units } },
        .fan_in = l->vocabulary, .fan_out = l->units, .init = "uniform" };
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const embedding *l = self;
    const int32_t *x = heft_ints(p->in[0]);
    for (int64_t i = 0; i < p->n * l->tokens; i++)
        if (x[i] != l->padding) memcpy(p->out + i * l->units, p->weight[0] + x[i] * l->units, (size_t)l->units * sizeof(float));
        else memset(p->out + i * l->units, 0, (size_t)l->units * sizeof(float));
}

static void backward(const void *self, const heft_backward *p)
{
    const embedding *l = self;
    const int32_t *x = heft_ints(p->in[0]);
    if (!p->dweight[0]) return;
    for (int64_t i = 0; i < p->n * l->tokens; i++) {
        if (x[i] == l->padding) continue;
        const float *restrict dy = p->dout + i * l->units;
        float *restrict dw = p->dweight[0] + x[i] * l->units;
        for (int64_t j = 0; j < l->units; j++) dw[j] += dy[j];
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "embedding", "a trained vector for each token", sizeof(embedding), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
