/* Losses and metrics against PyTorch's and scikit-learn's numbers (golden/losses.py), and what they refuse. */
#include "losses/tables.h"

typedef struct golden {
    const char *name, *options;
    int         n;
    heft_shape  shape[2];
    const float *x, *t;                  /* t NULL: labels */
    const int32_t *labels;
    const float *value, *dvalue, *dx;    /* of each sample; dx NULL: a metric */
    const float *state;                  /* what a metric folds into */
} golden;

static const golden cases[] = {
#include "golden/losses.inc"
};
enum { N_CASES = sizeof cases / sizeof *cases };

static harness *case_open(const golden *c, const int64_t *lanes)
{
    harness *h = harness_open(c->name, c->options, 2, c->shape, lanes);
    const size_t nx = (size_t)c->n * harness_count(&c->shape[0]), nt = (size_t)c->n * harness_count(&c->shape[1]);
    const size_t used = strlen(h->label);
    snprintf(h->label + used, sizeof h->label - used, ", case %d", (int)(c - cases));
    memcpy(h->in[0], c->x, nx * sizeof(float));
    if (c->t) memcpy(h->in[1], c->t, nt * sizeof(float));
    else memcpy(h->in[1], c->labels, nt * sizeof(int32_t));
    if (c->dvalue) memcpy(h->dout, c->dvalue, (size_t)c->n * sizeof(float));
    h->no_din[1] = true;
    return h;
}

static void test_values_and_gradients(void **unused)
{
    (void)unused;
    for (int i = 0; i < N_CASES; i++) {
        const golden *c = &cases[i];
        const int64_t lanes[] = { c->n - c->n / 2, c->n / 2, 0 };
        harness *h = case_open(c, lanes);
        harness_forward(h, c->dx != NULL);
        if (c->value) harness_near(h, "value", (size_t)c->n, h->out, c->value, 1e-14, 2e-6);
        if (c->dx) {
            harness_backward(h);
            harness_near(h, "dx", (size_t)c->n * harness_count(&c->shape[0]), h->din[0], c->dx, 1e-7, 2e-6);
        }
        if (c->state) {
            harness_fold(h);
            harness_near(h, "state", 1, h->state[0], c->state, 1e-6, 1e-6);
        }
        harness_close(h);
    }
}

/* Without training, nothing is saved; a sample's loss does not depend on its lane. */
static void test_same_bits_when_evaluated(void **unused)
{
    (void)unused;
    for (int i = 0; i < N_CASES; i++) {
        const golden *c = &cases[i];
        if (!c->dx) continue;
        harness *all = case_open(c, LANES(c->n)), *two = case_open(c, LANES(1, c->n - 1));
        harness_forward(all, true);
        harness_forward(two, false);
        for (int k = 0; k < c->n; k++)
            if (memcmp(&all->out[k], &two->out[k], sizeof(float)))
                fail_msg("%s: out[%d] is %.9g, and %.9g without training", all->label, k, all->out[k], two->out[k]);
        harness_close(all);
        harness_close(two);
    }
}

static void test_din_may_be_unwanted(void **unused)
{
    (void)unused;
    for (int i = 0; i < N_CASES; i++) {
        if (!cases[i].dx) continue;
        harness *h = case_open(&cases[i], LANES(cases[i].n));
        h->no_din[0] = true;
        harness_forward(h, true);
        harness_backward(h);
        harness_close(h);
    }
}

