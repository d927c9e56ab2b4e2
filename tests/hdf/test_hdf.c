/* test_hdf.c -- what is written is what is read; equal content makes equal bytes; tables; threads */
#include "hdf/scratch.h"

/* ---- round trips ---- */

static const size_t type_size[] = { 4, 8, 4, 8, 1, 8 };

/* Bytes that are valid numbers of any type: small positive integers, or small reals. */
static void fill(hdf_type type, int64_t n, void *out)
{
    for (int64_t i = 0; i < n; i++) {
        const int64_t v = (i * 37 + 11) % 251;
        switch (type) {
        case HDF_F32: ((float *)out)[i] = (float)v / 3; break;
        case HDF_F64: ((double *)out)[i] = -(double)v / 3; break;
        case HDF_I32: ((int32_t *)out)[i] = (int32_t)(INT32_MIN + v); break;
        case HDF_I64: ((int64_t *)out)[i] = INT64_MIN + v; break;
        case HDF_U8:  ((uint8_t *)out)[i] = (uint8_t)v; break;
        case HDF_U64: ((uint64_t *)out)[i] = UINT64_MAX - (uint64_t)v; break;
        }
    }
}

static const struct shape { const char *name; int rank; int64_t dim[4]; } shapes[] = {
    { "scalar", 0, { 0 } },         { "one", 1, { 1 } },           { "vector", 1, { 7 } },
    { "matrix", 2, { 3, 5 } },      { "cube", 3, { 2, 3, 4 } },    { "kernel", 4, { 3, 3, 2, 5 } },
    { "empty", 1, { 0 } },          { "empty2", 2, { 4, 0 } },     { "empty3", 3, { 0, 2, 3 } },
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static int64_t count(const struct shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++) n *= s->dim[i];
    return n;
}

static void round_trip(void **state)
{
    (void)state;
    problems pr = { 0 };
    char path[128];
    uint64_t want[128], got[128];
    hdf_file *f = hdf_create(&pr);
    for (hdf_type t = HDF_F32; t <= HDF_U64; t++)
        for (int s = 0; s < N_SHAPES; s++) {
            snprintf(path, sizeof path, "/a/t%d/%s", (int)t, shapes[s].name);
            fill(t, count(&shapes[s]), want);
            assert_int_equal(hdf_write(f, path, t, shapes[s].rank, shapes[s].dim, want, &pr), 0);
        }
    assert_int_equal(hdf_publish(f, FORMAT, in_dir("trip.h5"), &pr), 0);
    hdf_file *open[2] = { hdf_open_published(in_dir("trip.h5"), FORMAT, &pr), hdf_open(in_dir("trip.h5"), &pr) };
    expect_none(&pr, "open");
    for (int k = 0; k < 2; k++) {
        for (hdf_type t = HDF_F32; t <= HDF_U64; t++)
            for (int s = 0; s < N_SHAPES; s++) {
                snprintf(path, sizeof path, "/a/t%d/%s", (int)t, shapes[s].name);
                hdf_type type;
                int rank;
                int64_t dim[HDF_MAX_RANK];
                const int64_t n = count(&shapes[s]);
                fill(t, n, want);
                memset(got, 0xee, sizeof got);
                assert_int_equal(hdf_shape(open[k], path, &type, &rank, dim, &pr), 0);
                assert_int_equal(type, t);
                assert_int_equal(rank, shapes[s].rank);
                assert_memory_equal(dim, shapes[s].dim, (size_t)rank * sizeof *dim);
                assert_int_equal(hdf_read(open[k], path, t, rank, dim, got, &pr), 0);
                assert_memory_equal(got, want, (size_t)n * type_size[t]);
                if (rank == 0) continue;
                memset(got, 0xee, sizeof got);
                for (int64_t row = 0, width = dim[0] ? n / dim[0] : 0; row < dim[0]; row++)
                    assert_int_equal(hdf_read_rows(open[k], path, t, row, 1,
                                                   (char *)got + (size_t)(row * width) * type_size[t], &pr), 0);
                assert_memory_equal(got, want, (size_t)n * type_size[t]);
            }
        hdf_close(open[k]);
    }
    expect_none(&pr, "read");
}

