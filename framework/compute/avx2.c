/* avx2.c -- the inner loops of convolutions on processors with AVX2
 *
 * Both keep a block of up to BLOCK x 16 sums in registers: 12 of the 16 are sums, two hold 16 neighbours of one operand, one a number
 * of the other.  Blocks of a line are as equal as can be, since one of fewer than 4 rows waits for its own sums.  Each sum is
 * a chain of fused multiply-adds in the order of the loops, added to what was there, so no bit depends on how the line is cut.
 */
#include "compute/internal.h"

#ifdef __x86_64__

#include <immintrin.h>

enum { BLOCK = 6 };

#ifdef __clang__
#define UNROLL_TWICE _Pragma("unroll 2")
#else
#define UNROLL_TWICE _Pragma("GCC unroll 2")     /* a block of 4 rows ran at two thirds of its speed without */
#endif
#define AVX2 __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline)) AVX2

static bool in_use;                              /* set by avx2_open, read by every thread after it */

void avx2_open(void) { in_use = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && onednn_reads_in_place(); }
bool avx2_in_use(void) { return in_use; }

/* Where sums go may be far: it is sent for first and used last. */
INLINE void send_for(int64_t n, const float *x, int64_t step)
{
    for (int64_t p = 0; p < n; p++) _mm_prefetch((const char *)(x + p * step), _MM_HINT_T0);
}

INLINE void add_to(const float *x, __m256 *low, __m256 *high)
{
    *low = _mm256_add_ps(_mm256_loadu_ps(x), *low);
    *high = _mm256_add_ps(_mm256_loadu_ps(x + 8), *high);
}

INLINE void store(float *x, __m256 low, __m256 high)
{
    _mm256_storeu_ps(x, low);
    _mm256_storeu_ps(x + 8, high);
}

INLINE void sum_block(int64_t n, const avx2_sum *s, const float *x, const float *w, const float *bias, float *y)
{
    __m256 low[BLOCK], high[BLOCK];
    send_for(n, y, s->y_step);
    for (int64_t p = 0; p < n; p++) low[p] = high[p] = _mm256_setzero_ps();
    for (int64_t line = 0; line < s->lines; line++, x += s->x_line)
        UNROLL_TWICE
        for (int64_t j = 0; j < s->terms; j++, w += 16) {
            const __m256 w_low = _mm256_loadu_ps(w), w_high = _mm256_loadu_ps(w + 8);
            for (int64_t p = 0; p < n; p++) {
                const __m256 one = _mm256_broadcast_ss(x + p * s->x_step + j);
                low[p] = _mm256_fmadd_ps(one, w_low, low[p]);
                high[p] = _mm256_fmadd_ps(one, w_high, high[p]);
            }
        }
    for (int64_t p = 0; p < n; p++) {
        if (bias) add_to(bias, &low[p], &high[p]);
        store(y + p * s->y_step, low[p], high[p]);
    }
}

INLINE void outer_block(int64_t n, const avx2_outer *s, const float *x, const float *y, float *w)
{
    __m256 low[BLOCK], high[BLOCK];
    send_for(n, w, s->w_step);
    for (int64_t j = 0; j < n; j++) low[j] = high[j] = _mm256_setzero_ps();
    for (int64_t line = 0; line < s->lines; line++) {
        const float *a = x + line * s->x_line, *b = y + line * s->y_line;
        for (int64_t p = 0; p < s->points; p++, a += s->x_step, b += s->y_step) {
            const __m256 y_low = _mm256_loadu_ps(b), y_high = _mm256_loadu_ps(b + 8);
            for (int64_t j = 0; j < n; j++) {
                const __m256 one = _mm256_broadcast_ss(a + j);
                low[j] = _mm256_fmadd_ps(one, y_low, low[j]);
                high[j] = _mm256_fmadd_ps(one, y_high, high[j]);
            }
        }
    }
    for (int64_t j = 0; j < n; j++) {
        add_to(w + j * s->w_step, &low[j], &high[j]);
        store(w + j * s->w_step, low[j], high[j]);
    }
}

/* Numbers of rows that the compiler knows, so that it keeps the sums in registers. */
#define EACH_SIZE(call) switch (end - at) { case 1: call(1); break; case 2: call(2); break; case 3: call(3); break; \
                                            case 4: call(4); break; case 5: call(5); break; default: call(6); break; }

AVX2 void avx2_sums(const avx2_sum *s, int64_t n, const float *x, const float *w, const float *bias, float *y)
{
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
    for (int64_t i = 0, at = 0, end; i < blocks; i++, at = end) {
        end = n * (i + 1) / blocks;
        #define SUM(rows) sum_block(rows, s, x + at * s->x_step, w, bias, y + at * s->y_step)
        EACH_SIZE(SUM)
    }
}

AVX2 void avx2_outers(const avx2_outer *s, int64_t n, const float *x, const float *y, float *w)
{
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
    for (int64_t i = 0, at = 0, end; i < blocks; i++, at = end) {
        end = n * (i + 1) / blocks;
        #define OUTER(rows) outer_block(rows, s, x + at, y, w + at * s->w_step)
        EACH_SIZE(OUTER)
    }
}

#else

void avx2_open(void) {}
bool avx2_in_use(void) { return false; }

void avx2_sums(const avx2_sum *s, int64_t n, const float *x, const float *w, const float *bias, float *y)
{
    (void)s, (void)n, (void)x, (void)w, (void)bias, (void)y;
}

void avx2_outers(const avx2_outer *s, int64_t n, const float *x, const float *y, float *w)
{
    (void)s, (void)n, (void)x, (void)y, (void)w;
}

#endif
