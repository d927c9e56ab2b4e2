#include "compute/reference.h"

typedef void (*gemm_form)(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                          int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

static void one(const char *form, gemm_form gemm, gemm_case g)
{
    char name[160];
    snprintf(name, sizeof name, "%s ta %d tb %d m %d n %d k %d alpha %g beta %g gaps %d %d %d", form, g.ta,
             g.tb, (int)g.m, (int)g.n, (int)g.k, g.alpha, g.beta, (int)g.more_a, (int)g.more_b, (int)g.more_c);
    float *a = numbers(1, gemm_a_size(&g)), *b = numbers(2, gemm_b_size(&g));
    float *old = g.beta == 0 ? filled(NAN, gemm_c_size(&g)) : numbers(3, gemm_c_size(&g)),
          *c = numbers(3, gemm_c_size(&g));
    memcpy(c, old, gemm_c_size(&g) * sizeof *c);
    gemm(g.ta, g.tb, g.m, g.n, g.k, g.alpha, a, gemm_lda(&g), b, gemm_ldb(&g), g.beta, c, gemm_ldc(&g));
    gemm_check(name, &g, a, b, old, c);

    float *again = numbers(3, gemm_c_size(&g) + 1) + 1;      /* not aligned: the same bits */
    float *moved = numbers(4, gemm_a_size(&g) + 3) + 3;
    memcpy(again, old, gemm_c_size(&g) * sizeof *c);
    memcpy(moved, a, gemm_a_size(&g) * sizeof *a);
    gemm(g.ta, g.tb, g.m, g.n, g.k, g.alpha, moved, gemm_lda(&g), b, gemm_ldb(&g), g.beta, again, gemm_ldc(&g));
    if (memcmp(c, again, gemm_c_size(&g) * sizeof *c) != 0) fail_msg("%s: other bits at another address", name);
    block_free(a);
    block_free(b);
    block_free(c);
    block_free(old);
    block_free(again - 1);
    block_free(moved - 3);
}

static void all(const char *form, gemm_form gemm)
{
    static const int64_t shape[][3] = {
        { 1, 1, 1 },      { 4, 4, 4 },     { 1, 64, 64 }, { 64, 1, 64 },  { 32, 1, 13 },   { 32, 64, 13 },
        { 13, 64, 32 },   { 32, 2, 64 },   { 32, 7, 5 },  { 5, 3, 300 },  { 7, 33, 257 },  { 97, 31, 17 },
        { 32, 10, 256 },  { 256, 10, 32 }, { 33, 17, 1 }, { 64, 64, 64 }, { 31, 129, 65 }, { 32, 256, 784 },
        { 100, 70, 513 }, { 1, 1, 1000 },  { 300, 5, 8 },
        { 33, 256, 40 },  { 16, 512, 1100 }, { 40, 50, 600 }, { 530, 16, 257 }, { 16, 259, 64 }, { 37, 32, 512 },
        { 17, 4100, 20 },
    };
    static const float scale[][2] = { { 1, 0 }, { 1, 1 }, { 0.5f, 0 }, { -2, 0.25f }, { 0, 1 }, { 1, -1 } };
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
        for (int t = 0; t < 4; t++)
            for (size_t x = 0; x < sizeof scale / sizeof *scale; x++)
                one(form, gemm,
                    (gemm_case){ t & 1, t >> 1, shape[s][0], shape[s][1], shape[s][2], scale[x][0], scale[x][1],
                                 x % 2 ? 3 : 0, x % 3 ? 5 : 0, x % 2 ? 7 : 0 });
}

static void test_host(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    all("host", compute_host()->gemm);
}

static void test_plain(void **state)
{
    (void)state;
    all("plain", plain_gemm);
}

/* Both kernels, whatever the shape: the choice between them must not hide one. */
static void library(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
                    const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    if (!onednn_gemm(&(product){ ta, tb, m, n, k, alpha, beta, lda, ldb, ldc }, a, b, c))
        plain_gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

static void test_library(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    all("library", library);
}

/* k 0: C is scaled, or zero; m or n 0: nothing is touched. */
static void test_empty(void **state)
{
    (void)state;
    for (int precision = 0; precision < 2; precision++) {
        compute_init(1, precision ? COMPUTE_BF16 : COMPUTE_F32);
        const gemm_form gemm = compute_host()->gemm;
        float c[4] = { 1, 2, NAN, 4 }, none = 0;
        gemm(false, false, 2, 2, 0, 1, &none, 1, &none, 2, 0, c, 2);
        for (int i = 0; i < 4; i++) assert_true(c[i] == 0);
        c[3] = 8;
        gemm(false, false, 2, 2, 0, 1, &none, 1, &none, 2, 0.5f, c, 2);
        assert_true(c[0] == 0 && c[3] == 4);
        gemm(false, false, 0, 2, 2, 1, &none, 2, &none, 2, 0, c, 2);
        gemm(false, false, 2, 0, 2, 1, &none, 2, &none, 1, 0, c, 1);
        assert_true(c[3] == 4);
    }
}

/* A NaN or an infinity among the operands is not lost. */
static void test_not_finite(void **state)
{
    (void)state;
    for (int precision = 0; precision < 2; precision++) {
        compute_init(1, precision ? COMPUTE_BF16 : COMPUTE_F32);
        float *a = numbers(1, 40 * 40), *b = filled(1, 40 * 40), *c = filled(0, 40 * 40);
        a[3 * 40 + 5] = NAN;
        a[7 * 40 + 1] = INFINITY;
        compute_host()->gemm(false, false, 40, 40, 40, 1, a, 40, b, 40, 0, c, 40);
        for (int i = 0; i < 40; i++)
            for (int j = 0; j < 40; j++)
                assert_true(i == 3   ? isnan(c[i * 40 + j])
                            : i == 7 ? isinf(c[i * 40 + j])
                                     : isfinite(c[i * 40 + j]));
        block_free(a);
        block_free(b);
        block_free(c);
    }
}

/* Copied weights give the same bits as weights where they are, of the pass under way, and are forgotten when nobody reads them. */
static void test_sheets(void **state)
{
    (void)state;
    enum { M = 20, K = 600, N = 512, OFF = 7, PITCH = N + 16, ALL = OFF + K * N };
    const gemm_form gemm = compute_host()->gemm;
    compute_init(2, COMPUTE_F32);
    for (int tb = 0; tb < 2; tb++) {
        float *weights = numbers(1, ALL), *a = numbers(2, M * K), *c = filled(0, M * N), *want = filled(0, M * N);
        const float *b = weights + OFF;
        const int64_t ldb = tb ? K : N;
        if (!packed_pays(&(product){ .tb = tb, .m = M, .n = N, .k = K, .ldb = ldb })) skip();
        for (int pass = 0; pass < 4; pass++) {
            compute_weights(NULL, 0);
            gemm(false, tb, M, N, K, 1, a, K, b, ldb, 0, want, N);
            compute_weights(weights, ALL);
            gemm(false, tb, M, N, K, 1, a, K, b, ldb, 0, c, N);
            assert_memory_equal(c, want, M * N * sizeof *c);
            const float *sheet = weights_sheet(b, tb, K, N, PITCH);
            assert_true(pass == 0 ? !sheet : sheet && sheet[PITCH] == b[tb ? 1 : N] && sheet[1] == b[tb ? K : 1]);
            weights[OFF + 1] += 1;
            weights[OFF + N] += 1;
        }
        assert_null(weights_sheet(b, tb, K + 1, N, PITCH));  /* beyond the weights */
        assert_null(weights_sheet(b, tb, N, K, PITCH + K));  /* of another product */
        compute_weights(weights, ALL - 1);
        assert_null(weights_sheet(b, tb, K, N, PITCH));
        compute_weights(NULL, 0);
        assert_null(weights_sheet(b, tb, K, N, PITCH));
        for (int pass = 0; pass < 100; pass++) compute_weights(weights, ALL);
        assert_null(weights_sheet(b, tb, K, N, PITCH));
        compute_weights(NULL, 0);
        block_free(weights);
        block_free(a);
        block_free(c);
        block_free(want);
    }
}

static void panels(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b,
                   int64_t ldb, float beta, float *c, int64_t ldc)
{
    if (ta != tb && alpha == 1 && (beta == 0 || (ta && beta == 1))) panels_gemm(&(product){ ta, tb, m, n, k, alpha, beta, lda, ldb, ldc }, a, b, c);
    else plain_gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

static void test_panels(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    if (!avx2_in_use()) skip();
    all("panels", panels);
}

static void test_panels_choice(void **state)
{
    (void)state;
    static const struct { product p; bool pays; } rows[] = {
        { { .ta = true, .m = 16, .n = 16, .k = 64, .alpha = 1 }, true },   { { .ta = true, .m = 16, .n = 16, .k = 64, .alpha = 1, .beta = 1 }, true },
        { { .m = 16, .n = 16, .k = 64, .alpha = 1 }, false },              { { .ta = true, .tb = true, .m = 16, .n = 16, .k = 64, .alpha = 1 }, false },
        { { .ta = true, .m = 15, .n = 16, .k = 64, .alpha = 1 }, false },  { { .ta = true, .m = 16, .n = 16, .k = 63, .alpha = 1 }, false },
        { { .ta = true, .m = 16, .n = 15, .k = 64, .alpha = 1 }, false },  { { .ta = true, .m = 16, .n = 255, .k = 64, .alpha = 1 }, false },
        { { .ta = true, .m = 16, .n = 257, .k = 64, .alpha = 1 }, true },  { { .ta = true, .m = 16, .n = 16, .k = 64, .alpha = 2 }, false },
        { { .ta = true, .m = 16, .n = 16, .k = 64, .alpha = 1, .beta = 2 }, false },
        { { .tb = true, .m = 16, .n = 1025, .k = 1024, .alpha = 1 }, true }, { { .tb = true, .m = 16, .n = 1024, .k = 1024, .alpha = 1 }, false },
        { { .tb = true, .m = 15, .n = 1025, .k = 1024, .alpha = 1 }, false }, { { .tb = true, .m = 16, .n = 1025, .k = 1024, .alpha = 1, .beta = 1 }, false },
    };
    compute_init(1, COMPUTE_F32);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (panels_pay(&rows[i].p) != (rows[i].pays && avx2_in_use())) fail_msg("row %zu", i);
}

/* Its choice, at its edges. */
static void test_choice(void **state)
{
    (void)state;
    static const struct { product p; bool pays; } rows[] = {
        { { .m = 16, .n = 256, .k = 17, .ldb = 256 }, true },     { { .m = 15, .n = 256, .k = 17, .ldb = 256 }, false },
        { { .m = 16, .n = 255, .k = 17, .ldb = 256 }, false },    { { .m = 16, .n = 256, .k = 16, .ldb = 256 }, false },
        { { .m = 16, .n = 256, .k = 17, .ldb = 257 }, false },    { { .m = 1024, .n = 256, .k = 17, .ldb = 256 }, false },
        { { .tb = true, .m = 16, .n = 128, .k = 64 }, true },     { { .tb = true, .m = 16, .n = 127, .k = 64 }, false },
        { { .tb = true, .m = 15, .n = 128, .k = 64 }, false },    { { .tb = true, .m = 16, .n = 15, .k = 1024 }, false },
        { { .tb = true, .m = 16, .n = 1024, .k = 1024 }, true },  { { .tb = true, .m = 16, .n = 1024, .k = 1025 }, false },
    };
    compute_init(1, COMPUTE_F32);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (packed_pays(&rows[i].p) != (rows[i].pays && onednn_reads_in_place())) fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host),  cmocka_unit_test(test_plain),      cmocka_unit_test(test_library),
        cmocka_unit_test(test_empty), cmocka_unit_test(test_not_finite), cmocka_unit_test(test_sheets),
        cmocka_unit_test(test_choice), cmocka_unit_test(test_panels), cmocka_unit_test(test_panels_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
