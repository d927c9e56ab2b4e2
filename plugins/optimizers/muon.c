/* muon.c -- Muon: momentum, orthogonalized; for the matrices among the weights, AdamW for the others
 *
 * A tensor of two axes or more is a matrix X [rows, columns], its last axis the columns.  With its gradient G:
 *   M = momentum M + (1 - momentum) G             U = M, or with nesterov momentum M + (1 - momentum) G
 *   Z = U / |U|; ns_steps times Z = a Z + (b A + c A A) Z with A = Z Z', which brings all singular values near 1
 *   X = X - lr weight_decay X - lr s Z
 *   s = 0.2 sqrt(max(rows, columns))              scale match_rms_adamw: steps as large as AdamW's, with its lr
 *   s = sqrt(max(1, columns / rows))              scale original: its lr is about 0.02
 * The others: adamw's formula, with beta1, beta2 and eps.
 *
 * K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
 * https://kellerjordan.github.io/posts/muon/; match_rms_adamw: J. Liu et al., "Muon is Scalable for LLM Training",
 * 2025, https://arxiv.org/abs/2502.16982.
 *
 * As PyTorch's Muon (2.9), which refuses what is not a matrix and whose scale is original; as Keras' it shares lr
 * with AdamW.  Embeddings and the last layer count as matrices too, though the authors leave those to AdamW.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct {
    double  momentum, weight_decay, beta1, beta2, eps;
    int64_t ns_steps;
    int     scale;
    bool    nesterov;
} muon;

enum { MATCH_RMS_ADAMW, ORIGINAL };              /* scale */
enum { M, V, P, Q };                             /* slots; of a matrix, V too is scratch */

static const heft_option options[] = {
    HEFT_OPT_REAL(muon, momentum, 0.95, 0, 0.999999, "decay of a matrix' momentum"),
    HEFT_OPT_BOOL(muon, nesterov, true, "look ahead along the momentum"),
    HEFT_OPT_INT (muon, ns_steps, 5, 1, 50, "Newton-Schulz iterations"),
    HEFT_OPT_ENUM(muon, scale, MATCH_RMS_ADAMW, "match_rms_adamw|original", "size of a matrix' step"),
    HEFT_OPT_REAL(muon, weight_decay, 0.1, 0, 1e3, "times lr and the weight, taken off the weight"),
    HEFT_OPT_REAL(muon, beta1, 0.9,   0, 0.999999, "of AdamW: decay of the first moment"),
    HEFT_OPT_REAL(muon, beta2, 0.999, 0, 0.999999, "of AdamW: decay of the second moment"),
    HEFT_OPT_REAL(muon, eps,   1e-8,  1e-20, 1, "of AdamW: added to the denominator"),
    HEFT_OPT_END
};

static int plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->whole_tensors = true;
    p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "v", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "product", 1, false };
    p->slot[p->n_slots++] = (heft_slot){ "square", 1, false };
    return 0;
}

/* One iteration: y = a z + (b A + c A A) z with A = z z', or for a tall z the same as a z + z (b A + c A A) with
 * A = z' z.  A, no larger than z, is kept in y at first. */
static void newton_schulz(const heft_host *h, int64_t rows, int64_t columns, const float *z, float *y, float *square)
{
    static const float a = 3.4445f, b = -4.7750f, c = 2.0315f;
    const bool tall = rows > columns;
    const int64_t k = tall ? columns : rows;
    h->gemm(tall, !tall, k, k, tall ? rows : columns, 1, z, columns, z, columns, 0, y, k);
    memcpy(square, y, (size_t)(k * k) * sizeof *y);
    h->gemm(false, false, k, k, k, c, y, k, y, k, b, square, k);
    memcpy(y, z, (size_t)(rows * columns) * sizeof *y);
    if (tall) h->gemm(false, false, rows, columns, k, 1, z, columns, square, k, a, y, columns);
    else h->gemm(false, false, rows, columns, k, 1, square, k, z, columns, a, y, columns);
}

/* Below 1e-7 a gradient counts as none. */
static void normalize(size_t n, float *z)
{
    enum { BLOCK = 1024 };
    double sum = 0;
    for (size_t at = 0; at < n; at += BLOCK)
        sum += heft_sum_products((int64_t)(n - at < BLOCK ? n - at : BLOCK), z + at, z + at);
    const float scale = (float)(1 / (sqrt(sum) > 1e-7 ? sqrt(sum) : 1e-7));
    for (size_t i = 0; i < n; i++) z[i] *= scale;
}

static void step_matrix(const muon *o, const heft_step *s, const heft_span *span)
{
    const size_t n = span->end - span->begin;
    const int64_t columns = span->shape.dim[span->shape.rank - 1], rows = (int64_t)n / columns;
    const double longer = (double)(rows > columns ? rows : columns);
    const double scale = o->scale == ORIGINAL ? sqrt(longer / (double)rows) : 0.2 * sqrt(longer);
    const float keep = (float)o->momentum, take = (float)(1 - o->momentum), rate = (float)(s->lr * scale);
    const float decay = (float)(s->lr * o->weight_decay * s->decay);
    const float of_m = o->nesterov ? keep : 1, of_g = o->nesterov ? take : 0;
    float *restrict x = s->x + span->begin, *restrict m = s->slot[M] + span->begin;
    float *z = s->slot[V] + span->begin, *y = s->slot[P] + span->begin;
    const float *restrict g = s->g + span->begin;

    for (size_t i = 0; i < n; i++) {
        m[i] = keep * m[i] + take * g[i];
        z[i] = of_m * m[i] + of_g * g[i];
    }
    normalize(n, z);
    for (int64_t k = 0; k < o->ns_steps; k++) {
        newton_schulz(s->host, rows, columns, z, y, s->slot[Q] + span->begin);
        float *const last = z;
        z = y;
        y = last;
    }
    for (size_t i = 0; i < n; i++) x[i] -= decay * x[i] + rate * z[i];
}

static void step_vector(const muon *o, const heft_step *s, const heft_span *span)
{
    const double t = (double)s->t;
    const float keep1 = (float)o->beta1, take1 = (float)(1 - o->beta1);
    const float keep2 = (float)o->beta2, take2 = (float)(1 - o->beta2);
    const float rate = (float)(s->lr / (1 - pow(o->beta1, t))), root = (float)(1 / sqrt(1 - pow(o->beta2, t)));
    const float eps = (float)o->eps, decay = (float)(s->lr * o->weight_decay * s->decay);
    float *restrict x = s->x, *restrict m = s->slot[M], *restrict v = s->slot[V];
    const float *restrict g = s->g;

    for (size_t i = span->begin; i < span->end; i++) {
        m[i] = keep1 * m[i] + take1 * g[i];
        v[i] = keep2 * v[i] + take2 * g[i] * g[i];
        x[i] -= decay * x[i] + rate * m[i] / (root * sqrtf(v[i]) + eps);
    }
}

static void step(const void *self, const heft_step *s)
{
    const muon *o = self;
    for (int32_t k = 0; k < s->n_span; k++)
        if (s->span[k].shape.rank > 1) step_matrix(o, s, &s->span[k]);
        else step_vector(o, s, &s->span[k]);
}

HEFT_EXPORT const heft_optimizer heft_plugin = {
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, "muon",
                      "orthogonalized momentum for matrices, AdamW for the others", sizeof(muon), options),
    .plan = plan, .step = step,
    .default_lr = 1e-3, .decay_matrices = 1,
};
