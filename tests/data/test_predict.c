/* The fit through a checkpoint, and new data behind it. */
#include "data/support.h"

typedef struct kept { arena *a; struct data_fit *fit; node *section; } kept;

/* Open, write the fit to a file, read it back. */
static kept keep(const char *yaml)
{
    problems pr = { 0 };
    kept k = { .a = arena_new() };
    k.section = node_parse(k.a, "test.yaml", yaml, strlen(yaml), &pr);
    data *d = open_good(yaml);
    hdf_file *f = hdf_create(&pr);
    assert_int_equal(data_fit_write(d, f, &pr), 0);
    assert_int_equal(hdf_publish(f, "heft-test 1", path_of("fit.h5"), &pr), 0);
    data_free(d);
    f = hdf_open_published(path_of("fit.h5"), "heft-test 1", &pr);
    assert_non_null(f);
    k.fit = data_fit_read(f, k.a, &pr);
    if (!k.fit) problems_print(&pr, stderr);
    assert_non_null(k.fit);
    hdf_close(f);
    return k;
}

static data *predict(const kept *k, const char *file, bool *targets, problems *pr)
{
    return data_open_for_predict(k->section, here.dir, file, k->fit, targets, pr);
}

static data *predict_good(const kept *k, const char *file, bool want_targets)
{
    problems pr = { 0 };
    bool targets = !want_targets;
    data *d = predict(k, file, &targets, &pr);
    if (!d) problems_print(&pr, stderr);
    assert_non_null(d);
    assert_int_equal(targets, want_targets);
    assert_null(d->train);
    return d;
}

static void predict_bad(const kept *k, const char *name, const char *file, const char *words)
{
    problems pr = { 0 };
    bool targets;
    if (predict(k, file, &targets, &pr)) fail_msg("%s: opened", name);
    expect_problems(&pr, name, words);
}

static const char table[] = "rooms,place,price\n1,lake,100\n2,town,200\n,lake,300\n6,hill,400\n";

static void test_table(void **state)
{
    (void)state;
    write_text("t.csv", table);
    const kept k = keep("format: csv\ntrain: t.csv\ntarget: price\nmissing: median\nnormalize: standard\nnormalize_target: standard");
    write_text("new.csv", "id,place,rooms\n7,hill,\n8,,6\n");
    data *d = predict_good(&k, path_of("new.csv"), false);
    float x[8], y[2];
    fetch_all(d->test, 2, x, NULL);
    const double r = sqrt((1.75 * 1.75 + 0.75 * 0.75 * 2 + 3.25 * 3.25) / 4);      /* 1, 2, 2, 6: mean 2.75 */
    const double want[] = { -0.75 / r, 1, 0, 0, 3.25 / r, 0, 1, 0 };
    for (int i = 0; i < 8; i++) assert_float_equal(x[i], want[i], 1e-6);
    assert_string_equal(d->column_name[1], "place=hill");
    assert_string_equal(d->target_name, "price");
    double mean, scale;
    data_target_scale(d, 1, &mean, &scale);
    assert_float_equal(mean, 250, 1e-9);
    data_free(d);

    write_text("new.csv", "price,place,rooms\n250,hill,1\n375,lake,2\n");
    d = predict_good(&k, path_of("new.csv"), true);
    fetch_all(d->test, 2, x, y);
    assert_float_equal(y[1] * scale + mean, 375, 1e-4);
    data_free(d);
    write_text("new.csv", "price,place,rooms\n,hill,1\n,lake,2\n");
    data_free(predict_good(&k, path_of("new.csv"), false));
    data_free(predict_good(&k, "new.csv", false));       /* below root, if not here */

    /* Rows of numbers in the order of the columns, from HDF5: scaled, one-hot as it stands. */
    const float rows[8] = { 2.75f, 0, 0, 1, 6, 1, 0, 0 };
    problems pr = { 0 };
    hdf_file *f = hdf_create(&pr);
    assert_int_equal(hdf_write(f, "/inputs", HDF_F32, 2, (int64_t[]){ 2, 4 }, rows, &pr), 0);
    assert_int_equal(hdf_publish(f, "heft-test 1", path_of("new.h5"), &pr), 0);
    d = predict_good(&k, path_of("new.h5"), false);
    fetch_all(d->test, 2, x, NULL);
    assert_float_equal(x[0], 0, 1e-6);
    assert_float_equal(x[3], 1, 0);
    assert_float_equal(x[4], 3.25 / r, 1e-6);
    data_free(d);

    write_text("new.csv", "place,rooms\nsea,1\nlake,2\nlake,much\n");
    predict_bad(&k, "category", path_of("new.csv"),
                "new.csv:2:1: row 1, column place: 'sea' did not occur in training; known are hill, lake, town|new.csv:4:6|'much'");
    write_text("new.csv", "plaice,rooms\nlake,1\n");
    predict_bad(&k, "column", path_of("new.csv"), "has no column place, which is an input|did you mean 'plaice'?");
    write_text("new.csv", "price,place,rooms\n1,hill,1\n,lake,2\n");
    predict_bad(&k, "half a target", path_of("new.csv"), "row 2, column price: the target is missing");
    predict_bad(&k, "absent", path_of("newer.csv"), "there is no file|did you mean 'new.csv'?");
    predict_bad(&k, "folder", here.dir, "is a directory");
    arena_free(k.a);
}

