/* Averaged weights: PyTorch's AveragedModel along a path; in a trainer they are what is judged, and training does not see them. */
#include "setup.h"

#include <math.h>
#include <stdlib.h>

#include "compute/compute.h"
#include "golden/average.inc"

static void move(model *m, int step)
{
    for (int i = 0; i < N; i++) m->x[i] = (float)((step * 7 + i * 3) % 11) / 8 - 0.5f;
    for (int i = 0; i < 2; i++) m->state[i] = (float)((step * 5 + i) % 7) / 4;
}

static average *make(const char *yaml, model *m, problems *pr)
{
    char yaml_text[200];
    snprintf(yaml_text, sizeof yaml_text, "average: %s", yaml);
    return average_new(node_parse(m->memory, "test.yaml", yaml_text, strlen(yaml_text), pr), m, m->memory, pr);
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof golden / sizeof *golden; c++) {
        float x[N], s[2];
        problems pr = { 0 };
        model m = { .memory = arena_new(), .x = x, .state = s, .n_weights = N, .n_trained = N, .n_state = 2 };
        average *a = make(golden[c].yaml, &m, &pr);
        if (pr.n) fail_msg("%s: %s", golden[c].yaml, pr.item[0].text);
        for (int step = 1; step <= STEPS; step++) {
            move(&m, step);
            average_count(a, !golden[c].epoch, step);        /* the other unit counts for nothing */
            average_count(a, golden[c].epoch, step);
            const int64_t n = step < golden[c].first ? 0 : (step - golden[c].first) / golden[c].every + 1;
            assert_int_equal(a->n, n);
            if (n <= 1 && step <= golden[c].first) assert_memory_equal(average_model(a)->x, x, sizeof x);
        }
        const model *v = average_model(a);
        for (int i = 0; i < N; i++)
            if (fabsf(v->x[i] - golden[c].w[i]) > 1e-6f)
                fail_msg("%s: weight %d is %.9g, PyTorch has %.9g", golden[c].yaml, i, (double)v->x[i], (double)golden[c].w[i]);
        for (int i = 0; i < 2; i++) assert_true(fabsf(v->state[i] - golden[c].s[i]) < 1e-6f);
        average_free(a);
        arena_free(m.memory);
    }
}

#define NET "data: {format: digits, samples: 200, test: 50, validation: 0.2}\n" \
            "model: [flatten, {dense: {units: 12}}, {batch_norm: {activation: relu}}, {dense: {units: 10}}]\n" \
            "loss: softmax_cross_entropy\nmetrics: [accuracy, confusion_matrix]\noptimizer: {sgd: {lr: 0.2}}\n"

/* The path of the weights is as without; validation is of the average, in parallel to any number of threads. */
static void test_judged(void **state)
{
    (void)state;
    setup plain, averaged[2];
    assert_true(setup_trainer(&plain, NET "train: {epochs: 3, batch: 20, threads: 1}\n"));
    assert_int_equal(setup_run(&plain), TRAINER_DONE);
    for (int k = 0; k < 2; k++) {
        setup *s = &averaged[k];
        assert_true(setup_trainer(s, k ? NET "train: {epochs: 3, batch: 20, threads: 3, average: {ema: {decay: 0.9}}}\n"
                                       : NET "train: {epochs: 3, batch: 20, threads: 1, average: {ema: {decay: 0.9}}}\n"));
        assert_int_equal(setup_run(s), TRAINER_DONE);
        const model *m = s->trainer->model, *shown = trainer_shown(s->trainer);
        assert_int_equal(s->trainer->average->n, s->trainer->state.step);
        assert_memory_equal(m->x, plain.trainer->model->x, m->n_weights * sizeof *m->x);
        assert_memory_equal(m->state, plain.trainer->model->state, m->n_state * sizeof *m->state);
        assert_memory_not_equal(shown->x, m->x, m->n_weights * sizeof *m->x);
        assert_true(last(s, "loss") == last(&plain, "loss"));
        assert_true(last(s, "val_loss") != last(&plain, "val_loss"));
    }
    const model *a = trainer_shown(averaged[0].trainer), *b = trainer_shown(averaged[1].trainer);
    assert_memory_equal(a->x, b->x, a->n_weights * sizeof *a->x);
    assert_memory_equal(a->state, b->state, a->n_state * sizeof *a->state);
    assert_true(last(&averaged[0], "val_loss") == last(&averaged[1], "val_loss"));

    /* The same weights in a model of their own give the same figures. */
    trainer *t = averaged[0].trainer;
    model copy = *t->model;
    copy.x = a->x, copy.state = a->state;
    pass *p = pass_new(&copy, false, &averaged[0].pr);
    meter *sums = meter_new(&copy);
    double value[3];
    assert_int_equal(evaluate_run(&copy, p, t->data, t->data->validation, sums, &averaged[0].pr), 0);
    meter_read(sums, &copy, value);
    assert_true(value[0] == last(&averaged[0], "val_loss") && value[1] == last(&averaged[0], "val_accuracy"));
    meter_free(sums);
    pass_free(p);
    setup_end(&plain);
    setup_end(&averaged[0]);
    setup_end(&averaged[1]);
}

enum { EPOCHS = 4 };
typedef struct ends { double *sum; int64_t n[EPOCHS]; } ends;

static void add_end(void *context, const trainer *t, const double *row)
{
    ends *e = context;
    (void)row;
    const int64_t epoch = t->state.epoch;
    e->n[epoch - 1] = t->average->n;
    for (size_t i = 0; epoch > 1 && i < t->model->n_weights; i++) e->sum[i] += (double)t->model->x[i];
}

static void no_checkpoint(void *context, trainer *t, bool best) { (void)context, (void)t, (void)best; }

