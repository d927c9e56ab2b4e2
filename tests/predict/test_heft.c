/* test_heft.c -- heft.h: what a model says of itself, what is refused, what is left as it was */
#include <heft/heft.h>

#include <omp.h>
#include <pthread.h>

#include "base/rng.h"
#include "predict/saved.h"
#include "predict/trained.h"

#define END "loss: softmax_cross_entropy\noptimizer: sgd\ntrain: {batch: 4, threads: 1}\n"

static int begin(void **state)
{
    if (enter_scratch(state)) return -1;
    setenv("HEFT_DATA", scratch, 1);
    static const char verse[] = "abcabcabcabcabc\n", rows[] = "size,place,price\n1,lake,1\n2,hill,3\n5,lake,4\n";
    spit("verse.txt", verse, strlen(verse));
    spit("table.csv", rows, strlen(rows));
    save_model("data: {format: digits, samples: 32, test: 8, size: 8, normalize: standard}\nmodel:\n  - flatten\n  - dense: {units: 10}\n" END, "digits.h5", false);
    save_model("data: {format: text, train: verse.txt, length: 3}\nmodel:\n  - embedding: {units: 4}\n  - dense: {units: 4}\n" END, "text.h5", false);
    save_model("data: {format: csv, train: table.csv, target: price, normalize: standard, normalize_target: standard}\nmodel: [dense: {units: 1}]\n"
               "loss: mean_squared_error\noptimizer: sgd\ntrain: {batch: 4, threads: 1, precision: bf16}\n", "table.h5", false);
    save_model("data: {format: csv, train: table.csv, target: place}\nmodel: [dense: {units: 1}]\n"
               "loss: binary_cross_entropy\noptimizer: sgd\n", "two.h5", false);
    return 0;
}

static heft_model *open_good(const char *path, int threads)
{
    heft_model *m = heft_open(path, threads);
    if (!m) fail_msg("%s: %s", path, heft_last_error());
    assert_string_equal(heft_last_error(), "");
    return m;
}

static void describes(void **state)
{
    (void)state;
    int64_t dim[HEFT_MOST_AXES];
    heft_model *m = open_good("digits.h5", 1);
    assert_int_equal(heft_input_shape(m, dim), 3);
    assert_true(dim[0] == 8 && dim[1] == 8 && dim[2] == 1);
    assert_int_equal(heft_input_size(m), 64);
    assert_int_equal(heft_output_shape(m, dim), 1);
    assert_int_equal(dim[0], 10);
    assert_int_equal(heft_classes(m), 10);
    assert_int_equal(heft_input_tokens(m), 0);
    assert_null(heft_input_name(m, 0));
    heft_close(m);
    m = open_good("text.h5", 1);
    assert_int_equal(heft_input_tokens(m), 4);
    assert_int_equal(heft_output_size(m), 12);
    assert_string_equal(heft_class_name(m, 0), "\\n");
    assert_string_equal(heft_class_name(m, 3), "c");
    assert_null(heft_class_name(m, 4));
    assert_null(heft_class_name(m, -1));
    heft_close(m);
    m = open_good("table.h5", 1);
    assert_int_equal(heft_classes(m), 0);
    assert_string_equal(heft_input_name(m, 0), "size");
    assert_string_equal(heft_input_name(m, 2), "place=lake");
    assert_null(heft_input_name(m, 3));
    heft_close(m);
    heft_close(NULL);
    assert_string_equal(heft_version(), "0.1.0");
}

/* By hand: the weights of the checkpoint on what the table's scaling makes of a row. */
static void scales(void **state)
{
    (void)state;
    problems pr = { 0 };
    checkpoint *c = checkpoint_open("table.h5", &pr);
    float w[3], b;
    assert_int_equal(hdf_read(checkpoint_file(c), "/layers/dense_1/weight", HDF_F32, 2, (int64_t[]){ 3, 1 }, w, &pr), 0);
    assert_int_equal(hdf_read(checkpoint_file(c), "/layers/dense_1/bias", HDF_F32, 1, (int64_t[]){ 1 }, &b, &pr), 0);
    checkpoint_close(c);
    heft_model *m = open_good("table.h5", 1);
    const float in[2][3] = { { 7, 1, 0 }, { 2, 0, 1 } };
    float out[2];
    assert_int_equal(heft_predict(m, 2, in[0], out, NULL), 0);
    const double mean = 8 / 3.0, deviation = sqrt((1 + 4 + 25) / 3.0 - mean * mean), y = 8 / 3.0, dy = sqrt((1 + 9 + 16) / 3.0 - y * y);
    for (int i = 0; i < 2; i++) {
        const double z = ((double)in[i][0] - mean) / deviation * (double)w[0] + (double)(in[i][1] * w[1] + in[i][2] * w[2] + b);
        assert_float_equal(out[i], z * dy + y, 0.02);                /* bf16 products */
    }
    heft_close(m);
}

