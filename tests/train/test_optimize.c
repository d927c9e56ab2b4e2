/* Optimizers under the host: which tensors are decayed, and what is refused. */
#include "train/optimize.h"

#include "model/setup.h"

static const char net[] = "model: [dense: {units: 12, activation: tanh}, layer_norm, dense: {units: 3}]\n"
                          "loss: softmax_cross_entropy\n";
enum { BATCH = 40 };

/* The weights after one step, in the arena; NULL if the optimizer is refused, with the first problem in said. */
static const float *train(const char *options, arena *a, heft_span **spans, size_t *n_spans, char *said, size_t room)
{
    setup s;
    setup_model(&s, net, vector8, label3, BATCH);
    print_problems(&s);
    assert_non_null(s.model);
    /* biases away from 0, so that a decay shows */
    for (size_t i = 0; i < s.model->n_trained; i++) s.model->x[i] += 0.25f;
    problems pr = { 0 };
    char yaml[200];
    snprintf(yaml, sizeof yaml, "optimizer: %s", options);
    const node *root = node_parse(s.memory, "o.yaml", yaml, strlen(yaml), &pr);
    assert_non_null(root);
    optimizer *o = optimizer_new(node_get(root, "optimizer"), s.registry, s.model, &pr);
    float *x = NULL;
    if (!o) snprintf(said, room, "%s", pr.item[0].text);
    else {
        pass *p = pass_new(s.model, true, &pr);
        const pass_input in = whole_batch(&s, BATCH, 1);
        assert_true(isfinite(optimizer_step(o, s.model, p, &in, 1, 0.1)));
        x = arena_alloc(a, s.model->n_trained, sizeof *x);
        memcpy(x, s.model->x, s.model->n_trained * sizeof *x);
        const model_span *of_model;
        *n_spans = model_spans(s.model, a, &of_model);
        *spans = arena_alloc(a, *n_spans, sizeof **spans);
        for (size_t i = 0; i < *n_spans; i++) {
            (*spans)[i] = of_model[i].span;
            (*spans)[i].layer = (*spans)[i].name = NULL;     /* gone with the model */
        }
        pass_free(p);
        optimizer_free(o);
    }
    problems_free(&pr);
    setup_end(&s);
    return x;
}

static void test_decay_rank1(void **unused)
{
    (void)unused;
    static const struct { const char *name; bool all; } rows[] = {
        { "sgd", true }, { "adam", true }, { "lars", true }, { "adamw", false }, { "lion", false }, { "lamb", false }, { "muon", false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena *a = arena_new();
        heft_span *spans;
        size_t n = 0, vectors = 0;
        char said[320];
        static const char *const keys[] = { "", ", decay_rank1: true", ", decay_rank1: false" };
        const float *x[3];
        for (int k = 0; k < 3; k++) {
            const char *options = arena_printf(a, "{%s: {weight_decay: 0.5%s}}", rows[i].name, keys[k]);
            if (!(x[k] = train(options, a, &spans, &n, said, sizeof said))) fail_msg("%s: %s", options, said);
        }
        const float *by_default = x[0], *all = x[1], *some = x[2];
        const size_t last = spans[n - 1].end;
        assert_memory_equal(by_default, rows[i].all ? all : some, last * sizeof *all);
        for (size_t k = 0; k < n; k++) {
            const heft_span *s = &spans[k];
            double apart = 0;
            for (size_t j = s->begin; j < s->end; j++) apart = fmax(apart, fabs((double)all[j] - some[j]));
            const bool vector = s->shape.rank < 2;
            vectors += vector;
            if (vector ? !(apart > 1e-5) : apart != 0)
                fail_msg("%s: tensor %zu of %d axes is %g apart", rows[i].name, k, s->shape.rank, apart);
        }
        assert_int_equal(vectors, 4);
        arena_free(a);
    }
}

static void test_refusals(void **unused)
{
    (void)unused;
    static const struct { const char *options, *says; } rows[] = {
        { "{adamw: {decay_rank1: maybe}}", "decay_rank1" },
        { "{adamw: {decay_rank: false}}", "decay_rank1" },
        { "{rprop: {step_min: 2, step_max: 1}}", "step_min 2 exceeds step_max 1" },
        { "{lbfgs: {clip_norm: 1}}", "clipping cannot be applied" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena *a = arena_new();
        heft_span *spans;
        size_t n;
        char said[320] = "";
        if (train(rows[i].options, a, &spans, &n, said, sizeof said) || !strstr(said, rows[i].says))
            fail_msg("%s: said \"%s\", expected \"%s\"", rows[i].options, said, rows[i].says);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decay_rank1),
        cmocka_unit_test(test_refusals),
    };
    compute_init(2, COMPUTE_F32);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
