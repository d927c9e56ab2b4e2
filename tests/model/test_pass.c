/* A minibatch through a model: gradients, lanes, threads (R1), meters. */
#include <math.h>

#include "setup.h"

static const char branched[] =
    "model:\n"
    "  - conv2d: {filters: 6, kernel: 3, padding: same, name: stem}\n"
    "  - batch_norm: {name: norm}\n"
    "  - tanh: {name: top}\n"
    "  - conv2d: {filters: 6, kernel: 1, name: left}\n"
    "  - conv2d: {filters: 6, kernel: 3, padding: same, inputs: top, activation: sigmoid, name: right}\n"
    "  - add: {inputs: [left, right, top]}\n"
    "  - concat: {inputs: [add_1, top, add_1]}\n"
    "  - batch_norm: {name: norm2}\n"
    "  - avg_pool2d: {size: 2}\n"
    "  - flatten\n"
    "  - dense: {units: 40, activation: tanh, name: wide}\n"
    "  - dropout: {rate: 0.25}\n"
    "  - dense: {units: 3}\n"
    "loss: softmax_cross_entropy\n"
    "metrics: [accuracy]\n";

static double loss_at(setup *s, pass *p, size_t i, float x)
{
    const float kept = s->model->x[i];
    s->model->x[i] = x;
    const pass_input in = whole_batch(s, 13, 5);
    const double loss = pass_run(p, &in, false);
    s->model->x[i] = kept;
    return loss;
}

/* A value with several consumers, a value used twice by one layer, statistics over the minibatch, random draws,
 * gradients of the whole minibatch, an incomplete last lane: every weight's gradient against central differences. */
static void gradients(void **state)
{
    (void)state;
    setup s;
    setup_model(&s, branched, image, label3, 13);
    print_problems(&s);
    assert_non_null(s.model);
    pass *p = pass_new(s.model, true, &s.pr);
    assert_non_null(p);
    const pass_input in = whole_batch(&s, 13, 5);
    pass_run(p, &in, true);
    pass_sum(p, 0, s.model->n_trained);
    float *g = block_alloc(s.model->n_trained, sizeof *g);
    memcpy(g, pass_gradient(p), s.model->n_trained * sizeof *g);

    double worst = 0, largest = 0;
    for (size_t i = 0; i < s.model->n_trained; i += 3) {
        const float x = s.model->x[i], h = 1e-2f;
        const double wide = (loss_at(&s, p, i, x + h) - loss_at(&s, p, i, x - h)) / ((double)(x + h) - (double)(x - h));
        const double error = fabs(wide - (double)g[i]);
        if (error > worst) worst = error;
        if (fabs((double)g[i]) > largest) largest = fabs((double)g[i]);
        if (error > 3e-4 + 2e-2 * fabs((double)g[i])) fail_msg("weight %zu: gradient %g, difference %g", i, (double)g[i], wide);
    }
    assert_true(largest > 0.01);
    block_free(g);
    pass_free(p);
    setup_end(&s);
}

static void digest_of_steps(const char *yaml, int threads, char hex[DIGEST_HEX])
{
    compute_init(threads, COMPUTE_F32);
    setup s;
    setup_model(&s, yaml, image, label3, 80);
    assert_non_null(s.model);
    digest_of_descent(&s, 80, hex);
    setup_end(&s);
}

/* R1 */
static void same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = { 1, 2, 3, 4, 7, 8 };
    char first[DIGEST_HEX], hex[DIGEST_HEX];
    digest_of_steps(branched, 1, first);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        digest_of_steps(branched, threads[i], hex);
        if (strcmp(first, hex)) fail_msg("%d threads give other bits than 1", threads[i]);
    }
    compute_init(2, COMPUTE_F32);
}

/* The whole minibatch is read once more for gradients of large weights alone: those that have more numbers than what they meet in a lane. */
static void large_weights_have_tiles(void **state)
{
    (void)state;
    static const struct { int units; bool whole; } cases[] = { { 38, false }, { 39, true }, { 300, true } };      /* 192 n > 32 (192 + n) */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[160];
        snprintf(yaml, sizeof yaml, "model:\n  - flatten\n  - dense: {units: %d}\n  - dense: {units: 3}\nloss: softmax_cross_entropy\n", cases[i].units);
        setup s;
        setup_model(&s, yaml, image, label3, 8);
        assert_non_null(s.model);
        assert_int_equal(s.model->layer[1].tensor[0].whole, cases[i].whole);
        assert_false(s.model->layer[2].tensor[0].whole);
        setup_end(&s);
    }
}

