/* What samples weigh, as the formats give it; and tokens and sequences of labels in HDF5 and idx files. */
#include "data/support.h"

static const char table[] = "a,price,w\n1,10,1\n2,20,0.5\n3,30,0\n4,40,2\n5,50,3\n6,60,1\n";
static const float of_row[] = { 1, 0.5f, 0, 2, 3, 1 };

#define CSV "format: csv\ntrain: t.csv\ntarget: price\n"

static void expect_weights(dataset *s, int64_t n, const float *want)
{
    assert_true(dataset_weighted(s));
    assert_int_equal(dataset_count(s), n);
    for (int64_t i = 0; i < n; i++) {
        float w;
        dataset_weights(s, &i, 1, &w);
        if (w != want[i]) fail_msg("sample %d weighs %g, not %g", (int)i, (double)w, (double)want[i]);
    }
}

static void test_csv(void **state)
{
    (void)state;
    write_text("t.csv", table);
    data *d = open_good(CSV "weight: w\ntest: t.csv");
    assert_shape(&d->input, HEFT_F32, 1, 1, 0, 0, 0);       /* no input */
    expect_weights(d->train, 6, of_row);
    expect_weights(d->test, 6, of_row);
    data_free(d);
    d = open_good(CSV "drop: w");
    assert_false(dataset_weighted(d->train));
    data_free(d);
    d = open_good(CSV "weight: w\nvalidation: 0.5");        /* a share keeps its samples' own */
    for (int part = 0; part < 2; part++) {
        dataset *s = part ? d->validation : d->train;
        for (int64_t i = 0; i < 3; i++) {
            float w, y, x;
            problems pr = { 0 };
            dataset_weights(s, &i, 1, &w);
            assert_int_equal(dataset_fetch(s, &i, 1, &x, &y, &pr), 0);
            assert_true(w == of_row[(int)(y / 10) - 1]);
        }
    }
    data_free(d);
}

static void test_batches(void **state)
{
    (void)state;
    write_text("t.csv", table);
    problems pr = { 0 };
    data *d = open_good(CSV "weight: w");
    loader *l = loader_open(d->train, d, 4, true, false, 3, &pr);
    loader_start(l, 0, 0);
    int64_t seen = 0;
    for (const batch *b; (b = loader_next(l, &pr)); seen += b->n)
        for (int64_t i = 0; i < b->n; i++) assert_true(b->weights[i] == of_row[b->index[i]]);
    assert_int_equal(seen, 6);
    loader_close(l);
    data_free(d);
}

static void put_h5(hdf_type type, int rank, const int64_t *dim, const void *weights)
{
    static const int32_t tokens[] = { 0, 3, 1, 2, 0, 0 }, tags[] = { 1, 0, 2, 0, 0, 0 };
    problems pr = { 0 };
    hdf_file *f = hdf_create(&pr);
    hdf_write(f, "/x", HDF_I32, 2, (int64_t[]){ 2, 3 }, tokens, &pr);
    hdf_write(f, "/y", HDF_I32, 2, (int64_t[]){ 2, 3 }, tags, &pr);
    hdf_write(f, "/one", HDF_I32, 1, (int64_t[]){ 2 }, tags, &pr);
    hdf_write(f, "/w", type, rank, dim, weights, &pr);
    assert_int_equal(hdf_publish(f, "heft-test 1", path_of("t.h5"), &pr), 0);
    assert_int_equal(pr.n, 0);
}

#define H5 "format: hdf5\ntrain: {file: t.h5, inputs: /x, targets: /one, weights: /w}\n"

