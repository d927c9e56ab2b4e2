/* Metrics of a whole data set against scikit-learn's numbers (golden/metrics.py), and what they refuse. */
#include "losses/tables.h"

typedef struct golden {
    const char *name, *options;
    int         n;
    heft_shape  shape[2];
    const float *x, *t;                  /* t NULL: labels */
    const int32_t *labels;
    const float *w;                      /* NULL: 1 each */
    float       value;
    double      error;
} golden;

static const golden cases[] = {
#include "golden/metrics.inc"
};
enum { N_CASES = sizeof cases / sizeof *cases };

static harness *case_open(const golden *c, const int64_t *lanes)
{
    harness *h = harness_open(c->name, c->options, 2, c->shape, lanes);
    const size_t used = strlen(h->label), nt = (size_t)c->n * harness_count(&c->shape[1]);
    snprintf(h->label + used, sizeof h->label - used, ", case %d", (int)(c - cases));
    memcpy(h->in[0], c->x, (size_t)c->n * harness_count(&c->shape[0]) * sizeof(float));
    memcpy(h->in[1], c->t ? (const void *)c->t : c->labels, nt * sizeof(float));
    h->sample_weight = c->w;
    return h;
}

/* As the host reports it: the first state after fold, or the (weighted) mean of outputs. */
static float value_of(harness *h, bool train)
{
    harness_forward(h, train);
    if (h->layer->fold) {
        harness_fold(h);
        return h->state[0][0];
    }
    double sum = 0, weight = 0;
    for (int64_t i = 0; i < h->n; i++) {
        const double w = h->sample_weight ? (double)h->sample_weight[i] : 1;
        sum += w * h->out[i];
        weight += w;
    }
    const bool weighs = h->n_of[HEFT_TALLY] == 1 && !strcmp(h->of[HEFT_TALLY][0]->name, "weight");
    return (float)(sum / (weighs ? h->total[0][0] : weight));
}

static void test_values(void **unused)
{
    (void)unused;
    for (int i = 0; i < N_CASES; i++) {
        const golden *c = &cases[i];
        const int64_t cut[] = { c->n - c->n / 2, c->n / 2, 0 };
        for (int train = 0; train < 2; train++) {
            harness *h = case_open(c, cut);
            const float value = value_of(h, train);
            harness_near(h, "value", 1, &value, &c->value, c->error, c->error);
            harness_close(h);
        }
        if (c->n < 3) continue;
        harness *one = case_open(c, LANES(c->n)), *three = case_open(c, LANES(1, c->n - 2, 1));
        const float a = value_of(one, false), b = value_of(three, false);
        harness_near(three, "value in other lanes", 1, &b, &a, 1e-7, 1e-6);
        harness_close(one);
        harness_close(three);
    }
}

/* A weight of 3 is a sample three times, one of 0 a sample less. */
static void test_whole_weights(void **unused)
{
    (void)unused;
    for (int i = 0; i < N_CASES; i++) {
        const golden *c = &cases[i];
        const size_t nx = harness_count(&c->shape[0]), nt = harness_count(&c->shape[1]);
        float w[256];
        int many = 0;
        assert_true(c->n <= 256);
        for (int k = 0; k < c->n; k++) w[k] = (float)((k * 7 + 3) % 4), many += (int)w[k];
        if (c->n < 5 || c->w) continue;
        harness *weighted = case_open(c, LANES(2, c->n - 2));
        weighted->sample_weight = w;
        harness *repeated = harness_open(c->name, c->options, 2, c->shape, LANES(many));
        for (int k = 0, at = 0; k < c->n; k++)
            for (int j = 0; j < (int)w[k]; j++, at++) {
                memcpy(repeated->in[0] + (size_t)at * nx, weighted->in[0] + (size_t)k * nx, nx * sizeof(float));
                memcpy(repeated->in[1] + (size_t)at * nt, weighted->in[1] + (size_t)k * nt, nt * sizeof(float));
            }
        const float a = value_of(weighted, false), b = value_of(repeated, false);
        harness_near(weighted, "value with weights", 1, &a, &b, 1e-6, 1e-6);
        assert_true(!weighted->n_of[HEFT_TALLY] || weighted->layer->weighted == 1);
        harness_close(weighted);
        harness_close(repeated);
    }
}

