/* Weights, predictions, extreme inputs and refusals of losses; test_losses.c holds their values against PyTorch's. */
#include "losses/tables.h"

/* What the samples weigh is added up by survey in training, by forward otherwise; nothing where they weigh the same. */
static void test_weights(void **unused)
{
    (void)unused;
    static const struct { const char *options; double weight; } rows[] = {
        { "{class_weights: [0.5, 2, 8]}", 0.5 + 2 + 2 + 8 + 0.5 }, { "{ignore_index: 1}", 3 },
        { "{class_weights: [0.5, 2, 8], ignore_index: 0}", 2 + 2 + 8 }, { "", -1 }, { "{label_smoothing: 0.1}", -1 },
    };
    static const int32_t labels[] = { 0, 1, 1, 2, 0 };
    const heft_shape in[2] = { SHAPE(3), LABELS(3) };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int train = 0; train < 2; train++) {
            harness *h = harness_open("softmax_cross_entropy", rows[i].options, 2, in, LANES(2, 3));
            harness_fill(h, 1);
            memcpy(h->in[1], labels, sizeof labels);
            harness_forward(h, train);
            assert_int_equal(h->n_of[HEFT_TALLY], rows[i].weight >= 0);
            if (rows[i].weight >= 0) {
                assert_string_equal(h->of[HEFT_TALLY][0]->name, "weight");
                if (h->total[0][0] != rows[i].weight)
                    fail_msg("%s: weight %g, expected %g", h->label, h->total[0][0], rows[i].weight);
            }
            harness_close(h);
        }
}

static void test_goals(void **unused)
{
    (void)unused;
    static const struct { const char *name; heft_shape in[2]; } losses[] = {
        { "huber", { FLOATS(3), FLOATS(3) } }, { "smooth_l1", { FLOATS(3), FLOATS(3) } },
        { "log_cosh", { FLOATS(3), FLOATS(3) } }, { "poisson", { FLOATS(3), FLOATS(3) } },
        { "gaussian_nll", { FLOATS(2), FLOATS(1) } }, { "kl_divergence", { FLOATS(3), FLOATS(3) } },
        { "cosine_similarity", { FLOATS(3), FLOATS(3) } }, { "hinge", { FLOATS(1), LABEL(2) } },
        { "squared_hinge", { FLOATS(1), LABEL(2) } }, { "categorical_hinge", { FLOATS(3), LABEL(3) } },
        { "focal", { FLOATS(3), LABEL(3) } },
    };
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        harness *h = harness_open(losses[i].name, "", 2, losses[i].in, LANES(2));
        if (h->layer->goal != HEFT_MINIMIZE || !h->layer->backward || h->layer->fold) fail_msg("%s", h->label);
        if (h->plan.out.dtype != HEFT_F32 || h->plan.out.rank != 0) fail_msg("%s: out is not one number", h->label);
        harness_close(h);
    }
}