static void test_hdf5(void **state)
{
    (void)state;
    static const double w[] = { 0.25, 4 };
    put_h5(HDF_F64, 1, (int64_t[]){ 2 }, w);
    data *d = open_good(H5 "test: {file: t.h5, inputs: /x, targets: /one}");
    expect_weights(d->train, 2, (float[]){ 0.25f, 4 });
    assert_false(dataset_weighted(d->test));
    data_free(d);
    put_h5(HDF_F64, 2, (int64_t[]){ 2, 1 }, w);
    d = open_good(H5);
    expect_weights(d->train, 2, (float[]){ 0.25f, 4 });
    data_free(d);

    put_h5(HDF_F64, 2, (int64_t[]){ 1, 2 }, w);
    refuse("shape", H5, "t.h5:/w: weights of rank 2, 1 along the first axis; one for each of the 2 inputs");
    put_h5(HDF_F64, 0, NULL, w);
    refuse("scalar", H5, "t.h5:/w: weights of rank 0");
    put_h5(HDF_F64, 1, (int64_t[]){ 2 }, (double[]){ 1, -2 });
    refuse("negative", H5, "t.h5:/w: weight -2 of sample 1 (from 0); weights are 0 or more");
    put_h5(HDF_F64, 1, (int64_t[]){ 2 }, (double[]){ NAN, 2 });
    refuse("nan", H5, "weight nan of sample 0");
    put_h5(HDF_F64, 1, (int64_t[]){ 2 }, (double[]){ 0, 0 });
    refuse("zeros", H5, "all 2 weights are 0; some sample must count");
    refuse("path", "format: hdf5\ntrain: {file: t.h5, inputs: /x, targets: /one, weights: /v}", "there is no 'v'");
    refuse("key", "format: hdf5\ntrain: {file: t.h5, inputs: /x, targets: /one, weight: /w}", "did you mean 'weights'?");
}

static void test_tokens(void **state)
{
    (void)state;
    put_h5(HDF_F64, 1, (int64_t[]){ 2 }, (double[]){ 1, 1 });
#define SEQUENCES "format: hdf5\ntrain: {file: t.h5, inputs: /x, targets: /y}\n"
    data *d = open_good(SEQUENCES "vocabulary: 4\ntask: classification");
    assert_shape(&d->input, HEFT_I32, 1, 3, 0, 0, 4);
    assert_shape(&d->target, HEFT_I32, 1, 3, 0, 0, 3);
    int32_t x[6], y[6];
    fetch_all(d->train, 2, (float *)(void *)x, (float *)(void *)y);
    assert_memory_equal(x, ((int32_t[]){ 0, 3, 1, 2, 0, 0 }), sizeof x);
    assert_memory_equal(y, ((int32_t[]){ 1, 0, 2, 0, 0, 0 }), sizeof y);
    data_free(d);
    d = open_good(SEQUENCES);                               /* numbers, where nothing is said */
    assert_shape(&d->input, HEFT_F32, 1, 3, 0, 0, 0);
    assert_shape(&d->target, HEFT_F32, 1, 3, 0, 0, 0);
    data_free(d);
    d = open_good(SEQUENCES "vocabulary: 3");               /* found when it is read */
    problems pr = { 0 };
    float v[6];
    assert_int_equal(dataset_fetch(d->train, (int64_t[]){ 0 }, 1, v, NULL, &pr), -1);
    expect_problems(&pr, "token", "t.h5:/x: token 3 in row 0 (from 0); vocabulary: 3 has 0 to 2");
    data_free(d);
    refuse("fractions", "format: hdf5\ntrain: {file: t.h5, inputs: /w, targets: /y}\nvocabulary: 4", "t.h5:/w: fractions, and vocabulary says that they are tokens");
}

static void put_idx(const char *name, int type, int rank, const uint32_t *dim, int n, const uint8_t *bytes)
{
    uint8_t all[64] = { 0, 0, (uint8_t)type, (uint8_t)rank };
    for (int i = 0; i < rank; i++) all[7 + 4 * i] = (uint8_t)dim[i];
    memcpy(all + 4 + 4 * rank, bytes, (size_t)n);
    write_bytes(name, all, (size_t)(4 + 4 * rank + n));
}

#define IDX "format: idx\ntrain: {inputs: x, targets: y, weights: w}\n"