/* Probabilities of a sample sum to 1, and the class is the greatest; calls of any number of threads and samples. */
static void predicts(void **state)
{
    (void)state;
    float in[11 * 64], out[11 * 10], again[11 * 10];
    int32_t class[11];
    heft_rng r = rng_key(1, RNG_TEST, 0, 0);
    for (int i = 0; i < 11 * 64; i++) in[i] = heft_uniform(&r);
    heft_model *m = open_good("digits.h5", 1);
    assert_int_equal(heft_predict(m, 11, in, out, class), 0);
    heft_model *many = open_good("digits.h5", 4), *other = open_good("table.h5", 3);
    for (int i = 0; i < 11; i++) {
        double sum = 0;
        for (int k = 0; k < 10; k++) {
            sum += (double)out[10 * i + k];
            assert_true(out[10 * i + class[i]] >= out[10 * i + k]);
        }
        assert_float_equal(sum, 1, 1e-5);
    }
    /* The last to be opened has another precision. */
    assert_int_equal(heft_predict(many, 11, in, again, NULL), 0);
    assert_memory_equal(out, again, sizeof out);
    assert_int_equal(heft_predict(other, 3, in, again, NULL), 0);
    assert_int_equal(heft_predict(m, 11, in, again, NULL), 0);
    assert_memory_equal(out, again, sizeof out);
    assert_int_equal(heft_predict(m, 0, NULL, NULL, NULL), 0);
    heft_close(m);
    heft_close(many);
    heft_close(other);
    m = open_good("two.h5", 0);
    assert_int_equal(heft_predict(m, 1, (float[]){ 4, 5 }, out, class), 0);
    assert_true(out[0] >= 0 && out[0] <= 1);
    assert_int_equal(class[0], out[0] > 0.5f);
    heft_close(m);
}

/* Text: the seed's, whatever the threads; the prompt is not repeated; what is wrong is said, and nothing is written. */
static void goes_on(void **state)
{
    (void)state;
    char wrote[2][41];
    for (int threads = 1; threads < 3; threads++) {
        heft_model *m = open_good("text.h5", threads);
        memset(wrote[threads - 1], '?', sizeof wrote[0]);
        if (heft_generate(m, "ab", 40, 2, 0, 5, wrote[threads - 1]) < 0) fail_msg("%s", heft_last_error());
        assert_int_equal(strlen(wrote[threads - 1]), 40);
        heft_close(m);
    }
    assert_string_equal(wrote[0], wrote[1]);
    heft_model *m = open_good("text.h5", 1), *pictures = open_good("digits.h5", 1);
    assert_int_equal(heft_generate(m, "ab", 40, 2, 0, 6, wrote[1]), 0);
    assert_string_not_equal(wrote[0], wrote[1]);
    assert_int_equal(heft_generate(m, "ab", 3, 2, 0, 5, wrote[1]), 0);
    assert_int_equal(strlen(wrote[1]), 3);
    assert_memory_equal(wrote[0], wrote[1], 3);
    assert_int_equal(heft_generate(m, "ab", 0, 1, 0, 0, wrote[1]), 0);
    assert_string_equal(wrote[1], "");
    const struct { heft_model *m; const char *prompt; int64_t length; double temperature; int64_t top_k; char *to; const char *says; } bad[] = {
        { NULL, "ab", 5, 1, 0, wrote[1], "no model is given" }, { m, NULL, 5, 1, 0, wrote[1], "no prompt is given" },
        { m, "ab", 5, 1, 0, NULL, "no room for text is given" }, { m, "", 5, 1, 0, wrote[1], "the prompt is empty" },
        { m, "ax", 5, 1, 0, wrote[1], "byte 0x78 'x' does not occur" }, { m, "ab", -1, 1, 0, wrote[1], "a length of -1" },
        { m, "ab", 5, -1, 0, wrote[1], "a temperature of -1; a number from 0 to 100" }, { m, "ab", 5, NAN, 0, wrote[1], "a temperature of nan" },
        { m, "ab", 5, 101, 0, wrote[1], "a temperature of 101" }, { m, "ab", 5, 1, -2, wrote[1], "the -2 likeliest characters" },
        { pictures, "ab", 5, 1, 0, wrote[1], "was not trained on text" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        strcpy(wrote[1], "as it was");
        assert_int_equal(heft_generate(bad[i].m, bad[i].prompt, bad[i].length, bad[i].temperature, bad[i].top_k, 0, bad[i].to), -1);
        if (!strstr(heft_last_error(), bad[i].says)) fail_msg("row %zu: '%s'", i, heft_last_error());
        assert_string_equal(wrote[1], "as it was");
    }
    heft_close(m);
    heft_close(pictures);
}

static void refused(void **state)
{
    (void)state;
    spit("junk.h5", "junk", 4);
    size_t n;
    char *bytes = slurp("digits.h5", &n);
    spit("damaged.h5", bytes, n);
    block_free(bytes);
    damage("damaged.h5");
    const struct { const char *path; int threads; const char *says; } open[] = {
        { NULL, 1, "heft: error: no path is given" }, { "digits.h5", -1, "-1 threads; 1 or more" }, { "nothing.h5", 1, "nothing.h5" },
        { "junk.h5", 1, "junk.h5" }, { "damaged.h5", 1, "damaged.h5" }, { "digits.h5", 100000, "train.threads" },
    };
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        assert_null(heft_open(open[i].path, open[i].threads));
        if (!strstr(heft_last_error(), open[i].says)) fail_msg("'%s' without '%s'", heft_last_error(), open[i].says);
        assert_int_not_equal(heft_last_error()[strlen(heft_last_error()) - 1], '\n');
    }
    float in[6] = { 0, 1, 2, 0, 1, 2 }, out[24];
    int32_t class[2];
    heft_model *row = open_good("table.h5", 1), *words = open_good("text.h5", 1);
    const struct { heft_model *m; int64_t n; const float *in; float *out; int32_t *class; const char *says; } predict[] = {
        { NULL, 1, in, out, NULL, "no model is given" },
        { row, -1, in, out, NULL, "-1 samples; 0 or more" },
        { row, INT64_MAX, in, out, NULL, "samples; 0 or more" },
        { row, 1, NULL, out, NULL, "no inputs are given" },
        { row, 1, in, NULL, NULL, "no outputs are given" },
        { row, 1, in, out, class, "classes are asked for; the model gives 1 numbers" },
        { row, 2, (float[]){ 1, 0, 1, NAN, 0, 1 }, out, NULL, "sample 1, number 0 (from 0), size: nan; numbers must be finite" },
        { row, 2, (float[]){ 1, 0, 1, 1, 0, INFINITY }, out, NULL, "sample 1, number 2 (from 0), place=lake: inf" },
        { words, 2, (float[]){ 0, 1, 2, 0, 4, 0 }, out, NULL, "sample 1, number 1 (from 0): 4; tokens are whole numbers from 0 to 3" },
        { words, 1, (float[]){ 0, 0.5f, 2 }, out, NULL, "0.5; tokens" },
        { words, 1, (float[]){ -1, 0, 2 }, out, NULL, "-1; tokens" },
        { words, 1, (float[]){ NAN, 0, 2 }, out, NULL, "nan; tokens" },
    };
    for (size_t i = 0; i < sizeof predict / sizeof *predict; i++) {
        assert_int_equal(heft_predict(predict[i].m, predict[i].n, predict[i].in, predict[i].out, predict[i].class), -1);
        if (!strstr(heft_last_error(), predict[i].says)) fail_msg("'%s' without '%s'", heft_last_error(), predict[i].says);
    }
    assert_int_equal(heft_predict(words, 2, in, out, NULL), 0);       /* a failure leaves a model as it was */
    assert_string_equal(heft_last_error(), "");
    heft_close(row);
    heft_close(words);
}