/* The second state of a confusion matrix: rows are the truth. */
static void test_confusion_matrix(void **unused)
{
    (void)unused;
    static const float x[] = { 1, 0, 0,  0, 1, 0,  0, 1, 0,  0, 0, 1,  0, NAN, 1,  0, 2, 1 };
    static const int32_t t[] = { 0, 0, 1, 1, 2, 2 };
    static const float want[] = { 1, 1, 0,  0, 1, 1,  0, 1, 0 };
    const heft_shape in[2] = { SHAPE(3), LABELS(3) };
    harness *h = harness_open("confusion_matrix", "", 2, in, LANES(2, 4));
    memcpy(h->in[0], x, sizeof x);
    memcpy(h->in[1], t, sizeof t);
    const float value = value_of(h, false);
    harness_near(h, "diagonal", 1, &value, (const float[]){ 2.f / 6 }, 1e-7, 0);
    harness_near(h, "matrix", 9, h->state[1], want, 0, 0);
    harness_close(h);

    static const float yes[] = { 1, -1, 2, -2, 0 };
    static const int32_t truth[] = { 1, 1, 0, 0, 1 };
    const heft_shape single[2] = { SHAPE(1), LABELS(2) };
    h = harness_open("confusion_matrix", "", 2, single, LANES(5));
    memcpy(h->in[0], yes, sizeof yes);
    memcpy(h->in[1], truth, sizeof truth);
    value_of(h, false);
    harness_near(h, "matrix", 4, h->state[1], (const float[]){ 1, 1, 2, 1 }, 0, 0);
    harness_close(h);
}

/* Every row has the label that does not count. */
static void test_nothing_counts(void **unused)
{
    (void)unused;
    static const char *const names[] = { "confusion_matrix", "f1", "precision", "recall" };
    static const float x[] = { 1, 0, 0,  0, 1, 0 };
    static const int32_t t[] = { 2, 2 };
    const heft_shape in[2] = { SHAPE(3), LABELS(3) };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        harness *h = harness_open(names[i], "{ignore_index: 2}", 2, in, LANES(2));
        memcpy(h->in[0], x, sizeof x);
        memcpy(h->in[1], t, sizeof t);
        const float value = value_of(h, false);
        harness_near(h, names[i], 1, &value, (const float[]){ 0 }, 0, 0);
        harness_close(h);
    }
}

/* Outputs that are not numbers are wrong answers. */
static void test_not_numbers(void **unused)
{
    (void)unused;
    static const struct { const char *name, *options; float value; } rows[] = {
        { "top_k", "{k: 3}", 0.5f }, { "precision", "{average: micro}", 1 }, { "recall", "{average: micro}", 0.5f },
        { "f1", "{average: micro}", 2.f / 3 },
    };
    static const float x[] = { 1, 0, 0,  NAN, 1, 0 };
    static const int32_t t[] = { 0, 1 };
    const heft_shape in[2] = { SHAPE(3), LABELS(3) };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness *h = harness_open(rows[i].name, rows[i].options, 2, in, LANES(2));
        memcpy(h->in[0], x, sizeof x);
        memcpy(h->in[1], t, sizeof t);
        const float value = value_of(h, false);
        harness_near(h, "value", 1, &value, &rows[i].value, 1e-7, 0);
        harness_close(h);
    }
}

/* Ten thousand logits: how far off the default bins are; the bound of the head comment holds. */
static void test_error_of_auc(void **unused)
{
    (void)unused;
    enum { SAMPLES = 10000 };
    static const float scales[] = { 0.1f, 1, 5, 20 };
    const heft_shape in[2] = { SHAPE(1), LABELS(2) };
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
        float value[2];
        double bound = 0;
        for (int fine = 0; fine < 2; fine++) {
            harness *h = harness_open("auc", fine ? "{bins: 1000000}" : "", 2, in, LANES(SAMPLES / 2, SAMPLES / 2));
            heft_rng r = rng_key(5, RNG_TEST, 0, 0);
            double yes = 0;
            for (int i = 0; i < SAMPLES; i++) {
                const int32_t t = ((int32_t *)(void *)h->in[1])[i] = heft_uniform(&r) < 0.3f;
                h->in[0][i] = scales[k] * (heft_normal(&r) + (float)t);
                yes += t;
            }
            value[fine] = value_of(h, false);
            for (int b = 0; b < 1000 && !fine; b++)
                bound += h->total[0][b] * h->total[1][b] / (2 * yes * (SAMPLES - yes));
            harness_close(h);
        }
        const double off = fabs((double)value[0] - value[1]);
        if (!(off <= bound + 1e-6 && off < 2e-4)) fail_msg("scale %g: off by %g, bound %g", scales[k], off, bound);
    }
}