/* More than one chunk: cut on the first axis, evenly; and on the second, where a row alone is more than a chunk. */
static void big_tensors(void **state)
{
    (void)state;
    problems pr = { 0 };
    const int64_t tall[2] = { 3 * 1024 * 1024 + 1, 2 }, wide[2] = { 2, 5 * 1024 * 1024 };
    float *x = block_alloc((size_t)(wide[0] * wide[1]), sizeof *x),
          *y = block_alloc((size_t)(wide[0] * wide[1]), sizeof *y);
    for (int64_t i = 0; i < wide[0] * wide[1]; i++) x[i] = (float)i;
    hdf_file *f = hdf_create(&pr);
    hdf_write(f, "/tall", HDF_F32, 2, tall, x, &pr);
    hdf_write(f, "/wide", HDF_F32, 2, wide, x, &pr);
    assert_int_equal(hdf_publish(f, FORMAT, in_dir("big.h5"), &pr), 0);
    f = hdf_open_published(in_dir("big.h5"), FORMAT, &pr);
    assert_int_equal(hdf_read(f, "/tall", HDF_F32, 2, tall, y, &pr), 0);
    assert_memory_equal(x, y, (size_t)(tall[0] * tall[1]) * sizeof *x);
    assert_int_equal(hdf_read(f, "/wide", HDF_F32, 2, wide, y, &pr), 0);
    assert_memory_equal(x, y, (size_t)(wide[0] * wide[1]) * sizeof *x);
    hdf_close(f);
    struct stat st;
    stat(in_dir("big.h5"), &st);
    const int64_t least = 4 * (tall[0] * tall[1] + wide[0] * wide[1]);
    assert_true(st.st_size > least && st.st_size < least + 64 * 1024);
    block_free(x);
    block_free(y);
    expect_none(&pr, "big");
}

static void texts_and_attributes(void **state)
{
    (void)state;
    problems pr = { 0 };
    arena *a = arena_new();
    static const char *const text[] = { "", "cat", "Über-\xe6\xb7\xb1\xe5\xba\xa6 \xf0\x9f\x8f\x8b", "two\nlines\t",
                                        "dog" };
    static const char *const empties[] = { "", "" };
    const int64_t ints[] = { 3, -1, INT64_MAX };
    char *lots = arena_alloc(a, 200001, 1);
    memset(lots, 'y', 200000);
    hdf_file *f = hdf_create(&pr);
    for (int i = 0; i < 4; i++) hdf_write_text(f, arena_printf(a, "/text/t%d", i), text[i], &pr);
    hdf_write_text(f, "/text/lots", lots, &pr);
    hdf_write_texts(f, "/texts", 5, text, &pr);
    hdf_write_texts(f, "/no_texts", 0, NULL, &pr);
    hdf_write_texts(f, "/empties", 2, empties, &pr);
    hdf_group(f, "/group/inner", &pr);
    hdf_group(f, "/group", &pr);
    hdf_attr_text(f, "/group", "text", text[2], &pr);
    hdf_attr_text(f, "/group", "none", "", &pr);
    hdf_attr_text(f, "/group", "lots", lots, &pr);
    hdf_attr_int(f, "/group/inner", "int", INT64_MIN, &pr);
    hdf_attr_real(f, "/texts", "real", 0.1, &pr);
    hdf_attr_real(f, "/", "nan", NAN, &pr);
    hdf_attr_ints(f, "/", "ints", 3, ints, &pr);
    hdf_attr_ints(f, "/", "no_ints", 0, NULL, &pr);
    hdf_publish(f, FORMAT, in_dir("texts.h5"), &pr);
    expect_none(&pr, "write");

    f = hdf_open_published(in_dir("texts.h5"), FORMAT, &pr);
    for (int i = 0; i < 4; i++)
        assert_string_equal(hdf_read_text(f, arena_printf(a, "/text/t%d", i), a, &pr), text[i]);
    assert_string_equal(hdf_read_text(f, "/text/lots", a, &pr), lots);
    int64_t n;
    char **s;
    assert_int_equal(hdf_read_texts(f, "/texts", a, &n, &s, &pr), 0);
    assert_int_equal(n, 5);
    for (int i = 0; i < 5; i++) assert_string_equal(s[i], text[i]);
    assert_int_equal(hdf_read_texts(f, "/no_texts", a, &n, &s, &pr), 0);
    assert_int_equal(n, 0);
    assert_int_equal(hdf_read_texts(f, "/empties", a, &n, &s, &pr), 0);
    assert_int_equal(n, 2);
    assert_string_equal(s[1], "");
    assert_string_equal(hdf_get_text(f, "/group", "text", a, &pr), text[2]);
    assert_string_equal(hdf_get_text(f, "/group", "none", a, &pr), "");
    assert_string_equal(hdf_get_text(f, "/group", "lots", a, &pr), lots);
    int64_t i, v[4];
    double r;
    assert_int_equal(hdf_get_int(f, "/group/inner", "int", &i, &pr), 0);
    assert_true(i == INT64_MIN);
    assert_int_equal(hdf_get_real(f, "/texts", "real", &r, &pr), 0);
    assert_true(r == 0.1);
    assert_int_equal(hdf_get_real(f, "/", "nan", &r, &pr), 0);
    assert_true(isnan(r));
    assert_int_equal(hdf_get_ints(f, "/", "ints", 4, &n, v, &pr), 0);
    assert_int_equal(n, 3);
    assert_memory_equal(v, ints, sizeof ints);
    assert_int_equal(hdf_get_ints(f, "/", "no_ints", 4, &n, v, &pr), 0);
    assert_int_equal(n, 0);
    expect_none(&pr, "read");

    assert_int_equal(hdf_get_ints(f, "/", "ints", 2, &n, v, &pr), -1);
    expect_problem(&pr, "too many", "attribute 'ints' has 3 numbers; at most 2 expected");
    assert_int_equal(hdf_get_int(f, "/", "ints", &i, &pr), -1);
    expect_problem(&pr, "not one", "has 3 numbers; 1 expected");
    assert_int_equal(hdf_get_int(f, "/texts", "real", &i, &pr), -1);
    expect_problem(&pr, "real as int", "attribute 'real' is no integer");
    assert_int_equal(hdf_get_real(f, "/group", "text", &r, &pr), -1);
    expect_problem(&pr, "text as real", "attribute 'text' is no number");
    assert_null(hdf_get_text(f, "/", "ints", a, &pr));
    expect_problem(&pr, "ints as text", "attribute 'ints' holds numbers, where text was expected");
    assert_null(hdf_get_text(f, "/group", "texd", a, &pr));
    expect_problem(&pr, "attribute",
                   "texts.h5:/group: there is no attribute 'texd' (did you mean 'text'?); it has lots, none, text");
    assert_null(hdf_read_text(f, "/texts", a, &pr));
    expect_problem(&pr, "many", "holds 5 texts, where one was expected");
    hdf_close(f);
    arena_free(a);
}

