#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

/* Random123's kat_vectors, philox4x32 with 10 rounds. */
static void philox_known_answers(void **state)
{
    (void)state;
    static const struct { uint32_t ctr[4], key[2], out[4]; } cases[] = {
        { { 0 }, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff }, { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t *c = cases[i].ctr, *k = cases[i].key;
        uint32_t out[4];
        heft_philox((uint64_t)k[1] << 32 | k[0], (uint64_t)c[1] << 32 | c[0], (uint64_t)c[3] << 32 | c[2], out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

static void uniforms_equal_single_draws(void **state)
{
    (void)state;
    for (uint64_t start = 0; start < 9; start++)
        for (int64_t n = 0; n < 23; n++) {
            heft_rng one = { 77, start }, many = one;
            float x[24], y[24];
            x[n] = y[n] = -1;
            heft_uniforms(&many, n, x);
            for (int64_t i = 0; i < n; i++) y[i] = heft_uniform(&one);
            if (many.n != one.n || memcmp(x, y, (size_t)(n + 1) * sizeof *x))
                fail_msg("%lld draws from draw %llu differ", (long long)n, (unsigned long long)start);
        }
}

static void check_moment(const char *what, double sum, double n, double mean, double variance)
{
    const double sigma = sqrt(variance / n), off = (sum / n - mean) / sigma;
    if (!(fabs(off) < 5)) fail_msg("%s is %g sigma from %g", what, off, mean);
}

static void uniform_moments(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    heft_rng r = rng_key(1, RNG_TEST, 2, 3);
    double s1 = 0, s2 = 0, lag = 0, last = 0.5;
    for (int i = 0; i < N; i++) {
        const double u = (double)heft_uniform(&r);
        assert_true(u >= 0 && u < 1);
        s1 += u;
        s2 += u * u;
        lag += (u - 0.5) * (last - 0.5);
        last = u;
    }
    check_moment("the mean", s1, N, 0.5, 1.0 / 12);
    check_moment("the second moment", s2, N, 1.0 / 3, 4.0 / 45);
    check_moment("the correlation of neighbours", lag, N, 0, 1.0 / 144);
}

static void normal_moments(void **state)
{
    (void)state;
    enum { N = 1 << 19 };
    heft_rng r = rng_key(1, RNG_TEST, 4, 5);
    double s[5] = { 0 };
    for (int i = 0; i < N; i++) {
        const double z = (double)heft_normal(&r);
        assert_true(isfinite(z));
        for (int k = 1; k < 5; k++) s[k] += pow(z, k);
    }
    check_moment("the mean", s[1], N, 0, 1);
    check_moment("the second moment", s[2], N, 1, 2);
    check_moment("the third moment", s[3], N, 0, 15);
    check_moment("the fourth moment", s[4], N, 3, 96);
}

static void keys_differ_by_everything(void **state)
{
    (void)state;
    heft_rng keys[512];
    size_t n = 0;
    for (uint64_t seed = 0; seed < 4; seed++)
        for (int purpose = RNG_INIT; purpose <= RNG_TEST; purpose++)
            for (uint64_t a = 0; a < 4; a++)
                for (uint64_t b = 0; b < 4; b++) keys[n++] = rng_key(seed, (rng_purpose)purpose, a, b);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(keys[i].n, 0);
        for (size_t j = 0; j < i; j++)
            if (keys[i].key == keys[j].key) fail_msg("keys %zu and %zu are equal", i, j);
    }
    const heft_rng r = rng_key(9, RNG_PASS, 1, 2);
    assert_true(heft_stream(r, 0).key != heft_stream(r, 1).key);
    assert_true(heft_stream(r, 1).key == heft_stream((heft_rng){ r.key, 99 }, 1).key);
}

/* Runs of old versions must resume: these never change.  Made by tests/golden/rng.py. */
static void golden(void **state)
{
    (void)state;
    assert_true(rng_key(0, RNG_INIT, 0, 0).key == UINT64_C(0x131143bedf5d67ec));
    assert_true(rng_key(1, RNG_SHUFFLE, 7, 0).key == UINT64_C(0x8e31c9c20fb169e8));
    assert_true(rng_name("") == UINT64_C(0xcbf29ce484222325));
    assert_true(rng_name("a") == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(rng_name("foobar") == UINT64_C(0x85944171f73967e8));
    static const int64_t expected[10] = { 4, 1, 7, 2, 8, 3, 0, 5, 6, 9 };
    int64_t out[10];
    rng_permutation(rng_key(1, RNG_SHUFFLE, 0, 0), 10, out);
    assert_memory_equal(out, expected, sizeof out);
}

static void permutations(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 0, 1, 2, 3, 17, 1000, 4099 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int64_t n = sizes[s];
        int64_t *out = malloc((size_t)(n + 1) * sizeof *out);
        char *seen = calloc((size_t)n + 1, 1);
        assert_true(out && seen);
        out[n] = -7;
        rng_permutation(rng_key(3, RNG_SHUFFLE, (uint64_t)n, 0), n, out);
        assert_int_equal(out[n], -7);
        for (int64_t i = 0; i < n; i++) {
            assert_true(out[i] >= 0 && out[i] < n);
            assert_false(seen[out[i]]);
            seen[out[i]] = 1;
        }
        free(out);
        free(seen);
    }
    /* Each of the 24 orders of 4 comes up alike: chi squared of 23 degrees is below 60 but for 4 in 100,000. */
    enum { ROUNDS = 24000 };
    int count[256] = { 0 };
    for (uint64_t i = 0; i < ROUNDS; i++) {
        int64_t p[4];
        rng_permutation(rng_key(5, RNG_SHUFFLE, i, 0), 4, p);
        count[p[0] << 6 | p[1] << 4 | p[2] << 2 | p[3]]++;
    }
    double chi = 0;
    int orders = 0;
    for (int i = 0; i < 256; i++) {
        if (!count[i]) continue;
        orders++;
        chi += pow(count[i] - ROUNDS / 24.0, 2) / (ROUNDS / 24.0);
    }
    assert_int_equal(orders, 24);
    assert_true(chi < 60);
}

static void below(void **state)
{
    (void)state;
    static const uint64_t bounds[] = { 1, 2, 3, 10, UINT64_C(1) << 32, (UINT64_C(1) << 63) + 1, UINT64_MAX };
    heft_rng r = rng_key(1, RNG_TEST, 6, 0);
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        uint64_t most = 0;
        for (int i = 0; i < 1000; i++) {
            const uint64_t v = rng_below(&r, bounds[b]);
            if (v >= bounds[b]) fail_msg("%llu of %llu", (unsigned long long)v, (unsigned long long)bounds[b]);
            if (v > most) most = v;
        }
        assert_true(most >= bounds[b] - 1 - bounds[b] / 50);
    }
    int count[3] = { 0 };
    enum { N = 30000 };
    for (int i = 0; i < N; i++) count[rng_below(&r, 3)]++;
    for (int i = 0; i < 3; i++) assert_true(fabs(count[i] - N / 3.0) < 5 * sqrt(N * 2 / 9.0));
    /* Without rejection every third value of this bound would come twice as often. */
    memset(count, 0, sizeof count);
    for (int i = 0; i < N; i++) count[rng_below(&r, UINT64_C(3) << 62) % 3]++;
    for (int i = 0; i < 3; i++) assert_true(fabs(count[i] - N / 3.0) < 5 * sqrt(N * 2 / 9.0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers), cmocka_unit_test(uniforms_equal_single_draws),
        cmocka_unit_test(uniform_moments), cmocka_unit_test(normal_moments), cmocka_unit_test(keys_differ_by_everything),
        cmocka_unit_test(golden), cmocka_unit_test(permutations), cmocka_unit_test(below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
