/* test_show_files.c -- heft show --diff and --verify, of files that are good, and of one for each thing that can be wrong */
#include "run/verb.h"

#include "sweep/sweep.h"

#define YAML(seed, epochs)                                                                                             \
    "name: shown\nseed: " seed "\ndata: {format: houses, samples: 200, test: 32, validation: 0.25}\n"                   \
    "model:\n  - dense: {units: 3, name: hidden}\n  - batch_norm: {name: norm}\n  - dense: {units: 1, name: out}\n"       \
    "loss: mean_squared_error\noptimizer: {adam: {lr: 0.01}}\n"                                                          \
    "train: {epochs: " epochs ", batch: 24, log_every: 1}\ncheckpoint: {keep: 2, best: val_loss}\n"

static void make_run(const char *dir, const char *yaml)
{
    setup s;
    saver w = { 0 };
    make_trainer(&s, yaml);
    w.run = run_create(dir, s.experiment, &w.pr);
    train_to_end(&s, &w);
    expect_none(&w.pr);
    run_close(w.run);
    setup_end(&s);
}

static int make_all(void **state)
{
    if (enter_scratch(state) < 0 || setenv("HEFT_PLUGIN_PATH", PLUGIN_DIR, 1) < 0) return -1;
    make_run("a", YAML("1", "3"));
    make_run("b", YAML("1", "3"));
    make_run("c", YAML("2", "4"));
    if (system("mkdir -p young/checkpoints && cp a/experiment.yaml young") != 0) return -1;
    setup s;
    problems pr = { 0 };
    make_trainer(&s, YAML("1", "3"));
    checkpoint_save(s.trainer, "one.h5", &pr);
    float *w = model_weight(s.trainer->model, &s.trainer->model->layer[0], 0);
    w[4] = 1;                                    /* hidden/weight[1, 1] */
    checkpoint_save(s.trainer, "from.h5", &pr);
    w[4] = 1.5f;
    checkpoint_save(s.trainer, "to.h5", &pr);
    w[5] = NAN;
    checkpoint_save(s.trainer, "nan.h5", &pr);
    expect_none(&pr);
    setup_end(&s);
    return 0;
}

/* ---- --diff ---- */

static void differences(void **state)
{
    (void)state;
    assert_int_equal(show("--diff", "a", "b"), 0);
    SAYS("out", "equal, byte for byte\n");
    assert_int_equal(show("--diff", "from.h5", "to.h5"), 1);
    SAYS("out", "A  from.h5\nB  to.h5\n", "/layers/hidden      24       1  0.5  0.5", "weight[1, 1]: 1 and 1.5\n");
    char *out = slurp("out", NULL);
    assert_null(strstr(out, "Experiment"));
    assert_null(strstr(out, "Training"));
    assert_null(strstr(out, "/optimizer"));
    block_free(out);
    assert_int_equal(show("--diff", "to.h5", "nan.h5"), 1);
    SAYS("out", "/layers/hidden", "inf", "nan\n");
    assert_int_equal(show("--diff", "a", "c"), 1);
    SAYS("out", "seed          1  2\n", "train.epochs  3  4\n", "/layers/hidden", "/layers/norm", "/layers/out", "/optimizer/out", "/data", "seed: 1 and 2",
         "epoch ", "data fingerprint", "rows of /metrics/epochs", "/metrics/epochs: val_loss, epoch 1, the first of 3", "/metrics/steps: loss, step 1, ");
}

