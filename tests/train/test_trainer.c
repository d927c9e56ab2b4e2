/* The training loop: what it decides once a step and once an epoch, what it refuses, and that it finds good weights. */
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "setup.h"
#include "train/signals.h"

#define HOUSES "data: {format: houses, samples: 256, test: 64, validation: 0.25, normalize: standard, normalize_target: standard}\n" \
               "model: [{dense: {units: 1}}]\nloss: mean_squared_error\nmetrics: [r2]\n"

static void learns(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, HOUSES "optimizer: {adam: {lr: 0.05}}\ntrain: {epochs: 30, batch: 32, log_every: 1}\n"));
    assert_int_equal(setup_run(&s), TRAINER_DONE);
    assert_int_equal(s.epochs, 30);
    assert_int_equal(s.saves, 30);
    assert_int_equal(s.steps, 30 * 6);                       /* 192 samples of 256 are trained on */
    assert_int_equal(s.trainer->steps->n_rows, 180);
    assert_int_equal(s.trainer->epochs->n_rows, 30);
    assert_true(last(&s, "val_r2") > 0.95);
    assert_true(last(&s, "test_r2") > 0.95);
    assert_true(isnan(table_row(s.trainer->epochs, 28)[table_find(s.trainer->epochs, "test_r2")]));
    assert_true(last(&s, "epoch") == 30 && last(&s, "step") == 180);
    assert_true(s.trainer->state.finished);
    setup_end(&s);
}

/* "Slowly and to the same end": differences instead of gradients walk the same path. */
static void differences_walk_the_path_of_gradients(void **state)
{
    (void)state;
    static const char form[] =
        "data: {format: houses, samples: 64, test: 16, normalize: standard, normalize_target: standard}\n"
        "model: [{dense: {units: 6, activation: tanh}}, {dense: {units: 1}}]\nloss: mean_squared_error\n"
        "optimizer: {%s: {lr: 0.05}}\ntrain: {epochs: 5, batch: 16}\n";
    float *end[2];
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, form, i ? "finite_difference" : "sgd");
        setup s;
        assert_true(setup_trainer(&s, yaml));
        n = s.trainer->model->n_weights;
        float *before = block_alloc(n, sizeof *before);
        memcpy(before, s.trainer->model->x, n * sizeof *before);
        assert_int_equal(setup_run(&s), TRAINER_DONE);
        assert_int_equal(s.steps, 20);
        end[i] = block_alloc(n, sizeof(float));
        memcpy(end[i], s.trainer->model->x, n * sizeof(float));
        double moved = 0;
        for (size_t k = 0; k < n; k++) moved = fmax(moved, fabs((double)before[k] - (double)end[i][k]));
        assert_true(moved > 0.05);
        block_free(before);
        setup_end(&s);
    }
    for (size_t k = 0; k < n; k++)
        if (fabs((double)end[0][k] - (double)end[1][k]) > 1e-3) fail_msg("weight %zu: %g and %g", k, (double)end[0][k], (double)end[1][k]);
    block_free(end[0]);
    block_free(end[1]);
}

static void early_stopping(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, HOUSES "optimizer: {sgd: {lr: 1e-9}}\ntrain: {epochs: 30, batch: 32, "
                              "stop: {monitor: val_r2, patience: 3, min_delta: 0.5}}\n"));
    assert_true(s.trainer->stop.maximize);
    assert_int_equal(setup_run(&s), TRAINER_DONE);
    assert_int_equal(s.epochs, 4);                           /* the first is the best, then three without improvement */
    assert_true(s.trainer->state.stopped_early);
    assert_true(!isnan(last(&s, "test_loss")));
    setup_end(&s);
}

static void best_checkpoint(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, HOUSES "optimizer: {sgd: {lr: 0.01}}\ntrain: {epochs: 6, batch: 32}\n"
                              "checkpoint: {every: 4, best: val_loss}\n"));
    assert_int_equal(setup_run(&s), TRAINER_DONE);
    assert_int_equal(s.bests, 6);                            /* it improves in every epoch, so every one is saved */
    assert_int_equal(s.saves, 6);
    assert_true(s.trainer->state.best_value == last(&s, "val_loss"));
    assert_int_equal(s.trainer->state.best_step, 6 * 6);
    setup_end(&s);
}