static void test_goals(void **unused)
{
    (void)unused;
    static const struct { const char *name; heft_goal goal; bool loss, fold; heft_shape in[2]; } rows[] = {
        { "precision", HEFT_MAXIMIZE, false, true, { FLOATS(3), LABEL(3) } },
        { "recall", HEFT_MAXIMIZE, false, true, { FLOATS(3), LABEL(3) } },
        { "f1", HEFT_MAXIMIZE, false, true, { FLOATS(3), LABEL(3) } },
        { "top_k", HEFT_MAXIMIZE, false, false, { FLOATS(9), LABEL(9) } },
        { "auc", HEFT_MAXIMIZE, false, true, { FLOATS(3), LABEL(3) } },
        { "confusion_matrix", HEFT_MAXIMIZE, false, true, { FLOATS(3), LABEL(3) } },
        { "explained_variance", HEFT_MAXIMIZE, false, true, { FLOATS(3), FLOATS(3) } },
        { "rmse", HEFT_MINIMIZE, false, true, { FLOATS(3), FLOATS(3) } },
        { "mean_absolute_percentage_error", HEFT_MINIMIZE, true, false, { FLOATS(3), FLOATS(3) } },
        { "perplexity", HEFT_MINIMIZE, false, true, { FLOATS(3), LABEL(3) } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness *h = harness_open(rows[i].name, "", 2, rows[i].in, LANES(2));
        if (h->layer->goal != rows[i].goal) fail_msg("%s: goal", h->label);
        if ((h->layer->backward != NULL) != rows[i].loss) fail_msg("%s: backward", h->label);
        if ((h->layer->fold != NULL) != rows[i].fold) fail_msg("%s: fold", h->label);
        harness_close(h);
    }
}

static void test_refusals(void **unused)
{
    (void)unused;
    static const refusal bad[] = {
        { "precision", "", { FLOATS(3), LABEL(4) }, "labels reach 3, the output has 3 classes" },
        { "precision", "{average: binary}", { FLOATS(3), LABEL(3) }, "one output or two classes; found 3" },
        { "recall", "{average: binary, binary: true}", { FLOATS(4), FLOATS(4) }, "found 4 (macro, micro and weighted" },
        { "recall", "{average: mean}", { FLOATS(3), LABEL(3) }, "average" },
        { "f1", "", { FLOATS(3), FLOATS(2) }, "the output is [3], the target [2]" },
        { "f1", "", { { HEFT_I32, 1, { 3 }, 3 }, LABEL(3) }, "found integers [3]" },
        { "top_k", "", { FLOATS(3), LABEL(3) }, "k 5 exceeds the 3 classes" },
        { "top_k", "{k: 1}", { FLOATS(1), LABEL(2) }, "a yes or no has no ranks" },
        { "top_k", "{k: 0}", { FLOATS(3), LABEL(3) }, "k" },
        { "confusion_matrix", "", { FLOATS(2000), LABEL(2000) }, "2000 classes, 1024 are the most" },
        { "auc", "", { FLOATS(4, 3), LABEL(3) }, "the output is [4, 3], the target integers []" },
        { "auc", "{bins: 1}", { FLOATS(1), LABEL(2) }, "bins" },
        { "auc", "{bins: 1000000}", { FLOATS(20), LABEL(20) }, "are too many" },
        { "rmse", "", { FLOATS(3), FLOATS(2) }, "the output is [3], the target [2]" },
        { "mean_absolute_percentage_error", "{eps: 0}", { FLOATS(3), FLOATS(3) }, "eps" },
        { "explained_variance", "", { FLOATS(1), LABEL(2) }, "needs numbers as target" },
        { "perplexity", "", { FLOATS(3), FLOATS(3) }, "needs a label for each row" },
        { "perplexity", "", { FLOATS(1), LABEL(2) }, "2 or more are needed" },
        { "perplexity", "{ignore_index: 2}", { FLOATS(3), LABEL(4) }, "labels reach 3" },
        { "top_k", "{k: 1, ignore_index: 2}", { FLOATS(3), LABEL(4) }, "labels reach 3, the output has 3 classes" },
        { "f1", "{ignore_index: 1}", { FLOATS(3), FLOATS(3) }, "ignore_index needs labels as target; found [3]" },
        { "confusion_matrix", "{ignore_index: 3}", { FLOATS(3), LABEL(5) }, "labels reach 4, the output has 3 classes" },
        { "auc", "{ignore_index: -2}", { FLOATS(3), LABEL(3) }, "ignore_index" },
    };
    check_refusals(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_whole_weights),
        cmocka_unit_test(test_confusion_matrix),
        cmocka_unit_test(test_nothing_counts),
        cmocka_unit_test(test_not_numbers),
        cmocka_unit_test(test_error_of_auc),
        cmocka_unit_test(test_goals),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
