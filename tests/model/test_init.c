/* Which initializer a weight gets: the plugin's with its options, unless the user names another. */
#include "setup.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "hdf/hdf.h"

static void check(const char *options, float want)
{
    char yaml[256];
    setup s;
    snprintf(yaml, sizeof yaml, "model: [{dense: {units: 3}}, {prelu: {shared: false%s}}, {dense: {units: 1}}]\nloss: mean_squared_error\n", options);
    setup_model(&s, yaml, (heft_shape){ HEFT_F32, 1, { 4 } }, (heft_shape){ HEFT_F32, 1, { 1 } }, 8);
    if (s.pr.n) fail_msg("%s: %s", options, s.pr.item[0].text);
    const float *slope = model_weight(s.model, &s.model->layer[1], 0);
    for (int i = 0; i < 3; i++)
        if (slope[i] != want) fail_msg("%s: slope %d is %g, expected %g", options, i, (double)slope[i], (double)want);
    setup_end(&s);
}

static void options_of_an_initializer(void **state)
{
    (void)state;
    check("", 0.25f);
    check(", init: auto", 0.25f);
    check(", init: {slope: zeros}", 0);
    check(", init: {slope: {constant: {value: 0.5}}}", 0.5f);
}

/* `gain` by the name of an activation: PyTorch's calculate_gain. */
static void gains_by_activation(void **state)
{
    (void)state;
    static const struct { const char *name; double gain; } torch[] = {
        { "linear", 1 }, { "sigmoid", 1 }, { "tanh", 1.6666666666666667 }, { "relu", 1.4142135623730951 },
        { "leaky_relu", 1.4141428569978354 }, { "selu", 0.75 } };
    static const char *const type[] = { "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "orthogonal" };
    for (size_t k = 0; k < sizeof type / sizeof *type; k++)
        for (size_t i = 0; i < sizeof torch / sizeof *torch; i++) {
            setup s[2];
            for (int named = 0; named < 2; named++) {
                char yaml[256], number[32];
                snprintf(number, sizeof number, "%.17g", torch[i].gain);
                snprintf(yaml, sizeof yaml, "model: [{dense: {units: 3, init: {weight: {%s: {gain: %s}}}}}]\nloss: mean_squared_error\n",
                         type[k], named ? torch[i].name : number);
                setup_model(&s[named], yaml, (heft_shape){ HEFT_F32, 1, { 4 } }, (heft_shape){ HEFT_F32, 1, { 3 } }, 8);
                if (s[named].pr.n) fail_msg("%s: %s", yaml, s[named].pr.item[0].text);
            }
            assert_memory_equal(s[0].model->x, s[1].model->x, s[0].model->n_weights * sizeof(float));
            setup_end(&s[0]);
            setup_end(&s[1]);
        }
}

static void refuse(const char *init, const char *words)
{
    char yaml[512];
    setup s;
    snprintf(yaml, sizeof yaml, "model: [{dense: {name: d, units: 3, init: {weight: %s}}}]\nloss: mean_squared_error\n", init);
    setup_model(&s, yaml, (heft_shape){ HEFT_F32, 1, { 4 } }, (heft_shape){ HEFT_F32, 1, { 3 } }, 8);
    if (!s.pr.n || !strstr(s.pr.item[0].text, words)) fail_msg("%s: '%s' does not say '%s'", init, s.pr.n ? s.pr.item[0].text : "nothing", words);
    setup_end(&s);
}

/* Weights from any HDF5 file, of whatever type of numbers. */
static void from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/heft-init-XXXXXX", yaml[512];
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    double w[12];
    float bad[12];
    for (int i = 0; i < 12; i++) w[i] = i / 8.0, bad[i] = i == 7 ? NAN : 1;
    problems pr = { 0 };
    hdf_file *f = hdf_create(&pr);
    hdf_write(f, "/layers/d/weight", HDF_F64, 2, (int64_t[]){ 4, 3 }, w, &pr);
    hdf_write(f, "/bias", HDF_I32, 1, (int64_t[]){ 3 }, (int32_t[]){ 7, -8, 9 }, &pr);
    hdf_write(f, "/bad", HDF_F32, 2, (int64_t[]){ 4, 3 }, bad, &pr);
    hdf_write(f, "/turned", HDF_F64, 2, (int64_t[]){ 3, 4 }, w, &pr);
    assert_int_equal(hdf_publish(f, "heft-test 1", path, &pr), 0);

    setup s;
    snprintf(yaml, sizeof yaml, "model: [{dense: {name: d, units: 3, init: {weight: {file: {path: %s}}, bias: {file: {path: %s, tensor: /bias}}}}}]\n"
             "loss: mean_squared_error\n", path, path);
    setup_model(&s, yaml, (heft_shape){ HEFT_F32, 1, { 4 } }, (heft_shape){ HEFT_F32, 1, { 3 } }, 8);
    print_problems(&s);
    assert_non_null(s.model);
    const model_layer *d = &s.model->layer[0];
    for (int i = 0; i < 12; i++) assert_true(model_weight(s.model, d, 0)[i] == (float)w[i]);
    static const float bias[] = { 7, -8, 9 };
    assert_memory_equal(model_weight(s.model, d, 1), bias, sizeof bias);
    char hex[DIGEST_HEX];
    assert_int_equal(digest_file(path, hex, &pr), 0);
    assert_string_equal(d->tensor[0].init_file->digest, hex);
    setup_end(&s);

    static const struct { const char *tensor, *words; } cases[] = {
        { "/layers/e/weight", "did you mean 'd'" }, { "/turned", "[4, 3]" }, { "/turned", "layer 'd': weight from a file: " },
        { "/bad", "/bad: element 7 is nan; weights are finite" }, { "/layers", "/layers" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char init[256];
        snprintf(init, sizeof init, "{file: {path: %s, tensor: %s}}", path, cases[i].tensor);
        refuse(init, cases[i].words);
    }
    unlink(path);
    refuse("{file: {path: /nowhere/x.h5}}", "/nowhere/x.h5: there is no such file");
    refuse("{file: {tensor: /x}}", "path");
    refuse("file", "path");
    refuse("{file: {pth: x.h5}}", "path");
    refuse("{glorot_uniform: {gain: rellu}}", "gain takes a number or an activation, not 'rellu' (did you mean 'relu'?): linear, sigmoid,");
    refuse("{orthogonal: {gain: -1}}", "gain");
    refuse("{uniform: {gain: relu}}", "gain");
    problems_free(&pr);
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_an_initializer), cmocka_unit_test(gains_by_activation), cmocka_unit_test(from_a_file),
    };
    return cmocka_run_group_tests_name("initializers of a model", tests, NULL, NULL);
}
