/* panels.c -- products for AVX2 with one transposed operand, as the gradients of dense layers are
 *
 * oneDNN (2.6.3) reads B where it lies, also where what it reads one after the other is far apart.  Here 16 neighbours at a time are
 * copied to a panel, in the order in which they are read.  GFLOP/s of one Zen 3 core, oneDNN's and these:
 *
 *   A'B  128 x 384 x 512   76, 90      512 x 128 x 512   65, 86      128 x 512 x 256   85, 91
 *   AB'  64 x 2048 x 2048  75, 90
 */
#include "compute/internal.h"

enum { WIDE = 16 };
enum { DEPTH = 256, MOST = 512, LEAST = 64 };    /* A'B: a panel is 16 KiB, all strips 512 KiB; of fewer rows than LEAST the copies cost what they save */
enum { DEEP = 1024, ROWS = 64, COLS = 4096 };    /* AB': all panels are 256 KiB, a core's sums up to 1 MiB */

bool panels_pay(const product *p)
{
    if (!avx2_in_use() || p->ta == p->tb || p->alpha != 1 || p->m < WIDE || p->n < WIDE) return false;
    if (p->tb) return p->beta == 0 && p->k * p->n > 1 << 20;         /* of less, weights are turned once for all lanes (packed.c) */
    return (p->beta == 0 || p->beta == 1) && p->k >= LEAST && (p->n % WIDE == 0 || p->n >= WIDE * WIDE);     /* what the last panel is short of is multiplied in vain */
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- A'B: panels of B in L1, and past them strips of 16 columns of A, from L2 ---- */

/* Sums over `depth` rows for m columns of A and n of B; add: to what is there. */
static void multiply(int64_t depth, int64_t m, int64_t n, const float *strips, const float *panel, bool add, float *c, int64_t ldc)
{
    float tile[WIDE * WIDE];
    const bool whole = n == WIDE;
    const avx2_sum s = { .lines = 1, .terms = depth, .x_term = WIDE, .y_term = WIDE, .out_row = whole ? ldc : WIDE, .add = whole && add };
    for (int64_t at = 0; at < m; at += WIDE, strips += depth * WIDE) {
        const int64_t rows = least(WIDE, m - at);
        float *to = c + at * ldc;
        avx2_outers(&s, rows, strips, panel, whole ? to : tile);
        for (int64_t i = 0; !whole && i < rows; i++)
            for (int64_t j = 0; j < n; j++) to[i * ldc + j] = tile[i * WIDE + j] + (add ? to[i * ldc + j] : 0);
    }
}

static void over_rows(const product *p, const float *a, const float *b, float *c)
{
    local *l = local_get();
    float *panel = local_buffer(l, LOCAL_PACK, WIDE * DEPTH * sizeof *panel), *strips = local_buffer(l, LOCAL_WORK, MOST * DEPTH * sizeof *strips);
    for (int64_t k = 0; k < p->k; k += DEPTH)
        for (int64_t i = 0; i < p->m; i += MOST) {
            const int64_t depth = least(DEPTH, p->k - k), m = least(MOST, p->m - i);
            for (int64_t s = 0; s < m; s += WIDE) avx2_strip(depth, least(WIDE, m - s), a + k * p->lda + i + s, p->lda, strips + s * depth);
            for (int64_t j = 0; j < p->n; j += WIDE) {
                const int64_t n = least(WIDE, p->n - j);
                avx2_strip(depth, n, b + k * p->ldb + j, p->ldb, panel);
                multiply(depth, m, n, strips, panel, k || p->beta == 1, c + i * p->ldc + j, p->ldc);
            }
        }
}

/* ---- AB' as BA' turned: rows of a B that is too large for the caches pass by where they lie, panels of A in L2 ---- */

static void over_columns(const product *p, const float *a, const float *b, float *c)
{
    local *l = local_get();
    float *panels = local_buffer(l, LOCAL_PACK, ROWS * DEEP * sizeof *panels), *sums = local_buffer(l, LOCAL_WORK, COLS * ROWS * sizeof *sums);
    for (int64_t i = 0; i < p->m; i += ROWS)
        for (int64_t j = 0; j < p->n; j += COLS)
            for (int64_t k = 0; k < p->k; k += DEEP) {
                const int64_t depth = least(DEEP, p->k - k), m = least(ROWS, p->m - i), n = least(COLS, p->n - j);
                const avx2_sum s = { .lines = 1, .terms = depth, .x_row = p->ldb, .out_row = ROWS, .add = k > 0 };
                for (int64_t r = 0; r < m; r += WIDE) avx2_turn(least(WIDE, m - r), depth, a + (i + r) * p->lda + k, p->lda, panels + r * depth, WIDE);
                for (int64_t q = 0; q < n; q += WIDE) {
                    const int64_t cols = least(WIDE, n - q);
                    for (int64_t r = 0; r < m; r += WIDE) avx2_sums(&s, cols, b + (j + q) * p->ldb + k, panels + r * depth, sums + q * ROWS + r);
                    if (k + depth == p->k) avx2_turn(cols, m, sums + q * ROWS, ROWS, c + i * p->ldc + j + q, p->ldc);
                }
            }
}

void panels_gemm(const product *p, const float *a, const float *b, float *c)
{
    if (p->ta) over_rows(p, a, b, c);
    else over_columns(p, a, b, c);
}