static void test_idx(void **state)
{
    (void)state;
    put_idx("x", 8, 2, (uint32_t[]){ 3, 2 }, 6, (uint8_t[]){ 1, 2, 3, 4, 5, 6 });
    put_idx("y", 8, 1, (uint32_t[]){ 3 }, 3, (uint8_t[]){ 0, 1, 1 });
    put_idx("w", 8, 1, (uint32_t[]){ 3 }, 3, (uint8_t[]){ 2, 0, 7 });
    data *d = open_good(IDX);
    expect_weights(d->train, 3, (float[]){ 2, 0, 7 });
    data_free(d);
    put_idx("w", 0x0d, 1, (uint32_t[]){ 3 }, 12, (uint8_t[]){ 0x3f, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0 });
    d = open_good(IDX);
    expect_weights(d->train, 3, (float[]){ 0.5f, 2, 0 });
    data_free(d);
    put_idx("w", 8, 1, (uint32_t[]){ 2 }, 2, (uint8_t[]){ 2, 0 });
    refuse("count", IDX, "w: 2 times 1 weights for 3 inputs");
    put_idx("w", 8, 2, (uint32_t[]){ 3, 2 }, 6, (uint8_t[]){ 1, 2, 3, 4, 5, 6 });
    refuse("shape", IDX, "w: 3 times 2 weights for 3 inputs");
    put_idx("w", 9, 1, (uint32_t[]){ 3 }, 3, (uint8_t[]){ 1, 0xfe, 3 });
    refuse("negative", IDX, "w: weight -2 of sample 1");
    refuse("no file", "format: idx\ntrain: {inputs: x, targets: y, weights: ww}", "there is no file");
    put_idx("y", 8, 2, (uint32_t[]){ 3, 2 }, 6, (uint8_t[]){ 0, 1, 1, 4, 0, 0 });
    d = open_good("format: idx\ntrain: {inputs: x, targets: y}\ntask: classification");
    assert_shape(&d->target, HEFT_I32, 1, 2, 0, 0, 5);
    int32_t y[6];
    float x[6];
    fetch_all(d->train, 3, x, (float *)(void *)y);
    assert_memory_equal(y, ((int32_t[]){ 0, 1, 1, 4, 0, 0 }), sizeof y);
    data_free(d);
}

static void test_refused(void **state)
{
    (void)state;
    const struct { const char *name, *file, *yaml, *words; } cases[] = {
        { "no column", table, CSV "weight: ww", "weight: |has no column ww|did you mean 'w'?" },
        { "target", table, CSV "weight: price", "weight: price is also the target" },
        { "input", table, CSV "weight: w\ninputs: [a, w]", "inputs: w is also the weight" },
        { "list", table, CSV "weight: [w, a]", "weight" },
        { "text", "a,price,w\n1,2,x\n", CSV "weight: w", "t.csv:2:5: row 1, column w: 'x' is no weight; it must be a number, 0 or more" },
        { "negative", "a,price,w\n1,2,1\n1,2,-1\n", CSV "weight: w", "t.csv:3:5: row 2, column w: '-1' is no weight" },
        { "missing", "a,price,w\n1,2,1\n1,2,\n", CSV "weight: w", "row 2, column w: '' is no weight" },
        { "zeros", "a,price,w\n1,2,0\n1,2,0\n", CSV "weight: w", "t.csv: all 2 weights are 0" },
        { "built in", table, "format: digits\nweight: w", "weight" },
        { "cifar", table, "format: cifar\ntrain: t.csv\nweight: w", "weight" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text("t.csv", cases[i].file);
        refuse(cases[i].name, cases[i].yaml, cases[i].words);
    }
    write_text("t.csv", table);
    write_text("v.csv", "a,price\n1,2\n");
    refuse("another file", CSV "weight: w\ntest: v.csv", "v.csv: has no column w, which is the weight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv), cmocka_unit_test(test_batches), cmocka_unit_test(test_hdf5), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_idx), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
