#include "data/support.h"

enum { N = 200 };

static void write_rows(const char *name, int from, int to)
{
    FILE *f = fopen(path_of(name), "w");
    fputs("a,b\n", f);
    for (int i = from; i < to; i++) fprintf(f, "%d,%d\n", i, i);
    fclose(f);
}

/* Which rows a split has, by their only input. */
static void mark(dataset *s, int *seen)
{
    problems pr = { 0 };
    for (int64_t i = 0, last = -1; i < dataset_count(s); i++) {
        float x;
        assert_int_equal(dataset_fetch(s, &i, 1, &x, NULL, &pr), 0);
        assert_in_range((int)x, 0, N - 1);
        assert_true((int64_t)x > last);          /* in the order of the file */
        last = (int64_t)x;
        seen[(int)x]++;
    }
}

static void test_disjoint_and_complete(void **state)
{
    (void)state;
    write_rows("t.csv", 0, N);
    const char *yaml = "format: csv\ntrain: t.csv\ntarget: b\nvalidation: 0.1\ntest: 0.25";
    data *d = open_good(yaml);
    assert_int_equal(dataset_count(d->validation), 20);
    assert_int_equal(dataset_count(d->test), 50);
    assert_int_equal(dataset_count(d->train), 130);
    int seen[N] = { 0 }, validation[N] = { 0 }, other[N] = { 0 }, again[N] = { 0 };
    mark(d->train, seen);
    mark(d->validation, seen);
    mark(d->test, seen);
    for (int i = 0; i < N; i++) assert_int_equal(seen[i], 1);
    mark(d->validation, validation);
    char print[DIGEST_HEX];
    memcpy(print, d->fingerprint, sizeof print);
    data_free(d);

    d = open_good(yaml);
    mark(d->validation, again);
    assert_memory_equal(validation, again, sizeof again);
    assert_string_equal(print, d->fingerprint);
    data_free(d);
    problems pr = { 0 };
    d = open_seed(yaml, 2, &pr);
    mark(d->validation, other);
    assert_memory_not_equal(validation, other, sizeof other);
    assert_string_not_equal(print, d->fingerprint);
    data_free(d);
}

/* The fit sees the training split and nothing else: its mean and deviation are 0 and 1. */
static void test_fit_on_train(void **state)
{
    (void)state;
    write_rows("t.csv", 0, N);
    data *d = open_good("format: csv\ntrain: t.csv\ntarget: b\nvalidation: 0.5\nnormalize: standard");
    const int64_t n = dataset_count(d->train);
    float x[N];
    fetch_all(d->train, n, x, NULL);
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) sum += (double)x[i], squares += (double)x[i] * (double)x[i];
    assert_float_equal(sum / (double)n, 0, 1e-6);
    assert_float_equal(squares / (double)n, 1, 1e-6);
    data_free(d);
    write_rows("v.csv", 1000, 1010);
    d = open_good("format: csv\ntrain: t.csv\ntarget: b\ntest: v.csv\nnormalize: minmax");
    fetch_all(d->test, 10, x, NULL);
    assert_float_equal(x[0], 1000 / 199.0, 1e-5);
    data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_disjoint_and_complete), cmocka_unit_test(test_fit_on_train) };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