static void test_classes(void **state)
{
    (void)state;
    write_text("t.csv", "a,kind\n1,red\n2,blue\n3,red\n");
    const kept k = keep("format: csv\ntrain: t.csv\ntarget: kind");
    write_text("new.csv", "kind,a\nred,1\n");
    data *d = predict_good(&k, path_of("new.csv"), true);
    float x;
    int32_t y;
    fetch_all(d->test, 1, &x, (float *)(void *)&y);
    assert_int_equal(y, 1);
    assert_string_equal(d->class_name[0], "blue");
    assert_int_equal(d->n_classes, 2);
    data_free(d);
    write_text("new.csv", "kind,a\ngreen,1\n");
    predict_bad(&k, "class", path_of("new.csv"), "'green' did not occur in training; known are blue, red");
    arena_free(k.a);
}

static const unsigned char pictures[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 20, 30 };
static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 0, 2 };

/* Two pictures of [1, 2], of the classes 0 and 2. */
static void write_pictures(void)
{
    write_bytes("a-images-idx3-ubyte", pictures, sizeof pictures);
    write_bytes("a-labels-idx1-ubyte", labels, sizeof labels);
}

/* Pictures: from idx beside its labels, from a csv file of pixels, and from others that do not fit. */
static void test_pictures(void **state)
{
    (void)state;
    write_pictures();
    const kept k = keep("format: idx\ntrain: {inputs: a-images-idx3-ubyte, targets: a-labels-idx1-ubyte}\nnormalize: minmax");
    data *d = predict_good(&k, path_of("a-images-idx3-ubyte"), true);
    float v[4];
    int32_t label[2];
    fetch_all(d->test, 2, v, (float *)(void *)label);
    assert_float_equal(v[3], 1, 1e-6);
    assert_int_equal(label[1], 2);
    data_free(d);
    write_bytes("other", pictures, sizeof pictures);
    data_free(predict_good(&k, path_of("other"), false));
    char both[300];
    snprintf(both, sizeof both, "%s,%s", path_of("other"), path_of("a-labels-idx1-ubyte"));
    data_free(predict_good(&k, both, true));

    write_text("p.csv", "label,p0,p1\n2,0,15\n0,30,0\n");
    d = predict_good(&k, path_of("p.csv"), true);
    fetch_all(d->test, 2, v, (float *)(void *)label);
    assert_float_equal(v[1], 0.5, 1e-6);
    assert_int_equal(label[0], 2);
    assert_shape(&d->input, HEFT_F32, 3, 1, 2, 1, 0);
    data_free(d);
    write_text("p.csv", "p0,p1\n0,15\n");
    data_free(predict_good(&k, path_of("p.csv"), false));
    write_text("p.csv", "p0,p1,p2\n0,15,3\n");
    predict_bad(&k, "width", path_of("p.csv"), "3 columns; the model takes 2 numbers");
    write_text("p.csv", "label,p0,p1\n3,0,15\n");
    predict_bad(&k, "class", path_of("p.csv"), "'3' is no class; they are 0 to 2");
    unsigned char more[sizeof labels];
    memcpy(more, labels, sizeof labels);
    more[9] = 3;
    write_bytes("a-labels-idx1-ubyte", more, sizeof more);
    predict_bad(&k, "label", path_of("a-images-idx3-ubyte"), "label 3 of sample 1 (from 0); the model knows 3 classes");
    write_bytes("c.bin", (char[3073]){ 0 }, 3073);
    predict_bad(&k, "cifar", path_of("c.bin"), "inputs are [32, 32, 3]; those of the model are [1, 2, 1]");
    arena_free(k.a);
}

