/* compute.c -- which kernel does the work: oneDNN's, heft's own for AVX2, or the plain C form */
#include "compute/internal.h"

#include <stdarg.h>

/* Set by compute_init, read by every thread after it. */
static struct {
    compute_precision precision;
    char describe[64];
} now;

void compute_init(int threads, compute_precision precision)
{
    parallel_set(threads > 0 ? threads : cpus_allowed());
    onednn_open();
    avx2_open();
    now.precision = precision;
    compute_weights(NULL, 0);
    onednn_describe(sizeof now.describe, now.describe);
}

int compute_threads(void) { return parallel_threads(); }
compute_precision compute_precision_now(void) { return now.precision; }
bool compute_bf16_native(void) { return onednn_has_bf16(); }
const char *compute_describe(void) { return now.describe; }

/* ---- matrix product ---- */

/* Below this a call of oneDNN takes longer than the plain form (measured; with a vector it is fast).  It must
 * depend on the shape alone, since the two round differently. */
static bool is_small(int64_t m, int64_t n, int64_t k)
{
    if (k <= 0) return true;
    if (m == 1 || n == 1) return false;
    return n < 16 && k <= 8 ? m <= 1024 : m <= 256 && n <= 1024 && m * ((n + 31) / 32) * k <= 256;
}

static void gemm_f32(const product *p, const float *a, const float *b, float *c)
{
    if (panels_pay(p)) panels_gemm(p, a, b, c);
    else if (packed_pays(p)) packed_gemm(p, a, b, c);
    else if (is_small(p->m, p->n, p->k) || !onednn_gemm(p, a, b, c))
        plain_gemm(p->ta, p->tb, p->m, p->n, p->k, p->alpha, a, p->lda, b, p->ldb, p->beta, c, p->ldc);
}

/* An operand as it lies in memory: rows and columns before op(). */
typedef struct stored { int64_t rows, cols; } stored;

static stored as_stored(bool transposed, int64_t rows, int64_t cols)
{
    return transposed ? (stored){ cols, rows } : (stored){ rows, cols };
}

/* An operand rounded, as bf16 or as floats, and its leading dimension then. */
static const void *as_rounded(bool half, local_use use, stored s, const float *x, int64_t *ld)
{
    const void *known = weights_rounded(half, x, (size_t)((s.rows - 1) * *ld + s.cols));
    if (known) return known;
    void *r = local_buffer(local_get(), use, (size_t)(s.rows * s.cols) * (half ? sizeof(bf16) : sizeof(float)));
    if (half) bf16_pack(s.rows, s.cols, x, *ld, r);
    else bf16_round(s.rows, s.cols, x, *ld, r);
    *ld = s.cols;
    return r;
}

void soft_gemm(const product *p, const float *a, const float *b, float *c)
{
    product q = *p;
    const float *ra = as_rounded(false, LOCAL_A, as_stored(p->ta, p->m, p->k), a, &q.lda);
    const float *rb = as_rounded(false, LOCAL_B, as_stored(p->tb, p->k, p->n), b, &q.ldb);
    gemm_f32(&q, ra, rb, c);
}

static bool native_gemm(const product *p, const float *a, const float *b, float *c)
{
    if (!onednn_has_bf16() || p->m == 1 || p->n == 1 || is_small(p->m, p->n, p->k)) return false;
    product q = *p;
    const bf16 *ha = as_rounded(true, LOCAL_A, as_stored(p->ta, p->m, p->k), a, &q.lda);
    const bf16 *hb = as_rounded(true, LOCAL_B, as_stored(p->tb, p->k, p->n), b, &q.ldb);
    return onednn_gemm_bf16(&q, ha, hb, c);
}

static void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
                 const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    const product p = { ta, tb, m, n, k, alpha, beta, lda, ldb, ldc };
    if (m <= 0 || n <= 0) return;
    if (now.precision == COMPUTE_F32 || k <= 0) gemm_f32(&p, a, b, c);
    else if (!native_gemm(&p, a, b, c)) soft_gemm(&p, a, b, c);
}

/* ---- convolution: with bf16, operands are rounded as in gemm; biases are not ---- */

static int64_t inputs(const heft_conv *c, int64_t n)  { return n * c->ih * c->iw * c->ic; }
static int64_t outputs(const heft_conv *c, int64_t n) { return n * c->oh * c->ow * c->oc; }
static int64_t weights(const heft_conv *c)            { return c->kh * c->kw * (c->ic / c->groups) * c->oc; }

static const bf16 *packed(local_use use, int64_t n, const float *x) { return as_rounded(true, use, (stored){ 1, n }, x, &n); }
static const float *rounded(local_use use, int64_t n, const float *x) { return as_rounded(false, use, (stored){ 1, n }, x, &n); }

static void conv(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y)
{
    if (now.precision == COMPUTE_BF16) {
        if (onednn_has_bf16() && onednn_conv(c, n, true, packed(LOCAL_A, inputs(c, n), x), w, bias, y)) return;
        x = rounded(LOCAL_A, inputs(c, n), x);
        w = rounded(LOCAL_B, weights(c), w);
    }
    if (winograd_pays(c, DIRECT_FORWARD)) winograd_conv(c, n, x, w, bias, y);
    else if (direct_pays(c, DIRECT_FORWARD)) direct_conv(c, n, x, w, bias, y);
    else if (!onednn_conv(c, n, false, x, w, bias, y)) plain_conv(c, n, x, w, bias, y);
}

static void conv_back_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx)
{
    if (now.precision == COMPUTE_BF16) {
        if (onednn_has_bf16() && onednn_conv_back_data(c, n, true, packed(LOCAL_A, outputs(c, n), dy), w, dx))
            return;
        dy = rounded(LOCAL_A, outputs(c, n), dy);
        w = rounded(LOCAL_B, weights(c), w);
    }
    if (winograd_pays(c, DIRECT_BACK_DATA)) winograd_conv_back_data(c, n, dy, w, dx);
    else if (direct_pays(c, DIRECT_BACK_DATA)) direct_conv_back_data(c, n, dy, w, dx);
    else if (!onednn_conv_back_data(c, n, false, dy, w, dx)) plain_conv_back_data(c, n, dy, w, dx);
}

static void conv_back_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw,
                             float *dbias)
{
    if (now.precision == COMPUTE_BF16) {
        if (onednn_has_bf16() && onednn_conv_back_weight(c, n, true, packed(LOCAL_A, inputs(c, n), x),
                                                         packed(LOCAL_B, outputs(c, n), dy), dw, dbias)) return;
        x = rounded(LOCAL_A, inputs(c, n), x);
        dy = rounded(LOCAL_B, outputs(c, n), dy);
    }
    if (winograd_pays(c, DIRECT_BACK_WEIGHT)) winograd_conv_back_weight(c, n, x, dy, dw, dbias);
    else if (direct_pays(c, DIRECT_BACK_WEIGHT)) direct_conv_back_weight(c, n, x, dy, dw, dbias);
    else if (!onednn_conv_back_weight(c, n, false, x, dy, dw, dbias)) plain_conv_back_weight(c, n, x, dy, dw, dbias);
}

/* One write, so that lines of several threads do not mix. */
__attribute__((format(printf, 1, 2)))
static void host_log(const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s\n", line);
}

const heft_host *compute_host(void)
{
    static const heft_host host = {
        .size = sizeof host, .gemm = gemm, .dot = vector_dot, .axpy = vector_axpy,
        .conv = conv, .conv_back_data = conv_back_data, .conv_back_weight = conv_back_weight, .log = host_log,
    };
    return &host;
}
