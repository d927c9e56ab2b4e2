/* test_repair.c -- checkpoints of a run found again, and what was half done repaired */
#include "run/scratch.h"

static void latest(void **state)
{
    (void)state;
    problems pr = { 0 }, bad = { 0 };
    arena *a = arena_new();
    train_run("late", RUN_YAML(4, "checkpoint: {keep: 3}\n"));
    touch("late/checkpoints/step-99.h5");                        /* not names of ours */
    touch("late/checkpoints/step-000000099.h5.tmp1");
    touch("late/checkpoints/xstep-000000099.h5");
    assert_string_equal(run_latest("late", a, &bad, &pr), "late/checkpoints/step-000000012.h5");
    expect_none(&bad);
    damage("late/checkpoints/step-000000012.h5");
    assert_string_equal(run_latest("late", a, &bad, &pr), "late/checkpoints/step-000000009.h5");
    assert_int_equal(bad.n, 1);
    expect_problem(&bad, "late/checkpoints/step-000000012.h5: damaged: ");
    expect_none(&pr);
    assert_null(run_resolve("late", a, &pr));
    assert_int_equal(pr.n, 2);
    expect_problem(&pr, "late: the newest checkpoint that can be read is late/checkpoints/step-000000009.h5");
    damage("late/checkpoints/step-000000009.h5");
    spit("late/checkpoints/step-000000006.h5", "", 0);
    assert_null(run_latest("late", a, &bad, &pr));
    assert_int_equal(bad.n, 3);
    problems_free(&bad);
    expect_problem(&pr, "late: none of its checkpoints can be read");

    experiment *e = parse(RUN_YAML(1, ""));
    run_close(run_create("none", e, &pr));
    experiment_free(e);
    assert_null(run_latest("none", a, &bad, &pr));
    assert_int_equal(rmdir("none/checkpoints"), 0);
    assert_null(run_latest("none", a, &bad, &pr));
    expect_none(&pr);
    expect_none(&bad);
    assert_int_equal(file_mkdir("runs"), 0);
    static const struct { const char *path, *part; } wrong[] = {
        { "none", "none: the run has no checkpoint yet" },
        { "nowhere", "nowhere: there is no such checkpoint or run" },
        { "runs", "runs: not a run: there is no experiment.yaml in it" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(run_resolve(wrong[i].path, a, &pr));
        expect_problem(&pr, wrong[i].part);
    }
    assert_null(run_latest("nowhere", a, &bad, &pr));
    expect_problem(&pr, "nowhere/checkpoints: cannot be read");
    arena_free(a);
}

/* Killed between the checkpoint and what follows from it: opening the run does the rest. */
static void repair(void **state)
{
    (void)state;
    problems pr = { 0 };
    arena *a = arena_new();
    train_run("rep", RUN_YAML(4, "checkpoint: {keep: 9, best: loss}\n"));
    char *best = slurp("rep/checkpoints/best", NULL);
    size_t n, m;
    char *metrics = slurp("rep/metrics.h5", &n);
    spit("rep/checkpoints/latest", "step-000000009.h5\n", 18);
    spit("rep/checkpoints/best", "step-000000003.h5\n", 18);
    hdf_file *f = hdf_create(&pr);                               /* an older one, of two epochs */
    const table_column column[] = { { "epoch", "", true }, { "seconds", "s", false } };
    table *t = table_new(2, column);
    for (int i = 1; i <= 2; i++) {
        double *row = table_add_row(t);
        row[0] = i;
        row[1] = 10 * i;
    }
    table_write(t, f, "/epochs", &pr);
    table_free(t);
    hdf_publish(f, "heft-metrics 1", "rep/metrics.h5", &pr);
    run_close(run_open("rep", &pr));
    expect_none(&pr);
    expect_text("rep/checkpoints/latest", "step-000000012.h5\n");
    expect_text("rep/checkpoints/best", best);
    f = hdf_open_published("rep/metrics.h5", "heft-metrics 1", &pr);
    t = table_read(f, "/epochs", &pr);
    assert_int_equal(t->n_rows, 4);
    assert_true(table_row(t, 1)[table_find(t, "seconds")] == 20 && isnan(table_row(t, 3)[table_find(t, "seconds")]));
    table_free(t);
    hdf_close(f);

    /* `best` names one that the power took. */
    spit("rep/checkpoints/best", "step-000000099.h5\n", 18);
    run_close(run_open("rep", &pr));
    expect_none(&pr);
    expect_text("rep/checkpoints/best", best);

    /* Nothing to do: nothing is touched. */
    spit("rep/metrics.h5", metrics, n);
    run_close(run_open("rep", &pr));
    char *same = slurp("rep/metrics.h5", &m);
    assert_int_equal(n, m);
    assert_memory_equal(metrics, same, n);

    /* The newest is damaged: `latest` names the newest valid one. */
    damage("rep/checkpoints/step-000000012.h5");
    run_close(run_open("rep", &pr));
    expect_none(&pr);
    expect_text("rep/checkpoints/latest", "step-000000009.h5\n");
    block_free(best);
    block_free(metrics);
    block_free(same);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(latest), cmocka_unit_test(repair) };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
