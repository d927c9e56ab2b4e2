/* test_checkpoint.c -- a saved state goes on as if nothing had happened; what does not fit is refused with both values */
#include "run/scratch.h"

#define DATA "data: {format: digits, samples: 192, test: 32, validation: 0.25}\n"
#define NET                                                                                                        \
    "model:\n  - flatten\n  - dense: {units: 8, name: hidden}\n  - batch_norm: {activation: relu, name: norm}\n"   \
    "  - dropout: {rate: 0.2}\n  - dense: {units: 10, name: out}\n"
#define REST "loss: softmax_cross_entropy\nmetrics: [accuracy]\n" \
             "optimizer: {adam: {lr: {plateau: {initial: 1e-2, patience: 1}}, clip_norm: 1}}\n"
#define TRAIN "train: {epochs: 3, batch: 32, log_every: 1, stop: {patience: 9}}\ncheckpoint: {best: val_accuracy}\n"

static const char whole[] = DATA NET REST TRAIN;

/* Saved in an epoch and between two; restored and saved again: equal bytes; trained to the end: too (R2). */
static void goes_on(void **state)
{
    (void)state;
    static const int64_t steps[] = { 1, 4, 7, 10, 14 };          /* 4.5 steps an epoch: 5 minibatches */
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        setup a, b;
        problems pr = { 0 };
        saver sa = { .step = steps[i], .at = "middle.h5" }, sb = { 0 };
        make_trainer(&a, whole);
        train_to_end(&a, &sa);
        assert_int_equal(checkpoint_save(a.trainer, "end.h5", &pr), 0);
        make_trainer(&b, whole);
        memset(b.trainer->model->x, 0x7f, b.trainer->model->n_weights * sizeof(float));
        checkpoint *c = checkpoint_open("middle.h5", &pr);
        expect_none(&pr);
        assert_int_equal(checkpoint_restore(c, b.trainer, &pr), 0);
        expect_none(&pr);
        assert_int_equal(b.trainer->state.step, steps[i]);
        assert_int_equal(b.trainer->timing->n_rows, b.trainer->epochs->n_rows);
        checkpoint_close(c);
        expect_goes_on(&b, &sb);
        expect_none(&pr);
        setup_end(&a);
        setup_end(&b);
    }
}

/* A finished run with more epochs ends where one of that many ends. */
static void more_epochs(void **state)
{
    (void)state;
    setup two, five, more;
    saver none = { 0 };
    problems pr = { 0 };
#define EPOCHS(n)                                                                                                  \
    DATA NET "loss: softmax_cross_entropy\noptimizer: {sgd: {lr: 0.05, momentum: 0.9}}\ntrain: {epochs: " #n       \
             ", batch: 32}\n"
    make_trainer(&two, EPOCHS(2));
    make_trainer(&five, EPOCHS(5));
    make_trainer(&more, EPOCHS(5));
    train_to_end(&two, &none);
    train_to_end(&five, &none);
    checkpoint_save(two.trainer, "two.h5", &pr);
    checkpoint *c = checkpoint_open("two.h5", &pr);
    assert_int_equal(checkpoint_restore(c, more.trainer, &pr), 0);
    checkpoint_close(c);
    train_to_end(&more, &none);
    expect_none(&pr);
    assert_memory_equal(five.trainer->model->x, more.trainer->model->x,
                        five.trainer->model->n_weights * sizeof(float));
    assert_int_equal(more.trainer->epochs->n_rows, 5);
    setup_end(&two);
    setup_end(&five);
    setup_end(&more);
}

/* Slots of several rows and scalar ones, which no optimizer of ours has. */
static void odd_slots(void **state)
{
    (void)state;
    setup a, b;
    problems pr = { 0 };
    make_trainer(&a, whole);
    make_trainer(&b, whole);
    float *rows[2], *scalars[2];
    setup *both[] = { &a, &b };
    const size_t n = a.trainer->model->n_trained;
    for (int k = 0; k < 2; k++) {
        optimizer *o = both[k]->trainer->optimizer;
        assert_int_equal(o->plan.n_slots, 2);
        block_free(o->slot[0]);
        o->plan.slot[0].rows = 3;
        o->plan.slot[2] = (heft_slot){ "beta", 2, true };
        o->plan.n_slots = 3;
        rows[k] = o->slot[0] = block_alloc(3 * n, sizeof(float));
        scalars[k] = o->slot[2] = block_alloc(2, sizeof(float));
    }
    for (size_t i = 0; i < 3 * n; i++) rows[0][i] = (float)i;
    scalars[0][1] = -1;
    checkpoint_save(a.trainer, "slots.h5", &pr);
    expect_none(&pr);
    checkpoint *c = checkpoint_open("slots.h5", &pr);
    assert_int_equal(checkpoint_restore(c, b.trainer, &pr), 0);
    assert_memory_equal(rows[0], rows[1], 3 * n * sizeof(float));
    assert_memory_equal(scalars[0], scalars[1], 2 * sizeof(float));
    hdf_type type;
    int rank;
    int64_t dim[HDF_MAX_RANK];
    assert_int_equal(hdf_shape(checkpoint_file(c), "/optimizer/out/weight/m", &type, &rank, dim, &pr), 0);
    assert_true(rank == 3 && dim[0] == 3 && dim[1] == 8 && dim[2] == 10);
    checkpoint_close(c);
    expect_none(&pr);
    setup_end(&a);
    setup_end(&b);
}