static void test_predictions(void **unused)
{
    (void)unused;
    static const struct { const char *name, *options; heft_shape in[2]; float x[4], y[4]; } rows[] = {
        { "focal", "", { FLOATS(4), LABEL(4) }, { 0, 0.69314718f, 0, 0 }, { 0.2f, 0.4f, 0.2f, 0.2f } },
        { "focal", "{form: binary}", { FLOATS(4), FLOATS(4) }, { 0, 200, -200, 1.0986123f }, { 0.5f, 1, 0, 0.75f } },
        { "kl_divergence", "", { FLOATS(4), FLOATS(4) }, { 0, 0.69314718f, 0, 0 }, { 0.2f, 0.4f, 0.2f, 0.2f } },
        { "kl_divergence", "{input: log_probabilities}", { FLOATS(4), FLOATS(4) },
          { -0.69314718f, -1.3862944f, -1.3862944f, -300 }, { 0.5f, 0.25f, 0.25f, 0 } },
        { "kl_divergence", "{input: probabilities}", { FLOATS(4), FLOATS(4) }, { 0.5f, 0.5f, 0, 0 }, { 0.5f, 0.5f, 0, 0 } },
        { "poisson", "", { FLOATS(4), FLOATS(4) }, { 0, 0.69314718f, -300, 1 }, { 1, 2, 0, 2.7182818f } },
        { "poisson", "{log_input: false}", { FLOATS(4), FLOATS(4) }, { 0, 1, 2, 3 }, { 0, 1, 2, 3 } },
        { "gaussian_nll", "", { FLOATS(4), FLOATS(2) }, { 5, -6, 0, 1 }, { 5, -6, 1, 2.7182818f } },
        { "gaussian_nll", "{variance: plain, eps: 0.5}", { FLOATS(4), FLOATS(2) }, { 5, -6, 0.25f, 2 }, { 5, -6, 0.5f, 2 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness *h = harness_open(rows[i].name, rows[i].options, 2, rows[i].in, LANES(1));
        const float *in[2] = { rows[i].x, NULL };
        float y[4];
        const heft_forward f = { .host = h->plan.host, .n = 1, .in = in, .out = y, .scratch = h->lane[0].scratch };
        h->layer->predict(h->self, &f);
        harness_near(h, "prediction", 4, y, rows[i].y, 1e-30, 2e-6);
        harness_close(h);
    }
}

/* Outputs far away: what can be finite is, in the loss and in its gradient. */
static void test_extremes(void **unused)
{
    (void)unused;
    static const struct { const char *name, *options; heft_shape in[2]; float x[3], t[3], value, dx[3]; } rows[] = {
        { "focal", "{form: binary, alpha: 1}", { FLOATS(3), FLOATS(3) }, { -1e4f, 1e4f, 0 }, { 1, 1, 0 }, 1e4f / 3,
          { -1.f / 3, 0, 0 } },
        { "focal", "{form: softmax, alpha: 1}", { FLOATS(3), FLOATS(3) }, { -1e4f, 1e4f, 0 }, { 1, 0, 0 }, 2e4f, { -1, 1, 0 } },
        { "focal", "{form: softmax, gamma: 0.5}", { FLOATS(3), FLOATS(3) }, { 1e4f, -1e4f, 0 }, { 1, 0, 0 }, 0, { 0 } },
        { "log_cosh", "", { FLOATS(3), FLOATS(3) }, { 1e30f, -3e4f, 0 }, { 1e30f, 0, 0 }, (3e4f - 0.69314718f) / 3,
          { 0, -1.f / 3, 0 } },
        { "kl_divergence", "", { FLOATS(3), FLOATS(3) }, { -1e4f, 1e4f, 0 }, { 0, 1, 0 }, 0, { 0 } },
        { "kl_divergence", "{input: probabilities}", { FLOATS(3), FLOATS(3) }, { 0, 1, 0 }, { 0, 1, 0 }, 0, { 0, -1, 0 } },
        { "cosine_similarity", "", { FLOATS(3), FLOATS(3) }, { 0, 0, 0 }, { 1, 2, 3 }, 1, { 0 } },
        { "cosine_similarity", "", { FLOATS(3), FLOATS(3) }, { 1e10f, 0, 0 }, { 1e10f, 0, 0 }, 0, { 0 } },
        { "poisson", "{log_input: false}", { FLOATS(3), FLOATS(3) }, { -1, 3, 3 }, { 0, 0, 0 }, 5.f / 3,
          { 1.f / 3, 1.f / 3, 1.f / 3 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness *h = harness_open(rows[i].name, rows[i].options, 2, rows[i].in, LANES(1));
        memcpy(h->in[0], rows[i].x, sizeof rows[i].x);
        memcpy(h->in[1], rows[i].t, sizeof rows[i].t);
        h->dout[0] = 1;
        h->no_din[1] = true;
        harness_forward(h, true);
        harness_backward(h);
        harness_near(h, "value", 1, h->out, &rows[i].value, 1e-6, 2e-6);
        harness_near(h, "dx", 3, h->din[0], rows[i].dx, 1e-6, 2e-6);
        harness_close(h);
    }
}

/* A target that is not a number makes a loss that is none, which stops a run and names its samples; it is no label by chance. */
static void test_targets(void **unused)
{
    (void)unused;
    static const struct { const char *name, *options; int64_t outputs, at; } rows[] = {
        { "softmax_cross_entropy", "", 3, 1 }, { "binary_cross_entropy", "", 3, 1 }, { "categorical_hinge", "", 3, 0 },
        { "categorical_hinge", "", 3, 2 }, { "cosine_similarity", "", 3, 1 }, { "focal", "{form: binary}", 3, 0 },
        { "focal", "{form: softmax}", 3, 2 }, { "gaussian_nll", "", 2, 0 }, { "hinge", "", 3, 1 }, { "huber", "", 3, 1 },
        { "kl_divergence", "", 3, 1 }, { "log_cosh", "", 3, 1 }, { "mean_absolute_error", "", 3, 1 },
        { "mean_squared_error", "", 3, 1 }, { "poisson", "", 3, 1 }, { "smooth_l1", "", 3, 1 }, { "squared_hinge", "", 3, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const bool pair = rows[i].outputs == 2;                  /* a mean and a variance for one target */
        const heft_shape in[2] = { { HEFT_F32, 1, { rows[i].outputs } }, { HEFT_F32, 1, { pair ? 1 : rows[i].outputs } } };
        harness *h = harness_open(rows[i].name, rows[i].options, 2, in, LANES(1));
        for (int64_t k = 0; k < rows[i].outputs; k++) h->in[0][k] = 0.5f;
        for (int64_t k = 0; k < in[1].dim[0]; k++) h->in[1][k] = k == rows[i].at ? NAN : 0.25f;
        h->dout[0] = 1;
        h->no_din[1] = true;
        harness_forward(h, true);
        harness_backward(h);
        if (h->out[0] == h->out[0]) fail_msg("%s %s: a loss of %g", rows[i].name, rows[i].options, (double)h->out[0]);
        harness_close(h);
    }
}

static void test_refusals(void **unused)
{
    (void)unused;
    static const refusal bad[] = {
        { "softmax_cross_entropy", "{class_weights: [1, 2]}", { FLOATS(3), LABEL(3) },
          "class_weights has 2 numbers, the output 3 classes" },
        { "softmax_cross_entropy", "{class_weights: [1, 2, -1]}", { FLOATS(3), LABEL(3) }, "class_weights" },
        { "softmax_cross_entropy", "{ignore_index: 0}", { FLOATS(3), FLOATS(3) }, "ignore_index needs labels as target; found [3]" },
        { "softmax_cross_entropy", "{ignore_index: 2}", { FLOATS(3), LABEL(4) }, "labels reach 3, the output has 3 classes" },
        { "softmax_cross_entropy", "{ignore_index: 3}", { FLOATS(3), LABEL(5) }, "labels reach 4, the output has 3 classes" },
        { "softmax_cross_entropy", "{ignore_index: -100}", { FLOATS(3), LABEL(3) }, "ignore_index" },
        { "binary_cross_entropy", "{pos_weight: [1, 2]}", { FLOATS(2, 3), FLOATS(2, 3) },
          "pos_weight has 2 numbers, the last axis of the output 3" },
        { "binary_cross_entropy", "{pos_weight: -1}", { FLOATS(1), LABEL(2) }, "pos_weight" },
        { "huber", "", { FLOATS(3), FLOATS(2) }, "the output is [3], the target [2]" },
        { "huber", "{delta: 0}", { FLOATS(3), FLOATS(3) }, "delta" },
        { "smooth_l1", "", { FLOATS(1), LABEL(2) }, "needs numbers as target; found integers []" },
        { "smooth_l1", "{beta: -1}", { FLOATS(3), FLOATS(3) }, "beta" },
        { "log_cosh", "", { FLOATS(3), FLOATS(3, 2) }, "the output is [3], the target [3, 2]" },
        { "poisson", "{eps: 0}", { FLOATS(3), FLOATS(3) }, "eps" },
        { "poisson", "", { FLOATS(3), LABEL(3) }, "needs numbers as target" },
        { "gaussian_nll", "", { FLOATS(3), FLOATS(3) }, "needs a mean and a variance for each target" },
        { "gaussian_nll", "", { FLOATS(6, 1), FLOATS(3) }, "the output is [6, 1], the target [3]" },
        { "gaussian_nll", "{variance: raw}", { FLOATS(2), FLOATS(1) }, "variance" },
        { "kl_divergence", "", { FLOATS(3), LABEL(3) }, "needs numbers as target" },
        { "kl_divergence", "{input: log}", { FLOATS(3), FLOATS(3) }, "input" },
        { "cosine_similarity", "", { FLOATS(3), FLOATS(4) }, "the output is [3], the target [4]" },
        { "hinge", "", { FLOATS(1), LABEL(3) }, "labels reach 2, a yes or no has 2 classes (categorical_hinge takes more)" },
        { "hinge", "", { FLOATS(3), LABEL(2) }, "the output is [3], the target integers []" },
        { "squared_hinge", "{margin: -1}", { FLOATS(1), LABEL(2) }, "margin" },
        { "squared_hinge", "", { { HEFT_I32, 1, { 1 }, 5 }, LABEL(2) }, "found integers [1]" },
        { "categorical_hinge", "", { FLOATS(1), LABEL(2) }, "2 or more are needed (hinge" },
        { "categorical_hinge", "", { FLOATS(3), LABEL(4) }, "labels reach 3, the output has 3 classes" },
        { "categorical_hinge", "", { FLOATS(3), FLOATS(2) }, "the output is [3], the target [2]" },
        { "focal", "", { FLOATS(3), LABEL(4) }, "labels reach 3, the output has 3 classes" },
        { "focal", "", { FLOATS(1), LABEL(3) }, "labels reach 2, a yes or no has 2 classes (form softmax takes more)" },
        { "focal", "{form: softmax}", { FLOATS(1), LABEL(2) }, "the output has 1 class, 2 or more are needed (form binary takes one logit)" },
        { "focal", "{form: binary}", { FLOATS(3), LABEL(2) }, "needs a target for each output" },
        { "focal", "", { FLOATS(3), FLOATS(2) }, "a number for each class" },
        { "focal", "{alpha: [0.5, 1]}", { FLOATS(3), LABEL(3) }, "alpha has 2 numbers, one is accepted, or one for each class" },
        { "focal", "{alpha: [0.5, 1]}", { FLOATS(1), LABEL(2) }, "alpha has 2 numbers, one is accepted" },
        { "focal", "{alpha: 2}", { FLOATS(3), LABEL(3) }, "alpha" },
        { "focal", "{ignore_index: 1}", { FLOATS(3), FLOATS(3) }, "ignore_index needs labels as target; found [3]" },
        { "focal", "{ignore_index: 1}", { FLOATS(3), LABEL(4) }, "labels reach 3, the output has 3 classes" },
        { "binary_cross_entropy", "{label_smoothing: 1.5}", { FLOATS(1), LABEL(2) }, "label_smoothing" },
        { "focal", "{gamma: -1}", { FLOATS(3), LABEL(3) }, "gamma" },
    };
    check_refusals(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_goals),
        cmocka_unit_test(test_predictions),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
