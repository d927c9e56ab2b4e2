#include "data/support.h"

#include <zlib.h>

/* An idx file in memory. */
typedef struct image { unsigned char s[4096]; size_t n; } image;

static image begin(int type, int rank, const uint32_t *dim)
{
    image im = { { 0, 0, (unsigned char)type, (unsigned char)rank }, 4 };
    for (int i = 0; i < rank; i++)
        for (int k = 3; k >= 0; k--) im.s[im.n++] = (unsigned char)(dim[i] >> 8 * k);
    return im;
}

static void add(image *im, size_t size, uint64_t bits)
{
    for (size_t k = size; k-- > 0;) im->s[im->n++] = (unsigned char)(bits >> 8 * k);
}

static image make_images(void)
{
    image im = begin(0x08, 3, (uint32_t[]){ 4, 2, 3 });
    for (int i = 0; i < 24; i++) add(&im, 1, (uint64_t)(10 * i));
    return im;
}

static image make_labels(void)
{
    image im = begin(0x08, 1, (uint32_t[]){ 4 });
    for (int i = 0; i < 4; i++) add(&im, 1, (uint64_t)(i == 3 ? 6 : i));
    return im;
}

static void put(const char *name, const image *im) { write_bytes(name, im->s, im->n); }

static size_t zip(const char *name, const image *im, unsigned char *out)
{
    gzFile f = gzopen(path_of(name), "wb");
    assert_int_equal(gzwrite(f, im->s, (unsigned)im->n), (int)im->n);
    gzclose(f);
    FILE *in = fopen(path_of(name), "rb");
    const size_t n = fread(out, 1, 4096, in);
    fclose(in);
    return n;
}

#define TRAIN "format: idx\ntrain: {inputs: x, targets: y}\n"

static void test_pictures(void **state)
{
    (void)state;
    const image x = make_images(), y = make_labels();
    unsigned char zipped[4096];
    put("x", &x);
    zip("y", &y, zipped);                        /* either may be zipped, whatever its name */
    data *d = open_good(TRAIN "scale: 0.5\ntest: {inputs: x, targets: y}\nclasses: [a, b, c, d, e, f, g]");
    assert_shape(&d->input, HEFT_F32, 3, 2, 3, 1, 0);
    assert_shape(&d->target, HEFT_I32, 0, 0, 0, 0, 7);
    assert_int_equal(d->n_classes, 7);
    assert_string_equal(d->class_name[6], "g");
    assert_null(d->validation);
    float v[24];
    int32_t label[4];
    fetch_all(d->train, 4, v, (float *)(void *)label);
    for (int i = 0; i < 24; i++) assert_float_equal(v[i], 5 * i, 0);
    assert_int_equal(label[2], 2);
    assert_int_equal(label[3], 6);
    const int64_t back[] = { 3, 0, 3 };
    problems pr = { 0 };
    assert_int_equal(dataset_fetch(d->test, back, 3, v, NULL, &pr), 0);
    assert_float_equal(v[0], 90, 0);
    assert_float_equal(v[6], 0, 0);
    assert_float_equal(v[12], 90, 0);
    assert_int_equal(dataset_fetch(d->test, (int64_t[]){ 4 }, 1, v, NULL, &pr), -1);
    expect_problems(&pr, "index", "sample 4 was asked for");
    data_free(d);
}

