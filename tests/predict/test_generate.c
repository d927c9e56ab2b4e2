/* test_generate.c -- text behind a prompt */
#include "predict/saved.h"
#include "predict/trained.h"

static const char verse[] = "the cat sat on the mat and a rat lay in his hat\n";

#define DATA "data: {format: text, train: verse.txt, length: 16, stride: 1}\n"
#define REST "loss: softmax_cross_entropy\noptimizer: {adam: {lr: 0.02}}\ntrain: {epochs: 6, batch: 16}\n"
#define ATTENTION(causal) "model:\n  - embedding: {units: 16}\n  - multi_head_attention: {heads: 2, causal: " causal "}\n  - dense: {units: 16}\n"

typedef struct model_of { trained t; data *d; } model_of;

static int begin(void **state)
{
    if (enter_scratch(state)) return -1;
    setenv("HEFT_DATA", scratch, 1);
    text t = { 0 };
    for (int i = 0; i < 20; i++) text_add(&t, verse);
    spit("verse.txt", t.s, t.n);
    text_free(&t);
    save_model(DATA "model:\n  - embedding: {units: 12}\n  - lstm: {units: 24, return_sequences: true}\n  - dense: {units: 16}\n" REST, "lstm.h5", true);
    save_model(DATA ATTENTION("true") REST, "causal.h5", false);
    save_model(DATA ATTENTION("false") REST, "ahead.h5", false);
    save_model(DATA "model:\n  - embedding: {units: 4}\n  - lstm: {units: 4, return_sequences: true, reverse: true}\n  - dense: {units: 16}\n" REST, "reverse.h5", false);
    save_model("data: {format: digits, samples: 32, test: 8}\nmodel:\n  - flatten\n  - dense: {units: 10}\nloss: softmax_cross_entropy\noptimizer: sgd\n",
               "digits.h5", false);
    return 0;
}

static void load(model_of *m, const char *path)
{
    problems pr = { 0 };
    *m = (model_of){ 0 };
    assert_int_equal(trained_open(&m->t, path, 0, NULL, &pr), 0);
    struct data_fit *fit = checkpoint_data_fit(m->t.checkpoint, m->t.memory, &pr);
    assert_non_null(fit);
    m->d = data_of_fit(fit);
    if (trained_load(&m->t, m->d, &pr) < 0) problems_print(&pr, stderr);
    expect_none(&pr);
}

static void unload(model_of *m)
{
    trained_close(&m->t);
    data_free(m->d);
}

static int collect(void *context, char c, problems *pr)
{
    (void)pr;
    text_add_n(context, &c, 1);
    return 0;
}

static char *write_on(model_of *m, generation g)
{
    static text out[4];
    static int turn;
    text *t = &out[turn++ % 4];
    problems pr = { 0 };
    text_free(t);
    generate(&m->t, &g, collect, t, &pr);
    expect_none(&pr);
    assert_int_equal(t->n, strlen(g.prompt) + (size_t)g.length);
    assert_memory_equal(t->s, g.prompt, strlen(g.prompt));
    return t->s;
}

/* What was learned by heart comes back, by the likeliest character, and with draws from the likeliest alone; from a prompt
 * longer than what the model sees too. */
static void learned(void **state)
{
    (void)state;
    model_of m;
    load(&m, "lstm.h5");
    assert_string_equal(write_on(&m, (generation){ "the cat", 40, 0, 0, 0 }), "the cat sat on the mat and a rat lay in his hat");
    assert_string_equal(write_on(&m, (generation){ "the cat", 40, 1, 1, 7 }), "the cat sat on the mat and a rat lay in his hat");
    assert_string_equal(write_on(&m, (generation){ "mat and a rat lay in", 8, 0.01, 0, 3 }), "mat and a rat lay in his hat");
    assert_string_equal(write_on(&m, (generation){ "hat", 0, 1, 0, 3 }), "hat");
    unload(&m);
}