/* What analysts and `heft show` look for. */
static void holds_everything(void **state)
{
    (void)state;
    setup s;
    saver none = { 0 };
    problems pr = { 0 };
    make_trainer(&s, whole);
    train_to_end(&s, &none);
    assert_int_equal(checkpoint_save(s.trainer, "all.h5", &pr), 0);
    const size_t bytes = checkpoint_bytes(s.trainer, &pr);
    struct stat st;
    stat("all.h5", &st);
    assert_true(bytes >= (size_t)st.st_size && bytes < (size_t)st.st_size + 300000);
    hdf_file *f = hdf_open("all.h5", &pr);                       /* any reader of HDF5 can */
    arena *a = arena_new();
    const struct { const char *path, *name, *want; } attr[] = {
        { "/", "format", "heft-checkpoint 1" },        { "/layers/hidden", "type", "dense" },
        { "/layers/hidden", "role", "layer" },         { "/layers/loss", "role", "loss" },
        { "/layers/loss", "inputs", "out, target" },   { "/layers/accuracy", "role", "metric" },
        { "/layers/out/bias", "role", "weight" },      { "/optimizer", "type", "adam" },
        { "/data", "fingerprint", s.data->fingerprint },
    };
    for (size_t i = 0; i < sizeof attr / sizeof *attr; i++) {
        const char *got = hdf_get_text(f, attr[i].path, attr[i].name, a, &pr);
        expect_none(&pr);
        if (strcmp(got, attr[i].want)) fail_msg("%s %s: '%s'", attr[i].path, attr[i].name, got);
    }
    const char *options = hdf_get_text(f, "/layers/hidden", "options", a, &pr),
               *yaml = hdf_read_text(f, "/experiment", a, &pr);
    assert_non_null(strstr(options, "units: 8"));
    experiment *e = experiment_parse("all.h5", "/", yaml, strlen(yaml), 0, NULL, &pr);
    assert_non_null(e);
    experiment_free(e);
    int64_t n, v[4];
    assert_int_equal(hdf_get_ints(f, "/layers/hidden", "output_shape", 4, &n, v, &pr), 0);
    assert_true(n == 1 && v[0] == 8);
    assert_int_equal(hdf_get_ints(f, "/layers/out", "input_shape", 4, &n, v, &pr), 0);
    assert_true(n == 1 && v[0] == 8);
    static const char *const there[] = { "/optimizer/hidden/weight/m",
                                         "/optimizer/norm/gamma/v",
                                         "/trainer/meter/sum",
                                         "/metrics/steps",
                                         "/plugins/sha256",
                                         "/data/input/type" };
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        if (!hdf_exists(f, there[i])) fail_msg("no %s", there[i]);
    table *epochs = table_read(f, "/metrics/epochs", &pr);
    assert_int_equal(epochs->n_rows, 3);
    assert_true(table_find(epochs, "seconds") < 0);              /* no clock in it */
    table_free(epochs);
    expect_none(&pr);
    hdf_close(f);
    arena_free(a);
    setup_end(&s);
}

/* ---- what does not fit ---- */


