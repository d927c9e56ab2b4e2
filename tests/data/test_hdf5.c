#include "data/support.h"

enum { ROWS = 5000, WIDTH = 40 };

static float value(int64_t row, int i) { return (float)((row * 31 + i * 7) % 1009); }

static void put_h5(const char *name, hdf_type type, int rank, const int64_t *dim, const void *x, hdf_type y_type, int y_rank,
                   const int64_t *y_dim, const void *y)
{
    problems pr = { 0 };
    hdf_file *f = hdf_create(&pr);
    assert_int_equal(hdf_write(f, "/in/x", type, rank, dim, x, &pr), 0);
    assert_int_equal(hdf_write(f, "/y", y_type, y_rank, y_dim, y, &pr), 0);
    assert_int_equal(hdf_publish(f, "heft-test 1", path_of(name), &pr), 0);
    assert_int_equal(pr.n, 0);
}

#define SECTION "format: hdf5\ntrain: {file: t.h5, inputs: /in/x, targets: /y}\n"

static void make_table(void)
{
    float *x = malloc(ROWS * WIDTH * sizeof *x);
    int64_t *y = malloc(ROWS * sizeof *y);
    for (int64_t r = 0; r < ROWS; r++) {
        for (int i = 0; i < WIDTH; i++) x[r * WIDTH + i] = value(r, i);
        y[r] = r % 7;
    }
    put_h5("t.h5", HDF_F32, 2, (int64_t[]){ ROWS, WIDTH }, x, HDF_I64, 1, (int64_t[]){ ROWS }, y);
    free(x);
    free(y);
}

static void test_rows(void **state)
{
    (void)state;
    make_table();
    data *d = open_good(SECTION "validation: 0.2\ncache: 1");
    assert_shape(&d->input, HEFT_F32, 1, WIDTH, 0, 0, 0);
    assert_shape(&d->target, HEFT_I32, 0, 0, 0, 0, 7);
    assert_int_equal(dataset_count(d->train) + dataset_count(d->validation), ROWS);
    problems pr = { 0 };
    int64_t index[1500];
    float *x = malloc(1500 * WIDTH * sizeof *x);
    int32_t *y = malloc(1500 * sizeof *y);
    for (int64_t i = 0; i < 1500; i++) index[i] = (i * 7919) % 4000;
    assert_int_equal(dataset_fetch(d->train, index, 1500, x, (float *)(void *)y, &pr), 0);
    float one[WIDTH];
    int32_t label;
    for (int64_t i = 0; i < 1500; i += 13) {
        assert_int_equal(dataset_fetch(d->train, &index[i], 1, one, (float *)(void *)&label, &pr), 0);
        assert_memory_equal(one, x + i * WIDTH, sizeof one);
        assert_int_equal(label, y[i]);
        assert_true(label >= 0 && label < 7);
    }
    data_free(d);
    d = open_good(SECTION "test: {file: t.h5, inputs: /in/x, targets: /y}\ntask: regression");
    assert_shape(&d->target, HEFT_F32, 1, 1, 0, 0, 0);
    const int64_t rows[] = { 4999, 0, 2500 };
    float t[3];
    assert_int_equal(dataset_fetch(d->test, rows, 3, x, t, &pr), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t[i], rows[i] % 7);
        for (int k = 0; k < WIDTH; k++) assert_float_equal(x[i * WIDTH + k], value(rows[i], k), 0);
    }
    data_free(d);
    free(x);
    free(y);
}

/* More blocks than the cache has room for: 3 MiB of rows behind 1 MiB. */
static void test_small_cache(void **state)
{
    (void)state;
    enum { N = 3000 };
    uint8_t *x = malloc(N * 1024);
    float *y = malloc(N * sizeof *y), v[1024], t;
    for (int i = 0; i < N * 1024; i++) x[i] = (uint8_t)(i / 1024 % 251 + i % 1024);
    for (int i = 0; i < N; i++) y[i] = (float)i / 2;
    put_h5("t.h5", HDF_U8, 3, (int64_t[]){ N, 32, 32 }, x, HDF_F32, 2, (int64_t[]){ N, 1 }, y);
    data *d = open_good(SECTION "cache: 1");
    assert_shape(&d->input, HEFT_F32, 2, 32, 32, 0, 0);     /* as stored */
    problems pr = { 0 };
    for (int64_t k = 0; k < N; k++) {
        const int64_t row = k * 1237 % N;
        assert_int_equal(dataset_fetch(d->train, &row, 1, v, &t, &pr), 0);
        assert_float_equal(t, (float)row / 2, 0);
        for (int i = 0; i < 1024; i += 101) assert_float_equal(v[i], (uint8_t)(row % 251 + i), 0);
    }
    data_free(d);
    free(x);
    free(y);
}

static void test_bad(void **state)
{
    (void)state;
    const float x[6] = { 1, 2, 3, 4, NAN, 6 };
    const int32_t y[3] = { 0, -2, 1 };
    const int64_t rows[] = { 3, 2 };
    put_h5("t.h5", HDF_F32, 2, rows, x, HDF_I32, 1, rows, y);
    refuse("label", SECTION, "t.h5:/y: label -2 of sample 1");
    put_h5("t.h5", HDF_F32, 2, rows, x, HDF_I32, 1, (int64_t[]){ 2 }, y);
    refuse("counts", SECTION, "t.h5:/y: 2 targets for 3 inputs in");
    put_h5("t.h5", HDF_F32, 0, NULL, x, HDF_I32, 1, rows, y);
    refuse("scalar", SECTION, "t.h5:/in/x: a single number");
    put_h5("t.h5", HDF_F32, 6, (int64_t[]){ 3, 1, 1, 1, 1, 1 }, x, HDF_I32, 1, rows, y);
    refuse("axes", SECTION, "6 axes; inputs have 1 to 5");
    put_h5("t.h5", HDF_F32, 2, rows, x, HDF_F32, 1, rows, x + 3);
    refuse("nan target", SECTION, "t.h5:/y: nan in row 1");
    refuse("path", "format: hdf5\ntrain: {file: t.h5, inputs: /in/x, targets: /nowhere}", "there is no 'nowhere'");
    refuse("keys", "format: hdf5\ntrain: {file: t.h5, input: /in/x}", "input|inputs is missing|targets is missing");
    refuse("a name", "format: hdf5\ntrain: t.h5", "{file: NAME, inputs: /PATH, targets: /PATH} is needed");
    write_text("t.h5", "no HDF5 at all");
    refuse("no hdf5", SECTION, "t.h5");
    write_text("t.h5", "");
    refuse("empty", SECTION, "t.h5");
    refuse("folder", "format: hdf5\ntrain: {file: ., inputs: /in/x, targets: /y}", "is a directory");

    put_h5("t.h5", HDF_F32, 2, rows, x, HDF_F32, 1, rows, x);        /* an input that is no number: when it is read */
    data *d = open_good(SECTION);
    problems pr = { 0 };
    loader *l = loader_open(d->train, d, 1, false, false, 0, &pr);
    loader_start(l, 0, 0);
    assert_non_null(loader_next(l, &pr));
    assert_non_null(loader_next(l, &pr));
    assert_null(loader_next(l, &pr));
    assert_null(loader_next(l, &pr));
    assert_int_equal(pr.n, 1);
    expect_problems(&pr, "late nan", "t.h5:/in/x: nan in row 2");
    loader_start(l, 1, 0);                       /* it can be started again */
    assert_non_null(loader_next(l, &pr));
    loader_close(l);
    data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows), cmocka_unit_test(test_small_cache), cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