static void names_and_members(void **state)
{
    (void)state;
    problems pr = { 0 };
    arena *a = arena_new();
    const float x = 1;
    hdf_file *f = hdf_create(&pr);
    static const char *const name[] = { "zeta", "alpha", "weight", "bias", "kernel", "b2", "b1",
                                        "c9",   "c8",    "c7",     "d",    "e",      "f1", "f0" };
    enum { N = sizeof name / sizeof *name };
    for (int i = 0; i < N; i++) hdf_write(f, arena_printf(a, "/g/%s", name[i]), HDF_F32, 0, NULL, &x, &pr);
    hdf_publish(f, FORMAT, in_dir("names.h5"), &pr);
    f = hdf_open_published(in_dir("names.h5"), FORMAT, &pr);
    int64_t n, dim[HDF_MAX_RANK];
    char **got;
    assert_int_equal(hdf_members(f, "/g", a, &n, &got, &pr), 0);
    assert_int_equal(n, N);
    for (int i = 0; i < N; i++) assert_string_equal(got[i], name[i]);
    assert_true(hdf_exists(f, "/g") && hdf_exists(f, "/g/zeta") && hdf_exists(f, "/"));
    assert_false(hdf_exists(f, "/g/zet") || hdf_exists(f, "/h/zeta") || hdf_exists(f, "/g/zeta/x"));
    assert_true(hdf_is_group(f, "/g") && !hdf_is_group(f, "/g/zeta") && !hdf_is_group(f, "/q"));
    assert_string_equal(hdf_place(f, "/g", a).file, arena_printf(a, "%s:/g", in_dir("names.h5")));
    hdf_type t;
    int rank;
    float y[4];
    expect_none(&pr, "names");

    assert_int_equal(hdf_shape(f, "/g/wieght", &t, &rank, dim, &pr), -1);
    expect_problem(&pr, "misspelt", "names.h5:/g: there is no 'wieght' (did you mean 'weight'?); it has zeta, alpha");
    assert_int_equal(hdf_shape(f, "/h/weight", &t, &rank, dim, &pr), -1);
    expect_problem(&pr, "group", "names.h5:/: there is no 'h'");
    assert_int_equal(hdf_shape(f, "/g/bias/weight", &t, &rank, dim, &pr), -1);
    expect_problem(&pr, "not a group", "/g/bias: not a group");
    assert_int_equal(hdf_shape(f, "/g", &t, &rank, dim, &pr), -1);
    expect_problem(&pr, "a group", "/g: a group, where a data set was expected");
    assert_int_equal(hdf_members(f, "/g/bias", a, &n, &got, &pr), -1);
    expect_problem(&pr, "members", "/g/bias: not a group");
    const int64_t four = 4;
    assert_int_equal(hdf_read(f, "/g/bias", HDF_F32, 1, &four, y, &pr), -1);
    expect_problem(&pr, "shape", "has the shape a scalar, where [4] was expected");
    assert_int_equal(hdf_read_rows(f, "/g/bias", HDF_F32, 0, 1, y, &pr), -1);
    expect_problem(&pr, "rows", "a scalar, where rows were expected");
    hdf_close(f);

    /* A file with a part missing is not published. */
    f = hdf_create(&pr);
    assert_int_equal(hdf_write(f, "/a", HDF_F32, 0, NULL, &x, &pr), 0);
    static const char *const bad[] = { "", "a", "/", "//a", "/a//b", "/b/", "/./b" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(hdf_write(f, bad[i], HDF_F32, 0, NULL, &x, &pr), -1);
        expect_problem(&pr, bad[i], "not a path of the form /group/name");
    }
    assert_int_equal(hdf_write(f, "/a", HDF_F32, 0, NULL, &x, &pr), -1);
    expect_problem(&pr, "twice", "/a: cannot be written: ");
    assert_int_equal(hdf_write(f, "/a/b", HDF_F32, 0, NULL, &x, &pr), -1);
    problems_free(&pr);
    assert_int_equal(hdf_attr_int(f, "/c", "x", 1, &pr), -1);
    expect_problem(&pr, "attribute of nothing", "there is no 'c'");
    const int64_t negative = -1, huge[2] = { INT64_MAX / 2, 8 };
    assert_int_equal(hdf_write(f, "/n", HDF_F32, 1, &negative, &x, &pr), -1);
    expect_problem(&pr, "negative", "cannot be written: rank 1");
    assert_int_equal(hdf_write(f, "/h", HDF_F32, 2, huge, &x, &pr), -1);
    expect_problem(&pr, "huge", "cannot be written: rank 2");
    assert_int_equal(hdf_publish(f, FORMAT, in_dir("part.h5"), &pr), -1);
    expect_problem(&pr, "part", "part.h5: not written, since a part of it could not be made");
    assert_false(file_exists(in_dir("part.h5")));
    hdf_discard(hdf_create(&pr));
    hdf_discard(NULL);
    hdf_close(NULL);
    expect_none(&pr, "discard");
    arena_free(a);
}