/* OpenMP's settings of the thread are its own. */
static void leaves_settings(void **state)
{
    (void)state;
    omp_set_num_threads(3);
    omp_set_dynamic(1);
    heft_model *m = open_good("digits.h5", 2);
    assert_int_equal(omp_get_max_threads(), 3);
    float in[5 * 64] = { 0 }, out[50];
    assert_int_equal(heft_predict(m, 5, in, out, NULL), 0);
    assert_null(heft_open("nothing.h5", 1));
    heft_close(m);
    assert_int_equal(omp_get_max_threads(), 3);
    assert_true(omp_get_dynamic());
}

/* Threads that use one model, and open others meanwhile. */
typedef struct user { heft_model *shared; const float *in, *want; bool failed; } user;

static void *use(void *context)
{
    user *u = context;
    for (int i = 0; i < 20; i++) {
        float out[50];
        if (heft_predict(u->shared, 5, u->in, out, NULL) < 0 || memcmp(out, u->want, sizeof out) != 0) u->failed = true;
        heft_model *own = i % 10 ? NULL : heft_open(i ? "text.h5" : "nothing.h5", 2);
        if (!i && strcmp(heft_last_error(), "") == 0) u->failed = true;
        heft_close(own);
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    heft_model *m = open_good("digits.h5", 2);
    float in[5 * 64], want[50];
    for (int i = 0; i < 5 * 64; i++) in[i] = (float)(i % 7);
    assert_int_equal(heft_predict(m, 5, in, want, NULL), 0);
    pthread_t thread[THREADS];
    user u[THREADS];
    for (int i = 0; i < THREADS; i++) {
        u[i] = (user){ m, in, want, false };
        assert_int_equal(pthread_create(&thread[i], NULL, use, &u[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_false(u[i].failed);
    }
    heft_close(m);
}

int main(void)
{
    setenv("HEFT_PLUGIN_PATH", PLUGIN_DIR, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes), cmocka_unit_test(scales), cmocka_unit_test(predicts), cmocka_unit_test(goes_on), cmocka_unit_test(refused),
        cmocka_unit_test(leaves_settings), cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, begin, leave_scratch);
}
