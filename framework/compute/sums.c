/* sums.c -- sums whose order depends on the number of terms alone
 *
 * The tree everywhere: terms are added in neighbouring pairs, then the results in pairs, and so on; one without
 * a partner goes up as it is.  So the left part of n terms is the largest power of two below n, which is what
 * the kernels below use, and a power of two of terms that begins at a multiple of itself is one node: sums can
 * be continued on another machine.
 */
#include "compute/internal.h"

enum { LEAF = 16, STRIP = 1024 };                /* parts summed in registers; elements at a time above that */

/* Input and output may be the same array, at the same index only. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

#define T1(a)  p[a][i]
#define T2(a)  (T1(a) + T1(a + 1))
#define T3(a)  (T2(a) + T1(a + 2))
#define T4(a)  (T2(a) + T2(a + 2))
#define T5(a)  (T4(a) + T1(a + 4))
#define T6(a)  (T4(a) + T2(a + 4))
#define T7(a)  (T4(a) + T3(a + 4))
#define T8(a)  (T4(a) + T4(a + 4))
#define T9(a)  (T8(a) + T1(a + 8))
#define T10(a) (T8(a) + T2(a + 8))
#define T11(a) (T8(a) + T3(a + 8))
#define T12(a) (T8(a) + T4(a + 8))
#define T13(a) (T8(a) + T5(a + 8))
#define T14(a) (T8(a) + T6(a + 8))
#define T15(a) (T8(a) + T7(a + 8))
#define T16(a) (T8(a) + T8(a + 8))
#define CASE(n) case n: INDEPENDENT for (size_t i = begin; i < end; i++) out[i - shift] = scale * T##n(0); break;

/* At most LEAF parts; element i goes to out[i - shift]. */
#define LEAF_SUM(name, type) \
    static void name(int n, const type *const *part, type scale, size_t begin, size_t end, size_t shift, \
                     type *out) \
    { \
        const type *p[LEAF]; \
        for (int k = 0; k < n; k++) p[k] = part[k]; \
        switch (n) { \
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) \
        CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14) CASE(15) CASE(16) \
        } \
    }

/* At most STRIP elements of any number of parts, to out[0 ..]. */
#define STRIP_SUM(name, leaf, type) \
    static void name(int n, const type *const *part, size_t begin, size_t end, type *out) \
    { \
        if (n <= LEAF) { \
            leaf(n, part, 1, begin, end, begin, out); \
            return; \
        } \
        type right[STRIP]; \
        int half = LEAF; \
        while (half * 2 < n) half *= 2; \
        name(half, part, begin, end, out); \
        name(n - half, part + half, begin, end, right); \
        for (size_t i = 0; i < end - begin; i++) out[i] += right[i]; \
    }

#define SUM(name, leaf, strip, type) \
    static void name(int n, const type *const *part, type scale, size_t begin, size_t end, type *out) \
    { \
        if (n <= LEAF) { \
            leaf(n, part, scale, begin, end, 0, out); \
            return; \
        } \
        type sum[STRIP]; \
        for (size_t at = begin; at < end; at += STRIP) { \
            const size_t to = end - at < STRIP ? end : at + STRIP; \
            strip(n, part, at, to, sum); \
            for (size_t i = at; i < to; i++) out[i] = scale * sum[i - at]; \
        } \
    }

LEAF_SUM(leaf_f32, float)
LEAF_SUM(leaf_f64, double)
STRIP_SUM(strip_f32, leaf_f32, float)
STRIP_SUM(strip_f64, leaf_f64, double)
SUM(sum_f32, leaf_f32, strip_f32, float)
SUM(sum_f64, leaf_f64, strip_f64, double)

void compute_sum_f32(int n, const float *const *part, float scale, size_t begin, size_t end, float *out)
{
    sum_f32(n, part, scale, begin, end, out);
}

void compute_sum_f64(int n, const double *const *part, size_t begin, size_t end, double *out)
{
    sum_f64(n, part, 1, begin, end, out);
}

/* ---- whole vectors ---- */

enum {
    BLOCK = 4096,                                /* elements summed at once */
    GROUP = 16,                                  /* blocks in a task */
    BATCH = 1024,                                /* blocks in a region; a power of two */
    WAYS = 16                                    /* sums side by side in a block */
};

