#include "compute/reference.h"

static float from_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static void test_rounding(void **state)
{
    (void)state;
    static const struct { uint32_t in, out;
    } cases[] = {
        { 0x3f800000, 0x3f80 }, { 0x3f807fff, 0x3f80 }, { 0x3f808000, 0x3f80 }, { 0x3f808001, 0x3f81 },
        { 0x3f818000, 0x3f82 }, { 0xbf818000, 0xbf82 }, { 0x00000000, 0x0000 }, { 0x80000000, 0x8000 },
        { 0x00000001, 0x0000 }, { 0x7f7fffff, 0x7f80 }, { 0x7f800000, 0x7f80 }, { 0xff800000, 0xff80 },
        { 0x7fc00000, 0x7fc0 }, { 0x7f800001, 0x7fc0 }, { 0xffffffff, 0xffff },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const float x = from_bits(cases[i].in);
        bf16 half;
        float round;
        bf16_pack(1, 1, &x, 1, &half);
        bf16_round(1, 1, &x, 1, &round);
        const float want = from_bits((uint32_t)cases[i].out << 16);
        if (half != cases[i].out || memcmp(&round, &want, sizeof want) != 0)
            fail_msg("%08x becomes %04x and %g, not %04x", cases[i].in, half, round, cases[i].out);
    }
    float *x = numbers(1, 10000), *round = filled(0, 10000);
    bf16_round(100, 100, x, 100, round);
    for (int i = 0; i < 10000; i++) assert_true(round[i] == to_bf16(x[i]));
    bf16_round(10, 50, x, 60, round);
    for (int i = 0; i < 500; i++) assert_true(round[i] == to_bf16(x[i / 50 * 60 + i % 50]));
    block_free(x);
    block_free(round);
}

typedef void (*gemm_form)(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                          int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

/* The product of the rounded operands to f32's accuracy, and so within 2^-8 of each factor of the true one, but
 * not f32's result. */
static void one(const char *form, gemm_form gemm, gemm_case g)
{
    char name[160];
    snprintf(name, sizeof name, "%s ta %d tb %d m %d n %d k %d alpha %g beta %g", form, g.ta, g.tb, (int)g.m,
             (int)g.n, (int)g.k, g.alpha, g.beta);
    const size_t na = gemm_a_size(&g), nb = gemm_b_size(&g), nc = gemm_c_size(&g);
    float *a = numbers(1, na), *b = numbers(2, nb), *ra = to_bf16s(a, na), *rb = to_bf16s(b, nb);
    float *old = g.beta == 0 ? filled(NAN, nc) : numbers(3, nc), *c = filled(0, nc), *exact = filled(0, nc);
    memcpy(c, old, nc * sizeof *c);
    memcpy(exact, old, nc * sizeof *c);
    gemm(g.ta, g.tb, g.m, g.n, g.k, g.alpha, a, gemm_lda(&g), b, gemm_ldb(&g), g.beta, c, gemm_ldc(&g));
    gemm_check(name, &g, ra, rb, old, c);
    plain_gemm(g.ta, g.tb, g.m, g.n, g.k, g.alpha, a, gemm_lda(&g), b, gemm_ldb(&g), g.beta, exact, gemm_ldc(&g));
    if (memcmp(c, exact, nc * sizeof *c) == 0) fail_msg("%s: the operands were not rounded", name);
    float *all[] = { a, b, ra, rb, old, c, exact };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) block_free(all[i]);
}

static void all(const char *form, gemm_form gemm)
{
    static const int64_t shape[][3] = {
        { 32, 64, 64 }, { 32, 10, 256 }, { 13, 64, 32 }, { 32, 1, 64 },    { 1, 20, 30 },
        { 5, 3, 301 },  { 7, 33, 257 },  { 4, 4, 4 },    { 64, 256, 784 }, { 33, 17, 1 },
    };
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
        for (int t = 0; t < 4; t++)
            for (int x = 0; x < 3; x++)
                one(form, gemm,
                    (gemm_case){ t & 1, t >> 1, shape[s][0], shape[s][1], shape[s][2], x == 2 ? 0.5f : 1,
                                 x == 1 ? 1 : 0, x, 2 * x, x });
}

static void test_gemm(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_BF16);
    assert_int_equal(compute_precision_now(), COMPUTE_BF16);
    all("host", compute_host()->gemm);
    compute_init(1, COMPUTE_F32);
    assert_int_equal(compute_precision_now(), COMPUTE_F32);
}

/* Weights rounded once give the same bits, wherever the matrix begins among them, until they are forgotten. */
static void test_weights(void **state)
{
    (void)state;
    enum { N = 200000 };
    const heft_host *h = compute_host();
    float *weights = numbers(1, N), *a = numbers(2, 64 * 100);
    float *c = filled(0, 64 * 200), *want = filled(0, 64 * 200);
    compute_init(2, COMPUTE_BF16);
    for (int first = 0; first < 5; first++)
        for (int tb = 0; tb < 2; tb++) {
            const float *b = weights + (first == 4 ? N - 100 * 200 : 3 * first);    /* last: to the end */
            compute_weights(NULL, 0);
            h->gemm(false, tb, 64, 200, 100, 1, a, 100, b, tb ? 100 : 200, 0, want, 200);
            compute_weights(weights, N);
            h->gemm(false, tb, 64, 200, 100, 1, a, 100, b, tb ? 100 : 200, 0, c, 200);
            if (memcmp(c, want, 64 * 200 * sizeof *c) != 0) fail_msg("place %d, tb %d: other bits", first, tb);
        }
    for (int i = 0; i < N; i++) weights[i] = -weights[i];
    h->gemm(false, true, 64, 200, 100, 1, a, 100, weights + N - 20000, 100, 0, c, 200);
    assert_memory_equal(c, want, 64 * 200 * sizeof *c);      /* used: a change is not seen before they are given again */
    compute_weights(NULL, 0);
    h->gemm(false, true, 64, 200, 100, 1, a, 100, weights + N - 20000, 100, 0, c, 200);
    assert_memory_not_equal(c, want, 64 * 200 * sizeof *c);
    compute_init(1, COMPUTE_F32);
    block_free(weights);
    block_free(a);
    block_free(c);
    block_free(want);
}

/* As on a processor that cannot multiply bf16. */
static void soft(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
                 const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    soft_gemm(&(product){ ta, tb, m, n, k, alpha, beta, lda, ldb, ldc }, a, b, c);
}

static void test_soft(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    all("soft", soft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding), cmocka_unit_test(test_gemm), cmocka_unit_test(test_soft),
        cmocka_unit_test(test_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