static void mismatches(void **state)
{
    (void)state;
    setup s;
    problems pr = { 0 };
    make_trainer(&s, whole);
    assert_int_equal(checkpoint_save(s.trainer, "whole.h5", &pr), 0);
    setup_end(&s);
    static const struct { const char *name, *yaml, *part[3];
    } bad[] = {
        { "units",
          DATA "model:\n  - flatten\n  - dense: {units: 9, name: hidden}\n  - batch_norm: {activation: relu, name: "
               "norm}\n"
               "  - dropout: {rate: 0.2}\n  - dense: {units: 10, name: out}\n" REST TRAIN,
          { "/layers/hidden/weight: has the shape [256, 8], where [256, 9] was expected",
            "/layers/norm/gamma: has the shape [8], where [9]",
            "/layers/out/weight: has the shape [8, 10], where [9, 10]" } },
        { "name",
          DATA "model:\n  - flatten\n  - dense: {units: 8, name: hiden}\n  - batch_norm: {activation: relu, name: "
               "norm}\n"
               "  - dropout: {rate: 0.2}\n  - dense: {units: 10, name: out}\n" REST TRAIN,
          { "/layers: there is no 'hiden' (did you mean 'hidden'?)",
            "/layers/hidden: the model has no layer 'hidden' (did you mean 'hiden'?)" } },
        { "type",
          DATA "model:\n  - flatten\n  - dense: {units: 8, name: norm}\n  - dropout: {rate: 0.2}\n"
               "  - dense: {units: 10, name: out}\n" REST TRAIN,
          { "/layers/norm: is of type batch_norm, and the model's layer 'norm' is of type dense",
            "the model has no layer 'hidden'", "the model has no layer 'norm_relu'" } },
        { "optimizer",
          DATA NET "loss: softmax_cross_entropy\nmetrics: [accuracy]\noptimizer: sgd\n" TRAIN,
          { "whole.h5:/optimizer: the run was trained by adam and cannot go on with sgd" } },
        { "data",
          "data: {format: digits, samples: 193, test: 32, validation: 0.25}\n" NET REST TRAIN,
          { "whole.h5:/data: the run was trained on other data: their fingerprint is " } },
        { "seed", "seed: 5\n" DATA NET REST TRAIN, { "the run was trained on other data", "seed: the run was trained with 0 and cannot go on with 5" } },
        { "batch", DATA NET REST "train: {epochs: 3, batch: 48}\n", { "train.batch: the run was trained with 32 and cannot go on with 48" } },
        { "order", DATA NET REST "train: {epochs: 3, batch: 32, shuffle: false, drop_last: true}\n",
          { "train.shuffle: the run was trained with true and cannot go on with false", "train.drop_last: the run was trained with false" } },
        { "loss", DATA NET "loss: {categorical_hinge: {}}\nmetrics: [accuracy]\noptimizer: {adam: {lr: 1e-2}}\n" TRAIN,
          { "loss: the run was trained with softmax_cross_entropy and cannot go on with categorical_hinge" } },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make_trainer(&s, bad[i].yaml);
        checkpoint *c = checkpoint_open("whole.h5", &pr);
        assert_int_equal(checkpoint_restore(c, s.trainer, &pr), -1);
        for (int k = 0; k < 3 && bad[i].part[k]; k++) {
            bool found = false;
            for (size_t j = 0; j < pr.n; j++) {
                char line[1024];
                snprintf(line, sizeof line, "%s: %s", pr.item[j].at.file, pr.item[j].text);
                found |= strstr(line, bad[i].part[k]) != NULL;
            }
            if (!found) problems_print(&pr, stderr);
            if (!found) fail_msg("%s: no '%s'", bad[i].name, bad[i].part[k]);
        }
        for (size_t j = 0; i < 3 && j < pr.n; j++) assert_null(strstr(pr.item[j].at.file, "/optimizer/"));
        problems_free(&pr);
        checkpoint_close(c);
        setup_end(&s);
    }
}

/* Saved behind the third epoch of `was`; restored into `now`. */
static size_t go_on_with(const char *was, const char *now, setup *out, problems *pr)
{
    setup s;
    saver none = { 0 };
    make_trainer(&s, was);
    train_to_end(&s, &none);
    assert_int_equal(checkpoint_save(s.trainer, "other.h5", pr), 0);
    setup_end(&s);
    make_trainer(out, now);
    checkpoint *c = checkpoint_open("other.h5", pr);
    expect_none(pr);
    checkpoint_restore(c, out->trainer, pr);
    checkpoint_close(c);
    return pr->n;
}

#define IMAGES "data: {format: digits, samples: 64, validation: 0.25}\n"
#define CONV(stride) "model: [{conv2d: {filters: 4, kernel: 3, stride: " stride ", name: c}}, global_avg_pool, {dense: {units: 10, name: out}}]\n" \
                     "loss: softmax_cross_entropy\n"