typedef double (*block_sum)(size_t n, const void *x, const void *y, size_t first);

typedef struct reduction {
    block_sum   sum;
    size_t      n, first, blocks;                /* elements in all; this region's first block, and how many */
    const void *x, *y;
    double      block[BATCH];
} reduction;

/* Sums of every WAYS-th term, then their tree. */
#define BLOCK_SUM(name, X, Y, term) \
    static double name(size_t n, const void *vx, const void *vy, size_t first) \
    { \
        const X *const x = (const X *)vx + first; \
        const Y *const y = (const Y *)vy + (vy ? first : 0); \
        (void)y; \
        double way[WAYS] = { 0 }; \
        size_t i = 0; \
        for (; i + WAYS <= n; i += WAYS) \
            for (size_t j = 0; j < WAYS; j++) way[j] += term(i + j); \
        for (size_t j = 0; i < n; i++, j++) way[j] += term(i); \
        for (size_t s = 1; s < WAYS; s *= 2) \
            for (size_t j = 0; j < WAYS; j += 2 * s) way[j] += way[j + s]; \
        return way[0]; \
    }

#define ITSELF(i)  x[i]
#define SQUARE(i)  ((double)x[i] * x[i])
#define PRODUCT(i) ((double)x[i] * y[i])
BLOCK_SUM(block_total, double, char, ITSELF)
BLOCK_SUM(block_squares, float, char, SQUARE)
BLOCK_SUM(block_product, float, float, PRODUCT)

static void group_task(void *context, int64_t g)
{
    reduction *r = context;
    const size_t end = ((size_t)g + 1) * GROUP < r->blocks ? ((size_t)g + 1) * GROUP : r->blocks;
    for (size_t b = (size_t)g * GROUP; b < end; b++) {
        const size_t first = (r->first + b) * BLOCK, left = r->n - first;
        r->block[b] = r->sum(left < BLOCK ? left : BLOCK, r->x, r->y, first);
    }
}

static double tree(double *x, size_t n)
{
    for (size_t s = 1; s < n; s *= 2)
        for (size_t j = 0; j + s < n; j += 2 * s) x[j] += x[j + s];
    return x[0];
}

static double reduce(block_sum sum, size_t n, const void *x, const void *y)
{
    if (n <= BLOCK) return n ? sum(n, x, y, 0) : 0;
    reduction r = { .sum = sum, .n = n, .x = x, .y = y };
    const size_t blocks = (n - 1) / BLOCK + 1;
    double node[64];                             /* finished subtrees, the largest first: the bits of `regions` */
    size_t depth = 0, regions = 0;
    for (; r.first < blocks; r.first += BATCH) {
        r.blocks = blocks - r.first < BATCH ? blocks - r.first : BATCH;
        compute_parallel((int64_t)((r.blocks - 1) / GROUP + 1), group_task, &r);
        node[depth++] = tree(r.block, r.blocks);
        for (size_t k = ++regions; k % 2 == 0; k /= 2, depth--) node[depth - 2] += node[depth - 1];
    }
    for (; depth > 1; depth--) node[depth - 2] += node[depth - 1];
    return node[0];
}

double compute_total(int64_t n, const double *x) { return n > 0 ? reduce(block_total, (size_t)n, x, NULL) : 0; }
double compute_squares(size_t n, const float *x) { return reduce(block_squares, n, x, NULL); }
double vector_dot(size_t n, const float *x, const float *y) { return reduce(block_product, n, x, y); }

typedef struct axpy_work { size_t n; float a; const float *x; float *y; } axpy_work;

static void axpy_task(void *context, int64_t g)
{
    const axpy_work *w = context;
    const size_t most = GROUP * BLOCK, begin = (size_t)g * most, end = w->n - begin < most ? w->n : begin + most;
    const float *x = w->x;
    float *y = w->y;
    INDEPENDENT
    for (size_t i = begin; i < end; i++) y[i] += w->a * x[i];
}

void vector_axpy(size_t n, float a, const float *x, float *y)
{
    axpy_work w = { n, a, x, y };
    if (n) compute_parallel((int64_t)((n - 1) / (GROUP * BLOCK) + 1), axpy_task, &w);
}