/* Logits become probabilities, of extreme ones too, without a target. */
static void test_predictions(void **unused)
{
    (void)unused;
    for (int i = 0; i < N_CASES; i++) {
        const golden *c = &cases[i];
        const bool softmax = !strcmp(c->name, "softmax_cross_entropy"), sigmoid = !strcmp(c->name, "binary_cross_entropy");
        if (!softmax && !sigmoid) continue;
        harness *h = case_open(c, LANES(c->n));
        if (!h->layer->predict) fail_msg("%s: predict", h->label);
        const int64_t count = heft_count(&c->shape[0]), width = softmax ? c->shape[0].dim[c->shape[0].rank - 1] : 1;
        float *want = test_calloc((size_t)(c->n * count), sizeof *want), *got = h->din[0];
        for (int64_t r = 0; r < c->n * count; r += width) {
            double sum = 0;
            for (int64_t k = r; k < r + width; k++) sum += exp((double)c->x[k] - c->x[r]);
            for (int64_t k = r; k < r + width; k++)
                want[k] = (float)(softmax ? exp((double)c->x[k] - c->x[r]) / sum : 1 / (1 + exp(-(double)c->x[k])));
        }
        const float *in[2] = { c->x, NULL };
        const heft_forward f = { .host = h->plan.host, .n = c->n, .in = in, .out = got, .scratch = h->lane[0].scratch };
        h->layer->predict(h->self, &f);
        harness_near(h, "probability", (size_t)(c->n * count), got, want, 1e-30, 2e-6);
        test_free(want);
        harness_close(h);
    }
}

static void test_goals_and_passes(void **unused)
{
    (void)unused;
    static const struct { const char *name; heft_goal goal; bool loss, fold; heft_shape in[2]; } layers[] = {
        { "softmax_cross_entropy", HEFT_MINIMIZE, true, false, { FLOATS(3), LABEL(3) } },
        { "binary_cross_entropy", HEFT_MINIMIZE, true, false, { FLOATS(1), LABEL(2) } },
        { "mean_squared_error", HEFT_MINIMIZE, true, false, { FLOATS(3), FLOATS(3) } },
        { "mean_absolute_error", HEFT_MINIMIZE, true, false, { FLOATS(3), FLOATS(3) } },
        { "accuracy", HEFT_MAXIMIZE, false, false, { FLOATS(3), LABEL(3) } },
        { "r2", HEFT_MAXIMIZE, false, true, { FLOATS(3), FLOATS(3) } },
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        harness *h = harness_open(layers[i].name, "", 2, layers[i].in, LANES(2));
        if (h->layer->goal != layers[i].goal) fail_msg("%s: goal", h->label);
        if ((h->layer->backward != NULL) != layers[i].loss) fail_msg("%s: backward", h->label);
        if ((h->layer->fold != NULL) != layers[i].fold) fail_msg("%s: fold", h->label);
        if (h->plan.out.dtype != HEFT_F32 || h->plan.out.rank != 0) fail_msg("%s: out is not one number", h->label);
        harness_close(h);
    }
}

/* R2 of a whole data set does not depend on how it was cut: totals of many lanes, in any order. */
static void test_r2_of_many_lanes(void **unused)
{
    (void)unused;
    enum { SAMPLES = 4096 };
    int64_t lanes[SAMPLES / 32 + 1] = { 0 };
    for (int i = 0; i < SAMPLES / 32; i++) lanes[i] = 32;
    const heft_shape in[2] = { SHAPE(1), SHAPE(1) };
    harness *h = harness_open("r2", "", 2, in, lanes);
    heft_rng r = rng_key(7, RNG_TEST, 0, 0);
    double mean = 0, sst = 0, sse = 0;
    for (int i = 0; i < SAMPLES; i++) {
        h->in[1][i] = 1000 + heft_normal(&r);
        h->in[0][i] = h->in[1][i] + heft_normal(&r) / 2;
        mean += h->in[1][i] / (double)SAMPLES;
    }
    for (int i = 0; i < SAMPLES; i++) {
        sst += (h->in[1][i] - mean) * (h->in[1][i] - mean);
        sse += ((double)h->in[1][i] - h->in[0][i]) * ((double)h->in[1][i] - h->in[0][i]);
    }
    harness_forward(h, false);
    harness_fold(h);
    harness_near(h, "r2", 1, h->state[0], (const float[]){ (float)(1 - sse / sst) }, 2e-7, 0);
    harness_close(h);
}

/* Constant targets, whose squares do not add up exactly: 0, not one minus infinity. */
static void test_r2_of_constants(void **unused)
{
    (void)unused;
    enum { COLUMNS = 16, SAMPLES = 2000 };
    const heft_shape in[2] = { SHAPE(COLUMNS), SHAPE(COLUMNS) };
    harness *h = harness_open("r2", "", 2, in, LANES(900, 700, 400));
    harness_fill(h, 3);
    for (int i = 1; i < SAMPLES; i++) memcpy(h->in[1] + i * COLUMNS, h->in[1], COLUMNS * sizeof(float));
    harness_forward(h, false);
    harness_fold(h);
    harness_near(h, "r2", 1, h->state[0], (const float[]){ 0 }, 0, 0);
    harness_close(h);
}

