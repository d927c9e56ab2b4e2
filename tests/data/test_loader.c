#include "data/support.h"

enum { N = 103 };

/* Row i has the inputs i and 2 i and the target -i. */
static data *open_rows(void)
{
    FILE *f = fopen(path_of("rows.csv"), "w");
    fputs("a,b,c\n", f);
    for (int i = 0; i < N; i++) fprintf(f, "%d,%d,%d\n", i, 2 * i, -i);
    fclose(f);
    return open_good("format: csv\ntrain: rows.csv\ntarget: c");
}

/* The samples of an epoch from `first` on, in their order; checks the batches on the way. */
static int64_t run(loader *l, int64_t epoch, int64_t first, int64_t size, int64_t *order)
{
    problems pr = { 0 };
    int64_t n = 0;
    loader_start(l, epoch, first);
    for (const batch *b; (b = loader_next(l, &pr));) {
        assert_int_equal(b->first, first + n);
        assert_true(b->n == size || b->first + b->n == N);
        assert_int_equal((uintptr_t)b->inputs % 64, 0);
        for (int64_t i = 0; i < b->n; i++) {
            assert_float_equal(b->inputs[2 * i], b->index[i], 0);
            assert_float_equal(b->inputs[2 * i + 1], 2 * b->index[i], 0);
            assert_float_equal(b->targets[i], -b->index[i], 0);
            order[n++] = b->index[i];
        }
    }
    assert_int_equal(pr.n, 0);
    return n;
}

static loader *open_loader(data *d, int64_t size, bool shuffle, bool drop_last, uint64_t seed)
{
    problems pr = { 0 };
    loader *l = loader_open(d->train, d, size, shuffle, drop_last, seed, &pr);
    assert_non_null(l);
    return l;
}

static void test_epochs(void **state)
{
    (void)state;
    data *d = open_rows();
    int64_t first[N], second[N], again[N], other[N];
    loader *l = open_loader(d, 10, true, false, 4);
    assert_int_equal(loader_batches(l), 11);
    assert_int_equal(run(l, 0, 0, 10, first), N);
    assert_int_equal(run(l, 1, 0, 10, second), N);
    assert_int_equal(run(l, 0, 0, 10, again), N);        /* a function of (seed, epoch) alone */
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
    bool seen[N] = { false };
    for (int i = 0; i < N; i++) {
        assert_false(seen[first[i]]);
        seen[first[i]] = true;
    }
    loader_close(l);
    l = open_loader(d, 7, true, false, 4);               /* nor of the batch size */
    run(l, 1, 0, 7, again);
    assert_memory_equal(second, again, sizeof first);
    loader_close(l);
    l = open_loader(d, 10, true, false, 5);
    run(l, 0, 0, 10, other);
    assert_memory_not_equal(first, other, sizeof first);
    loader_close(l);
    data_free(d);
}

static void test_resume(void **state)
{
    (void)state;
    data *d = open_rows();
    int64_t whole[N], rest[N];
    loader *l = open_loader(d, 10, true, false, 4);
    run(l, 3, 0, 10, whole);
    for (int64_t from = 0; from <= 110; from += 10) {
        loader *fresh = open_loader(d, 10, true, false, 4);
        const int64_t left = from < N ? N - from : 0;
        assert_int_equal(run(fresh, 3, from, 10, rest), left);
        assert_memory_equal(whole + (left ? from : 0), rest, (size_t)left * sizeof *rest);
        assert_int_equal(run(l, 3, from, 10, rest), left);       /* and one that has run before */
        assert_memory_equal(whole + (left ? from : 0), rest, (size_t)left * sizeof *rest);
        loader_close(fresh);
    }
    loader_close(l);
    data_free(d);
}

static void test_order_and_ends(void **state)
{
    (void)state;
    data *d = open_rows();
    int64_t order[N];
    loader *l = open_loader(d, 25, false, true, 4);
    assert_int_equal(loader_batches(l), 4);
    assert_int_equal(run(l, 0, 0, 25, order), 100);
    for (int i = 0; i < 100; i++) assert_int_equal(order[i], i);
    loader_close(l);
    l = open_loader(d, 1000, true, false, 4);            /* more than there are */
    assert_int_equal(loader_batches(l), 1);
    assert_int_equal(run(l, 0, 0, 1000, order), N);
    problems pr = { 0 };
    assert_null(loader_next(l, &pr));
    loader_close(l);
    assert_null(loader_open(d->train, d, 1000, true, true, 4, &pr));
    expect_problems(&pr, "drop_last", "batches of 1000 samples");
    assert_null(loader_open(d->train, d, 0, true, false, 4, &pr));
    expect_problems(&pr, "size 0", "batches of 0 samples");
    loader_close(NULL);
    data_free(d);
}

/* A batch stays as it is while the thread fills the others. */
static void test_held(void **state)
{
    (void)state;
    data *d = open_rows();
    problems pr = { 0 };
    loader *l = open_loader(d, 10, true, false, 1);
    loader_start(l, 0, 0);
    for (const batch *b; (b = loader_next(l, &pr));) {
        float copy[20];
        memcpy(copy, b->inputs, (size_t)b->n * 2 * sizeof *copy);
        usleep(1000);
        assert_memory_equal(copy, b->inputs, (size_t)b->n * 2 * sizeof *copy);
    }
    loader_close(l);
    data_free(d);
}

/* Left, restarted and closed at every moment. */
static void test_any_moment(void **state)
{
    (void)state;
    data *d = open_rows();
    problems pr = { 0 };
    for (int k = 0; k < 60; k++) {
        loader *l = open_loader(d, 9, true, false, 1);
        if (k % 5 == 1) assert_null(loader_next(l, &pr));        /* before any start */
        for (int again = 0; again < k % 4; again++) {
            loader_start(l, again, 0);
            for (int i = 0; i < k % 7; i++) assert_non_null(loader_next(l, &pr));
            if (k % 3 == 0) usleep(50 * (unsigned)k);
        }
        loader_close(l);
    }
    assert_int_equal(pr.n, 0);
    data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs), cmocka_unit_test(test_resume), cmocka_unit_test(test_order_and_ends),
        cmocka_unit_test(test_held), cmocka_unit_test(test_any_moment),
    };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
