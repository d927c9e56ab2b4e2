/* reference.h -- what the tests of this room measure against: direct loops in double precision */
#ifndef TESTS_COMPUTE_REFERENCE_H
#define TESTS_COMPUTE_REFERENCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/rng.h"
#include "compute/internal.h"
#include <heft/window.h>

/* n numbers in [-1, 1), the same for the same key. */
static inline float *numbers(uint64_t key, size_t n)
{
    float *x = block_alloc(n, sizeof *x);
    assert_non_null(x);
    heft_rng r = rng_key(key, RNG_TEST, 0, 0);
    for (size_t i = 0; i < n; i++) x[i] = 2 * heft_uniform(&r) - 1;
    return x;
}

static inline float *filled(float value, size_t n)
{
    float *x = block_alloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = value;
    return x;
}

/* A sum of `terms` floats in any order, each product rounded or not, is off by at most this times the sum of
 * the absolute values (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1); three more
 * operations for alpha, beta and the last addition. */
static inline double bound(double terms) { return (terms + 3) * 0x1p-24; }

/* What an element should be, the sum of the absolute values behind it, and what was found. */
static inline void check(const char *name, size_t i, double want, double size, double terms, double got)
{
    const double off = fabs(got - want);
    if (!(off <= bound(terms) * size + 1e-30))
        fail_msg("%s: element %zu is %.9g, not %.9g (off by %.3g, allowed %.3g)", name, i, got, want, off,
                 bound(terms) * size);
}

/* To the nearest number with 8 significant bits, by arithmetic: independent of the room's bit tricks. */
static inline float to_bf16(float x)
{
    if (x == 0 || !isfinite(x)) return x;
    int e;
    (void)frexp(x, &e);
    return (float)ldexp(nearbyint(ldexp(x, 8 - e)), e - 8);
}

static inline float *to_bf16s(const float *x, size_t n)
{
    float *y = block_alloc(n, sizeof *y);
    assert_non_null(y);
    for (size_t i = 0; i < n; i++) y[i] = to_bf16(x[i]);
    return y;
}

typedef struct gemm_case {
    bool ta, tb;
    int64_t m, n, k;
    float alpha, beta;
    int64_t more_a, more_b, more_c;
} gemm_case;

static inline int64_t gemm_lda(const gemm_case *g) { return (g->ta ? g->m : g->k) + g->more_a; }
static inline int64_t gemm_ldb(const gemm_case *g) { return (g->tb ? g->k : g->n) + g->more_b; }
static inline int64_t gemm_ldc(const gemm_case *g) { return g->n + g->more_c; }
static inline size_t gemm_a_size(const gemm_case *g) { return (size_t)((g->ta ? g->k : g->m) * gemm_lda(g)) + 1; }
static inline size_t gemm_b_size(const gemm_case *g) { return (size_t)((g->tb ? g->n : g->k) * gemm_ldb(g)) + 1; }
static inline size_t gemm_c_size(const gemm_case *g) { return (size_t)(g->m * gemm_ldc(g)) + 1; }

/* Is c what op(A) op(B) alpha + beta old should be, and are the gaps between its rows as they were? */
static inline void gemm_check(const char *name, const gemm_case *g, const float *a, const float *b,
                              const float *old, const float *c)
{
    const int64_t lda = gemm_lda(g), ldb = gemm_ldb(g), ldc = gemm_ldc(g);
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < ldc; j++) {
            const size_t at = (size_t)(i * ldc + j);
            if (j >= g->n) {
                assert_memory_equal(&c[at], &old[at], sizeof *c);
                continue;
            }
            double sum = 0, size = 0;
            for (int64_t k = 0; k < g->k; k++) {
                const double t =
                    (double)a[g->ta ? k * lda + i : i * lda + k] * b[g->tb ? j * ldb + k : k * ldb + j];
                sum += t;
                size += fabs(t);
            }
            const double before = g->beta == 0 ? 0 : (double)g->beta * old[at];
            check(name, at, g->alpha * sum + before, fabs(g->alpha) * size + fabs(before), (double)g->k, c[at]);
        }
}