static void test_refusals(void **unused)
{
    (void)unused;
    static const refusal bad[] = {
        { "softmax_cross_entropy", "", { FLOATS(10), LABEL(12) },
          "labels reach 11, the output has 10 classes" },
        { "softmax_cross_entropy", "", { FLOATS(1), LABEL(2) }, "binary_cross_entropy" },
        { "softmax_cross_entropy", "", { { HEFT_F32, 0 }, LABEL(2) }, "1 class, 2 or more" },
        { "softmax_cross_entropy", "", { FLOATS(10), FLOATS(1) }, "the output is [10], the target [1]" },
        { "softmax_cross_entropy", "", { FLOATS(5, 10), LABEL(10) },
          "the output is [5, 10], the target integers []" },
        { "softmax_cross_entropy", "", { FLOATS(10), { HEFT_I32, 1, { 2 }, 10 } },
          "the output is [10], the target integers [2]" },
        { "softmax_cross_entropy", "", { { HEFT_I32, 1, { 10 }, 5 }, LABEL(5) }, "found integers" },
        { "softmax_cross_entropy", "{label_smoothing: 1.5}", { FLOATS(3), LABEL(3) },
          "label_smoothing" },
        { "binary_cross_entropy", "", { FLOATS(1), LABEL(3) }, "labels reach 2" },
        { "binary_cross_entropy", "", { FLOATS(3), FLOATS(2) }, "the output is [3], the target [2]" },
        { "binary_cross_entropy", "", { FLOATS(3), LABEL(2) }, "the output is [3], the target integers []" },
        { "binary_cross_entropy", "", { { HEFT_I32, 1, { 3 }, 2 }, { HEFT_I32, 1, { 3 }, 2 } }, "found integers" },
        { "mean_squared_error", "", { FLOATS(3), FLOATS(2) }, "the output is [3], the target [2]" },
        { "mean_squared_error", "", { FLOATS(1), LABEL(9) }, "needs numbers as target; found integers []" },
        { "mean_absolute_error", "", { FLOATS(3), FLOATS(2, 2) }, "the output is [3], the target [2, 2]" },
        { "mean_absolute_error", "", { { HEFT_I32, 1, { 1 }, 5 }, FLOATS(1) },
          "needs numbers as output; found integers [1]" },
        { "accuracy", "", { FLOATS(3), LABEL(4) }, "labels reach 3, the output has 3 classes" },
        { "accuracy", "", { FLOATS(1), LABEL(3) }, "labels reach 2, a yes or no has 2 classes" },
        { "accuracy", "", { FLOATS(3), FLOATS(2) }, "the output is [3], the target [2]" },
        { "accuracy", "{ignore_index: 2}", { FLOATS(3), LABEL(4) }, "labels reach 3, the output has 3 classes" },
        { "accuracy", "{ignore_index: 2}", { FLOATS(3), FLOATS(3) }, "ignore_index needs labels as target; found [3]" },
        { "accuracy", "", { FLOATS(4, 3), LABEL(3) }, "the output is [4, 3], the target integers []" },
        { "accuracy", "", { { HEFT_I32, 1, { 3 }, 3 }, LABEL(3) }, "found integers" },
        { "r2", "", { FLOATS(3), FLOATS(2) }, "the output is [3], the target [2]" },
        { "r2", "", { FLOATS(1), LABEL(2) }, "needs numbers as target; found integers []" },
    };
    check_refusals(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_gradients),
        cmocka_unit_test(test_same_bits_when_evaluated),
        cmocka_unit_test(test_din_may_be_unwanted),
        cmocka_unit_test(test_predictions),
        cmocka_unit_test(test_goals_and_passes),
        cmocka_unit_test(test_r2_of_many_lanes),
        cmocka_unit_test(test_r2_of_constants),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
