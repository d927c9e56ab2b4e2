/* packed.c -- products whose B has rows a large power of two apart
 *
 * Such rows fall on the same few sets of the caches. oneDNN's AVX2 kernel reads B where it lies and then runs at half its
 * speed (2.6.3, Zen 3: 43 GFLOP/s on 128 x 2048 x 2048, 91 where the rows lie 16 floats further apart); that of AVX-512
 * packs B by itself.  Here blocks of rows are copied to a pitch that suits, and their products added up in order; weights
 * are copied once for all lanes (weights.c), and give the same products.
 */
#include "compute/internal.h"

#include <string.h>

enum { ROWS = 512, STEP = 256, GAP = 16, LEAST_M = 16 };             /* floats; below LEAST_M the copy costs what it saves */

bool packed_pays(const product *p)
{
    return !p->tb && p->m >= LEAST_M && p->m < 1024 && p->n >= STEP && p->k > GAP && p->ldb % STEP == 0 && onednn_reads_in_place();
}

void packed_gemm(const product *p, const float *a, const float *b, float *c)
{
    product q = *p;
    q.ldb = p->n + GAP;
    const int64_t most = p->k < ROWS ? p->k : ROWS;
    const float *sheet = p->ldb == p->n ? weights_sheet(b, p->k, p->n, q.ldb) : NULL;
    float *copy = sheet ? NULL : local_buffer(local_get(), LOCAL_PACK, (size_t)(most * q.ldb) * sizeof *copy);
    for (int64_t row = 0; row < p->k; row += ROWS) {
        q.k = p->k - row < ROWS ? p->k - row : ROWS;
        for (int64_t i = 0; copy && i < q.k; i++) memcpy(copy + i * q.ldb, b + (row + i) * p->ldb, (size_t)p->n * sizeof *b);
        const float *block = sheet ? sheet + row * q.ldb : copy;
        const float *part = p->ta ? a + row * p->lda : a + row;
        if (!onednn_gemm(&q, part, block, c))
            plain_gemm(q.ta, q.tb, q.m, q.n, q.k, q.alpha, part, q.lda, block, q.ldb, q.beta, c, q.ldc);
        q.beta = 1;
    }
}
