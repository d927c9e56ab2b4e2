/* test_hdf_damage.c -- damaged files, files of others, publishing that fails */
#include "hdf/scratch.h"

/* libhdf5 1.10 loses a block here and there on its way out of a damaged file; what we allocate is still watched. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libhdf5"; }

/* ---- damage ---- */

static char *small_file(size_t *n)
{
    problems pr = { 0 };
    const double x[3] = { 1, 2, 3 };
    const int64_t three = 3;
    hdf_file *f = hdf_create(&pr);
    hdf_write(f, "/x", HDF_F64, 1, &three, x, &pr);
    hdf_attr_int(f, "/x", "one", 1, &pr);
    hdf_publish(f, FORMAT, in_dir("small.h5"), &pr);
    char *bytes = file_read(in_dir("small.h5"), 1 << 20, n, &pr);
    expect_none(&pr, "small");
    return bytes;
}

static void put(const char *path, const char *bytes, size_t n)
{
    remove(path);                                /* ext4 flushes a file that is truncated and written again */
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void flipped_and_cut(void **state)
{
    (void)state;
    size_t n;
    char *bytes = small_file(&n);
    assert_int_equal(strncmp(bytes, "heft-test 2 ", 12), 0);
    for (size_t i = 0; i < n; i++) {
        problems pr = { 0 };
        bytes[i] ^= (char)(1 << i % 8);
        put(in_dir("flipped.h5"), bytes, n);
        bytes[i] ^= (char)(1 << i % 8);
        hdf_file *f = hdf_open_published(in_dir("flipped.h5"), FORMAT, &pr);
        if (f) fail_msg("byte %zu of %zu flipped: accepted", i, n);
        assert_int_equal(pr.n, 1);
        problems_free(&pr);
    }
    for (size_t i = 0; i < n; i++) {
        problems pr = { 0 };
        put(in_dir("cut.h5"), bytes, i);
        hdf_file *f = hdf_open_published(in_dir("cut.h5"), FORMAT, &pr);
        if (f) fail_msg("cut to %zu of %zu bytes: accepted", i, n);
        expect_problem(&pr, "cut", "cut.h5");
    }
    problems pr = { 0 };
    char *more = calloc(n + 1, 1);
    memcpy(more, bytes, n);
    put(in_dir("cut.h5"), more, n + 1);
    assert_null(hdf_open_published(in_dir("cut.h5"), FORMAT, &pr));
    expect_problem(&pr, "longer", "damaged: ");
    free(more);
    block_free(bytes);
}

static void other_formats(void **state)
{
    (void)state;
    size_t n;
    block_free(small_file(&n));
    problems pr = { 0 };
    const char *path = in_dir("small.h5");
    hdf_close(hdf_open_published(path, "heft-test 2", &pr));
    hdf_close(hdf_open_published(path, "heft-test 11", &pr));           /* older than what is known */
    expect_none(&pr, "versions");
    assert_null(hdf_open_published(path, "heft-test 1", &pr));
    expect_problem(&pr, "newer", "is in version 2 of heft-test; this heft reads versions up to 1");
    assert_null(hdf_open_published(path, "heft-checkpoint 1", &pr));
    expect_problem(&pr, "other", "not a heft-checkpoint file");
    assert_null(hdf_open_published(in_dir("missing.h5"), FORMAT, &pr));
    expect_problem(&pr, "missing", "missing.h5: cannot be opened: No such file");
    assert_null(hdf_open_published(dir, FORMAT, &pr));
    expect_problem(&pr, "directory", "not a regular file");
    assert_null(hdf_open_published(GOLDEN "foreign.h5", FORMAT, &pr));
    expect_problem(&pr, "foreign", "not a heft-test file");

    static const struct { const char *name, *content; size_t n; const char *part;
    } bad[] = {
        { "empty", "", 0, "it is empty" },
        { "text", "epochs: 3\n", 10, "not an HDF5 file" },
        { "signature", "\x89HDF\r\n\x1a\n", 8, "bad" },
        { "version", "\x89HDF\r\n\x1a\n\x07", 9, "superblock of version 7" },
        { "garbage",
          "\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff"
          "\xff",
          40, "special driver" },
        { "extension",                           /* cut within the bytes of its size */
          "\x89HDF\r\n\x1a\n\x02\x08\x08\0\0\0\0\0\0\0\0\0\x30\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x30\0\0\0\0\0\0\0\0\0\0\0"
          "OHDR\x02\x13\0\0\0\0\0\0\0\0\0\0",
          64, "superblock extension that is not read" },
        { "far extension",
          "\x89HDF\r\n\x1a\n\x02\x08\x08\0\0\0\0\0\0\0\0\0\x30\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x30\0\0\0\0\0\0\0\0\0\0\0"
          "OHDR\x02\x13\0\0\0\0\xff\xff\xff\xff\xff\x0f",
          64, "superblock extension that is not read" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(in_dir("bad"), bad[i].content, bad[i].n);
        assert_null(hdf_open(in_dir("bad"), &pr));
        if (i != 2) expect_problem(&pr, bad[i].name, bad[i].part);
        assert_true(i != 2 || pr.n == 1);
        problems_free(&pr);
        assert_null(hdf_open_published(in_dir("bad"), FORMAT, &pr));
        expect_problem(&pr, bad[i].name, "not a heft-test file");
    }
    assert_null(hdf_open(dir, &pr));
    expect_problem(&pr, "directory", "a directory, where an HDF5 file was expected");
    assert_null(hdf_open("/dev/null", &pr));
    expect_problem(&pr, "device", "not a regular file");
    assert_null(hdf_open(in_dir("missing.h5"), &pr));
    expect_problem(&pr, "missing", "cannot be opened: No such file");
}

/* A file of another program, cut anywhere and flipped anywhere: read or refused, never a crash. */
static void foreign_damage(void **state)
{
    (void)state;
    problems pr = { 0 };
    size_t n;
    char *bytes = file_read(GOLDEN "foreign.h5", 1 << 20, &n, &pr);
    double x[15];
    for (size_t i = 0; i < n; i += 61)
        for (int cut = 0; cut < 2; cut++) {
            bytes[i] ^= (char)0xff;
            put(in_dir("damaged.h5"), bytes, cut ? i : n);
            bytes[i] ^= (char)0xff;
            hdf_file *f = hdf_open(in_dir("damaged.h5"), &pr);
            if (cut) assert_null(f);
            if (f) hdf_read(f, "/x", HDF_F64, 2, (const int64_t[]){ 5, 3 }, x, &pr);
            hdf_close(f);
            problems_free(&pr);
        }
    block_free(bytes);
}

/* ---- files of others ---- */

static void foreign_read(void **state)
{
    (void)state;
    problems pr = { 0 };
    hdf_file *f = hdf_open(GOLDEN "foreign.h5", &pr);
    expect_none(&pr, "open");
    double x[15];
    assert_int_equal(hdf_read(f, "/x", HDF_F64, 2, (const int64_t[]){ 5, 3 }, x, &pr), 0);
    for (int i = 0; i < 15; i++) assert_true(x[i] == i / 4.0);
    float y[6];
    assert_int_equal(hdf_read_rows(f, "/x", HDF_F32, 3, 2, y, &pr), 0);
    for (int i = 0; i < 6; i++) assert_true(y[i] == (9 + (float)i) / 4);
    static const struct { const char *path; hdf_type type; int64_t n; double v[3]; } vector[] = {
        { "/big_endian", HDF_I32, 3, { 1, -2, 300000 } }, { "/half", HDF_F32, 2, { 0.5, -2 } },
        { "/bool", HDF_I32, 3, { 1, 0, 1 } },             { "/small", HDF_I32, 2, { -128, 127 } },
        { "/wide", HDF_U64, 2, { 0, 0x1p64 } },           { "/group/../x", HDF_F64, 0, { 0 } },
    };
    hdf_type t;
    int rank;
    int64_t dim[HDF_MAX_RANK];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(hdf_shape(f, vector[i].path, &t, &rank, dim, &pr), 0);
        if (t != vector[i].type) fail_msg("%s: type %d", vector[i].path, (int)t);
        assert_int_equal(hdf_read(f, vector[i].path, HDF_F64, 1, &vector[i].n, x, &pr), 0);
        for (int k = 0; k < vector[i].n; k++)
            if (x[k] != vector[i].v[k]) fail_msg("%s[%d] is %g", vector[i].path, k, x[k]);
    }
    int32_t rows[30];
    for (int64_t i = 99; i >= 0; i--) {
        assert_int_equal(hdf_read_rows(f, "/packed", HDF_I32, i, 1, rows, &pr), 0);
        for (int k = 0; k < 10; k++) assert_int_equal(rows[k], 10 * i + k);
    }
    assert_int_equal(hdf_read_rows(f, "/packed", HDF_I32, 15, 3, rows, &pr), 0);
    for (int k = 0; k < 30; k++) assert_int_equal(rows[k], 150 + k);
    arena *a = arena_new();
    int64_t n;
    char **s;
    assert_int_equal(hdf_read_texts(f, "/fixed", a, &n, &s, &pr), 0);
    assert_string_equal(s[1], "three");
    assert_int_equal(hdf_members(f, "/group", a, &n, &s, &pr), 0);
    assert_int_equal(n, 1);
    table *t2 = table_read(f, "/table", &pr);
    assert_int_equal(t2->n_rows, 2);
    assert_true(t2->column[0].whole && table_row(t2, 1)[0] == 2 && table_row(t2, 1)[table_find(t2, "loss")] == -1);
    table_free(t2);
    expect_none(&pr, "read");
    arena_free(a);
    hdf_close(f);
    f = hdf_open(GOLDEN "foreign_paged.h5", &pr);
    expect_none(&pr, "paged");
    assert_int_equal(hdf_read(f, "/x", HDF_F64, 1, (const int64_t[]){ 3 }, x, &pr), 0);
    hdf_close(f);
}

static void foreign_refused(void **state)
{
    (void)state;
    static const struct { const char *path, *part; } bad[] = {
        { "/soft", "/soft: a soft link, which is not followed" },
        { "/external", "/external: an external link, which is not followed" },
        { "/soft_group/weights", "/soft_group: a soft link" },
        { "/lzf", "/lzf: stored through filter 32000 (lzf); shuffle, deflate (gzip) and fletcher32 are read" },
        { "/outside", "/outside: stored in an external file" },
        { "/virtual", "/virtual: a virtual data set" },
        { "/nothing", "/nothing: holds nothing" },
        { "/rank9", "/rank9: has 9 axes; at most 8 are read" },
        { "/fixed", "/fixed: holds text, where numbers were expected" },
        { "/table", "/table: holds a table of named columns" },
        { "/huge", "/huge: claims a size that no memory can hold" },
        { "/X", "there is no 'X' (did you mean 'x'?)" },
    };
    problems pr = { 0 };
    hdf_file *f = hdf_open(GOLDEN "foreign.h5", &pr);
    hdf_type t;
    int rank;
    int64_t dim[HDF_MAX_RANK];
    double x[15];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(hdf_shape(f, bad[i].path, &t, &rank, dim, &pr), -1);
        expect_problem(&pr, bad[i].path, bad[i].part);
        assert_int_equal(hdf_read(f, bad[i].path, HDF_F64, 2, (const int64_t[]){ 5, 3 }, x, &pr), -1);
        expect_problem(&pr, bad[i].path, bad[i].part);
        assert_int_equal(hdf_read_rows(f, bad[i].path, HDF_F64, 0, 1, x, &pr), -1);
        expect_problem(&pr, bad[i].path, bad[i].part);
    }
    static const struct { const char *name; int rank; int64_t dim[3]; const char *part; } shape[] = {
        { "rank", 1, { 15 }, "has the shape [5, 3], where [15] was expected" },
        { "rank 3", 3, { 5, 3, 1 }, "has the shape [5, 3], where [5, 3, 1] was expected" },
        { "dims", 2, { 3, 5 }, "has the shape [5, 3], where [3, 5] was expected" },
        { "scalar", 0, { 0 }, "has the shape [5, 3], where a scalar was expected" },
    };
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        assert_int_equal(hdf_read(f, "/x", HDF_F64, shape[i].rank, shape[i].dim, x, &pr), -1);
        expect_problem(&pr, shape[i].name, shape[i].part);
    }
    static const int64_t rows[][2] = { { -1, 1 }, { 0, 6 }, { 5, 1 }, { 6, 0 }, { 2, -1 }, { INT64_MAX, 2 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(hdf_read_rows(f, "/x", HDF_F64, rows[i][0], rows[i][1], x, &pr), -1);
        expect_problem(&pr, "rows", "has 5 rows; ");
    }
    int32_t i32[3];
    uint8_t u8[3];
    const int64_t two = 2, three = 3;
    assert_int_equal(hdf_read(f, "/fraction", HDF_I32, 1, &two, i32, &pr), -1);
    expect_problem(&pr, "fraction", "does not fit into 4-byte signed integers (or is no whole number)");
    assert_int_equal(hdf_read(f, "/wide", HDF_I32, 1, &two, i32, &pr), -1);
    expect_problem(&pr, "wide", "does not fit into 4-byte signed");
    assert_int_equal(hdf_read(f, "/big_endian", HDF_U8, 1, &three, u8, &pr), -1);
    expect_problem(&pr, "negative", "does not fit into 1-byte unsigned");
    arena *a = arena_new();
    assert_null(hdf_read_text(f, "/varying", a, &pr));
    expect_problem(&pr, "varying", "text of varying length");
    assert_null(hdf_get_text(f, "/group", "varying", a, &pr));
    expect_problem(&pr, "varying attribute", "attribute 'varying' holds text of varying length");
    assert_null(hdf_read_text(f, "/x", a, &pr));
    expect_problem(&pr, "numbers", "it holds numbers, where text was expected");
    assert_null(table_read(f, "/x", &pr));
    expect_problem(&pr, "no table", "not a table of named columns");
    assert_null(table_read(f, "/soft", &pr));
    expect_problem(&pr, "table behind a link", "a soft link");
    arena_free(a);
    hdf_close(f);
}