/* ---- equal content, equal bytes ---- */

static char *make(const char *name, size_t *n)
{
    problems pr = { 0 };
    static const table_column column[] = { { "epoch", "", true }, { "loss", "1", false } };
    static const char *const names[] = { "a", "longer" };
    const int64_t dim[2] = { 3 * 1024 * 1024 + 1, 2 };         /* several chunks, the last one partly filled */
    float *x = block_alloc((size_t)(dim[0] * dim[1]), sizeof *x);
    table *t = table_new(2, column);
    for (int i = 0; i < 70; i++) table_add_row(t)[0] = i;
    hdf_file *f = hdf_create(&pr);
    for (int i = 0; i < 12; i++) {
        char path[64];
        snprintf(path, sizeof path, "/layers/l%d/weight", i);
        hdf_write(f, path, HDF_F32, 2, (const int64_t[]){ 3, 5 }, x, &pr);
    }
    hdf_write(f, "/big", HDF_F32, 2, dim, x, &pr);
    hdf_write_texts(f, "/names", 2, names, &pr);
    hdf_attr_text(f, "/layers", "type", "dense", &pr);
    table_write(t, f, "/epochs", &pr);
    hdf_publish(f, FORMAT, in_dir(name), &pr);
    table_free(t);
    block_free(x);
    char *bytes = file_read(in_dir(name), SIZE_MAX / 4, n, &pr);
    expect_none(&pr, name);
    return bytes;
}

static void equal_bytes(void **state)
{
    (void)state;
    size_t n[2];
    mallopt(M_MMAP_THRESHOLD, 1 << 25);          /* of the heap, where what was freed is not zero */
    mallopt(M_PERTURB, 0x5a);                    /* uninitialized bytes would differ */
    char *a = make("first.h5", &n[0]);
    mallopt(M_PERTURB, 0xc3);
    sleep(1);                                    /* and so would times */
    char *b = make("second.h5", &n[1]);
    mallopt(M_PERTURB, 0);
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(a, b, n[0]);
    block_free(a);
    block_free(b);
}

/* ---- tables ---- */

