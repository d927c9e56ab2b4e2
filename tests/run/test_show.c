/* test_show.c -- heft show, as text and JSON, of a checkpoint, a run, and what is neither */
#include "run/verb.h"

static const char yaml[] =
    "name: shown\ndata: {format: digits, samples: 96, test: 32, validation: 0.25}\n"
    "model:\n  - flatten\n  - dense: {units: 3, name: hidden}\n  - batch_norm: {activation: relu, name: norm}\n"
    "  - dense: {units: 10, name: out}\nloss: softmax_cross_entropy\nmetrics: [accuracy]\n"
    "optimizer: {adam: {lr: 0.01}}\ntrain: {epochs: 7, batch: 24}\ncheckpoint: {keep: 3, best: val_loss}\n";

static int make_run(void **state)
{
    if (enter_scratch(state) < 0) return -1;
    setup s;
    saver w = { 0 };
    make_trainer(&s, yaml);
    w.run = run_create("r", s.experiment, &w.pr);
    train_to_end(&s, &w);
    float *bias = model_weight(s.trainer->model, &s.trainer->model->layer[1], 1);
    bias[0] = 1.5f, bias[1] = 0, bias[2] = NAN;
    checkpoint_save(s.trainer, "c.h5", &w.pr);
    expect_none(&w.pr);
    run_close(w.run);
    setup_end(&s);
    return 0;
}

static void checkpoint_as_text(void **state)
{
    (void)state;
    assert_int_equal(show("c.h5", NULL), 0);
    /* 256*3+3, 2*3, 3*10+10 */
    SAYS("out", "c.h5\n", "hidden     dense", "771\n", "817\n", "softmax_cross_entropy (loss)", "accuracy (metric)",
         "out, target", "norm/var (state)", "hidden/bias", "1.5  0  nan\n", "optimizer          adam",
         "step               21", "Metrics (the last epochs)", "val_accuracy", "units: 3",
         "data classes       10: 0, 1, 2", "data fingerprint   ");
    char *out = slurp("out", NULL);
    assert_null(strstr(out, "Checkpoints"));
    block_free(out);
    size_t n;
    block_free(slurp("err", &n));
    assert_int_equal(n, 0);
}

static void checkpoint_as_json(void **state)
{
    (void)state;
    assert_int_equal(show("c.h5", "--json"), 0);
    SAYS("out", "{\"checkpoint\": \"c.h5\", \"parameters\": 817, ",
         "\"min\": 0, \"max\": 1.5, \"mean\": 0.75, \"std\": 0.75, \"norm\": 1.5, \"zeros\": 1, \"non_finite\": 1, "
         "\"values\": [1.5, 0, null]",
         "\"trainer\":", "\"best_step\":", "\"val_loss\":", "\"experiment\":", "\"fingerprint\":");
    char *out = slurp("out", NULL);
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);          /* one object a line */
    assert_null(strstr(out, "nan"));
    block_free(out);
}

static void runs(void **state)
{
    (void)state;
    problems pr = { 0 };
    arena *a = arena_new();
    spit("r/checkpoints/best", "step-000000018.h5\n", 18);
    const char *best = run_named("r", "best", a, &pr);
    assert_int_equal(show("r", NULL), 0);
    SAYS("out", best, "Checkpoints", "latest", "valid\n", path_base(best));
    char *out = slurp("out", NULL);
    assert_int_equal(strncmp(out, best, strlen(best)), 0);
    block_free(out);
    damage("r/checkpoints/step-000000021.h5");
    damage(best);
    assert_int_equal(show("r", NULL), 0);
    SAYS("out", "damaged: the SHA-256 of its content is ");
    assert_int_equal(show("r", "--json"), 0);
    SAYS("out", "\"valid\":", "damaged: the SHA-256", "\"latest\":");
    int64_t n;
    char **path;
    run_checkpoints("r", a, &n, &path, &pr);
    for (int64_t i = 0; i < n; i++) spit(path[i], "heft", 4);
    assert_int_equal(show("r", NULL), 1);
    SAYS("err", "r: error: none of its checkpoints can be read",
         "step-000000021.h5: error: not a heft-checkpoint file");
    for (int64_t i = 0; i < n; i++) remove(path[i]);
    assert_int_equal(show("r", NULL), 1);
    SAYS("err", "r: error: the run has no checkpoint yet");
    arena_free(a);
}

static void neither(void **state)
{
    (void)state;
    assert_int_equal(system("mkdir folder && echo hello >text"), 0);
    static const struct { const char *what, *option, *part; int code; } bad[] = {
        { "folder", NULL, "folder: error: not a run", 1 },
        { "text", NULL, "text: error: not a heft-checkpoint file", 1 },
        { "none", NULL, "none: error: cannot be opened: No such file", 1 },
        { "r/metrics.h5", NULL, "r/metrics.h5: error: not a heft-checkpoint file", 1 },
        { NULL, NULL, "heft show CHECKPOINT|RUN", 2 },
        { "c.h5", "--jsn", "--json", 2 },
        { "c.h5", "c.h5", "usage", 2 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int code = show(bad[i].what, bad[i].option);
        if (code != bad[i].code) fail_msg("case %zu: exit status %d", i, code);
        SAYS("err", bad[i].part);
        size_t n;
        block_free(slurp("out", &n));
        assert_int_equal(n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoint_as_text),
        cmocka_unit_test(checkpoint_as_json),
        cmocka_unit_test(runs),
        cmocka_unit_test(neither),
    };
    return cmocka_run_group_tests(tests, make_run, leave_scratch);
}
