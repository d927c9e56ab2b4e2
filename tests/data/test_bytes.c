/* cifar and text: files of bytes. */
#include "data/support.h"

static unsigned char record[3 * 3073];

static void make_cifar(void)
{
    for (int i = 0; i < 3; i++) {
        unsigned char *r = record + i * 3073;
        r[0] = (unsigned char)(i == 1 ? 9 : i);
        for (int c = 0; c < 3; c++)
            for (int at = 0; at < 1024; at++) r[1 + c * 1024 + at] = (unsigned char)(7 * i + 50 * c + at % 32);
    }
}

static void test_cifar(void **state)
{
    (void)state;
    make_cifar();
    write_bytes("a.bin", record, 2 * 3073);
    write_bytes("b.bin", record + 2 * 3073, 3073);
    data *d = open_good("format: cifar\ntrain: {files: [a.bin, b.bin]}\ntest: b.bin");
    assert_shape(&d->input, HEFT_F32, 3, 32, 32, 3, 0);
    assert_shape(&d->target, HEFT_I32, 0, 0, 0, 0, 10);
    assert_null(d->class_name);
    assert_int_equal(dataset_count(d->test), 1);
    float *x = malloc(3 * 3072 * sizeof *x);
    int32_t y[3];
    fetch_all(d->train, 3, x, (float *)(void *)y);
    assert_int_equal(y[1], 9);
    assert_int_equal(y[2], 2);
    for (int i = 0; i < 3; i++)
        for (int at = 0; at < 1024; at++)
            for (int c = 0; c < 3; c++) assert_float_equal(x[i * 3072 + at * 3 + c], 7 * i + 50 * c + at % 32, 0);
    data_free(d);

    write_text("batches.meta.txt", "airplane\r\nbird\n\nc\nd\ne\nf\ng\nh\ni\ntruck\n\n");
    d = open_good("format: cifar\ntrain: {file: a.bin}\nnormalize: standard");
    assert_int_equal(d->n_classes, 10);
    assert_string_equal(d->class_name[0], "airplane");
    assert_string_equal(d->class_name[9], "truck");
    double sum[3] = { 0 };
    fetch_all(d->train, 2, x, (float *)(void *)y);
    for (int i = 0; i < 2 * 3072; i++) sum[i % 3] += (double)x[i];
    for (int c = 0; c < 3; c++) assert_float_equal(sum[c] / 2048, 0, 1e-5);     /* each channel by itself */
    data_free(d);
    unlink(path_of("batches.meta.txt"));
    free(x);
}

static void test_bad_cifar(void **state)
{
    (void)state;
    make_cifar();
    write_bytes("a.bin", record, sizeof record - 1);
    refuse("short", "format: cifar\ntrain: a.bin", "9218 bytes|3072 are left over");
    write_bytes("a.bin", record, 3072);
    refuse("no labels", "format: cifar\ntrain: a.bin", "3072 bytes");
    write_bytes("a.bin", record, 0);
    refuse("empty", "format: cifar\ntrain: a.bin", "0 bytes");
    record[3073] = 10;
    write_bytes("a.bin", record, sizeof record);
    refuse("label", "format: cifar\ntrain: a.bin", "label 10 of sample 1 (at byte 3073)");
    record[3073] = 9;
    write_bytes("a.bin", record, sizeof record);
    refuse("names", "format: cifar\ntrain: a.bin\nclasses: [cat, dog]", "label 9 of sample 1|names for 2 classes");
    refuse("list", "format: cifar\ntrain: []", "empty list");
    refuse("keys", "format: cifar\ntrain: {file: a.bin, files: [a.bin]}", "{files: [NAME, ...]} or {file: NAME}");
    refuse("absent", "format: cifar\ntrain: [a.bin, x.bin, y.bin]", "x.bin|y.bin");
    write_bytes("classes", "a\0b", 3);
    refuse("class file", "format: cifar\ntrain: a.bin\nclasses: classes", "NUL bytes");
    write_text("classes", "\n\n");
    refuse("no classes", "format: cifar\ntrain: a.bin\nclasses: classes", "classes: no name");
}

static void test_text(void **state)
{
    (void)state;
    write_text("t.txt", "abcab\ncabcabc");       /* 13 bytes: \n a b c */
    data *d = open_good("format: text\ntrain: {file: t.txt}\nlength: 3");
    assert_shape(&d->input, HEFT_I32, 1, 3, 0, 0, 4);
    assert_shape(&d->target, HEFT_I32, 1, 3, 0, 0, 4);
    assert_string_equal(d->class_name[0], "\\n");
    assert_string_equal(d->class_name[3], "c");
    int32_t x[12], y[12];
    fetch_all(d->train, 4, (float *)(void *)x, (float *)(void *)y);
    const int32_t token[] = { 1, 2, 3, 1, 2, 0, 3, 1, 2, 3, 1, 2, 3 };
    for (int i = 0; i < 12; i++) {
        assert_int_equal(x[i], token[i]);
        assert_int_equal(y[i], token[i + 1]);
    }
    data_free(d);
}

