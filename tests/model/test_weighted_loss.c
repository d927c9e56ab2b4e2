/* Losses whose samples do not weigh the same, over lanes and minibatches: PyTorch's weighted mean and its gradient
 * (golden/losses.py weighted). */
#include "model/setup.h"

#include "golden/weighted.inc"

enum { N_GOLDEN = sizeof golden / sizeof *golden };
static const heft_shape inputs = { HEFT_F32, 1, { K }, 0 }, labels = { HEFT_I32, 0, { 0 }, K };

/* A dense layer with the unit matrix before the loss. */
static void begin(setup *s, const char *loss, const char *metrics)
{
    char yaml[300];
    snprintf(yaml, sizeof yaml, "model: [dense: {units: %d, bias: false}]\nloss: {softmax_cross_entropy: %s}\n%s", K,
             loss, metrics);
    setup_model(s, yaml, inputs, labels, N);
    print_problems(s);
    assert_non_null(s->model);
    for (int i = 0; i < K * K; i++) s->model->x[i] = i % (K + 1) == 0;
    memcpy(s->inputs, x, sizeof x);
    memcpy(s->targets, label, sizeof label);
}

static void near(const char *what, const char *loss, double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * (1 + fabs(want))))
        fail_msg("%s: %s is %.9g, expected %.9g", loss, what, got, want);
}

static void test_mean_and_gradient(void **unused)
{
    (void)unused;
    for (int c = 0; c < N_GOLDEN; c++) {
        setup s;
        begin(&s, golden[c].loss, "");
        assert_true(model_lanes(s.model, N) > 1);
        pass *p = pass_new(s.model, true, &s.pr);
        const pass_input in = whole_batch(&s, golden[c].n, 1);
        near("mean", golden[c].loss, pass_run(p, &in, true), golden[c].mean);
        pass_sum(p, 0, s.model->n_trained);
        for (int i = 0; i < K * K; i++)
            near("gradient", golden[c].loss, pass_gradient(p)[i], golden[c].dw[i / K][i % K]);
        pass_free(p);
        setup_end(&s);
    }
}

/* Over a data set the weights of all its samples count, however it is cut into minibatches; as a metric too. */
static void test_over_a_data_set(void **unused)
{
    (void)unused;
    static const int cut[] = { 0, 40, 41, 63, N };
    for (int c = 0; c < N_GOLDEN; c++) {
        if (golden[c].n != N) continue;
        for (int train = 0; train < 2; train++) {
            setup s;
            char metrics[200];
            snprintf(metrics, sizeof metrics,
                     "metrics: [{softmax_cross_entropy: %s}, {softmax_cross_entropy: {name: plain}}]\n", golden[c].loss);
            begin(&s, golden[c].loss, metrics);
            pass *p = pass_new(s.model, train, &s.pr);
            meter *m = meter_new(s.model);
            for (size_t i = 0; i + 1 < sizeof cut / sizeof *cut; i++) {
                pass_input in = whole_batch(&s, cut[i + 1] - cut[i], 1);
                in.inputs += cut[i] * K;
                in.targets += cut[i];
                pass_run(p, &in, train);
                meter_add(m, s.model, p);
            }
            double value[3], plain = 0;
            meter_read(m, s.model, value);
            for (int i = 0; i < N; i++) {
                double sum = 0;
                for (int k = 0; k < K; k++) sum += exp(x[i][k]);
                plain += (log(sum) - x[i][label[i]]) / N;
            }
            near("mean of all", golden[c].loss, value[0], golden[c].mean);
            near("metric of all", golden[c].loss, value[1], golden[c].mean);
            near("plain metric of all", golden[c].loss, value[2], plain);
            meter_free(m);
            pass_free(p);
            setup_end(&s);
        }
    }
}

/* Nothing but ignored labels. */
static void test_nothing_counts(void **unused)
{
    (void)unused;
    setup s;
    begin(&s, "{ignore_index: 1}", "");
    for (int i = 0; i < N; i++) ((int32_t *)(void *)s.targets)[i] = 1;
    const pass_input in = whole_batch(&s, N, 1);
    expect_nothing_counts(&s, &in, K * K);
    setup_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_and_gradient),
        cmocka_unit_test(test_over_a_data_set),
        cmocka_unit_test(test_nothing_counts),
    };
    compute_init(2, COMPUTE_F32);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
