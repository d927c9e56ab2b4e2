#include "data/support.h"

#include "data/houses.h"

enum { PIXELS = 256 };

static float *pictures(const char *yaml, uint64_t seed, bool test, int64_t n, int32_t *label)
{
    problems pr = { 0 };
    data *d = open_seed(yaml, seed, &pr);
    assert_non_null(d);
    float *x = malloc((size_t)n * PIXELS * sizeof *x);
    fetch_all(test ? d->test : d->train, n, x, (float *)(void *)label);
    data_free(d);
    return x;
}

/* The nearest of ten mean pictures. */
static void test_digits_distinguishable(void **state)
{
    (void)state;
    enum { N = 1000, M = 500 };
    int32_t y[N], ty[M];
    float *x = pictures("{format: digits, samples: 1000, test: 500}", 3, false, N, y);
    float *tx = pictures("{format: digits, samples: 1000, test: 500}", 3, true, M, ty);
    static double mean[10][PIXELS];
    int count[10] = { 0 }, right = 0;
    for (int i = 0; i < N; i++) {
        assert_in_range(y[i], 0, 9);
        count[y[i]]++;
        for (int p = 0; p < PIXELS; p++) {
            assert_true(x[i * PIXELS + p] >= 0 && x[i * PIXELS + p] <= 1);
            mean[y[i]][p] += (double)x[i * PIXELS + p] / (N / 10);
        }
    }
    for (int c = 0; c < 10; c++) assert_int_equal(count[c], N / 10);
    for (int i = 0; i < M; i++) {
        int best = 0;
        double least = INFINITY;
        for (int c = 0; c < 10; c++) {
            double far = 0;
            for (int p = 0; p < PIXELS; p++) far += (tx[i * PIXELS + p] - mean[c][p]) * (tx[i * PIXELS + p] - mean[c][p]);
            if (far < least) least = far, best = c;
        }
        right += best == ty[i];
    }
    if (right < M * 6 / 10 || right > M * 97 / 100) fail_msg("%d of %d are nearest to their own mean", right, M);
    free(x);
    free(tx);
}

/* A picture depends on (seed, split, index) and on nothing else. */
static void test_digits_pure(void **state)
{
    (void)state;
    int32_t y[60];
    float *few = pictures("{format: digits, samples: 10, test: 10}", 5, false, 10, y);
    float *many = pictures("{format: digits, samples: 60, test: 10}", 5, false, 60, y);
    float *other = pictures("{format: digits, samples: 10, test: 10}", 6, false, 10, y);
    float *test = pictures("{format: digits, samples: 10, test: 10}", 5, true, 10, y);
    const size_t bytes = 10 * PIXELS * sizeof(float);
    assert_memory_equal(few, many, bytes);
    assert_memory_not_equal(few, other, bytes);
    assert_memory_not_equal(few, test, bytes);
    assert_memory_not_equal(few, few + 10 * PIXELS / 2, bytes / 2);
    free(few), free(many), free(other), free(test);
}

/* Solve the 6 x 6 normal equations by Gauss and Jordan's elimination with pivots. */
static void solve(double a[6][7])
{
    for (int c = 0; c < 6; c++) {
        int best = c;
        for (int r = c; r < 6; r++)
            if (fabs(a[r][c]) > fabs(a[best][c])) best = r;
        for (int k = 0; k < 7; k++) {
            const double held = a[c][k];
            a[c][k] = a[best][k];
            a[best][k] = held;
        }
        for (int r = 0; r < 6; r++)
            for (int k = 6; r != c && k >= c; k--) a[r][k] -= a[r][c] / a[c][c] * a[c][k];
    }
    for (int c = 0; c < 6; c++) a[c][6] /= a[c][c];
}

static void test_houses_rule(void **state)
{
    (void)state;
    enum { N = 2000 };
    data *d = open_good("format: houses");
    const char *names[] = { "size", "rooms", "age", "place=centre", "place=harbour", "place=hills", "place=outskirts" };
    for (int i = 0; i < 7; i++) assert_string_equal(d->column_name[i], names[i]);
    assert_string_equal(d->target_name, "price");
    assert_int_equal(dataset_count(d->test), 500);
    float *x = malloc(N * 7 * sizeof *x), *y = malloc(N * sizeof *y);
    fetch_all(d->train, N, x, y);
    double a[6][7] = { { 0 } };
    for (int i = 0; i < N; i++) {                /* 1, size, rooms, age and three contrasts of place against the fourth */
        const float *v = x + 7 * i;
        const double row[7] = { 1, v[0], v[1], v[2], v[3] - v[6], v[4] - v[6], y[i] };
        const double third = v[5] - v[6];
        double full[7] = { row[0], row[1], row[2], row[3], row[4], row[5], row[6] };
        full[6] -= houses_truth.place[2] * third;        /* the third contrast is taken as known */
        for (int r = 0; r < 6; r++)
            for (int c = 0; c < 7; c++) a[r][c] += full[r] * full[c];
    }
    solve(a);
    const double want[] = { houses_truth.base, houses_truth.size, houses_truth.rooms, houses_truth.age,
                            houses_truth.place[0], houses_truth.place[1] };
    for (int i = 0; i < 6; i++)
        if (fabs(a[i][6] - want[i]) > 0.02 * fabs(want[i])) fail_msg("weight %d: %g, not %g", i, a[i][6], want[i]);
    double sum = 0, squares = 0;
    for (int p = 0; p < HOUSES_PLACES; p++) sum += houses_truth.place[p];
    assert_float_equal(sum, 0, 0);
    for (int i = 0; i < N; i++) {
        double e = y[i] - want[0];
        for (int k = 0; k < 3; k++) e -= want[1 + k] * x[7 * i + k];
        for (int p = 0; p < HOUSES_PLACES; p++) e -= houses_truth.place[p] * x[7 * i + 3 + p];
        squares += e * e;
    }
    assert_float_equal(sqrt(squares / N), 5, 0.25);
    free(x);
    free(y);
    data_free(d);
}

static void test_counts(void **state)
{
    (void)state;
    data *d = open_good("{format: digits, samples: 100, validation: 0.2, test: 30, size: 28, limit: 50}");
    assert_shape(&d->input, HEFT_F32, 3, 28, 28, 1, 0);
    assert_shape(&d->target, HEFT_I32, 0, 0, 0, 0, 10);
    assert_string_equal(d->class_name[7], "7");
    assert_int_equal(dataset_count(d->train), 50);
    assert_int_equal(dataset_count(d->validation), 20);
    assert_int_equal(dataset_count(d->test), 30);
    char print[DIGEST_HEX];
    memcpy(print, d->fingerprint, sizeof print);
    data_free(d);
    problems pr = { 0 };
    d = open_seed("{format: digits, samples: 100, validation: 0.2, test: 30, size: 28, limit: 50}", 2, &pr);
    assert_string_not_equal(d->fingerprint, print);      /* another seed, other pictures */
    data_free(d);
    d = open_good("{format: houses, samples: 50, validation: 7, test: 0}");
    assert_int_equal(dataset_count(d->validation), 7);
    assert_null(d->test);
    data_free(d);
    refuse("files", "{format: digits, train: x}", "train");
    refuse("test files", "{format: digits, test: x}", "digits has no files");
    refuse("size", "{format: digits, size: 7}", "size");
    refuse("noise", "{format: houses, noise: loud}", "loud");
    refuse("count", "{format: houses, test: 1.5}", "test: 1.5");
    refuse("key", "{format: houses, sample: 5}", "sample|samples");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits_distinguishable), cmocka_unit_test(test_digits_pure),
        cmocka_unit_test(test_houses_rule), cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