/* The same seed draws the same text, in two parts as in one; another seed, a high temperature, another text. */
static void draws(void **state)
{
    (void)state;
    model_of m;
    load(&m, "causal.h5");
    const generation g = { "cat", 60, 1, 0, 1 };
    generation other = g;
    const char *one = write_on(&m, g);
    assert_string_equal(one, write_on(&m, g));
    other.seed = 2;
    assert_string_not_equal(one, write_on(&m, other));
    other.length = 5;
    assert_memory_equal(write_on(&m, other), write_on(&m, (generation){ "cat", 60, 1, 0, 2 }), 8);
    unload(&m);
}

/* Shares of drawn characters against the probabilities that they were drawn by. */
static void shares(void **state)
{
    (void)state;
    enum { N = 3000, CLASSES = 16 };
    model_of m;
    load(&m, "causal.h5");
    int32_t token[16] = { 0 };
    uint8_t at[] = "c";
    problems pr = { 0 };
    assert_int_equal(data_text_tokens(m.d, "x", at, 1, &pr), 0);
    token[0] = at[0];
    float p[16 * CLASSES];
    trained_predict(&m.t, 1, (const float *)(const void *)token, p);
    const uint8_t *byte = data_text_bytes(m.d);
    static const struct { double temperature; int64_t top_k; } cases[] = { { 1, 0 }, { 0.25, 0 }, { 1, 3 }, { 2, 5 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int seen[256] = { 0 };
        for (int s = 0; s < N; s++) seen[(uint8_t)write_on(&m, (generation){ "c", 1, cases[i].temperature, cases[i].top_k, (uint64_t)s })[1]]++;
        double w[CLASSES], sum = 0;
        for (int k = 0; k < CLASSES; k++) {
            int above = 0;
            for (int j = 0; j < CLASSES; j++) above += p[j] > p[k] || (p[j] == p[k] && j < k);
            w[k] = cases[i].top_k && above >= cases[i].top_k ? 0 : pow((double)p[k], 1 / cases[i].temperature);
            sum += w[k];
        }
        for (int k = 0; k < CLASSES; k++) {
            const double share = w[k] / sum, deviation = sqrt(share * (1 - share) / N);
            if (share <= 0) assert_int_equal(seen[byte[k]], 0);
            else if (fabs(seen[byte[k]] / (double)N - share) > 4.5 * deviation + 1e-3) fail_msg("case %zu: '%c' %d times of %d, expected %g", i, byte[k], seen[byte[k]], N, share);
        }
    }
    unload(&m);
}

static void refused(void **state)
{
    (void)state;
    static const struct { const char *model, *prompt, *says; } cases[] = {
        { "causal.h5", "", "the prompt is empty" },
        { "causal.h5", "cats?\xc3", "prompt: byte 0x3f '?' does not occur in the training text, whose 16 different bytes" },
        { "causal.h5", "c\xc3", "byte 0xc3" },
        { "ahead.h5", "cat", "the model looks ahead" },
        { "ahead.h5", "the cat sat on the mat", "the model looks ahead" },
        { "reverse.h5", "cat", "the model looks ahead" },
        { "digits.h5", "cat", "was not trained on text" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_of m;
        problems pr = { 0 };
        text t = { 0 };
        load(&m, cases[i].model);
        const generation g = { cases[i].prompt, 5, 1, 0, 0 };
        assert_int_equal(generate(&m.t, &g, collect, &t, &pr), -1);
        assert_int_equal(t.n, 0);
        expect_problem(&pr, cases[i].says);
        text_free(&t);
        unload(&m);
    }
}

int main(void)
{
    setenv("HEFT_PLUGIN_PATH", PLUGIN_DIR, 1);
    const struct CMUnitTest tests[] = { cmocka_unit_test(learned), cmocka_unit_test(draws), cmocka_unit_test(shares), cmocka_unit_test(refused) };
    return cmocka_run_group_tests(tests, begin, leave_scratch);
}
