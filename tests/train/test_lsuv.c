/* LSUV: outputs of variance 1 over the first minibatch, the same on any number of threads. */
#include "setup.h"

#include <math.h>

#include "compute/compute.h"

#define YAML "seed: 5\ndata: {format: noise, samples: 64, test: 16, shape: [10, 10, 2], classes: 4}\n" \
             "model:\n  - conv2d: {filters: 6, kernel: 3, name: c, activation: tanh, init: {weight: lsuv}}\n" \
             "  - flatten\n  - dropout: {rate: 0.3}\n" \
             "  - dense: {units: 20, name: d, activation: relu, init: {weight: {lsuv: {tolerance: 0.001, most: 50}}}}\n" \
             "  - dense: {units: 4, name: out, init: {weight: lsuv}}\nloss: softmax_cross_entropy\noptimizer: sgd\n"

typedef struct seen { const model *m; double sum[16], squares[16], n[16]; } seen;

static void look(void *context, int64_t lane, int layer, int64_t first, int64_t n, const float *out)
{
    seen *s = context;
    (void)lane, (void)first;
    for (int64_t i = 0; i < n * heft_count(&s->m->layer[layer].plan.out); i++)
        s->n[layer]++, s->sum[layer] += (double)out[i], s->squares[layer] += (double)out[i] * (double)out[i];
}

static void test_variance(void **state)
{
    (void)state;
    char hex[4][DIGEST_HEX];
    for (int threads = 1; threads < 4; threads++) {
        setup s;
        char yaml[1000];
        snprintf(yaml, sizeof yaml, YAML "train: {batch: 64, threads: %d}\n", threads);
        if (!setup_trainer(&s, yaml)) problems_print(&s.pr, stderr);
        assert_non_null(s.trainer);
        weights_digest(&s, hex[threads]);
        assert_string_equal(hex[threads], hex[1]);
        const model *m = s.trainer->model;
        compute_init(1, COMPUTE_F32);
        seen all = { .m = m };
        loader_start(s.trainer->loader, 0, 0);
        const batch *b = loader_next(s.trainer->loader, &s.pr);
        pass_watch(s.trainer->train_pass, &(pass_input){ .n = b->n, .inputs = b->inputs, .seed = 5 }, look, &all);
        static const struct { const char *name; double tolerance; } want[] = { { "c", 0.1 }, { "d", 0.0011 }, { "out", 0.1 } };
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < m->loss; i++) {
                if (strcmp(m->layer[i].name, want[k].name)) continue;
                const double mean = all.sum[i] / all.n[i], v = all.squares[i] / all.n[i] - mean * mean;
                if (fabs(v - 1) > want[k].tolerance) fail_msg("%s: variance %g", want[k].name, v);
            }
        assert_int_equal(setup_run(&s), TRAINER_DONE);      /* the epoch begins with that minibatch again */
        setup_end(&s);
    }
}

/* What was orthogonal stays so but for a factor. */
static void test_orthogonal(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, YAML "train: {batch: 64}\n"));
    const model *m = s.trainer->model;
    for (int i = 0; i < m->loss; i++) {
        if (strcmp(m->layer[i].name, "out")) continue;
        const float *w = model_weight(m, &m->layer[i], 0);  /* [20, 4] */
        double square = 0;
        for (int r = 0; r < 20; r++) square += (double)w[4 * r] * (double)w[4 * r];
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < 4; b++) {
                double dot = 0;
                for (int r = 0; r < 20; r++) dot += (double)w[4 * r + a] * (double)w[4 * r + b];
                assert_true(fabs(dot - (a == b ? square : 0)) < 1e-5 * square);
            }
    }
    setup_end(&s);
}

static void test_refused(void **state)
{
    (void)state;
#define DATA "data: {format: noise, samples: 64, test: 16, shape: [6, 3], classes: 4}\nloss: softmax_cross_entropy\noptimizer: sgd\n"
    static const struct { const char *yaml, *words; } cases[] = {
        { DATA "model: [{lstm: {units: 4, init: {weight: lsuv}}}, {dense: {units: 4}}]\n", "lsuv scales the one weight of two axes" },
        { DATA "model: [flatten, {dense: {units: 4, init: {bias: lsuv}}}]\n", "not bias of dense" },
        { DATA "model: [flatten, {dense: {units: 4, init: {weight: {lsuv: {tolerance: 0}}}}}]\n", "tolerance" },
        { DATA "model: [flatten, {dense: {units: 4, init: {weight: {lsuv: {mots: 3}}}}}]\n", "did you mean 'most'?" },
        { DATA "model: [flatten, {dense: {units: 4, init: {weight: zeros}}}, {dense: {units: 4, init: {weight: lsuv}}}]\n",
          "lsuv cannot scale an output of variance 0 over the first minibatch" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setup s;
        if (setup_trainer(&s, cases[i].yaml) || !s.pr.n || !strstr(s.pr.item[0].text, cases[i].words))
            fail_msg("%s: '%s' does not say '%s'", cases[i].yaml, s.pr.n ? s.pr.item[0].text : "nothing", cases[i].words);
        setup_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_variance), cmocka_unit_test(test_orthogonal), cmocka_unit_test(test_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
