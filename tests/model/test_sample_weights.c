/* Samples that do not weigh the same: PyTorch's sum of w loss / sum of w, its gradient, and the same over a data set. */
#include "model/setup.h"

#include "golden/sample_weights.inc"

enum { N_GOLDEN = sizeof golden / sizeof *golden };
static const heft_shape inputs = { HEFT_F32, 1, { K }, 0 }, labels = { HEFT_I32, 0, { 0 }, K };

/* A dense layer with the unit matrix before the loss; numbers as targets are the inputs turned around. */
static void begin(setup *s, int c)
{
    char yaml[300];
    snprintf(yaml, sizeof yaml, "model: [dense: {units: %d, bias: false}]\nloss: %s\n%s", K, golden[c].loss,
             golden[c].classes ? "metrics: [accuracy, f1]\n" : "metrics: [mean_squared_error]\n");
    setup_model(s, yaml, inputs, golden[c].classes ? labels : inputs, N);
    print_problems(s);
    assert_non_null(s->model);
    for (int i = 0; i < K * K; i++) s->model->x[i] = i % (K + 1) == 0;
    memcpy(s->inputs, x, sizeof x);
    if (golden[c].classes) memcpy(s->targets, label, sizeof label);
    else
        for (int i = 0; i < N * K; i++) s->targets[i] = x[i / K * K + K - 1 - i % K];
}

static void near(const char *what, const char *loss, double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * (1 + fabs(want))))
        fail_msg("%s: %s is %.9g, expected %.9g", loss, what, got, want);
}

static void test_mean_and_gradient(void **unused)
{
    (void)unused;
    for (int c = 0; c < N_GOLDEN; c++)
        for (int threads = 1; threads < 4; threads++) {
            setup s;
            compute_init(threads, COMPUTE_F32);
            begin(&s, c);
            assert_true(model_lanes(s.model, N) > 1);
            pass *p = pass_new(s.model, true, &s.pr);
            pass_input in = whole_batch(&s, golden[c].n, 1);
            in.weights = weight;
            near("mean", golden[c].loss, pass_run(p, &in, true), golden[c].mean);
            if (golden[c].classes) near("accuracy", golden[c].loss, pass_mean(p, s.model->first_metric), golden[c].accuracy);
            pass_sum(p, 0, s.model->n_trained);
            for (int i = 0; i < K * K; i++)
                near("gradient", golden[c].loss, (double)pass_gradient(p)[i], golden[c].dw[i / K][i % K]);
            pass_free(p);
            setup_end(&s);
        }
}

/* However the data set is cut into minibatches; also of what a metric counts in tallies, scikit-learn's f1. */
static void test_over_a_data_set(void **unused)
{
    (void)unused;
    static const int cut[] = { 0, 17, 40, 41, 63, N };
    for (int c = 0; c < N_GOLDEN; c++) {
        for (int weighted = 0; weighted < 2 && golden[c].n == N; weighted++) {
            setup s;
            begin(&s, c);
            pass *p = pass_new(s.model, false, &s.pr);
            meter *m = meter_new(s.model);
            double value[3];
            for (size_t i = 0; i + 1 < sizeof cut / sizeof *cut; i++) {
                pass_input in = whole_batch(&s, cut[i + 1] - cut[i], 1);
                in.inputs += cut[i] * K;
                in.targets += golden[c].classes ? cut[i] : cut[i] * K;
                if (weighted) in.weights = weight + cut[i];
                pass_run(p, &in, false);
                meter_add(m, s.model, p);
            }
            meter_read(m, s.model, value);
            if (weighted) near("mean of all", golden[c].loss, value[0], golden[c].mean);
            if (weighted && golden[c].classes) near("accuracy of all", golden[c].loss, value[1], golden[c].accuracy);
            if (golden[c].classes) assert_true(weighted == (fabs(value[2] - golden[c].f1) <= 1e-6));
            meter_free(m);
            pass_free(p);
            setup_end(&s);
        }
    }
}

/* Weights of 1 change no bit of anything. */
static void test_ones(void **unused)
{
    (void)unused;
    setup s;
    begin(&s, 0);
    float one[N];
    for (int i = 0; i < N; i++) one[i] = 1;
    pass *p = pass_new(s.model, true, &s.pr);
    pass_input in = whole_batch(&s, N, 1);
    float gradient[K * K];
    const double mean = pass_run(p, &in, true);
    pass_sum(p, 0, s.model->n_trained);
    memcpy(gradient, pass_gradient(p), sizeof gradient);
    in.weights = one;
    assert_true(pass_run(p, &in, true) == mean);
    pass_sum(p, 0, s.model->n_trained);
    assert_memory_equal(gradient, pass_gradient(p), sizeof gradient);
    pass_free(p);
    setup_end(&s);
}

/* A minibatch that weighs nothing. */
static void test_nothing_counts(void **unused)
{
    (void)unused;
    setup s;
    begin(&s, 0);
    static const float zero[N];
    pass_input in = whole_batch(&s, N, 1);
    in.weights = zero;
    expect_nothing_counts(&s, &in, K * K);
    setup_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_and_gradient),
        cmocka_unit_test(test_over_a_data_set),
        cmocka_unit_test(test_ones),
        cmocka_unit_test(test_nothing_counts),
    };
    compute_init(2, COMPUTE_F32);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