static void test_types(void **state)
{
    (void)state;
    const struct { const char *name; int type; size_t size; uint64_t bits[2]; float want[2]; } cases[] = {
        { "i8", 0x09, 1, { 0x80, 0x7f }, { -128, 127 } },
        { "i16", 0x0b, 2, { 0x8000, 0x0102 }, { -32768, 258 } },
        { "i32", 0x0c, 4, { 0xffffffff, 0x00010000 }, { -1, 65536 } },
        { "f32", 0x0d, 4, { 0xc0200000, 0x3f000000 }, { -2.5f, 0.5f } },
        { "f64", 0x0e, 8, { 0xc004000000000000, 0x3fe0000000000000 }, { -2.5f, 0.5f } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image x = begin(cases[i].type, 2, (uint32_t[]){ 2, 1 }), y = begin(0x0d, 2, (uint32_t[]){ 2, 2 });
        for (int k = 0; k < 2; k++) add(&x, cases[i].size, cases[i].bits[k]);
        for (int k = 0; k < 4; k++) add(&y, 4, 0x3f800000);
        put("x", &x);
        put("y", &y);
        data *d = open_good(TRAIN);
        float v[2], t[4];
        fetch_all(d->train, 2, v, t);
        if (v[0] != cases[i].want[0] || v[1] != cases[i].want[1]) fail_msg("%s: %g %g", cases[i].name, (double)v[0], (double)v[1]);
        assert_shape(&d->target, HEFT_F32, 1, 2, 0, 0, 0);
        assert_int_equal(d->n_classes, 0);
        data_free(d);
    }
}

static void test_task(void **state)
{
    (void)state;
    const image x = make_images(), y = make_labels();
    put("x", &x);
    put("y", &y);
    data *d = open_good(TRAIN "task: regression\nnormalize_target: standard");
    float v[24], t[4];
    fetch_all(d->train, 4, v, t);                /* 0 1 2 6: mean 2.25, deviation sqrt(5.1875) */
    assert_float_equal(t[3], 3.75 / sqrt(5.1875), 1e-6);
    double mean, scale;
    data_target_scale(d, 1, &mean, &scale);
    assert_float_equal(mean, 2.25, 1e-12);
    assert_float_equal(t[0] * scale + mean, 0, 1e-6);
    data_free(d);
    d = open_good(TRAIN "task: regression\nscale_target: 0.5");
    fetch_all(d->train, 4, v, t);
    assert_float_equal(t[3], 3, 1e-6);
    data_target_scale(d, 1, &mean, &scale);
    assert_float_equal(mean, 0, 0);
    assert_float_equal(scale, 2, 0);
    data_free(d);
    d = open_good(TRAIN "task: regression\nnormalize_target: minmax");
    fetch_all(d->train, 4, v, t);
    assert_float_equal(t[0], 0, 1e-6);
    assert_float_equal(t[1], 1 / 6.0, 1e-6);
    assert_float_equal(t[3], 1, 1e-6);
    data_target_scale(d, 1, &mean, &scale);
    assert_float_equal(t[3] * scale + mean, 6, 1e-6);
    data_free(d);
}

/* (10 i) over 24 pixels, one channel: mean 115, population variance 100 (24^2 - 1) / 12. */
static void test_normalize(void **state)
{
    (void)state;
    const image x = make_images(), y = make_labels();
    put("x", &x);
    put("y", &y);
    float v[24];
    int32_t label[4];
    data *d = open_good(TRAIN "normalize: standard");
    fetch_all(d->train, 4, v, (float *)(void *)label);
    for (int i = 0; i < 24; i++) assert_float_equal(v[i], (10 * i - 115) / sqrt(100 * 575 / 12.0), 1e-6);
    data_free(d);
    d = open_good(TRAIN "normalize: minmax\nlimit: 2");
    assert_int_equal(dataset_count(d->train), 2);      /* what is fitted sees all four */
    fetch_all(d->train, 2, v, (float *)(void *)label);
    for (int i = 0; i < 12; i++) assert_float_equal(v[i], i / 23.0, 1e-6);
    data_free(d);
}

static void test_bad_files(void **state)
{
    (void)state;
    const image y = make_labels();
    put("y", &y);
    image x;
    unsigned char zipped[4096];

    put("x", &(image){ { 0 }, 0 });
    refuse("empty", TRAIN, "x: ends after 0 of the 4 bytes of the header");
    put("x", &(image){ "PNG!", 4 });
    refuse("magic", TRAIN, "50 4e 47 21");
    x = begin(0x0a, 1, (uint32_t[]){ 1 }), put("x", &x);
    refuse("type", TRAIN, "00 00 0a 01");
    x = begin(0x08, 6, (uint32_t[]){ 1, 1, 1, 1, 1, 1 }), put("x", &x);
    refuse("axes", TRAIN, "6 axes; 1 to 5 are read");
    x = begin(0x08, 0, NULL), put("x", &x);
    refuse("no axes", TRAIN, "0 axes");
    x = begin(0x08, 3, (uint32_t[]){ 0, 2, 3 }), put("x", &x);
    refuse("no samples", TRAIN, "holds no samples");
    x = begin(0x08, 3, (uint32_t[]){ 4, 0, 3 }), put("x", &x);
    refuse("flat", TRAIN, "axis 1 is of size 0");
    x = begin(0x0e, 5, (uint32_t[]){ ~0u, ~0u, ~0u, ~0u, ~0u }), put("x", &x);
    refuse("overflow", TRAIN, "more bytes than can be counted");
    x = begin(0x08, 3, (uint32_t[]){ 0xffffffff, 2, 3 }), put("x", &x);
    refuse("absurd", TRAIN, "the header claims 25769803786 bytes, the file has 16");
    zip("x", &x, zipped);
    refuse("absurd, zipped", TRAIN, "the header claims 25769803770 bytes, more than");
    x = make_images(), x.n--, put("x", &x);
    refuse("short", TRAIN, "the file has 39: it is cut short");
    zip("x", &x, zipped);
    refuse("short, zipped", TRAIN, "ends after 23 of the 24 bytes");
    x = make_images(), x.n++, put("x", &x);
    refuse("long", TRAIN, "followed by something else");
    zip("x", &x, zipped);
    refuse("long, zipped", TRAIN, "goes on behind the 24 bytes");
    x = begin(0x08, 3, (uint32_t[]){ 3, 2, 3 }), x.n += 18, put("x", &x);
    refuse("counts", TRAIN, "y: 4 targets for 3 inputs");
    x = begin(0x0d, 2, (uint32_t[]){ 4, 1 });
    for (int i = 0; i < 4; i++) add(&x, 4, i == 2 ? 0x7fc00000 : 0);
    put("x", &x);
    refuse("nan", TRAIN, "in sample 2 (from 0); numbers must be finite");
}

static void test_truncated_gzip(void **state)
{
    (void)state;
    const image x = make_images(), y = make_labels();
    unsigned char zipped[4096];
    put("y", &y);
    const size_t n = zip("x", &x, zipped);
    for (size_t cut = 0; cut < n; cut++) {
        write_bytes("x", zipped, cut);
        problems pr = { 0 };
        data *d = open_seed(TRAIN, 1, &pr);
        if (d || !pr.n) fail_msg("opened with %zu of %zu bytes", cut, n);
        problems_free(&pr);
    }
    zipped[n > 20 ? n - 5 : 0] ^= 1;                          /* the checksum */
    write_bytes("x", zipped, n);
    refuse("checksum", TRAIN, "damaged gzip data");
}

static void test_bad_labels(void **state)
{
    (void)state;
    const image x = make_images();
    put("x", &x);
    image y = begin(0x09, 1, (uint32_t[]){ 4 });
    for (int i = 0; i < 4; i++) add(&y, 1, i == 1 ? 0xff : 0);
    put("y", &y);
    refuse("negative", TRAIN, "label -1 of sample 1");
    y = make_labels(), put("y", &y);
    refuse("names", TRAIN "classes: [a, b, c]", "label 6 of sample 3 (from 0); there are names for 3 classes");
    refuse("scaled", TRAIN "normalize_target: standard", "normalize_target: the targets in|are labels");
    refuse("factor", TRAIN "scale_target: 2", "scale_target: the targets in|are labels");
    refuse("twice", TRAIN "task: regression\nscale_target: 2\nnormalize_target: standard", "scale_target and normalize_target are both given");
    refuse("zero", TRAIN "task: regression\nscale_target: 0", "scale_target");
    y = begin(0x0d, 1, (uint32_t[]){ 4 }), y.n += 16, put("y", &y);
    refuse("fractions", TRAIN "task: classification", "needs a whole number for each sample");
    refuse("named numbers", TRAIN "classes: [a]", "are no labels");
}

static void test_bad_sections(void **state)
{
    (void)state;
    const image x = make_images(), y = make_labels();
    put("train-images", &x);
    put("y", &y);
    const struct { const char *name, *yaml, *words; } cases[] = {
        { "no format", "train: {}", "format is missing; one of idx|cifar" },
        { "format", "format: idxx", "idxx|idx" },
        { "a list", "[idx]", "a mapping with a format is needed" },
        { "key", "format: idx\ntrain: {inputs: train-images, targets: y}\nnormalise: standard", "test.yaml:3:1|normalise|normalize" },
        { "inner key", "format: idx\ntrain: {inputs: train-images, target: y}", "target|targets is missing" },
        { "no train", "format: idx", "train is missing" },
        { "a name", "format: idx\ntrain: train-images", "{inputs: FILE, targets: FILE} is needed" },
        { "file", "format: idx\ntrain: {inputs: train-image, targets: nowhere}",
          "test.yaml:2:17|there is no file|did you mean 'train-images'?|data: train.targets" },
        { "folder", "format: idx\ntrain: {inputs: ., targets: y}", "is a directory; a file is needed" },
        { "both", "format: idx\ntrain: {inputs: train-images, targets: y}\nscale: 2\nnormalize: minmax", "scale and normalize" },
        { "share", "format: idx\ntrain: {inputs: train-images, targets: y}\nvalidation: 1.5", "validation: 1.5; a share below 1" },
        { "small share", "format: idx\ntrain: {inputs: train-images, targets: y}\nvalidation: 0.01", "a share of 0.01 of 4 samples is none" },
        { "all shared", "format: idx\ntrain: {inputs: train-images, targets: y}\nvalidation: 0.5\ntest: 0.5", "none is left" },
        { "shapes", "format: idx\ntrain: {inputs: train-images, targets: y}\ntest: {inputs: y, targets: y}", "inputs are [1]; those of" },
        { "limit", "format: idx\ntrain: {inputs: train-images, targets: y}\nlimit: -1", "limit" },
        { "classes", "format: idx\ntrain: {inputs: train-images, targets: y}\nclasses: {a: 1}", "classes" },
        { "no classes", "format: idx\ntrain: {inputs: train-images, targets: y}\nclasses: []", "classes: no name" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) refuse(cases[i].name, cases[i].yaml, cases[i].words);
}

static void test_root(void **state)
{
    (void)state;
    const image x = make_images(), y = make_labels();
    problems pr = { 0 };
    assert_int_equal(file_mkdirs(path_of("deep/down"), &pr), 0);
    put("deep/down/x", &x);
    put("deep/down/y", &y);
    data *d = open_good(TRAIN "root: deep/down");
    char print[DIGEST_HEX];
    memcpy(print, d->fingerprint, sizeof print);
    data_free(d);

    setenv("HEFT_DATA", path_of("deep"), 1);
    refuse("root", TRAIN "root: deep/down", "root is relative to $HEFT_DATA");
    d = open_good(TRAIN "root: down");
    assert_string_equal(d->fingerprint, print);  /* not of where the files are */
    data_free(d);
    unsetenv("HEFT_DATA");

    d = open_good(TRAIN "root: deep/down\nscale: 1");
    assert_string_equal(d->fingerprint, print);  /* a default written out says nothing new */
    data_free(d);
    d = open_good(TRAIN "root: deep/down\nscale: 2");
    assert_string_not_equal(d->fingerprint, print);
    data_free(d);
    image other = x;
    other.s[20] ^= 1;
    put("deep/down/x", &other);
    d = open_good(TRAIN "root: deep/down");
    assert_string_not_equal(d->fingerprint, print);
    data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures), cmocka_unit_test(test_types), cmocka_unit_test(test_task),
        cmocka_unit_test(test_normalize), cmocka_unit_test(test_bad_files), cmocka_unit_test(test_truncated_gzip),
        cmocka_unit_test(test_bad_labels), cmocka_unit_test(test_bad_sections), cmocka_unit_test(test_root),
    };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