static void checkpoints_by_steps(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, HOUSES "optimizer: sgd\ntrain: {epochs: 2, batch: 32}\ncheckpoint: {every: 5 steps}\n"));
    assert_int_equal(setup_run(&s), TRAINER_DONE);
    assert_int_equal(s.saves, 2 + 1);                        /* steps 5, 10, and the end at 12 */
    setup_end(&s);
    assert_true(setup_trainer(&s, HOUSES "optimizer: sgd\ntrain: {epochs: 3, batch: 32}\ncheckpoint: {every: 3 steps}\n"));
    assert_int_equal(setup_run(&s), TRAINER_DONE);
    assert_int_equal(s.saves, 6);                            /* once at each of 3, 6, ... 18, epochs' ends among them */
    setup_end(&s);
}

/* A step that takes longer than `every` is saved behind; a run that is over before is saved once. */
static void slow_step(void *context, const trainer *t, double loss)
{
    setup *s = context;
    (void)loss;
    if (++s->steps == 3) ((trainer *)t)->saved_at -= 100;
}

static void checkpoints_by_time(void **state)
{
    (void)state;
    setup s;
    for (int slow = 0; slow < 2; slow++) {
        assert_true(setup_trainer(&s, HOUSES "optimizer: sgd\ntrain: {epochs: 2, batch: 32}\ncheckpoint: {every: 100 seconds}\n"));
        const trainer_events ev = { &s, on_checkpoint, slow ? slow_step : on_step, on_epoch };
        assert_int_equal(trainer_run(s.trainer, &ev, &s.pr), TRAINER_DONE);
        assert_int_equal(s.saves, slow ? 2 : 1);
        setup_end(&s);
    }
    static const char *const bad[] = { "0 seconds", "seconds", "5 minutes", "-1", "1.5 seconds", "5 secondss", "99999999999 steps" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml, HOUSES "optimizer: sgd\ncheckpoint: {every: %s}\n", bad[i]);
        assert_false(setup_trainer(&s, yaml));
        assert_non_null(strstr(s.pr.item[0].text, "is not a number of epochs (2), of steps (500 steps) or of seconds (600 seconds)"));
        setup_end(&s);
    }
}

static void clipping(void **state)
{
    (void)state;
    static const struct { const char *clip; double longest; bool by_element; } cases[] =
        { { "clip_norm: 1e-3", 1e-3, false }, { "clip_value: 1e-3", 1e-3, true } };
    for (int i = 0; i < 2; i++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml, HOUSES "optimizer: {sgd: {lr: 1, %s}}\ntrain: {epochs: 1, batch: 192, log_every: 1}\n", cases[i].clip);
        setup s;
        assert_true(setup_trainer(&s, yaml));
        const size_t n = s.trainer->model->n_weights;
        float *x = block_alloc(n, sizeof *x);
        memcpy(x, s.trainer->model->x, n * sizeof *x);
        assert_int_equal(setup_run(&s), TRAINER_DONE);
        double square = 0, largest = 0;
        for (size_t k = 0; k < n; k++) {
            const double d = (double)x[k] - (double)s.trainer->model->x[k];
            square += d * d;
            largest = fmax(largest, fabs(d));
        }
        if (cases[i].by_element) assert_true(fabs(largest - 1e-3) < 1e-6);
        else {
            assert_true(fabs(sqrt(square) - 1e-3) < 1e-6);
            assert_true(table_row(s.trainer->steps, 0)[4] > 0.01);     /* the norm before clipping */
        }
        block_free(x);
        setup_end(&s);
    }
}

static void factors_by_layer(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, "data: {format: houses, samples: 64, test: 16, normalize: standard, normalize_target: standard}\n"
        "model: [{dense: {units: 4, lr_scale: 0, name: still}}, {dense: {units: 4, frozen: true, name: cold}}, {dense: {units: 1, name: warm}}]\n"
        "loss: mean_squared_error\noptimizer: {sgd: {lr: 0.1}}\ntrain: {epochs: 1, batch: 16}\n"));
    model *m = s.trainer->model;
    float before[2] = { model_weight(m, &m->layer[0], 0)[0], model_weight(m, &m->layer[1], 0)[0] };
    const float warm = model_weight(m, &m->layer[2], 0)[0];
    assert_int_equal(setup_run(&s), TRAINER_DONE);
    assert_true(before[0] == model_weight(m, &m->layer[0], 0)[0]);
    assert_true(before[1] == model_weight(m, &m->layer[1], 0)[0]);
    assert_true(warm != model_weight(m, &m->layer[2], 0)[0]);
    setup_end(&s);
}