static void differences_as_json(void **state)
{
    (void)state;
    assert_int_equal(show("--diff", "--json", "a", "b"), 0);
    SAYS("out", "{\"a\": \"a/checkpoints/step-000000021.h5\", \"b\": \"b/checkpoints/step-000000021.h5\", \"experiment\": [], \"content\": [], "
                "\"training\": [], \"equal\": true, \"same_bytes\": true}\n");
    assert_int_equal(show("--diff", "from.h5", "to.h5", "--json"), 1);
    SAYS("out", "{\"a\": \"from.h5\", \"b\": \"to.h5\", \"experiment\": [], \"content\": [{\"path\": \"/layers/hidden\", \"values\": 24, "
                "\"differ\": 1, \"l2\": 0.5, \"max\": 0.5, \"relative\": 0.", "\"first\": \"weight[1, 1]: 1 and 1.5\"}], \"training\": [], "
                "\"equal\": false, \"same_bytes\": false}\n");
    assert_int_equal(show("--diff", "to.h5", "nan.h5", "--json"), 1);
    SAYS("out", "\"l2\": null, \"max\": null, \"relative\": null, ");
    assert_int_equal(show("--diff", "a", "c", "--json"), 1);
    SAYS("out", "\"experiment\": [{\"what\": \"seed\", \"a\": \"1\", \"b\": \"2\"}, {\"what\": \"train.epochs\", \"a\": \"3\", \"b\": \"4\"}]",
         "{\"what\": \"epoch\", \"a\": \"3\", \"b\": \"4\"}",
         "{\"what\": \"/metrics/epochs\", \"column\": \"val_loss\", \"epoch\": 1, \"rows\": 3, \"a\": \"");
    char *out = slurp("out", NULL);
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);          /* one object */
    block_free(out);
    assert_int_equal(show("--diff", "a", "none", "--json"), 2);
    size_t n;
    block_free(slurp("out", &n));
    assert_int_equal(n, 0);
    SAYS("err", "none: error: cannot be opened");
}

/* Another net, another optimizer, another loss: groups and shapes that only one has. */
static void strangers(void **state)
{
    (void)state;
    setup s;
    problems pr = { 0 };
    make_trainer(&s, "name: shown\nseed: 1\ndata: {format: houses, samples: 200, test: 32, validation: 0.25}\n"
                     "model:\n  - dense: {units: 4, name: hidden}\n  - relu: {name: norm}\n  - dense: {units: 1, name: out}\n"
                     "loss: mean_absolute_error\noptimizer: sgd\ntrain: {epochs: 3, batch: 24, log_every: 1}\n");
    checkpoint_save(s.trainer, "other.h5", &pr);
    expect_none(&pr);
    setup_end(&s);
    assert_int_equal(show("--diff", "one.h5", "other.h5"), 1);
    SAYS("out", "model.hidden.units", "weight: [7, 3] and [7, 4]", "optimizer", "adam", "sgd", "loss", "mean_absolute_error", "type of norm", "batch_norm",
         "relu", "only in one.h5", "type of loss", "/plugins");
}

