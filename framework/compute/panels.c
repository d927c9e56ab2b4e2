/* panels.c -- products for AVX2 with one transposed operand, as the gradients of dense layers are
 *
 * oneDNN (2.6.3) reads B where it lies, also where what it reads one after the other is far apart.  Here 16 neighbours at a time are
 * copied to a panel, in the order in which they are read; docs/performance.md has what that is worth.
 */
#include "compute/internal.h"

enum { WIDE = 16 };
enum { DEPTH = 256, BLOCK = 256, SIDE = 512, LEAST = 64 };           /* A'B: panels of 256 KiB in all, strips of 512; of fewer rows than LEAST the copies cost what they save */
enum { APART = (DEPTH + 1) * WIDE };             /* not a power of two, which would put a row's places on one set of the cache */
enum { DEEP = 1024, ROWS = 64, COLS = 4096 };    /* AB': the same; sums of up to 1 MiB */

bool panels_pay(const product *p)
{
    if (!avx2_in_use() || p->ta == p->tb || p->alpha != 1 || p->m < WIDE || p->n < WIDE) return false;
    if (p->tb) return p->beta == 0 && p->k * p->n > MOST_TURNED;     /* of less, weights are turned once for all lanes (packed.c) */
    return (p->beta == 0 || p->beta == 1) && p->k >= LEAST && (p->n % WIDE == 0 || p->n >= WIDE * WIDE);     /* what the last panel is short of is multiplied in vain */
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- A'B: panels of B stay in L2 while strips of 16 columns of A pass by, so that a strip's sums are neighbours ---- */

/* Sums over `depth` rows for m <= WIDE columns of A and n <= WIDE of B; add: to what is there. */
static void multiply(int64_t depth, int64_t m, int64_t n, const float *strip, const float *panel, bool add, float *c, int64_t ldc)
{
    float tile[WIDE * WIDE];
    const bool whole = n == WIDE;
    const avx2_sum s = { .lines = 1, .terms = depth, .x_term = WIDE, .y_term = WIDE, .out_row = whole ? ldc : WIDE, .add = whole && add };
    avx2_outers(&s, m, strip, panel, whole ? c : tile);
    for (int64_t i = 0; !whole && i < m; i++)
        for (int64_t j = 0; j < n; j++) c[i * ldc + j] = tile[i * WIDE + j] + (add ? c[i * ldc + j] : 0);
}

static void over_rows(const product *p, const float *a, const float *b, float *c)
{
    local *l = local_get();
    float *strips = local_buffer(l, LOCAL_WORK, SIDE / WIDE * APART * sizeof *strips), *panels = local_buffer(l, LOCAL_PACK, BLOCK / WIDE * APART * sizeof *panels);
    for (int64_t k = 0; k < p->k; k += DEPTH)
        for (int64_t i = 0; i < p->m; i += SIDE) {
            const int64_t depth = least(DEPTH, p->k - k), m = least(SIDE, p->m - i);
            avx2_strips(depth, m, a + k * p->lda + i, p->lda, strips, APART);
            for (int64_t j = 0; j < p->n; j += BLOCK) {
                const int64_t n = least(BLOCK, p->n - j);
                avx2_strips(depth, n, b + k * p->ldb + j, p->ldb, panels, APART);
                for (int64_t r = 0; r < m; r += WIDE)
                    for (int64_t q = 0; q < n; q += WIDE)
                        multiply(depth, least(WIDE, m - r), least(WIDE, n - q), strips + r / WIDE * APART, panels + q / WIDE * APART, k || p->beta == 1,
                                 c + (i + r) * p->ldc + j + q, p->ldc);
            }
        }
}

/* ---- AB' as BA' turned: panels of A stay in L2 while rows of a B that is too large for it pass by where they lie ---- */

/* Where the last panel has no row of A it holds anything, and so do its sums, which nobody reads. */
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