static void plateau(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, HOUSES "optimizer: {sgd: {lr: {plateau: {initial: 1e-6, factor: 0.1, patience: 1, threshold: 0.9}}}}\n"
                              "train: {epochs: 6, batch: 32}\n"));
    assert_int_equal(setup_run(&s), TRAINER_DONE);
    assert_true(last(&s, "lr") < 2e-7);
    setup_end(&s);
}

static void a_loss_that_is_not_a_number_ends_the_run(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, HOUSES "optimizer: {sgd: {lr: 1000}}\ntrain: {epochs: 3, batch: 32}\n"));
    const trainer_events ev = { &s, on_checkpoint, on_step, on_epoch };
    assert_int_equal(trainer_run(s.trainer, &ev, &s.pr), TRAINER_FAILED);
    assert_int_equal(s.pr.n, 1);
    assert_non_null(strstr(s.pr.item[0].text, "at step"));
    setup_end(&s);
}

/* R1 through the whole loop: shuffles, draws, statistics over the minibatch, slots. */
static void same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    char first[DIGEST_HEX] = "", hex[DIGEST_HEX];
    static const int threads[] = { 1, 2, 3, 4, 7, 8 };
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml,
            "data: {format: digits, samples: 300, test: 50, size: 12, validation: 0.2}\n"
            "model: [{conv2d: {filters: 4, kernel: 3}}, batch_norm, relu, max_pool2d, dropout, {dense: {units: 10}}]\n"
            "loss: softmax_cross_entropy\nmetrics: [accuracy]\noptimizer: {adam: {lr: 1e-3, clip_norm: 1}}\n"
            "train: {epochs: 2, batch: 70, threads: %d}\n", threads[i]);
        setup s;
        assert_true(setup_trainer(&s, yaml));
        assert_int_equal(setup_run(&s), TRAINER_DONE);
        weights_digest(&s, hex);
        const table *t = s.trainer->epochs;
        char rows[DIGEST_HEX], both[2 * DIGEST_HEX];
        digest_bytes(t->cell, (size_t)t->n_rows * (size_t)t->n_columns * sizeof *t->cell, rows);
        snprintf(both, sizeof both, "%s%s", hex, rows);
        digest_bytes(both, strlen(both), hex);
        if (!i) memcpy(first, hex, sizeof first);
        if (strcmp(first, hex)) fail_msg("%d threads give other bits than 1", threads[i]);
        setup_end(&s);
    }
}

/* The linker puts this in front of what the process may have (see tests/CMakeLists.txt). */
size_t __real_compute_memory(void);
size_t __wrap_compute_memory(void);
static size_t memory_limit;
size_t __wrap_compute_memory(void) { return memory_limit ? memory_limit : __real_compute_memory(); }

