/* test_run.c -- the run's directory: made, locked, saved into */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "run/scratch.h"

static int n_files(const char *dir)
{
    int n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

/* ---- directories ---- */

static void numbered(void **state)
{
    (void)state;
    problems pr = { 0 };
    experiment *e = parse(RUN_YAML(1, ""));
    static const char *const want[] = { "runs/net-0001", "runs/net-0002", "runs/net-0003" };
    for (int i = 0; i < 3; i++) {
        run *r = run_create(NULL, e, &pr);
        expect_none(&pr);
        assert_string_equal(r->dir, want[i]);
        run_close(r);
    }
    assert_int_equal(system("rm -r runs/net-0001; mkdir runs/net-0041 runs/net-x runs/net- runs/netz-0099"), 0);
    run *r = run_create(NULL, e, &pr);
    expect_none(&pr);
    assert_string_equal(r->dir, "runs/net-0042");
    static const char *const made[] = { "experiment.yaml", "checkpoints", "lock", "log.txt", "provenance.json" };
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char path[64];
        snprintf(path, sizeof path, "runs/net-0042/%s", made[i]);
        if (!file_exists(path)) fail_msg("no %s", path);
    }
    run_close(r);
    e->name = "../a/b";
    r = run_create(NULL, e, &pr);
    expect_none(&pr);
    assert_string_equal(r->dir, "runs/_._a_b-0001");
    run_close(r);
    experiment_free(e);
}