static const char deep[] =
    "model:\n"
    "  - conv2d: {filters: 4, kernel: 3, padding: same, activation: %s}\n"
    "  - conv2d: {filters: 4, kernel: 3, padding: same, activation: %s}\n"
    "%s"
    "  - dropout: {rate: 0.5}\n  - flatten\n  - dense: {units: 3}\n"
    "loss: softmax_cross_entropy\n";

static size_t bytes_of(const char *activation, const char *more, int threads)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, deep, activation, activation, more);
    compute_init(threads, COMPUTE_F32);
    setup s;
    setup_model(&s, yaml, image, label3, 128);
    print_problems(&s);
    assert_non_null(s.model);
    assert_int_equal(model_lanes(s.model, 128), 4);
    const size_t bytes = pass_bytes(s.model, true);
    setup_end(&s);
    compute_init(2, COMPUTE_F32);
    return bytes;
}

/* Memory for activations grows with the threads, up to the lanes, unless lanes wait for each other; and what nobody reads any more is used again:
 * relu's backward needs its output alone, elu's its input too. */
static void memory_is_for_what_is_read(void **state)
{
    (void)state;
    const size_t one = bytes_of("relu", "", 1), two = bytes_of("relu", "", 2), four = bytes_of("relu", "", 4);
    assert_true(one < two && 2 * (two - one) == four - two);
    assert_int_equal(bytes_of("relu", "", 8), four);
    assert_int_equal(bytes_of("relu", "  - batch_norm\n", 1), bytes_of("relu", "  - batch_norm\n", 8));
    assert_true(bytes_of("elu", "", 1) >= one + 32 * 8 * 8 * 4 * sizeof(float));      /* an output of a convolution */
}

/* A pass has memory for the threads that there were; with more of them it still gives the same bits. */
static void more_threads_than_at_the_start(void **state)
{
    (void)state;
    char yaml[512];
    snprintf(yaml, sizeof yaml, deep, "relu", "tanh", "");
    double loss[2];
    float *g[2];
    setup s[2];
    for (int i = 0; i < 2; i++) {
        compute_init(2, COMPUTE_F32);
        setup_model(&s[i], yaml, image, label3, 128);
        pass *p = pass_new(s[i].model, true, &s[i].pr);
        if (i) compute_init(4, COMPUTE_F32);
        const pass_input in = whole_batch(&s[i], 128, 3);
        for (int step = 0; step < 3; step++) loss[i] = pass_run(p, &in, true);
        pass_sum(p, 0, s[i].model->n_trained);
        g[i] = block_alloc(s[i].model->n_trained, sizeof *g[i]);
        memcpy(g[i], pass_gradient(p), s[i].model->n_trained * sizeof *g[i]);
        pass_free(p);
    }
    assert_memory_equal(&loss[0], &loss[1], sizeof loss[0]);
    assert_memory_equal(g[0], g[1], s[0].model->n_trained * sizeof *g[0]);
    for (int i = 0; i < 2; i++) {
        block_free(g[i]);
        setup_end(&s[i]);
    }
    compute_init(2, COMPUTE_F32);
}

/* Buffers that share memory: an evaluation's outputs are those of a training pass where both compute the same function. */
static void sharing_changes_nothing(void **state)
{
    (void)state;
    static const char yaml[] =
        "model:\n"
        "  - conv2d: {filters: 4, kernel: 3, padding: same, activation: relu, name: a}\n"
        "  - conv2d: {filters: 4, kernel: 3, padding: same, activation: relu, name: b}\n"
        "  - conv2d: {filters: 4, kernel: 3, padding: same, activation: relu, name: c}\n"
        "  - add: {inputs: [a, c]}\n"
        "  - conv2d: {filters: 8, kernel: 1, name: d}\n"
        "  - max_pool2d\n  - flatten\n  - dense: {units: 3}\n"
        "loss: softmax_cross_entropy\n";
    setup s;
    setup_model(&s, yaml, image, label3, 40);
    print_problems(&s);
    assert_non_null(s.model);
    pass *train = pass_new(s.model, true, &s.pr), *eval = pass_new(s.model, false, &s.pr);
    assert_true(pass_bytes(s.model, false) < pass_bytes(s.model, true));
    const pass_input in = whole_batch(&s, 40, 0);
    const double a = pass_run(train, &in, true), b = pass_run(eval, &in, false);
    assert_true(a == b);
    assert_memory_equal(pass_output(train), pass_output(eval), 40 * 3 * sizeof(float));
    pass_free(train);
    pass_free(eval);
    setup_end(&s);
}