static void tables(void **state)
{
    (void)state;
    problems pr = { 0 };
    static const table_column column[] = { { "epoch", "", true },
                                           { "val_loss", "1", false },
                                           { "seconds", "s", false } };
    table *t = table_new(3, column), *none = table_new(3, column);
    for (int i = 0; i < 300; i++) {
        double *row = table_add_row(t);
        assert_true(isnan(row[0]) && isnan(row[1]) && isnan(row[2]));
        if (i != 7) row[0] = i == 8 ? 0x1p53 : i;
        if (i % 2) row[1] = i / 7.0;
        row[2] = -i;
    }
    hdf_file *f = hdf_create(&pr);
    assert_int_equal(table_write(t, f, "/metrics/epochs", &pr), 0);
    assert_int_equal(table_write(none, f, "/metrics/steps", &pr), 0);
    assert_int_equal(hdf_publish(f, FORMAT, in_dir("table.h5"), &pr), 0);
    f = hdf_open_published(in_dir("table.h5"), FORMAT, &pr);
    table *got = table_read(f, "/metrics/epochs", &pr), *got_none = table_read(f, "/metrics/steps", &pr);
    expect_none(&pr, "tables");
    assert_int_equal(got->n_columns, 3);
    assert_int_equal(got->n_rows, 300);
    assert_int_equal(got_none->n_rows, 0);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(got->column[i].name, column[i].name);
        assert_string_equal(got->column[i].unit, column[i].unit);
        assert_int_equal(got->column[i].whole, column[i].whole);
    }
    assert_true(table_row(got, 7)[0] == 0);                    /* not measured, in a whole column */
    table_row(t, 7)[0] = 0;
    assert_memory_equal(got->cell, t->cell, 300 * 3 * sizeof *t->cell);
    assert_int_equal(table_find(got, "seconds"), 2);
    assert_int_equal(table_find(got, "second"), -1);
    table_add_row(got)[0] = 300;
    table_add_row(got_none)[0] = 0;
    assert_null(table_read(f, "/metrics/epoch", &pr));
    expect_problem(&pr, "name", "there is no 'epoch' (did you mean 'epochs'?)");
    hdf_close(f);
    table_free(t);
    table_free(none);
    table_free(got);
    table_free(got_none);
    table_free(NULL);

    table *twice = table_new(2, (const table_column[]){ { "a", "", false }, { "a", "", false } }),
          *zero = table_new(0, column);
    f = hdf_create(&pr);
    assert_int_equal(table_write(twice, f, "/t", &pr), -1);
    expect_problem(&pr, "twice", "/t: columns cannot be made");
    assert_int_equal(table_write(zero, f, "/z", &pr), -1);
    expect_problem(&pr, "zero", "/z: a table needs at least one column");
    hdf_discard(f);
    table_free(twice);
    table_free(zero);
}

/* ---- threads ---- */

static void *work(void *arg)
{
    problems pr = { 0 };
    const int id = *(int *)arg;
    char name[32];
    intptr_t wrong = 0;
    for (int round = 0; round < 20; round++) {
        double x[50], y[50];
        const int64_t n = 50;
        for (int i = 0; i < n; i++) x[i] = id * 1000 + round + i;
        snprintf(name, sizeof name, "%s/thread%d.h5", dir, id);
        hdf_file *f = hdf_create(&pr);
        hdf_write(f, "/x", HDF_F64, 1, &n, x, &pr);
        hdf_publish(f, FORMAT, name, &pr);
        f = hdf_open_published(name, FORMAT, &pr);
        hdf_file *g = hdf_open_published(name, FORMAT, &pr);   /* twice at once: two images, not one shared file */
        wrong += !f || !g || hdf_read(f, "/x", HDF_F64, 1, &n, y, &pr) < 0 || memcmp(x, y, sizeof x) != 0;
        hdf_close(f);
        wrong += hdf_read_rows(g, "/x", HDF_F64, 0, n, y, &pr) < 0 || memcmp(x, y, sizeof x) != 0;
        wrong += hdf_read(g, "/none", HDF_F64, 1, &n, y, &pr) == 0;
        hdf_close(g);
        wrong += pr.n != 1;
        problems_free(&pr);
    }
    return (void *)wrong;
}

static void threads(void **state)
{
    (void)state;
    pthread_t t[4];
    int id[4];
    for (int i = 0; i < 4; i++) {
        id[i] = i;
        assert_int_equal(pthread_create(&t[i], NULL, work, &id[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *wrong;
        pthread_join(t[i], &wrong);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(round_trip), TEST(big_tensors), TEST(texts_and_attributes), TEST(names_and_members), TEST(equal_bytes),
        TEST(tables), TEST(threads),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