/* Shares of a text are its end, and no character is in two splits. */
static void test_text_shares(void **state)
{
    (void)state;
    char s[201];
    for (int i = 0; i < 200; i++) s[i] = (char)(33 + i % 80);
    write_bytes("t.txt", s, 200);
    data *d = open_good("format: text\ntrain: t.txt\nlength: 2\nvalidation: 0.1\ntest: 0.2");     /* 99 windows */
    assert_int_equal(dataset_count(d->validation), 10);
    assert_int_equal(dataset_count(d->test), 20);
    assert_int_equal(dataset_count(d->train), 99 - 10 - 20 - 2);
    int32_t x[2 * 67], y[2 * 67];
    fetch_all(d->train, 67, (float *)(void *)x, (float *)(void *)y);
    assert_int_equal(x[0], 0);
    assert_int_equal(y[133], 134 % 80);
    fetch_all(d->validation, 10, (float *)(void *)x, (float *)(void *)y);
    assert_int_equal(x[0], 136 % 80);
    fetch_all(d->test, 20, (float *)(void *)x, (float *)(void *)y);
    assert_int_equal(y[39], 198 % 80);
    data_free(d);
}

/* Overlapping samples to train on; held out, each character once and none that was trained on. */
static void test_text_stride(void **state)
{
    (void)state;
    char s[161];
    for (int i = 0; i < 161; i++) s[i] = (char)(33 + i % 90);
    write_bytes("t.txt", s, 161);
    data *d = open_good("format: text\ntrain: t.txt\ntest: t.txt\nlength: 8\nstride: 2\nvalidation: 0.25");   /* (160 - 8) / 2 + 1 = 77 windows */
    assert_int_equal(dataset_count(d->train), 77 - 19 - 4);
    int32_t x[8 * 54], y[8 * 54];
    fetch_all(d->train, 54, (float *)(void *)x, (float *)(void *)y);
    for (int i = 0; i < 54; i++)
        for (int t = 0; t < 8; t++) {
            assert_int_equal(x[8 * i + t], (2 * i + t) % 90);
            assert_int_equal(y[8 * i + t], (2 * i + t + 1) % 90);
        }
    const int last = 2 * 53 + 8;                                     /* the last character that was learned */
    assert_int_equal(dataset_count(d->validation), 5);               /* of 19 windows every 4th */
    fetch_all(d->validation, 5, (float *)(void *)x, (float *)(void *)y);
    for (int i = 0; i < 5 * 8; i++) assert_int_equal(x[i], (last + 2 + i) % 90);
    assert_int_equal(dataset_count(d->test), 20);                    /* a file of its own: no overlap either */
    fetch_all(d->test, 20, (float *)(void *)x, (float *)(void *)y);
    for (int i = 0; i < 160; i++) assert_int_equal(y[i], (i + 1) % 90);
    data_free(d);
}

static void test_bad_text(void **state)
{
    (void)state;
    write_text("t.txt", "abc\nabc\n");
    write_text("v.txt", "abc\nab\xc3\xa4\n");
    write_text("e.txt", "");
    refuse("unseen", "format: text\ntrain: t.txt\ntest: v.txt\nlength: 2", "v.txt:2:3: byte 0xc3|v.txt:2:4: byte 0xa4");
    refuse("short", "format: text\ntrain: t.txt\nlength: 8", "8 characters; one sample needs 9");
    refuse("empty", "format: text\ntrain: e.txt", "0 characters");
    refuse("scale", "format: text\ntrain: t.txt\nlength: 2\nnormalize: standard", "tokens, not quantities");
    refuse("length", "format: text\ntrain: t.txt\nlength: 0", "length");
    refuse("stride", "format: text\ntrain: t.txt\nlength: 6\nstride: 4", "test.yaml:4:9: data: stride: 4 does not divide length, 6");
    refuse("long stride", "format: text\ntrain: t.txt\nlength: 2\nstride: 4", "stride: 4 does not divide length, 2");
    refuse("no stride", "format: text\ntrain: t.txt\nstride: 0", "stride");
    refuse("folder", "format: text\ntrain: .", "is a directory");
    refuse("train only", "format: text\ntrain: x.txt\ntest: t.txt", "there is no file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cifar), cmocka_unit_test(test_bad_cifar), cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_shares), cmocka_unit_test(test_text_stride), cmocka_unit_test(test_bad_text),
    };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
