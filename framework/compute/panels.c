/* panels.c -- A'B for AVX2, the product of gradients of weights: sums over the rows of both
 *
 * Columns of both are copied to where their numbers lie in the order in which they are read: 16 of B at a time to a panel, which stays in
 * L1 while all strips of 16 columns of A, from L2, pass by.  oneDNN (2.6.3) reads B where it lies, rows far apart: on one Zen 3 core 76
 * GFLOP/s where this reaches 90 (128 x 384 x 512), 65 and 86 (512 x 128 x 512), 85 and 91 (128 x 512 x 256).
 */
#include "compute/internal.h"

enum { WIDE = 16, DEPTH = 256, MOST = 512, LEAST = 64 };             /* a panel is 16 KiB, all strips 512 KiB; of fewer rows than LEAST the copies cost what they save */

/* What a last panel is short of is multiplied in vain. */
bool panels_pay(const product *p)
{
    return avx2_in_use() && p->ta && !p->tb && p->alpha == 1 && (p->beta == 0 || p->beta == 1) && p->m >= WIDE && p->k >= LEAST
        && p->n >= WIDE && (p->n % WIDE == 0 || p->n >= WIDE * WIDE);
}

/* Sums over `depth` rows for m columns of A in strips and `n` of B in the panel; add: to what is there. */
static void multiply(int64_t depth, int64_t m, int64_t n, const float *strips, const float *panel, bool add, float *c, int64_t ldc)
{
    float tile[WIDE * WIDE];
    const bool whole = n == WIDE;
    const avx2_sum s = { .lines = 1, .terms = depth, .x_term = WIDE, .y_term = WIDE, .out_row = whole ? ldc : WIDE, .add = whole && add };
    for (int64_t at = 0; at < m; at += WIDE, strips += depth * WIDE) {
        const int64_t rows = m - at < WIDE ? m - at : WIDE;
        float *to = c + at * ldc;
        avx2_outers(&s, rows, strips, panel, whole ? to : tile);
        for (int64_t i = 0; !whole && i < rows; i++)
            for (int64_t j = 0; j < n; j++) to[i * ldc + j] = tile[i * WIDE + j] + (add ? to[i * ldc + j] : 0);
    }
}

void panels_gemm(const product *p, const float *a, const float *b, float *c)
{
    local *l = local_get();
    float *panel = local_buffer(l, LOCAL_PACK, WIDE * DEPTH * sizeof *panel), *strips = local_buffer(l, LOCAL_WORK, MOST * DEPTH * sizeof *strips);
    for (int64_t k = 0; k < p->k; k += DEPTH)
        for (int64_t i = 0; i < p->m; i += MOST) {
            const int64_t depth = p->k - k < DEPTH ? p->k - k : DEPTH, m = p->m - i < MOST ? p->m - i : MOST;
            for (int64_t s = 0; s < m; s += WIDE) avx2_strip(depth, m - s < WIDE ? m - s : WIDE, a + k * p->lda + i + s, p->lda, strips + s * depth);
            for (int64_t j = 0; j < p->n; j += WIDE) {
                const int64_t n = p->n - j < WIDE ? p->n - j : WIDE;
                avx2_strip(depth, n, b + k * p->ldb + j, p->ldb, panel);
                multiply(depth, m, n, strips, panel, k || p->beta == 1, c + i * p->ldc + j, p->ldc);
            }
        }
}