static void not_compared(void **state)
{
    (void)state;
    assert_int_equal(system("cp a/checkpoints/step-000000021.h5 bad.h5"), 0);
    damage("bad.h5");
    static const struct { const char *a, *b, *part; } bad[] = {
        { "a", "none", "none: error: cannot be opened: No such file" },
        { "bad.h5", "a", "bad.h5: error: damaged: the SHA-256 of its content is " },
        { "bad.h5", "none", "none: error: cannot be opened" },
        { "a", "a/metrics.h5", "not a heft-checkpoint file" },
        { "a", NULL, "--diff wants two checkpoints or runs; found 1 argument" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(show("--diff", bad[i].a, bad[i].b), 2);
        SAYS("err", bad[i].part);
    }
    assert_int_equal(show("--diff", "--verify", "a", "b"), 2);
    SAYS("err", "--diff and --verify exclude each other");
    assert_int_equal(show("--diff", "a", "b", "c"), 2);
    SAYS("err", "--diff wants two checkpoints or runs; found 3 arguments");
}

/* ---- --verify ---- */

static void good_files(void **state)
{
    (void)state;
    assert_int_equal(show("--verify", "a", "c/metrics.h5", "one.h5"), 0);
    SAYS("out", "good  a/checkpoints/step-000000021.h5: checkpoint, epoch 3, step 21, ", "good  a/metrics.h5: metrics, 3 epochs, 21 steps\n",
         "good  c/metrics.h5: metrics, 4 epochs, 28 steps\n", "good  one.h5: checkpoint, epoch 0, step 0");
    char *out = slurp("out", NULL);
    assert_null(strstr(out, "BAD"));
    block_free(out);
}

static void verdicts_as_json(void **state)
{
    (void)state;
    assert_int_equal(show("--verify", "--json", "a/metrics.h5", "nan.h5", "young"), 1);
    SAYS("out", "{\"path\": \"a/metrics.h5\", \"good\": true, \"what\": \"metrics, 3 epochs, 21 steps\", \"problems\": []}\n",
         "\n{\"path\": \"nan.h5\", \"good\": false, \"what\": null, \"problems\": [{\"at\": \"nan.h5:/layers/hidden/weight\", "
         "\"text\": \"1 of 21 numbers are not finite\"}]}\n",
         "\n{\"path\": \"young\", \"good\": true, \"what\": \"no checkpoint yet\", \"problems\": []}\n");
}

/* A checkpoint made by hand of a run's parts, with one thing wrong. */
enum wrong { NOTHING, SLOT_SHAPE, SLOT_TYPE, SLOT_LAYER, ROWS, BELOW_ZERO, STRANGER, UNITS };

static void craft(const char *path, enum wrong wrong)
{
    setup s;
    problems pr = { 0 };
    const char *yaml = "data: {format: houses, samples: 200}\nmodel: [dense: {units: 1, name: out}]\n"
                       "loss: mean_squared_error\noptimizer: adam\ntrain: {batch: 24}\n";
    make_trainer(&s, yaml);
    hdf_file *f = hdf_create(&pr);
    const int64_t shape[] = { 7, 1 }, other[] = { 7, 2 }, one = 1;
    const float x[14] = { 0 };
    const double y[14] = { 0 };
    hdf_write_text(f, "/experiment", wrong == UNITS ? "data: {format: houses, samples: 200}\nmodel: [dense: {units: 2, name: out}]\n"
                   "loss: mean_squared_error\noptimizer: adam\ntrain: {batch: 24}\n" : yaml, &pr);
    hdf_write(f, "/layers/out/weight", HDF_F32, 2, shape, x, &pr);
    hdf_write(f, "/layers/out/bias", HDF_F32, 1, &one, x, &pr);
    hdf_attr_text(f, "/layers/out/weight", "role", "weight", &pr);
    hdf_attr_text(f, "/layers/out/bias", "role", "weight", &pr);
    static const char *const layers[] = { "/layers/out", "/layers/loss", "/layers/strange" };
    static const char *const types[] = { "dense", "mean_squared_error", "relu" }, *const roles[] = { "layer", "loss", "layer" };
    for (int i = 0; i < 2 + (wrong == STRANGER); i++) {
        hdf_group(f, layers[i], &pr);
        hdf_attr_text(f, layers[i], "type", types[i], &pr);
        hdf_attr_text(f, layers[i], "role", roles[i], &pr);
        hdf_attr_text(f, layers[i], "inputs", "input", &pr);
        hdf_attr_ints(f, layers[i], "output_shape", 1, &one, &pr);
    }
    const char *slot = wrong == SLOT_LAYER ? "/optimizer/gone/weight/m" : "/optimizer/out/weight/m";
    hdf_write(f, slot, wrong == SLOT_TYPE ? HDF_F64 : HDF_F32, 2, wrong == SLOT_SHAPE ? other : shape, wrong == SLOT_TYPE ? (const void *)y : x, &pr);
    hdf_attr_text(f, "/optimizer", "type", "adam", &pr);
    hdf_group(f, "/trainer", &pr);
    for (const trainer_field *t = trainer_fields; t->name; t++)
        if (t->real) hdf_attr_real(f, "/trainer", t->name, NAN, &pr);
        else hdf_attr_int(f, "/trainer", t->name, wrong == BELOW_ZERO && !strcmp(t->name, "step") ? -1 : 0, &pr);
    table *rows = table_new(1, (const table_column[]){ { "epoch", "", true } });
    if (wrong == ROWS) *table_add_row(rows) = 1;
    table_write(rows, f, "/metrics/epochs", &pr);
    table_free(rows);
    data_fit_write(s.trainer->data, f, &pr);
    hdf_attr_text(f, "/data", "fingerprint", "f", &pr);
    assert_int_equal(hdf_publish(f, CHECKPOINT_FORMAT, path, &pr), 0);
    expect_none(&pr);
    setup_end(&s);
}

static void bad_checkpoints(void **state)
{
    (void)state;
    static const struct { enum wrong wrong; const char *name, *part; } bad[] = {
        { NOTHING, "k.h5", "good  k.h5: checkpoint, epoch 0, step 0, 8 parameters\n" },
        { SLOT_SHAPE, "k.h5", "BAD   k.h5\n      k.h5:/optimizer/out/weight/m: [7, 2], where its weight is [7, 1]\n" },
        { SLOT_TYPE, "k.h5", "k.h5:/optimizer/out/weight/m: not float32: [7, 1]" },
        { SLOT_LAYER, "k.h5", "k.h5:/optimizer/gone/weight: there is no weight /layers/gone/weight\n" },
        { ROWS, "k.h5", "k.h5:/metrics/epochs: 1 rows, and 0 epochs are done\n" },
        { BELOW_ZERO, "k.h5", "k.h5:/trainer: step -1, epoch 0, position 0: none can be below 0\n" },
        { STRANGER, "k.h5", "k.h5:/layers/strange: the model has no layer 'strange'" },
        { UNITS, "k.h5", "k.h5:/experiment: loss or metric 'loss': needs a target for each output; the output is [2], the target [1]" },
        { NOTHING, "step-000000007.h5", "step-000000007.h5:/trainer: step 0, and the file's name says 7\n" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        craft(bad[i].name, bad[i].wrong);
        const int code = show("--verify", bad[i].name);
        if (code != (i > 0)) fail_msg("case %zu: exit status %d", i, code);
        SAYS("out", bad[i].part);
    }
    assert_int_equal(show("--verify", "nan.h5"), 1);
    SAYS("out", "BAD   nan.h5\n      nan.h5:/layers/hidden/weight: 1 of 21 numbers are not finite\n");
}

static void publish_metrics(const char *path, double second, const char *yaml, double loss)
{
    problems pr = { 0 };
    table *epochs = table_new(2, (const table_column[]){ { "epoch", "", true }, { "loss", "", false } });
    for (int i = 0; i < 2; i++) {
        double *row = table_add_row(epochs);
        row[0] = i ? second : 1;
        row[1] = loss;
    }
    hdf_file *f = hdf_create(&pr);
    table_write(epochs, f, "/epochs", &pr);
    table_write(epochs, f, "/steps", &pr);
    hdf_write_text(f, "/experiment", yaml, &pr);
    assert_int_equal(hdf_publish(f, METRICS_FORMAT, path, &pr), 0);
    table_free(epochs);
}

static void bad_metrics(void **state)
{
    (void)state;
    assert_int_equal(system("cp -r a m && cp a/metrics.h5 bad.h5"), 0);
    damage("bad.h5");
    assert_int_equal(show("--verify", "bad.h5"), 1);
    SAYS("out", "BAD   bad.h5\n      bad.h5: damaged: the SHA-256");
    publish_metrics("m/metrics.h5", 2, "a: b\n", 5);
    assert_int_equal(show("--verify", "m/metrics.h5"), 0);           /* alone it is good */
    assert_int_equal(show("--verify", "m"), 1);
    SAYS("out", "BAD   m/metrics.h5\n      m/metrics.h5:/epochs: loss is 5 in row 1, and ", "in m/checkpoints/step-000000021.h5\n");
    publish_metrics("m/metrics.h5", 1, "a: [b\n", 5);
    assert_int_equal(show("--verify", "m/metrics.h5"), 1);
    SAYS("out", "m/metrics.h5:/epochs: epoch 1 stands behind 1\n", "m/metrics.h5:/steps: epoch 1 stands behind 1\n", "m/metrics.h5:/experiment: ");
    remove("m/metrics.h5");
    spit("m/experiment.yaml", "modl: 3\n", 8);
    spit("m/checkpoints/best", "step-000000099.h5\n", 18);
    assert_int_equal(show("--verify", "m"), 1);
    SAYS("out", "m/metrics.h5: there is none, and there are checkpoints\n", "BAD   m/experiment.yaml\n", "did you mean 'model'",
         "m/checkpoints/best: names no checkpoint that is there\n", "good  m/checkpoints/step-000000021.h5");
    damage("m/checkpoints/step-000000021.h5");
    assert_int_equal(show("--verify", "m"), 1);
    SAYS("out", "BAD   m/checkpoints/step-000000021.h5\n", "damaged: the SHA-256", "good  m/checkpoints/step-000000014.h5");
}

/* rows: of /trials; state: of its trial a. */
static void publish_sweep(const char *path, int rows, const char *state)
{
    problems pr = { 0 };
    table *t = table_new(1, (const table_column[]){ { "trial", "", true } });
    for (int i = 0; i < 2; i++)
        if (i < rows) *table_add_row(t) = i + 1;
    hdf_file *f = hdf_create(&pr);
    table_write(t, f, "/trials", &pr);
    table_write(t, f, "/timing", &pr);
    hdf_write_texts(f, "/run", 2, (const char *const[]){ "a", "x" }, &pr);
    hdf_write_texts(f, "/state", 2, (const char *const[]){ "finished", state }, &pr);
    hdf_write_texts(f, "/reason", 2, (const char *const[]){ "", "" }, &pr);
    hdf_write_text(f, "/experiment", "a: b\n", &pr);
    assert_int_equal(hdf_publish(f, SWEEP_FORMAT, path, &pr), 0);
    expect_none(&pr);
    table_free(t);
}

static void sweeps(void **state)
{
    (void)state;
    assert_int_equal(system("mkdir -p w/trials && cp -r a w/trials/a"), 0);
    publish_sweep("w/sweep.h5", 2, "waiting");
    assert_int_equal(show("--verify", "w"), 0);
    SAYS("out", "good  w/sweep.h5: sweep, 2 trials\n", "good  w/trials/a/checkpoints/step-000000021.h5", "good  w/trials/a/metrics.h5");
    publish_sweep("w/sweep.h5", 2, "finished");
    assert_int_equal(show("--verify", "w"), 1);
    SAYS("out", "BAD   w/trials/x\n      w/trials/x: not there, and its trial is finished\n");
    publish_sweep("w/sweep.h5", 1, "finished");
    assert_int_equal(show("--verify", "w/sweep.h5"), 1);
    SAYS("out", "1 rows in /trials, 2 in /run, 2 in /state, 2 in /reason, 1 in /timing: one number of all was expected");
    publish_sweep("w/sweep.h5", 2, "done");
    assert_int_equal(show("--verify", "w/sweep.h5"), 1);
    SAYS("out", "w/sweep.h5:/state: row 2: 'done' is no state of a trial\n");
    damage("w/sweep.h5");
    assert_int_equal(show("--verify", "w"), 1);
    SAYS("out", "BAD   w/sweep.h5\n", "damaged: the SHA-256");
}

static void nothing_of_heft(void **state)
{
    (void)state;
    assert_int_equal(system("mkdir folder && echo hello >text"), 0);
    spit("empty", "", 0);
    static const char *const bad[] = { "folder", "text", "empty" };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(show("--verify", bad[i]), 1);
        SAYS("out", bad[i], "neither a checkpoint, metrics.h5 or sweep.h5, nor the directory of a run or a sweep\n");
    }
    assert_int_equal(show("--verify", "none"), 1);
    SAYS("out", "BAD   none\n      none: cannot be opened: No such file");
    assert_int_equal(show("--verify", "young"), 0);
    SAYS("out", "good  young: no checkpoint yet\n");
    assert_int_equal(show("--verify"), 2);
    SAYS("err", "usage: heft show");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences), cmocka_unit_test(differences_as_json), cmocka_unit_test(strangers),   cmocka_unit_test(not_compared),
        cmocka_unit_test(good_files),  cmocka_unit_test(verdicts_as_json),    cmocka_unit_test(bad_checkpoints), cmocka_unit_test(bad_metrics),
        cmocka_unit_test(sweeps),      cmocka_unit_test(nothing_of_heft),
    };
    return cmocka_run_group_tests(tests, make_all, leave_scratch);
}