typedef struct conv_case { const char *name; int64_t n; heft_conv c; } conv_case;

static inline size_t conv_x_size(const conv_case *v) { return (size_t)(v->n * v->c.ih * v->c.iw * v->c.ic); }
static inline size_t conv_y_size(const conv_case *v) { return (size_t)(v->n * v->c.oh * v->c.ow * v->c.oc); }
static inline size_t conv_w_size(const conv_case *v)
{
    return (size_t)(v->c.kh * v->c.kw * (v->c.ic / v->c.groups) * v->c.oc);
}

/* The sum of all products x w into y, x dy into w, or dy w into x, from the definition; with bias or its
 * gradient.  `size` and `terms` of each element for `check`. */
typedef enum conv_way { WAY_FORWARD, WAY_DATA, WAY_WEIGHT } conv_way;
typedef struct conv_sums { double *sum, *size, *terms; } conv_sums;

static inline conv_sums conv_reference(const conv_case *v, conv_way way, const float *x, const float *w,
                                       const float *y)
{
    const heft_conv *c = &v->c;
    const size_t count = way == WAY_FORWARD ? conv_y_size(v) : way == WAY_DATA ? conv_x_size(v) : conv_w_size(v);
    conv_sums s = { block_alloc(count + 1, 8), block_alloc(count + 1, 8), block_alloc(count + 1, 8) };
    assert_true(s.sum && s.size && s.terms);
    const int64_t in = c->ic / c->groups, out = c->oc / c->groups;
    for (int64_t b = 0; b < v->n; b++)
    for (int64_t oy = 0; oy < c->oh; oy++)
    for (int64_t ox = 0; ox < c->ow; ox++)
    for (int64_t ky = 0; ky < c->kh; ky++)
    for (int64_t kx = 0; kx < c->kw; kx++) {
        const int64_t iy = oy * c->stride[0] + ky * c->dilation[0] - c->pad[0];
        const int64_t ix = ox * c->stride[1] + kx * c->dilation[1] - c->pad[2];
        if (iy < 0 || iy >= c->ih || ix < 0 || ix >= c->iw) continue;
        for (int64_t o = 0; o < c->oc; o++)
        for (int64_t i = 0; i < in; i++) {
            const int64_t ax = ((b * c->ih + iy) * c->iw + ix) * c->ic + o / out * in + i;
            const int64_t aw = ((ky * c->kw + kx) * in + i) * c->oc + o;
            const int64_t ay = ((b * c->oh + oy) * c->ow + ox) * c->oc + o;
            const int64_t at = way == WAY_FORWARD ? ay : way == WAY_DATA ? ax : aw;
            const double t = way == WAY_FORWARD ? (double)x[ax] * w[aw]
                             : way == WAY_DATA  ? (double)y[ay] * w[aw]
                                                : (double)x[ax] * y[ay];
            s.sum[at] += t;
            s.size[at] += fabs(t);
            s.terms[at]++;
        }
    }
    return s;
}

static inline void conv_sums_free(conv_sums s)
{
    block_free(s.sum);
    block_free(s.size);
    block_free(s.terms);
}

/* A convolution of square images and kernels with the output size that fits. */
static inline conv_case square(const char *name, int64_t n, int64_t size, int64_t ic, int64_t oc,
                               int64_t kernel, int64_t stride, int64_t dilation, int64_t before, int64_t after,
                               int64_t groups)
{
    const heft_window w = heft_slide(size, kernel, stride, dilation, 2, before, after);
    return (conv_case){ name,
                        n,
                        { size,
                          size,
                          ic,
                          w.out,
                          w.out,
                          oc,
                          kernel,
                          kernel,
                          { stride, stride },
                          { dilation, dilation },
                          { before, after, before, after },
                          groups } };
}

static inline uint64_t hash(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

#endif