static void other_options(void **state)
{
    (void)state;
    static const struct { const char *was, *now, *part; } refused[] = {
        { DATA NET REST TRAIN, DATA NET REST "train: {epochs: 2, batch: 32}\n", "other.h5:/trainer: train.epochs: the run has done 3 epochs and cannot go on to 2" },
        { IMAGES CONV("1") "optimizer: sgd\ntrain: {epochs: 1}\n", IMAGES CONV("2") "optimizer: sgd\ntrain: {epochs: 1}\n",
          "other.h5:/experiment: output of layer 'c': the run was trained with [" },
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        setup s;
        problems pr = { 0 };
        assert_true(go_on_with(refused[i].was, refused[i].now, &s, &pr) > 0);
        expect_problem(&pr, refused[i].part);
        setup_end(&s);
    }
    /* What makes sense; what was watched in another column, or for another direction, is watched anew. */
    static const struct { const char *now; bool stop, best, plateau; } accepted[] = {
        { DATA NET REST TRAIN, false, false, false },
        { "name: other\n" DATA NET "loss: {softmax_cross_entropy: {label_smoothing: 0.1}}\nmetrics: [accuracy]\n"
          "optimizer: {adam: {lr: {plateau: {initial: 1e-3, patience: 2}}, beta1: 0.8, clip_value: 2}}\n"
          "train: {epochs: 9, batch: 32, threads: 2, precision: bf16, log_every: 3, stop: {patience: 20, min_delta: 0.1}}\n"
          "checkpoint: {best: val_accuracy, keep: 5, every: 2 seconds}\n", false, false, false },
        { DATA NET REST "train: {epochs: 3, batch: 32, stop: {monitor: val_accuracy}}\ncheckpoint: {best: val_loss}\n", true, true, false },
        { DATA NET REST "train: {epochs: 3, batch: 32, stop: {mode: max}}\n", true, true, false },
        { DATA NET "loss: softmax_cross_entropy\nmetrics: [accuracy]\noptimizer: {adam: {lr: {plateau: {initial: 1e-2, monitor: val_accuracy}}}}\n" TRAIN,
          false, false, true },
    };
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        setup s;
        problems pr = { 0 };
        go_on_with(DATA NET REST TRAIN, accepted[i].now, &s, &pr);
        expect_none(&pr);
        const trainer_state *t = &s.trainer->state;
        if (isnan(t->stop_best) != accepted[i].stop || isnan(t->best_value) != accepted[i].best || isnan(t->schedule.best) != accepted[i].plateau)
            fail_msg("case %zu: stop_best %g, best_value %g, schedule.best %g", i, t->stop_best, t->best_value, t->schedule.best);
        setup_end(&s);
    }
}

/* Other metrics between epochs are no mismatch; columns go by name, and what was not measured is NaN. */
static void other_metrics(void **state)
{
    (void)state;
    setup s;
    saver none = { 0 };
    problems pr = { 0 };
    make_trainer(&s, whole);
    train_to_end(&s, &none);
    const double val = last(&s, "val_loss");
    assert_int_equal(checkpoint_save(s.trainer, "metrics.h5", &pr), 0);
    setup_end(&s);
    make_trainer(
        &s,
        DATA NET
        "loss: softmax_cross_entropy\nmetrics: [{accuracy: {name: hits}}]\noptimizer: {adam: {lr: {plateau: "
        "{initial: 1e-2, patience: 1}}, clip_norm: 1}}\ntrain: {epochs: 4, batch: 32}\n");
    checkpoint *c = checkpoint_open("metrics.h5", &pr);
    assert_int_equal(checkpoint_restore(c, s.trainer, &pr), 0);
    checkpoint_close(c);
    assert_true(last(&s, "val_loss") == val && isnan(last(&s, "val_hits")));
    train_to_end(&s, &none);
    assert_true(!isnan(last(&s, "val_hits")));
    expect_none(&pr);
    setup_end(&s);
}

static void damaged(void **state)
{
    (void)state;
    setup s;
    problems pr = { 0 };
    size_t n;
    make_trainer(&s, whole);
    assert_int_equal(checkpoint_save(s.trainer, "d.h5", &pr), 0);
    setup_end(&s);
    char *bytes = slurp("d.h5", &n);
    for (size_t i = 0; i < n; i += n / 97) {
        bytes[i] ^= 0x10;
        spit("x.h5", bytes, n);
        bytes[i] ^= 0x10;
        if (checkpoint_open("x.h5", &pr)) fail_msg("byte %zu flipped: accepted", i);
        expect_problem(&pr, "x.h5: ");
        spit("x.h5", bytes, i);
        if (checkpoint_open("x.h5", &pr)) fail_msg("cut to %zu bytes: accepted", i);
        expect_problem(&pr, "x.h5: ");
    }
    block_free(bytes);
    /* A published file of the right name without the content. */
    hdf_file *f = hdf_create(&pr);
    hdf_write_text(f, "/experimnet", "name: x\n", &pr);
    hdf_group(f, "/data", &pr);
    hdf_publish(f, CHECKPOINT_FORMAT, "x.h5", &pr);
    expect_none(&pr);
    assert_null(checkpoint_open("x.h5", &pr));
    expect_problem(&pr, "there is no 'experiment' (did you mean 'experimnet'?)");
    assert_null(checkpoint_open("x.h5", &pr));
    expect_problem(&pr, "x.h5:/data: there is no attribute 'fingerprint'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on),          cmocka_unit_test(more_epochs), cmocka_unit_test(odd_slots),
        cmocka_unit_test(holds_everything), cmocka_unit_test(mismatches),  cmocka_unit_test(other_metrics),
        cmocka_unit_test(other_options), cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