/* swa counts epochs, not steps: after the one that is left out, the mean of the weights at the end of each. */
static void test_epochs(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, NET "train: {epochs: 4, batch: 20, average: {swa: {start: 1}}}\n"));
    const model *m = s.trainer->model;
    ends e = { .sum = calloc(m->n_weights, sizeof *e.sum) };
    assert_non_null(e.sum);
    const trainer_events ev = { .context = &e, .checkpoint = no_checkpoint, .epoch = add_end };
    assert_int_equal(trainer_run(s.trainer, &ev, &s.pr), TRAINER_DONE);
    for (int i = 0; i < EPOCHS; i++) assert_int_equal(e.n[i], i);
    const model *shown = trainer_shown(s.trainer);
    assert_ptr_not_equal(shown, m);
    for (size_t i = 0; i < m->n_weights; i++) {
        const double mean = e.sum[i] / (EPOCHS - 1);
        if (fabs((double)shown->x[i] - mean) > 1e-6 * (1 + fabs(mean)))
            fail_msg("weight %zu is %.9g, the mean of three epochs %.9g", i, (double)shown->x[i], mean);
    }
    assert_memory_not_equal(shown->x, m->x, m->n_weights * sizeof *m->x);
    free(e.sum);
    setup_end(&s);
}

/* Before its beginning the average is the weights themselves. */
static void test_still_to_begin(void **state)
{
    (void)state;
    setup a, b;
    assert_true(setup_trainer(&a, NET "train: {epochs: 2, batch: 20}\n"));
    assert_true(setup_trainer(&b, NET "train: {epochs: 2, batch: 20, average: {swa: {start: 2}}}\n"));
    assert_int_equal(setup_run(&a), TRAINER_DONE);
    assert_int_equal(setup_run(&b), TRAINER_DONE);
    assert_ptr_equal(trainer_shown(b.trainer), b.trainer->model);
    assert_true(last(&a, "val_loss") == last(&b, "val_loss"));
    assert_true(last(&a, "test_accuracy") == last(&b, "test_accuracy"));
    setup_end(&a);
    setup_end(&b);
}

/* A metric's matrix is of the data set that it is named for. */
static void test_matrices(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, NET "train: {epochs: 2, batch: 20}\n"));
    assert_int_equal(setup_run(&s), TRAINER_DONE);
    static const struct { const char *name, *column; double n; } want[] = {
        { "confusion_matrix/validation", "val_accuracy", 40 }, { "confusion_matrix/test", "test_accuracy", 50 } };
    for (int k = 0; k < 2; k++) {
        const matrix *m = matrices_find(s.trainer->matrices, want[k].name);
        double sum = 0, diagonal = 0;
        assert_non_null(m);
        assert_int_equal(m->dim[0], 10);
        assert_int_equal(m->dim[1], 10);
        assert_int_equal(m->epoch, 2);
        for (int i = 0; i < 100; i++) sum += (double)m->value[i], diagonal += i % 11 ? 0 : (double)m->value[i];
        assert_true(sum == want[k].n);
        assert_true(fabs(diagonal / sum - last(&s, want[k].column)) < 1e-6);
    }
    setup_end(&s);
}

static void test_words(void **state)
{
    (void)state;
    static const struct { const char *yaml; int64_t n; const char *words; } cases[] = {
        { "swa", 3, "the mean (swa) of 3: the weights after every epoch from epoch 1 on" },
        { "{swa: {start: 20, every: 5}}", 2, "the mean (swa) of 2: the weights after every 5 epochs from epoch 25 on" },
        { "{swa: {unit: step, start: 4}}", 9, "the mean (swa) of 9: the weights after every step from step 5 on" },
        { "ema", 7, "an exponential average (ema, decay 0.999) of 7: the weights after every step from step 1 on" },
        { "{ema: {decay: 0.5, unit: epoch}}", 1, "an exponential average (ema, decay 0.5) of 1: the weights after every epoch from epoch 1 on" },
        { "null", 1, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        char yaml_text[100];
        snprintf(yaml_text, sizeof yaml_text, "average: %s", cases[i].yaml);
        const char *words = average_text(node_parse(a, "test.yaml", yaml_text, strlen(yaml_text), &pr), cases[i].n, a, &pr);
        assert_int_equal(pr.n, 0);
        if (!cases[i].words) assert_null(words);
        else assert_string_equal(words, cases[i].words);
        arena_free(a);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct { const char *yaml, *words; } cases[] = {
        { "swat", "train.average: there is no 'swat'; ema and swa are known" },
        { "{ema: {decay: 2}}", "decay" }, { "{ema: {decay: -0.1}}", "decay" }, { "{ema: {every: 0}}", "every" },
        { "{swa: {decay: 0.9}}", "unknown key 'decay'" }, { "{swa: {unit: steps}}", "did you mean" }, { "{swa: {start: -1}}", "start" },
        { "{ema: {}, swa: {}}", "train.average" }, { "[ema]", "train.average" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float x[1] = { 0 }, s[1] = { 0 };
        problems pr = { 0 };
        model m = { .memory = arena_new(), .x = x, .state = s, .n_weights = 1, .n_state = 1 };
        average *a = make(cases[i].yaml, &m, &pr);
        if (a || !pr.n || !strstr(pr.item[0].text, cases[i].words))
            fail_msg("%s: '%s' does not say '%s'", cases[i].yaml, pr.n ? pr.item[0].text : "nothing", cases[i].words);
        problems_free(&pr);
        arena_free(m.memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_judged), cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_still_to_begin),
        cmocka_unit_test(test_matrices), cmocka_unit_test(test_words), cmocka_unit_test(test_refused),
    };
    compute_init(2, COMPUTE_F32);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