/* More than any machine has, or than this process may have, is refused before it is asked for, with what would be accepted. */
static void too_much_memory(void **state)
{
    (void)state;
#define BIG "{dense: {units: 262144}}, "
#define FIVE BIG BIG BIG BIG BIG
#define WIDE "model: [{dense: {units: 131072}}, {dense: {units: 1}}]\ntrain: {batch: 1}\noptimizer: "          /* 4.5 MiB of weights */
    static const struct { const char *yaml, *says; int limit; } cases[] = {
        { WIDE "sgd\n", "no memory for the model's 1179649 weights; this process may have 4 MiB", 4 },
        { WIDE "adam\n", "the slots of optimizer adam take 9 MiB, and this process may have 8 MiB", 8 },
        { WIDE "sgd\n", " of memory, and this process may have 8.0 MiB; a smaller train.batch than 1 takes less", 8 },
        { "model: [{dense: {units: 100000}}, {dense: {units: 1}}]\noptimizer: sgd\ntrain: {batch: 16777216}\n",
          "a smaller train.batch than 16777216 takes less" },
        { "model: [" FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE "{dense: {units: 1}}]\noptimizer: sgd\n", "no memory for the model's " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setup s;
        char yaml[2048];
        snprintf(yaml, sizeof yaml, "data: {format: houses, samples: 32}\nloss: mean_squared_error\n%s", cases[i].yaml);
        memory_limit = (size_t)cases[i].limit << 20;
        assert_false(setup_trainer(&s, yaml));
        memory_limit = 0;
        if (!strstr(s.pr.item[0].text, cases[i].says)) fail_msg("'%s' is not in: %s", cases[i].says, s.pr.item[0].text);
        setup_end(&s);
    }
}

static void a_signal_ends_it_after_the_step(void **state)
{
    (void)state;
    setup s;
    signals_install();
    assert_true(setup_trainer(&s, HOUSES "optimizer: sgd\ntrain: {epochs: 5, batch: 32}\n"));
    assert_false(signals_stop());
    raise(SIGTERM);
    assert_int_equal(setup_run(&s), TRAINER_INTERRUPTED);
    assert_int_equal(s.steps, 1);
    assert_int_equal(s.saves, 1);
    assert_int_equal(s.trainer->state.position, 32);
    assert_int_equal(signals_which(), SIGTERM);
    setup_end(&s);
}

static void refusals(void **state)
{
    (void)state;
    static const struct { const char *yaml, *says; } cases[] = {
        { "optimizer: {sgd: {lr: 0.1, momentm: 0.9}}\n", "did you mean 'momentum'" },
        { "optimizer: sdg\n", "sgd" },
        { "optimizer: {sgd: {clip_norm: 1, clip_value: 1}}\n", "exclude each other" },
        { "optimizer: {sgd: {clip_norm: -1}}\n", "clip_norm" },
        { "optimizer: {finite_difference: {clip_norm: 1}}\n", "clipping cannot be applied" },
        { "optimizer: {sgd: {lr: fast}}\n", "lr" },
        { "optimizer: {sgd: {lr: {plateau: {initial: 1, monitor: val_acc}}}}\n", "no column 'val_acc'" },
        { "optimizer: sgd\ntrain: {epochs: 0}\n", "epochs" },
        { "optimizer: sgd\ntrain: {batch: 0}\n", "batch" },
        { "optimizer: sgd\ntrain: {threads: many}\n", "threads" },
        { "optimizer: sgd\ntrain: {precision: f16}\n", "precision" },
        { "optimizer: sgd\ntrain: {epoch: 3}\n", "did you mean 'epochs'" },
        { "optimizer: sgd\ntrain: {stop: {monitor: val_los}}\n", "did you mean 'val_loss'" },
        { "optimizer: sgd\ntrain: {stop: {patience: 0}}\n", "patience" },
        { "optimizer: sgd\ntrain: {stop: {mode: most}}\n", "mode" },
        { "optimizer: sgd\ncheckpoint: {every: often}\n", "500 steps" },
        { "optimizer: sgd\ncheckpoint: {every: 0}\n", "500 steps" },
        { "optimizer: sgd\ncheckpoint: {every: 5 hours}\n", "500 steps" },
        { "optimizer: sgd\ncheckpoint: {best: val_accuracy}\n", "no column 'val_accuracy'" },
        { "optimizer: sgd\ncheckpoint: {keep: 0}\n", "keep" },
        { "optimizer: sgd\ncheckpoint: {kep: 1}\n", "did you mean 'keep'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml, HOUSES "%s", cases[i].yaml);
        setup s;
        if (setup_trainer(&s, yaml)) fail_msg("accepted: %s", cases[i].yaml);
        bool said = false;
        for (size_t k = 0; k < s.pr.n; k++) said |= strstr(s.pr.item[k].text, cases[i].says) != NULL;
        if (!said) {
            problems_print(&s.pr, stderr);
            fail_msg("'%s' was not said of: %s", cases[i].says, cases[i].yaml);
        }
        setup_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns), cmocka_unit_test(differences_walk_the_path_of_gradients), cmocka_unit_test(early_stopping),
        cmocka_unit_test(best_checkpoint), cmocka_unit_test(checkpoints_by_steps), cmocka_unit_test(checkpoints_by_time), cmocka_unit_test(clipping),
        cmocka_unit_test(factors_by_layer), cmocka_unit_test(plateau), cmocka_unit_test(a_loss_that_is_not_a_number_ends_the_run),
        cmocka_unit_test(same_bits_on_any_number_of_threads), cmocka_unit_test(refusals),
        cmocka_unit_test(a_signal_ends_it_after_the_step), cmocka_unit_test(too_much_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
