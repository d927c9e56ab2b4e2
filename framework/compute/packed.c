/* packed.c -- oneDNN's AVX2 products on copies of B that suit the caches
 *
 * oneDNN's AVX2 kernel reads B where it lies (that of AVX-512 packs it by itself), and is slow (2.6.3, Zen 3) where its rows are a large power
 * of two apart, which fall on the same few sets of the caches: 43 GFLOP/s on 128 x 2048 x 2048, 91 where they lie 16
 * floats further apart; and where B is transposed: 82 on 32 x 128 x 512, 97 as it is.  Here blocks of op(B)'s rows are copied to a pitch that
 * suits, and their products added up in order; weights are copied once for all lanes (weights.c), and give the same products.
 */
#include "compute/internal.h"

#include <string.h>

enum { ROWS = 512, STEP = 256, GAP = 16, LEAST_M = 16 };             /* floats; below LEAST_M the copy costs what it saves */
enum { LEAST = 1 << 13 };                        /* floats of what is worth transposing */

bool packed_pays(const product *p)
{
    if (p->m < LEAST_M || p->k <= GAP || !onednn_reads_in_place()) return false;
    if (p->tb) return p->n >= GAP && p->k * p->n >= LEAST && p->k * p->n <= MOST_TURNED;
    return p->m < 1024 && p->n >= STEP && p->ldb % STEP == 0;
}

void packed_copy(bool tb, int64_t rows, int64_t cols, const float *restrict b, int64_t ldb, float *restrict copy, int64_t pitch)
{
    enum { SIDE = 16 };                          /* of a square that is transposed at a time, so that both its sides stay in L1 */
    if (!tb)
        for (int64_t i = 0; i < rows; i++) memcpy(copy + i * pitch, b + i * ldb, (size_t)cols * sizeof *b);
    else
        for (int64_t i = 0; i < rows; i += SIDE)
            for (int64_t j = 0; j < cols; j += SIDE)
                for (int64_t r = i; r < i + SIDE && r < rows; r++)
                    for (int64_t c = j; c < j + SIDE && c < cols; c++) copy[r * pitch + c] = b[c * ldb + r];
}

void packed_gemm(const product *p, const float *a, const float *b, float *c)
{
    product q = *p;
    q.tb = false;
    q.ldb = p->n + GAP;
    const int64_t most = p->k < ROWS ? p->k : ROWS;
    const float *sheet = p->ldb == (p->tb ? p->k : p->n) ? weights_sheet(b, p->tb, p->k, p->n, q.ldb) : NULL;
    float *copy = sheet ? NULL : local_buffer(local_get(), LOCAL_PACK, (size_t)(most * q.ldb) * sizeof *copy);
    for (int64_t row = 0; row < p->k; row += ROWS) {
        q.k = p->k - row < ROWS ? p->k - row : ROWS;
        if (copy) packed_copy(p->tb, q.k, p->n, p->tb ? b + row : b + row * p->ldb, p->ldb, copy, q.ldb);
        const float *block = sheet ? sheet + row * q.ldb : copy;
        const float *part = p->ta ? a + row * p->lda : a + row;
        if (!onednn_gemm(&q, part, block, c))
            plain_gemm(q.ta, q.tb, q.m, q.n, q.k, q.alpha, part, q.lda, block, q.ldb, q.beta, c, q.ldc);
        q.beta = 1;
    }
}