static void frozen_layers_get_no_gradient(void **state)
{
    (void)state;
    setup s;
    setup_model(&s, "model:\n  - dense: {units: 5, frozen: true, activation: tanh}\n  - dense: {units: 4, activation: tanh}\n"
                    "  - dense: {units: 4, frozen: true}\n  - dense: {units: 3}\nloss: softmax_cross_entropy\n", vector8, label3, 16);
    print_problems(&s);
    assert_non_null(s.model);
    pass *p = pass_new(s.model, true, &s.pr);
    const pass_input in = whole_batch(&s, 16, 0);
    pass_run(p, &in, true);
    pass_sum(p, 0, s.model->n_trained);
    assert_int_equal(s.model->n_trained, 5 * 4 + 4 + 4 * 3 + 3);
    for (size_t i = 0; i < 5 * 4; i++) assert_true(pass_gradient(p)[i] != 0);
    pass_free(p);
    setup_end(&s);
}

static void meters(void **state)
{
    (void)state;
    setup s;
    setup_model(&s, "model: [{dense: {units: 1}}]\nloss: mean_squared_error\nmetrics: [mean_absolute_error, r2]\n", vector8, real1, 70);
    print_problems(&s);
    assert_non_null(s.model);
    pass *p = pass_new(s.model, false, &s.pr);
    meter *whole = meter_new(s.model), *parts = meter_new(s.model);
    double a[3], b[3], mean = 0, sse = 0, sst = 0, sae = 0;
    pass_input in = whole_batch(&s, 70, 0);
    pass_run(p, &in, false);
    meter_add(whole, s.model, p);
    meter_read(whole, s.model, a);
    for (int i = 0; i < 70; i++) mean += (double)s.targets[i] / 70;
    for (int i = 0; i < 70; i++) {
        const double e = (double)pass_output(p)[i] - (double)s.targets[i];
        sse += e * e;
        sae += fabs(e);
        sst += ((double)s.targets[i] - mean) * ((double)s.targets[i] - mean);
    }
    assert_true(fabs(a[0] - sse / 70) < 1e-5);
    assert_true(fabs(a[1] - sae / 70) < 1e-5);
    assert_true(fabs(a[2] - (1 - sse / sst)) < 1e-5);
    for (int k = 0; k < 7; k++) {
        in = (pass_input){ .n = 10, .inputs = s.inputs + 80 * k, .targets = s.targets + 10 * k, .metrics = true };
        pass_run(p, &in, false);
        meter_add(parts, s.model, p);
    }
    meter_read(parts, s.model, b);
    for (int i = 0; i < 3; i++) assert_true(fabs(a[i] - b[i]) < 1e-5);
    meter_free(whole);
    meter_free(parts);
    pass_free(p);
    setup_end(&s);
}

static void without_targets(void **state)
{
    (void)state;
    setup s;
    setup_model(&s, "model: [{dense: {units: 3}}]\nloss: softmax_cross_entropy\nmetrics: [accuracy]\n", vector8, label3, 8);
    pass *p = pass_new(s.model, false, &s.pr);
    pass_input in = whole_batch(&s, 8, 0);
    pass_run(p, &in, false);
    float kept[24];
    memcpy(kept, pass_output(p), sizeof kept);
    in.targets = NULL;
    assert_true(isnan(pass_run(p, &in, false)));
    assert_memory_equal(kept, pass_output(p), sizeof kept);
    pass_free(p);
    setup_end(&s);
}

int main(void)
{
    compute_init(2, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients), cmocka_unit_test(large_weights_have_tiles), cmocka_unit_test(memory_is_for_what_is_read), cmocka_unit_test(more_threads_than_at_the_start),
        cmocka_unit_test(same_bits_on_any_number_of_threads), cmocka_unit_test(sharing_changes_nothing),
        cmocka_unit_test(frozen_layers_get_no_gradient), cmocka_unit_test(meters), cmocka_unit_test(without_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