/* Processes that start at the same time get runs of their own. */
static void race(void **state)
{
    (void)state;
    enum { N = 8 };
    experiment *e = parse(RUN_YAML(1, ""));
    e->name = "race";
    pid_t pid[N];
    int gun[2];
    char c;
    assert_int_equal(pipe(gun), 0);
    for (int i = 0; i < N; i++) {
        if ((pid[i] = fork())) continue;
        problems pr = { 0 };
        close(gun[1]);
        if (read(gun[0], &c, 1) != 0) _exit(2);              /* until all of the other end is closed */
        run *r = run_create(NULL, e, &pr);
        run_close(r);
        _exit(!r);
    }
    close(gun[0]);
    close(gun[1]);
    for (int i = 0; i < N; i++) {
        int status;
        waitpid(pid[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_true(file_exists("runs/race-0008/experiment.yaml") && !file_exists("runs/race-0009"));
    experiment_free(e);
}

static void wrong_directories(void **state)
{
    (void)state;
    problems pr = { 0 };
    experiment *e = parse(RUN_YAML(1, ""));
    touch("file");
    assert_int_equal(system("mkdir full && touch full/notes.txt"), 0);
    run_close(run_create("taken", e, &pr));
    expect_none(&pr);
    static const struct { const char *dir, *part; } bad[] = {
        { "file", "file: a file, where the directory of a new run was expected" },
        { "full", "full: a new run wants an empty directory, and this one holds 'notes.txt'" },
        { "taken", "taken: holds a run already; 'heft resume taken' goes on with it" },
        { "file/below", "Not a directory" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(run_create(bad[i].dir, e, &pr));
        expect_problem(&pr, bad[i].part);
    }
    assert_int_equal(n_files("full"), 1);
    static const struct { const char *dir, *part; } none[] = {
        { "file", "file: a file, where the directory of a run was expected" },
        { "full", "full: not a run: there is no experiment.yaml in it" },
        { "nowhere", "nowhere: there is no such directory" },
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_null(run_open(none[i].dir, &pr));
        expect_problem(&pr, none[i].part);
    }
    /* Empty, or with what a process left that was killed while it made a run. */
    assert_int_equal(system("mkdir -p empty begun/checkpoints && touch begun/lock begun/experiment.yaml.tmp4711"), 0);
    run_close(run_create("empty", e, &pr));
    run_close(run_create("begun", e, &pr));
    run_close(run_create("new/deep/run", e, &pr));
    expect_none(&pr);
    assert_false(file_exists("begun/experiment.yaml.tmp4711"));
    experiment_free(e);
}

static void locked(void **state)
{
    (void)state;
    problems pr = { 0 };
    experiment *e = parse(RUN_YAML(1, ""));
    run *r = run_create("locked", e, &pr);
    expect_none(&pr);
    char owner[64];
    snprintf(owner, sizeof owner, "locked: the run is in use by process %ld on ", (long)getpid());
    assert_null(run_open("locked", &pr));
    expect_problem(&pr, owner);
    run_close(r);
    r = run_open("locked", &pr);
    expect_none(&pr);
    run_close(r);

    /* A killed process holds nothing, and what it wrote aside goes. */
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (!child) {
        run_open("locked", &pr);
        /* One that it made to try a plugin outlives it for a moment, and holds its files. */
        if (fork() == 0) {
            usleep(700000);
            _exit(0);
        }
        if (write(ready[1], "x", 1) == 1) pause();
        _exit(1);
    }
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    snprintf(owner, sizeof owner, "process %ld on ", (long)child);
    assert_null(run_open("locked", &pr));
    expect_problem(&pr, owner);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    touch("locked/metrics.h5.tmp123");
    touch("locked/checkpoints/step-000000001.h5.tmp99");
    touch("locked/notes.tmp");
    touch("locked/notes.tmpx1");
    r = run_open("locked", &pr);
    expect_none(&pr);
    run_close(r);
    assert_false(file_exists("locked/metrics.h5.tmp123")
                 || file_exists("locked/checkpoints/step-000000001.h5.tmp99"));
    assert_true(file_exists("locked/notes.tmp") && file_exists("locked/notes.tmpx1"));
    experiment_free(e);
}

static void provenance_and_log(void **state)
{
    (void)state;
    problems pr = { 0 };
    experiment *e = parse(RUN_YAML(1, ""));
    run *r = run_create("prov", e, &pr);
    char *one = slurp("prov/provenance.json", NULL);
    assert_non_null(strstr(one, "\"ended\": null"));
    block_free(one);
    run_log(r, "step %d", 1);
    run_close(r);
    r = run_open("prov", &pr);
    run_log(r, "step %d", 2);
    run_close(r);
    run_log(NULL, "without a run");
    expect_none(&pr);
    expect_text("prov/log.txt", "step 1\nstep 2\n");
    char *two = slurp("prov/provenance.json", NULL);
    assert_int_equal(strncmp(two, "{\"processes\": [\n{\"host\": \"", 25), 0);
    int entries = 0;
    for (const char *p = two; (p = strstr(p, "\"started\": \"20")); p++) entries++;
    assert_int_equal(entries, 2);
    assert_null(strstr(two, "null"));
    assert_non_null(strstr(two, "\"heft\": \"") );
    assert_non_null(strstr(two, "\"hdf5\": \"1."));
    assert_non_null(strstr(two, "\"command\": [\""));
    assert_string_equal(two + strlen(two) - 4, "\n]}\n");
    block_free(two);
    spit("prov/provenance.json", "garbage", 7);                  /* begun anew */
    run_close(run_open("prov", &pr));
    expect_none(&pr);
    two = slurp("prov/provenance.json", NULL);
    assert_null(strstr(two, "garbage"));
    block_free(two);
    experiment_free(e);
}

/* ---- saving ---- */

static void keeps(void **state)
{
    (void)state;
    train_run("keep", RUN_YAML(5, "checkpoint: {keep: 2}\n"));
    assert_int_equal(n_files("keep/checkpoints"), 3);
    expect_text("keep/checkpoints/latest", "step-000000015.h5\n");
    assert_true(file_exists("keep/checkpoints/step-000000012.h5") && !file_exists("keep/checkpoints/best"));

    /* Whichever is the best, it and the latest are kept whatever keep says. */
    train_run("best", RUN_YAML(5, "checkpoint: {keep: 1, best: loss, every: 1 steps}\n"));
    char *best = slurp("best/checkpoints/best", NULL);
    problems pr = { 0 };
    arena *a = arena_new();
    const char *named = arena_printf(a, "best/checkpoints/%.*s", (int)strcspn(best, "\n"), best);
    assert_string_equal(run_named("best", "best", a, &pr), named);
    assert_string_equal(run_named("best", "latest", a, &pr), "best/checkpoints/step-000000015.h5");
    assert_string_equal(run_resolve("best", a, &pr), named);
    assert_string_equal(run_resolve("keep", a, &pr), "keep/checkpoints/step-000000015.h5");
    assert_string_equal(run_resolve("keep/checkpoints/step-000000012.h5", a, &pr),
                        "keep/checkpoints/step-000000012.h5");
    expect_none(&pr);
    /* One that is there and cannot be read: another checkpoint would give other answers. */
    assert_int_equal(remove("best/checkpoints/best"), 0);
    assert_int_equal(file_mkdirs("best/checkpoints/best", &pr), 0);
    assert_null(run_resolve("best", a, &pr));
    expect_problem(&pr, "checkpoints/best: not a regular file");
    block_free(best);
    arena_free(a);
}

/* The best of a run that gets worse is its first, and outlives all that follow. */
static void best_outlives(void **state)
{
    (void)state;
    setup s;
    problems pr = { 0 };
    arena *a = arena_new();
    make_trainer(&s, RUN_YAML(9, "checkpoint: {keep: 2, best: val_loss}\n"));
    run *r = run_create("worse", s.experiment, &pr);
    for (int64_t step = 1; step <= 6; step++) {
        s.trainer->state.step = step;
        if (step == 2) s.trainer->state.best_step = 2, s.trainer->state.best_value = 1;
        assert_int_equal(run_save(r, s.trainer, step == 2, &pr), 0);
    }
    expect_none(&pr);
    expect_text("worse/checkpoints/best", "step-000000002.h5\n");
    int64_t n;
    char **path;
    assert_int_equal(run_checkpoints("worse", a, &n, &path, &pr), 0);
    assert_int_equal(n, 3);
    assert_string_equal(path[0], "worse/checkpoints/step-000000002.h5");
    assert_string_equal(path[2], "worse/checkpoints/step-000000006.h5");

    /* A damaged one of a later step, which a resumed run has not come to again, counts for nothing. */
    rename("worse/checkpoints/step-000000005.h5", "worse/checkpoints/step-000000009.h5");
    s.trainer->state.step = 7;
    assert_int_equal(run_save(r, s.trainer, false, &pr), 0);
    assert_true(file_exists("worse/checkpoints/step-000000006.h5")
                && file_exists("worse/checkpoints/step-000000007.h5"));
    /* Nor does `best` cost the best checkpoint by naming one that the power took, or by being gone. */
    spit("worse/checkpoints/best", "step-000000099.h5\n", 18);
    assert_string_equal(run_resolve("worse", a, &pr), path[0]);
    remove("worse/checkpoints/best");
    s.trainer->state.step = 8;
    assert_int_equal(run_save(r, s.trainer, false, &pr), 0);
    expect_text("worse/checkpoints/best", "step-000000002.h5\n");
    assert_true(file_exists("worse/checkpoints/step-000000002.h5"));
    expect_none(&pr);
    run_close(r);
    setup_end(&s);
    arena_free(a);
}

static void metrics_file(void **state)
{
    (void)state;
    train_run("met", RUN_YAML(3, ""));
    problems pr = { 0 };
    hdf_file *f = hdf_open_published("met/metrics.h5", "heft-metrics 1", &pr);
    table *t = table_read(f, "/epochs", &pr), *steps = table_read(f, "/steps", &pr);
    arena *a = arena_new();
    assert_int_equal(t->n_rows, 3);
    assert_true(table_row(t, 2)[table_find(t, "epoch")] == 3 && table_row(t, 2)[table_find(t, "seconds")] > 0);
    assert_true(table_row(t, 2)[table_find(t, "samples_per_s")] > 0
                && !isnan(table_row(t, 2)[table_find(t, "val_loss")]));
    assert_non_null(strstr(hdf_read_text(f, "/experiment", a, &pr), "houses"));
    hdf_close(f);
    table_free(steps);

    /* The timing of epochs done before comes back; without metrics.h5 it is not known. */
    for (int with = 1; with >= 0; with--) {
        setup s;
        make_trainer(&s, RUN_YAML(3, ""));
        checkpoint *c = checkpoint_open("met/checkpoints/step-000000006.h5", &pr);
        assert_int_equal(checkpoint_restore(c, s.trainer, &pr), 0);
        checkpoint_close(c);
        assert_int_equal(s.trainer->timing->n_rows, 2);
        const double seconds = table_row(s.trainer->timing, 1)[1];
        assert_true(with ? seconds == table_row(t, 1)[table_find(t, "seconds")] : isnan(seconds));
        assert_true(table_row(s.trainer->timing, 1)[0] == 2);
        setup_end(&s);
        remove("met/metrics.h5");
    }
    table_free(t);
    arena_free(a);
    expect_none(&pr);
}

static void failing_save(void **state)
{
    (void)state;
    setup s;
    problems pr = { 0 };
    arena *a = arena_new();
    make_trainer(&s, RUN_YAML(9, ""));
    run *r = run_create("fail", s.experiment, &pr);
    s.trainer->checkpoint.keep = s.trainer->state.step = 1;          /* kept, as long as there is no other */
    assert_int_equal(run_save(r, s.trainer, false, &pr), 0);
    s.trainer->state.step = 2;
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){ 2000, old.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(run_save(r, s.trainer, true, &pr), -1);
    setrlimit(RLIMIT_FSIZE, &old);
    expect_problem(&pr, "fail/checkpoints/step-000000002.h5: cannot be written: File too large");
    assert_int_equal(n_files("fail/checkpoints"), 2);
    assert_string_equal(run_latest("fail", a, &pr, &pr), "fail/checkpoints/step-000000001.h5");
    assert_int_equal(run_save(r, s.trainer, false, &pr), 0);
    assert_string_equal(run_latest("fail", a, &pr, &pr), "fail/checkpoints/step-000000002.h5");
    expect_none(&pr);
    run_close(r);
    setup_end(&s);
    arena_free(a);
}

int run_check_space(const char *dir, size_t bytes, problems *pr);
static void disk_space(void **state)
{
    (void)state;
    problems pr = { 0 };
    assert_int_equal(run_check_space(".", 1, &pr), 0);
    expect_none(&pr);
    assert_int_equal(run_check_space(".", (size_t)1 << 60, &pr), -1);
    expect_problem(&pr,
                   "are free on its disk, and this run wants 3145728.0 TiB: 3 times a checkpoint of 1048576.0 TiB");
    assert_int_equal(run_check_space("nowhere", 1, &pr), -1);
    expect_problem(&pr, "nowhere: its file system cannot be examined");
}

/* Found before the first step, not at the first checkpoint. */
static void what_cannot_be_saved(void **state)
{
    (void)state;
    setup s;
    problems pr = { 0 };
    make_trainer(&s, RUN_YAML(1, ""));
    run *r = run_create("twice", s.experiment, &pr);
    table_column *c = s.trainer->epochs->column;
    const char *own = c[1].name;
    c[1].name = c[0].name;
    assert_int_equal(run_ready(r, s.trainer, &pr), -1);
    expect_problem(&pr, "/metrics/epochs: columns cannot be made");
    c[1].name = own;
    run_close(r);
    setup_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbered), cmocka_unit_test(race), cmocka_unit_test(wrong_directories),
        cmocka_unit_test(locked), cmocka_unit_test(provenance_and_log), cmocka_unit_test(keeps),
        cmocka_unit_test(best_outlives), cmocka_unit_test(metrics_file), cmocka_unit_test(failing_save),
        cmocka_unit_test(disk_space), cmocka_unit_test(what_cannot_be_saved),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
