/* plain.c -- matrix product without a library
 *
 * Panels of A and B are copied into contiguous, zero-padded pieces, and a small block of C is summed in
 * registers (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008).
 * Each element's terms are added in the order of k, DEPTH at a time, whatever the width of the processor's
 * vectors: the bits are the same on every machine.
 */
#include "compute/internal.h"

#if defined(__AVX512F__)
enum { WIDTH = 16 };
#elif defined(__AVX__)
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif
enum { MR = 6, NR = 2 * WIDTH, DEPTH = 256, ROWS = 16 * MR };

typedef float vec __attribute__((vector_size(WIDTH * sizeof(float))));

/* Rows [i, i+rows) and terms [p, p+depth) of op(A), by MR rows: out[row / MR][term][row % MR]. */
static void pack_a(bool ta, const float *a, int64_t lda, int64_t i, int64_t rows, int64_t p, int64_t depth,
                   float *out)
{
    for (int64_t r = 0; r < rows; r += MR)
        for (int64_t k = 0; k < depth; k++)
            for (int64_t s = 0; s < MR; s++)
                *out++ = r + s >= rows ? 0 : ta ? a[(p + k) * lda + i + r + s] : a[(i + r + s) * lda + p + k];
}

/* Terms [p, p+depth) and columns [j, j+cols) of op(B), padded to NR columns. */
static void pack_b(bool tb, const float *b, int64_t ldb, int64_t p, int64_t depth, int64_t j, int64_t cols,
                   vec *to)
{
    float *out = (float *)to;
    for (int64_t k = 0; k < depth; k++, out += NR) {
        if (tb) for (int64_t c = 0; c < cols; c++) out[c] = b[(j + c) * ldb + p + k];
        else    for (int64_t c = 0; c < cols; c++) out[c] = b[(p + k) * ldb + j + c];
        for (int64_t c = cols; c < NR; c++) out[c] = 0;
    }
}

static void block(int64_t depth, const float *a, const vec *b, vec sum[MR][2])
{
    vec s[MR][2] = { 0 };
    for (int64_t k = 0; k < depth; k++, a += MR, b += 2)
        for (int r = 0; r < MR; r++) {
            s[r][0] += a[r] * b[0];
            s[r][1] += a[r] * b[1];
        }
    for (int r = 0; r < MR; r++) {
        sum[r][0] = s[r][0];
        sum[r][1] = s[r][1];
    }
}

static void store(int64_t rows, int64_t cols, float alpha, vec sum[MR][2], float beta, float *c, int64_t ldc)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *s = (const float *)sum[r];
        float *y = c + r * ldc;
        if (beta == 0)      for (int64_t j = 0; j < cols; j++) y[j] = alpha * s[j];
        else if (beta == 1) for (int64_t j = 0; j < cols; j++) y[j] += alpha * s[j];
        else                for (int64_t j = 0; j < cols; j++) y[j] = beta * y[j] + alpha * s[j];
    }
}

static void scale(int64_t m, int64_t n, float beta, float *c, int64_t ldc)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) c[i * ldc + j] = beta == 0 ? 0 : beta * c[i * ldc + j];
}

void plain_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
                const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    float pa[ROWS * DEPTH];
    vec pb[2 * DEPTH], sum[MR][2];
    if (k <= 0) scale(m, n, beta, c, ldc);
    for (int64_t p = 0; p < k; p += DEPTH) {
        const int64_t depth = k - p < DEPTH ? k - p : DEPTH;
        for (int64_t i = 0; i < m; i += ROWS) {
            const int64_t rows = m - i < ROWS ? m - i : ROWS;
            pack_a(ta, a, lda, i, rows, p, depth, pa);
            for (int64_t j = 0; j < n; j += NR) {
                const int64_t cols = n - j < NR ? n - j : NR;
                pack_b(tb, b, ldb, p, depth, j, cols, pb);
                for (int64_t r = 0; r < rows; r += MR) {
                    block(depth, pa + r * depth, pb, sum);
                    store(rows - r < MR ? rows - r : MR, cols, alpha, sum, p ? 1 : beta,
                          c + (i + r) * ldc + j, ldc);
                }
            }
        }
    }
}