/* A model of pictures to pictures has no use for the labels beside them. */
static void test_picture_targets(void **state)
{
    (void)state;
    write_pictures();
    const kept k = keep("format: idx\ntrain: {inputs: a-images-idx3-ubyte, targets: a-images-idx3-ubyte}\nscale: 0.1\nscale_target: 0.01");
    data *d = predict_good(&k, path_of("a-images-idx3-ubyte"), false);
    float v[4], t[4];
    fetch_all(d->test, 2, v, NULL);
    assert_float_equal(v[3], 3, 1e-6);
    double mean[2], scale[2];
    data_target_scale(d, 2, mean, scale);
    assert_float_equal(mean[1], 0, 0);
    assert_float_equal(scale[1], 100, 1e-9);
    data_free(d);
    char both[300];
    snprintf(both, sizeof both, "%s,%s", path_of("a-images-idx3-ubyte"), path_of("a-images-idx3-ubyte"));
    d = predict_good(&k, both, true);
    fetch_all(d->test, 2, v, t);
    assert_float_equal(t[3], 0.3, 1e-6);
    data_free(d);
    snprintf(both, sizeof both, "%s,%s", path_of("a-images-idx3-ubyte"), path_of("a-labels-idx1-ubyte"));
    predict_bad(&k, "labels", both, "targets are [1]; those of the model are [1, 2]");
    arena_free(k.a);
}

static void test_text_and_builtin(void **state)
{
    (void)state;
    write_text("t.txt", "hello, hello\xff\n");
    kept k = keep("format: text\ntrain: t.txt\nlength: 3");
    write_text("n.txt", "hell\xff oooo");
    data *d = predict_good(&k, path_of("n.txt"), true);
    assert_int_equal(dataset_count(d->test), 2 + 1);
    assert_string_equal(d->class_name[d->n_classes - 1], "\\xff");
    data_free(d);
    write_text("n.txt", "help me");
    predict_bad(&k, "byte", path_of("n.txt"), "n.txt:1:4: byte 0x70 'p'");
    arena_free(k.a);

    k = keep("{format: digits, samples: 20, test: 10, size: 8}");
    data *train = open_good("{format: digits, samples: 20, test: 10, size: 8}");
    d = predict_good(&k, "15", true);
    float a[640], b[15 * 64];
    fetch_all(train->test, 10, a, NULL);
    fetch_all(d->test, 15, b, NULL);
    assert_memory_equal(a, b, sizeof a);         /* the test split, and further on */
    data_free(train);
    data_free(d);
    predict_bad(&k, "none", "0", "0 samples of digits");
    predict_bad(&k, "name", "what.png", "what.png: a number of samples of digits is needed");
    arena_free(k.a);

    k = keep("{format: houses, samples: 200, normalize: standard}");
    d = predict_good(&k, "5", true);
    assert_int_equal(d->n_columns, 7);
    data_free(d);
    write_text("h.csv", "size,rooms,age,place\n100,3,10,hills\n");
    d = predict_good(&k, path_of("h.csv"), false);
    data_free(d);
    arena_free(k.a);
}

/* A checkpoint whose parts do not fit together is refused. */
static void test_bad_fit(void **state)
{
    (void)state;
    const int64_t classes = 3, limit = 0, dims[] = { 2 }, one = 1, five = 5;
    const uint64_t seed = 1;
    const double mean[5] = { 0 };
    for (int what = 0; what < 5; what++) {
        problems pr = { 0 };
        hdf_file *f = hdf_create(&pr);
        if (what) hdf_write(f, "/data/seed", HDF_U64, 0, NULL, &seed, &pr);
        hdf_write(f, "/data/n_classes", HDF_I64, 0, NULL, &classes, &pr);
        for (int k = 0; k < 2; k++) {
            hdf_write_text(f, k ? "/data/target/type" : "/data/input/type", what == 1 ? "f16" : "f32", &pr);
            hdf_write(f, k ? "/data/target/limit" : "/data/input/limit", HDF_I64, 0, NULL, &limit, &pr);
            hdf_write(f, k ? "/data/target/dims" : "/data/input/dims", HDF_I64, 1, &one, what == 2 ? &limit : dims, &pr);
        }
        if (what == 3) hdf_write(f, "/data/mean", HDF_F64, 1, &five, mean, &pr);
        if (what == 4) hdf_write_texts(f, "/data/class_names", 2, (const char *const[]){ "a", "b" }, &pr);
        assert_int_equal(hdf_publish(f, "heft-test 1", path_of("bad.h5"), &pr), 0);
        f = hdf_open_published(path_of("bad.h5"), "heft-test 1", &pr);
        arena *a = arena_new();
        if (data_fit_read(f, a, &pr)) fail_msg("case %d was read", what);
        const char *words[] = { "seed", "neither f32 nor i32", "an axis", "does not fit", "not as many as n_classes" };
        expect_problems(&pr, words[what], words[what]);
        hdf_close(f);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), cmocka_unit_test(test_classes), cmocka_unit_test(test_pictures), cmocka_unit_test(test_picture_targets),
        cmocka_unit_test(test_text_and_builtin), cmocka_unit_test(test_bad_fit),
    };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
