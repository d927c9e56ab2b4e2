/* test_fingerprint.c -- the fingerprint of data tells apart what results depend on, and nothing else */
#include "data/support.h"

#include "hdf/hdf.h"

#define H5 "format: hdf5\ntrain: {file: a.h5, inputs: /x, targets: /y}\n"
#define CSV "format: csv\ntrain: a.csv\ntarget: b\n"
#define NOISE "format: noise\nsamples: 12\n"

static const struct { const char *a, *b; bool same; } pairs[] = {
    { H5, H5 "cache: 1\n", true },
    { H5 "cache: 4\n", H5 "cache: 400\n", true },
    { H5, H5 "scale: 1\n", true },               /* a default written out */
    { H5, H5 "scale: 0.5\n", false },
    { H5, H5 "scale_target: 2\n", false },
    { H5, H5 "normalize: standard\n", false },
    { H5, H5 "normalize_target: standard\n", false },
    { H5, H5 "limit: 4\n", false },
    { H5, H5 "validation: 0.5\n", false },
    { H5, H5 "task: regression\n", false },
    { H5, H5 "root: .\n", true },
    { H5, "format: hdf5\ntrain: {file: same.h5, inputs: /x, targets: /y}\n", true },
    { H5, "format: hdf5\ntrain: {file: other.h5, inputs: /x, targets: /y}\n", false },
    { CSV, CSV "missing: mean\n", false },
    { CSV, CSV "drop: [c]\n", false },
    { CSV, "target: b\ntrain: a.csv\nformat: csv\n", true },
    { NOISE "shape: [4]\n", NOISE "shape: [5]\n", false },
    { NOISE "shape: [4]\n", NOISE "shape: [4]\ntarget: [2]\n", false },
    { NOISE "shape: [4]\n", "format: noise\nsamples: 13\nshape: [4]\n", false },
};

static void write_h5(const char *name, float first)
{
    problems pr = { 0 };
    const int64_t n[] = { 8, 2 };
    float x[16] = { first }, y[8] = { 1 };
    hdf_file *f = hdf_create(&pr);
    hdf_write(f, "/x", HDF_F32, 2, n, x, &pr);
    hdf_write(f, "/y", HDF_F32, 1, n, y, &pr);
    assert_int_equal(hdf_publish(f, "heft-test 1", path_of(name), &pr), 0);
}

static void told_apart(void **state)
{
    (void)state;
    write_h5("a.h5", 1);
    write_h5("same.h5", 1);
    write_h5("other.h5", 2);
    write_text("a.csv", "a,b,c\n1,2,3\n4,5,6\n7,8,9\n1,5,2\n");
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        data *a = open_good(pairs[i].a), *b = open_good(pairs[i].b);
        if (!strcmp(a->fingerprint, b->fingerprint) != pairs[i].same)
            fail_msg("case %zu: <%s> and <%s> %s", i, pairs[i].a, pairs[i].b, pairs[i].same ? "differ" : "are the same");
        data_free(a);
        data_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(told_apart) };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
