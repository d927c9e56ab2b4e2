#include "compute/reference.h"

/* The tree as sums are specified, on one element: pairs, pairs of pairs, ... */
static float tree_f32(int n, const float *x)
{
    float v[64];
    for (int i = 0; i < n; i++) v[i] = x[i];
    for (int left = n; left > 1; left = (left + 1) / 2)
        for (int i = 0; i < (left + 1) / 2; i++) v[i] = 2 * i + 1 < left ? v[2 * i] + v[2 * i + 1] : v[2 * i];
    return v[0];
}

static double tree_f64(size_t n, const double *x)
{
    double *v = malloc(n * sizeof *v);
    assert_non_null(v);
    memcpy(v, x, n * sizeof *v);
    for (size_t left = n; left > 1; left = (left + 1) / 2)
        for (size_t i = 0; i < (left + 1) / 2; i++) v[i] = 2 * i + 1 < left ? v[2 * i] + v[2 * i + 1] : v[2 * i];
    const double sum = v[0];
    free(v);
    return sum;
}

enum { PARTS = 40, LENGTH = 2500 };

static void test_parts_f32(void **state)
{
    (void)state;
    float *part[PARTS], *out = filled(5, LENGTH);
    for (int i = 0; i < PARTS; i++) {
        part[i] = numbers((uint64_t)i, LENGTH);
        for (int j = 0; j < LENGTH; j += 3) part[i][j] *= 1e4f;      /* so that other orders give other bits */
    }
    static const size_t range[][2] = { { 0, LENGTH }, { 3, 1030 }, { 7, 8 }, { 5, 5 }, { 1023, 2049 } };
    for (int n = 1; n <= PARTS; n++)
        for (size_t r = 0; r < sizeof range / sizeof *range; r++) {
            for (size_t j = 0; j < LENGTH; j++) out[j] = 5;
            compute_sum_f32(n, (const float *const *)part, 0.3f, range[r][0], range[r][1], out);
            for (size_t j = 0; j < LENGTH; j++) {
                float x[PARTS];
                for (int i = 0; i < n; i++) x[i] = part[i][j];
                const float want = j >= range[r][0] && j < range[r][1] ? 0.3f * tree_f32(n, x) : 5;
                if (memcmp(&want, &out[j], sizeof want) != 0)
                    fail_msg("%d parts, element %zu: %.9g, not %.9g", n, j, out[j], want);
            }
        }
    for (int n = 1; n <= PARTS; n += 13) {                           /* into one of the parts */
        float *first = part[0], *second = part[n - 1], *want = filled(0, LENGTH);
        float *copy = filled(0, LENGTH), *last = filled(0, LENGTH);
        memcpy(copy, first, LENGTH * sizeof *copy);
        memcpy(last, second, LENGTH * sizeof *last);
        compute_sum_f32(n, (const float *const *)part, 2, 0, LENGTH, want);
        part[0] = copy;
        compute_sum_f32(n, (const float *const *)part, 2, 0, LENGTH, copy);
        assert_memory_equal(copy, want, LENGTH * sizeof *want);
        part[0] = first;
        part[n - 1] = last;
        compute_sum_f32(n, (const float *const *)part, 2, 0, LENGTH, last);
        assert_memory_equal(last, want, LENGTH * sizeof *want);
        part[n - 1] = second;
        block_free(copy);
        block_free(last);
        block_free(want);
    }
    for (int i = 0; i < PARTS; i++) block_free(part[i]);
    block_free(out);
}

static void test_parts_f64(void **state)
{
    (void)state;
    double part[PARTS][70], out[70];
    const double *p[PARTS];
    heft_rng r = rng_key(1, RNG_TEST, 1, 1);
    for (int i = 0; i < PARTS; i++) {
        p[i] = part[i];
        for (int j = 0; j < 70; j++) part[i][j] = (double)heft_normal(&r) * (j % 3 ? 1 : 1e9);
    }
    for (int n = 1; n <= PARTS; n++) {
        compute_sum_f64(n, p, 2, 69, out);
        for (int j = 2; j < 69; j++) {
            double x[PARTS];
            for (int i = 0; i < n; i++) x[i] = part[i][j];
            const double want = tree_f64((size_t)n, x);
            if (memcmp(&want, &out[j], sizeof want) != 0)
                fail_msg("%d parts, element %d: %.17g, not %.17g", n, j, out[j], want);
        }
    }
}

/* Blocks of 4096 in 16 interleaved sums, then trees: written out again here. */
static double blocks(size_t n, const double *term)
{
    const size_t count = (n + 4095) / 4096;
    double *block = calloc(count + 1, sizeof *block);
    assert_non_null(block);
    for (size_t b = 0; b < count; b++) {
        double way[16] = { 0 };
        for (size_t i = b * 4096; i < n && i < (b + 1) * 4096; i++) way[i % 16] += term[i];
        block[b] = tree_f64(16, way);
    }
    const double sum = count ? tree_f64(count, block) : 0;
    free(block);
    return sum;
}

static void test_vectors(void **state)
{
    (void)state;
    static const size_t length[] = {
        0, 1, 15, 16, 17, 4095, 4096, 4097, 70000, 4096 * 1024, 4096 * 1024 * 3 + 5000
    };
    const size_t most = 4096 * 1024 * 3 + 5000;
    float *x = numbers(1, most), *y = numbers(2, most);
    double *term = block_alloc(most, sizeof *term);
    assert_non_null(term);
    for (int threads = 1; threads <= 3; threads++) {
        compute_init(threads, COMPUTE_F32);
        for (size_t l = 0; l < sizeof length / sizeof *length; l++) {
            const size_t n = length[l];
            for (size_t i = 0; i < n; i++) term[i] = x[i];
            if (compute_total((int64_t)n, term) != blocks(n, term))
                fail_msg("total of %zu, %d threads", n, threads);
            for (size_t i = 0; i < n; i++) term[i] = (double)x[i] * x[i];
            if (compute_squares(n, x) != blocks(n, term)) fail_msg("squares of %zu, %d threads", n, threads);
            for (size_t i = 0; i < n; i++) term[i] = (double)x[i] * y[i];
            if (compute_host()->dot(n, x, y) != blocks(n, term))
                fail_msg("product of %zu, %d threads", n, threads);
        }
    }
    block_free(x);
    block_free(y);
    block_free(term);
}

static void test_axpy(void **state)
{
    (void)state;
    static const size_t length[] = { 0, 1, 65535, 65536, 65537, 300001 };
    for (int threads = 1; threads <= 3; threads++) {
        compute_init(threads, COMPUTE_F32);
        for (size_t l = 0; l < sizeof length / sizeof *length; l++) {
            const size_t n = length[l];
            float *x = numbers(1, n + 1), *y = numbers(2, n + 1), *old = numbers(2, n + 1);
            compute_host()->axpy(n, 0.7f, x, y);
            for (size_t i = 0; i <= n; i++) assert_true(y[i] == (i < n ? old[i] + 0.7f * x[i] : old[i]));
            block_free(x);
            block_free(y);
            block_free(old);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_f32),
        cmocka_unit_test(test_parts_f64),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_axpy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
