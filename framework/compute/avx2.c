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

/* n rows; the three distances are s's, or constants that let the compiler address with them. */
INLINE void block(int64_t n, const avx2_sum *s, int64_t x_row, int64_t x_term, int64_t y_term, const float *x, const float *y, float *out)
{
    __m256 low[BLOCK], high[BLOCK];
    send_for(n, out, s->out_row);
    for (int64_t i = 0; i < n; i++) low[i] = high[i] = _mm256_setzero_ps();
    for (int64_t line = 0; line < s->lines; line++) {
        const float *a = x + line * s->x_line, *b = y + line * s->y_line;
        UNROLL_TWICE
        for (int64_t j = 0; j < s->terms; j++, a += x_term, b += y_term) {
            const __m256 y_low = _mm256_loadu_ps(b), y_high = _mm256_loadu_ps(b + 8);
            for (int64_t i = 0; i < n; i++) {
                const __m256 one = _mm256_broadcast_ss(a + i * x_row);
                low[i] = _mm256_fmadd_ps(one, y_low, low[i]);
                high[i] = _mm256_fmadd_ps(one, y_high, high[i]);
            }
        }
    }
    for (int64_t i = 0; i < n; i++) {
        if (s->bias) add_to(s->bias, &low[i], &high[i]);
        if (s->add) add_to(out + i * s->out_row, &low[i], &high[i]);
        store(out + i * s->out_row, low[i], high[i]);
    }
}

/* Numbers of rows that the compiler knows, so that it keeps the sums in registers. */
#define EACH_SIZE(call) switch (end - at) { case 1: call(1); break; case 2: call(2); break; case 3: call(3); break; \
                                            case 4: call(4); break; case 5: call(5); break; default: call(6); break; }

AVX2 void avx2_sums(const avx2_sum *s, int64_t n, const float *x, const float *y, float *out)
{
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
    for (int64_t i = 0, at = 0, end; i < blocks; i++, at = end) {
        end = n * (i + 1) / blocks;
        #define SUM(rows) block(rows, s, s->x_row, 1, 16, x + at * s->x_row, y, out + at * s->out_row)
        EACH_SIZE(SUM)
    }
}

AVX2 void avx2_outers(const avx2_sum *s, int64_t n, const float *x, const float *y, float *out)
{
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
    for (int64_t i = 0, at = 0, end; i < blocks; i++, at = end) {
        end = n * (i + 1) / blocks;
        #define OUTER(rows) block(rows, s, 1, s->x_term, s->y_term, x + at, y, out + at * s->out_row)
        EACH_SIZE(OUTER)
    }
}

AVX2 void avx2_strips(int64_t rows, int64_t cols, const float *x, int64_t ld, float *to, int64_t apart)
{
    for (int64_t r = 0; r < rows; r++, x += ld, to += 16) {
        int64_t c = 0;
        float *strip = to;
        for (; c + 16 <= cols; c += 16, strip += apart) store(strip, _mm256_loadu_ps(x + c), _mm256_loadu_ps(x + c + 8));
        for (int64_t j = 0; c < cols && j < 16; j++) strip[j] = c + j < cols ? x[c + j] : 0;
    }
}

/* Eight rows of eight, `step` apart, become eight columns of eight rows. */
INLINE void turn_eight(const float *x, int64_t step, float *to, int64_t to_step)
{
    __m256 r[8], a[8];
    for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(x + i * step);
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            r[i + 2 * j] = _mm256_shuffle_ps(a[i + j], a[i + j + 2], 0x44);
            r[i + 2 * j + 1] = _mm256_shuffle_ps(a[i + j], a[i + j + 2], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + i * to_step, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * to_step, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

AVX2 void avx2_turn(int64_t rows, int64_t cols, const float *x, int64_t ld, float *to, int64_t to_ld)
{
    for (int64_t i = 0; i < rows; i += 8)
        for (int64_t j = 0; j < cols; j += 8) {
            const int64_t high = rows - i < 8 ? rows - i : 8, wide = cols - j < 8 ? cols - j : 8;
            if (high == 8 && wide == 8) turn_eight(x + i * ld + j, ld, to + j * to_ld + i, to_ld);
            else
                for (int64_t r = i; r < i + high; r++)
                    for (int64_t c = j; c < j + wide; c++) to[c * to_ld + r] = x[r * ld + c];
        }
}

#else

void avx2_open(void) {}
bool avx2_in_use(void) { return false; }

void avx2_sums(const avx2_sum *s, int64_t n, const float *x, const float *y, float *out)
{
    (void)s, (void)n, (void)x, (void)y, (void)out;
}

void avx2_outers(const avx2_sum *s, int64_t n, const float *x, const float *y, float *out)
{
    (void)s, (void)n, (void)x, (void)y, (void)out;
}

void avx2_strips(int64_t rows, int64_t cols, const float *x, int64_t ld, float *to, int64_t apart)
{
    (void)rows, (void)cols, (void)x, (void)ld, (void)to, (void)apart;
}

void avx2_turn(int64_t rows, int64_t cols, const float *x, int64_t ld, float *to, int64_t to_ld)
{
    (void)rows, (void)cols, (void)x, (void)ld, (void)to, (void)to_ld;
}

#endif
