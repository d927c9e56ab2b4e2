/* numbers.h -- random numbers, elementary functions and sums, for the passes of a plugin
 *
 * Part of plugin.h, which includes it.  All of it is pure arithmetic: the same bits from any thread, and on every machine
 * but where heft_fma is used (exp, expm1, sigmoid and tanh), of which there are two sets of bits.
 */
#ifndef HEFT_NUMBERS_H
#define HEFT_NUMBERS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- random numbers ------------------------------------------------------ */

/* Counter-based: draw n of a key is a pure function of (key, n), so any lane can
 * produce any sample's stream in any order.  Philox4x32-10 (Salmon et al., "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011). */
typedef struct heft_rng { uint64_t key, n; } heft_rng;

static inline void heft_philox(uint64_t key, uint64_t lo, uint64_t hi, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t a = (uint32_t)lo, b = (uint32_t)(lo >> 32), c = (uint32_t)hi, d = (uint32_t)(hi >> 32);
    for (int i = 0; i < 10; i++) {
        const uint64_t p = (uint64_t)0xD2511F53u * a, q = (uint64_t)0xCD9E8D57u * c;
        a = (uint32_t)(q >> 32) ^ b ^ k0;
        b = (uint32_t)q;
        c = (uint32_t)(p >> 32) ^ d ^ k1;
        d = (uint32_t)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = a; out[1] = b; out[2] = c; out[3] = d;
}

/* The stream of sample i: an independent key, from its first draw. */
static inline heft_rng heft_stream(heft_rng r, int64_t i)
{
    uint32_t w[4];
    heft_philox(r.key, (uint64_t)i, UINT64_C(0x73747265616d0000), w);
    return (heft_rng){ (uint64_t)w[1] << 32 | w[0], 0 };
}

/* The next 32 random bits. */
static inline uint32_t heft_bits(heft_rng *r)
{
    uint32_t w[4];
    heft_philox(r->key, r->n >> 2, 0, w);
    return w[r->n++ & 3];
}

/* [0, 1) in steps of 2^-24. */
static inline float heft_uniform(heft_rng *r)
{
    return (float)(heft_bits(r) >> 8) * 0x1p-24f;
}

/* The same numbers as n calls of heft_uniform, four times as fast. */
static inline void heft_uniforms(heft_rng *r, int64_t n, float *x)
{
    int64_t i = 0;
    for (; i < n && (r->n & 3); i++) x[i] = heft_uniform(r);
    const uint64_t first = r->n >> 2;
    const int64_t blocks = (n - i) / 4;
    for (int64_t b = 0; b < blocks; b++) {
        uint32_t w[4];
        heft_philox(r->key, first + (uint64_t)b, 0, w);
        for (int j = 0; j < 4; j++) x[i + 4 * b + j] = (float)(w[j] >> 8) * 0x1p-24f;
    }
    r->n += 4 * (uint64_t)blocks;
    for (i += 4 * blocks; i < n; i++) x[i] = heft_uniform(r);
}

/* Mean 0, variance 1: Box and Muller's method on two draws, in double. */
static inline float heft_normal(heft_rng *r)
{
    const double u = ((double)heft_bits(r) + 1) * 0x1p-32;     /* (0, 1] */
    const double v = (double)heft_bits(r) * 0x1p-32;
    return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

/* ---- elementary functions ------------------------------------------------ */

/* c ? a : b by their bits.  A compiler may not work out ahead of a branch what could raise an exception, and turns none into a
 * vector; loops over this vectorize. */
static inline float heft_where(bool c, float a, float b)
{
    const union { float f; uint32_t u; } x = { a }, y = { b };
    const uint32_t mask = -(uint32_t)c;
    const union { uint32_t u; float f; } z = { (x.u & mask) | (y.u & ~mask) };
    return z.f;
}

/* a b + c: rounded once where the processor that the file is compiled for does that in one instruction, else twice.
 * Decided when compiling, so that a loop and what is left at its end agree. */
static inline float heft_fma(float a, float b, float c)
{
#if defined __FP_FAST_FMAF || defined __FMA__
    return fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* exp(x) = 2^k (1 + q), |q| < 0.42, for |x| below 2^21; returns q.  x = k log(2) + r, |r| <= log(2)/2, log(2) in two
 * parts (W. Cody, W. Waite, "Software Manual for the Elementary Functions", 1980); a polynomial of least relative error
 * for exp(r) = 1 + q.  biased is k + 254 plus a multiple of 2^22, so that 2^k has the bits (biased - 127) << 23. */
static inline float heft_exp_parts(float x, uint32_t *biased)
{
    const float shift = 0x1.8p23f + 254;
    const union { float f; uint32_t u; } i = { heft_fma(x, 1.44269504f, shift) };
    const float n = i.f - shift, r = heft_fma(n, 2.12194440e-4f, heft_fma(n, -0.693359375f, x));
    const float high = heft_fma(r, heft_fma(r, 0.00138146721f, 0.0083708521f), 0.0416680463f);
    const float low = heft_fma(r, 0.166665033f, 0.5f), z = r * r;
    *biased = i.u;
    return heft_fma(z, heft_fma(z, high, low), r);
}

/* exp(x), off by less than 1.02 units in the last place over all floats (0.98 without fused heft_fma; results below 2^-126 by
 * less than 2^-148).  NaN gives NaN, +-infinity what it should.  No call and no branch, so loops over it vectorize.  2^k in two
 * factors, so that k may pass its range. */
static inline float heft_expf(float x)
{
    uint32_t biased;
    const float q = heft_exp_parts(x, &biased);
    const uint32_t half = biased >> 1;
    const union { uint32_t u; float f; } a = { half << 23 }, b = { (biased - half) << 23 };
    const float y = heft_fma(q, a.f, a.f) * b.f;
    return heft_where(x > 89, INFINITY, heft_where(x < -104, 0, y));
}

/* exp(x) - 1, off by less than 1.56 units in the last place over all floats (1.47 fused), also near zero. */
static inline float heft_expm1f(float x)
{
    x = heft_where(x > 89, 89, x);
    x = heft_where(x < -18, -18, x);
    uint32_t biased;
    const float q = heft_exp_parts(x, &biased);
    const union { uint32_t u; float f; } half = { (biased - 128) << 23 };      /* 2^(k - 1), since 2^128 is no float */
    return 2 * heft_fma(q, half.f, half.f - 0.5f);
}

/* log(x), off by less than 0.84 units in the last place over all floats; log(0) is -infinity, of what is less, NaN.
 * x = 2^n m, m in [sqrt(1/2), sqrt(2)); log(2) in two parts; polynomial for log(m): S. Moshier, Cephes, logf. */
static inline float heft_logf(float x)
{
    const bool small = x < 0x1p-126f;                           /* not a normal number */
    union { float f; uint32_t u; } m = { heft_where(small, x * 0x1p23f, x) };
    const uint32_t i = m.u - 0x3F3504F3u;                       /* sqrt(1/2) */
    const float n = (float)(((int32_t)i >> 23) - 23 * small);
    m.u = (i & 0x7FFFFFu) + 0x3F3504F3u;
    const float f = m.f - 1, z = f * f;
    const float high = -1.2420140846e-1f + f * (1.1676998740e-1f + f * (-1.1514610310e-1f + f * 7.0376836292e-2f));
    const float p = 3.3333331174e-1f + f * (-2.4999993993e-1f + f * (2.0000714765e-1f
                    + f * (-1.6668057665e-1f + f * (1.4249322787e-1f + f * high))));
    float y = f + ((f * z * p + n * -2.12194440e-4f) - 0.5f * z) + n * 0.693359375f;
    y = heft_where(x < INFINITY, y, x);                         /* infinity and NaN stay */
    return heft_where(x >= 0, heft_where(x == 0, -INFINITY, y), NAN);
}

/* log(1 + x), off by less than 1.44 units in the last place over all floats, also near zero: log(u) of the
 * rounded u = 1 + x, and the first term of what rounding took from it. */
static inline float heft_log1pf(float x)
{
    const float u = 1 + x, lost = (x - (u - 1)) / u;
    return heft_logf(u) + heft_where((u > 0) & (x < 0x1p24f), lost, 0);
}

/* 1 / (1 + exp(-x)), off by less than 3 units in the last place for x above -87; no call and no branch. */
static inline float heft_sigmoidf(float x) { return 1 / (1 + heft_expf(-x)); }

/* tanh(x) = e / (e + 2), e = exp(2x) - 1, off by less than 2.61 units in the last place over all floats; no call and no branch. */
static inline float heft_tanhf(float x)
{
    x = heft_where(x > 10, 10, x);
    x = heft_where(x < -10, -10, x);
    uint32_t biased;
    const float q = heft_exp_parts(2 * x, &biased);
    const union { uint32_t u; float f; } power = { (biased - 127) << 23 };
    const float e = heft_fma(q, power.f, power.f - 1);
    return e / (e + 2);
}

/* Two uniform numbers [0, 1) into two of mean 0 and variance 1: Box and Muller's method in floats, so within 5.8.  sin
 * and cos by quarter turns, and Cephes' polynomials for the rest. */
static inline void heft_normal_pair(float pair[2])
{
    const float length = sqrtf(-2 * heft_logf(1 - pair[0]));
    const int quarter = (int)(4 * pair[1] + 0.5f);
    const float a = 6.28318531f * (pair[1] - 0.25f * (float)quarter), z = a * a;
    const float sine = a + a * z * (-1.6666654611e-1f + z * (8.3321608736e-3f + z * -1.9515295891e-4f));
    const float cosine = 1 - 0.5f * z + z * z * (4.1666645683e-2f + z * (-1.3887316255e-3f + z * 2.4433157118e-5f));
    const float c = quarter & 1 ? sine : cosine, s = quarter & 1 ? cosine : sine;
    pair[0] = length * ((quarter + 1) & 2 ? -c : c);
    pair[1] = length * (quarter & 2 ? -s : s);
}

/* n numbers of mean 0 and variance 1, of a draw each: not those of heft_normal, and without its calls. */
static inline void heft_normals(heft_rng *r, int64_t n, float *x)
{
    float last[2];
    const int64_t pairs = n / 2;
    heft_uniforms(r, 2 * pairs, x);
    for (int64_t i = 0; i < pairs; i++) heft_normal_pair(x + 2 * i);
    if (n % 2 == 0) return;
    heft_uniforms(r, 2, last);
    heft_normal_pair(last);
    x[n - 1] = last[0];
}

/* Sixteen interleaved parts to one, half onto half. */
static inline float heft_sum_parts(const float part[16])
{
    float eight[8], four[4];
    for (int j = 0; j < 8; j++) eight[j] = part[j] + part[j + 8];
    for (int j = 0; j < 4; j++) four[j] = eight[j] + eight[j + 4];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

/* The sum of n numbers, and of n products, in sixteen interleaved parts: an order that vectorizes and is the same everywhere. */
static inline float heft_sum(int64_t n, const float *x)
{
    float part[16] = { 0 };
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) part[j] += x[i + j];
    for (int j = 0; i < n; i++, j++) part[j] += x[i];
    return heft_sum_parts(part);
}

static inline float heft_sum_products(int64_t n, const float *x, const float *y)
{
    float part[16] = { 0 };
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) part[j] += x[i + j] * y[i + j];
    for (int j = 0; i < n; i++, j++) part[j] += x[i] * y[i];
    return heft_sum_parts(part);
}

/* sum[j] += x[i * ld + j] of all rows, j < n, four rows at a time. */
static inline void heft_add_rows(int64_t rows, int64_t n, const float *restrict x, int64_t ld, float *restrict sum)
{
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const float *restrict a = x + i * ld, *restrict b = a + ld, *restrict c = b + ld, *restrict d = c + ld;
        for (int64_t j = 0; j < n; j++) sum[j] += (a[j] + b[j]) + (c[j] + d[j]);
    }
    for (; i < rows; i++)
        for (int64_t j = 0; j < n; j++) sum[j] += x[i * ld + j];
}

/* The bits of floats to integers of the same order, and back. */
static inline int32_t heft_ordered(int32_t bits) { return bits ^ (bits >> 31 & INT32_MAX); }

/* The largest of n numbers, at least one; if some are NaN, the largest of the others or NaN.  As integers, since the maximum of
 * floats, where order matters to NaN, is not vectorized. */
static inline float heft_max(int64_t n, const float *x)
{
    int32_t most = INT32_MIN;
    for (int64_t i = 0; i < n; i++) {
        const union { float f; int32_t i; } bits = { x[i] };
        most = heft_ordered(bits.i) > most ? heft_ordered(bits.i) : most;
    }
    const union { int32_t i; float f; } bits = { heft_ordered(most) };
    return bits.f;
}

#endif
