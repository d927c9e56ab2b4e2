/* test_writer.c -- a save that is under way while the state it was made of changes */
#include <fcntl.h>

#include "run/scratch.h"

static const char yaml[] =
    "name: net\ndata: {format: houses, samples: 128, test: 16, validation: 0.25}\nmodel: [{dense: {units: 1}}]\n"
    "loss: mean_squared_error\noptimizer: {adam: {lr: 0.01}}\ntrain: {epochs: 3, batch: 32}\ncheckpoint: {best: val_loss}\n";

static void change(trainer *t)
{
    float *w = model_weight(t->model, &t->model->layer[0], 0);
    w[0] += 1;
    t->state.step++;
}

static void begin(setup *s, run **r, const char *dir)
{
    problems pr = { 0 };
    make_trainer(s, yaml);
    *r = run_create(dir, s->experiment, &pr);
    expect_none(&pr);
    s->trainer->state.step = 1;
    assert_int_equal(checkpoint_save(s->trainer, "before.h5", &pr), 0);
    expect_none(&pr);
}

/* A FIFO that nobody reads stands where the writer writes, so it waits there. */
static void goes_on_meanwhile(void **state)
{
    (void)state;
    setup s;
    run *r;
    problems pr = { 0 };
    int64_t step = 0;
    char aside[128], buffer[4096];
    begin(&s, &r, "slow");
    snprintf(aside, sizeof aside, "slow/checkpoints/step-000000001.h5.tmp%ld", (long)getpid());
    assert_int_equal(mkfifo(aside, 0600), 0);
    run_save_begin(r, s.trainer, true);
    change(s.trainer);
    for (int i = 0; i < 20; i++, usleep(1000)) assert_false(run_save_end(r, false, &step, &pr));

    /* What it writes is the state of before, whole; a FIFO cannot be flushed, so it is not published. */
    const int fd = open(aside, O_RDONLY);
    assert_true(fd >= 0);
    FILE *copy = fopen("through.h5", "wb");
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) fwrite(buffer, 1, (size_t)n, copy);
    fclose(copy);
    close(fd);
    expect_equal_files("through.h5", "before.h5");
    assert_true(run_save_end(r, true, &step, &pr));
    assert_int_equal(step, 1);
    expect_problem(&pr, "slow/checkpoints/step-000000001.h5: cannot be flushed to the disk: Invalid argument");
    assert_false(run_save_end(r, true, &step, &pr));
    assert_false(file_exists("slow/checkpoints/latest") || file_exists("slow/checkpoints/best") || file_exists("slow/metrics.h5"));

    /* The next one is none the worse for it. */
    assert_int_equal(run_save(r, s.trainer, false, &pr), 0);
    expect_none(&pr);
    expect_text("slow/checkpoints/latest", "step-000000002.h5\n");
    run_close(r);
    setup_end(&s);
}

static void state_is_taken(void **state)
{
    (void)state;
    setup s;
    run *r;
    problems pr = { 0 };
    int64_t step = 0;
    begin(&s, &r, "taken");
    assert_false(run_save_end(r, true, &step, &pr));
    run_save_begin(r, s.trainer, true);
    change(s.trainer);
    while (!run_save_end(r, false, &step, &pr)) usleep(100);
    expect_none(&pr);
    assert_int_equal(step, 1);
    expect_equal_files("taken/checkpoints/step-000000001.h5", "before.h5");
    expect_text("taken/checkpoints/best", "step-000000001.h5\n");

    /* A run that is closed waits for what it has begun. */
    run_save_begin(r, s.trainer, false);
    run_close(r);
    expect_text("taken/checkpoints/latest", "step-000000002.h5\n");
    assert_true(file_exists("taken/checkpoints/step-000000002.h5") && file_exists("taken/metrics.h5"));
    setup_end(&s);
}

/* `latest` stays behind what could not be done, so that opening the run does it. */
static void half_done(void **state)
{
    (void)state;
    setup s;
    run *r;
    problems pr = { 0 };
    begin(&s, &r, "half");
    assert_int_equal(file_mkdirs("half/metrics.h5/x", &pr), 0);
    assert_int_equal(run_save(r, s.trainer, true, &pr), -1);
    expect_problem(&pr, "half/metrics.h5: cannot be renamed into place");
    assert_true(file_exists("half/checkpoints/step-000000001.h5") && !file_exists("half/checkpoints/latest"));
    run_close(r);
    assert_int_equal(system("rm -r half/metrics.h5"), 0);
    run_close(run_open("half", &pr));
    expect_none(&pr);
    expect_text("half/checkpoints/latest", "step-000000001.h5\n");
    assert_true(file_exists("half/metrics.h5"));
    setup_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_meanwhile), cmocka_unit_test(state_is_taken), cmocka_unit_test(half_done),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