/* ---- publishing that fails ---- */

static int n_files(void)
{
    int n = 0;
    DIR *d = opendir(dir);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static hdf_file *one_number(problems *pr)
{
    const double x = 2;
    hdf_file *f = hdf_create(pr);
    hdf_write(f, "/x", HDF_F64, 0, NULL, &x, pr);
    return f;
}

/* Small files that would keep libhdf5 busy. */
static void more_chunks_than_bytes(void **state)
{
    (void)state;
    problems pr = { 0 };
    hdf_type t;
    int rank;
    int64_t dim[HDF_MAX_RANK];
    hdf_file *f = hdf_open(GOLDEN "foreign_chunks.h5", &pr);
    assert_int_equal(hdf_shape(f, "/x", &t, &rank, dim, &pr), -1);
    expect_problem(&pr, "/x", "/x: claims 196608 chunks, more than a file of");
    assert_int_equal(hdf_shape(f, "/y", &t, &rank, dim, &pr), 0);
    expect_none(&pr, "y");
    hdf_close(f);
}

static void failing_publish(void **state)
{
    (void)state;
    problems pr = { 0 };
    size_t n, m;
    char *before = small_file(&n);
    const int files = n_files();
    assert_int_equal(hdf_publish(one_number(&pr), FORMAT, in_dir("none/x.h5"), &pr), -1);
    expect_problem(&pr, "no directory", "none/x.h5: cannot be created: No such file");
    mkdir(in_dir("taken"), 0777);
    assert_int_equal(hdf_publish(one_number(&pr), FORMAT, in_dir("taken"), &pr), -1);
    expect_problem(&pr, "a directory", "taken: cannot be renamed into place");
    rmdir(in_dir("taken"));

    struct rlimit old, small = { 1000, 0 };
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(hdf_publish(one_number(&pr), FORMAT, in_dir("small.h5"), &pr), -1);
    setrlimit(RLIMIT_FSIZE, &old);
    expect_problem(&pr, "limit", "small.h5: cannot be written: File too large");
    char *after = file_read(in_dir("small.h5"), 1 << 20, &m, &pr);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    assert_int_equal(n_files(), files);
    block_free(before);
    block_free(after);
    assert_int_equal(hdf_publish(one_number(&pr), FORMAT, in_dir("small.h5"), &pr), 0);
    expect_none(&pr, "again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flipped_and_cut), TEST(other_formats), TEST(foreign_damage), TEST(foreign_read), TEST(foreign_refused), TEST(more_chunks_than_bytes),
        TEST(failing_publish),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
