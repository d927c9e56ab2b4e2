/* scratch.h -- what the tests of this room share: a directory to work in, trainers that save, problems expected */
#ifndef HEFT_TESTS_RUN_SCRATCH_H
#define HEFT_TESTS_RUN_SCRATCH_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "train/setup.h"

#include "base/file.h"
#include "run/run.h"

/* 96 samples to train on: 3 steps an epoch. */
#define RUN_YAML(epochs, more)                                                                                         \
    "name: net\ndata: {format: houses, samples: 128, test: 16, validation: 0.25, normalize: standard}\n"           \
    "model: [{dense: {units: 1}}]\nloss: mean_squared_error\noptimizer: {sgd: {lr: 0.01}}\n"                       \
    "train: {epochs: " #epochs ", batch: 32}\n" more

static char scratch[64];

/* Tests work in a directory of their own, which is the current one. */
static int enter_scratch(void **state)
{
    (void)state;
    unsetenv("HEFT_DATA");
    strcpy(scratch, "/tmp/heft-run-XXXXXX");
    return mkdtemp(scratch) ? chdir(scratch) : -1;
}

static int leave_scratch(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", scratch);
    return chdir("/") || system(command);
}

/* The problems hold `part`; print them if not.  Frees them. */
static inline void expect_problem(problems *pr, const char *part)
{
    for (size_t i = 0; i < pr->n; i++) {
        char line[4096];
        snprintf(line, sizeof line, "%s: %s", pr->item[i].at.file ? pr->item[i].at.file : "", pr->item[i].text);
        if (!strstr(line, part)) continue;
        problems_free(pr);
        return;
    }
    problems_print(pr, stderr);
    fail_msg("no problem with '%s' among %zu", part, pr->n);
}

static inline void expect_none(problems *pr)
{
    if (!pr->n) return;
    problems_print(pr, stderr);
    fail_msg("%zu problems", pr->n);
}

static inline experiment *parse(const char *yaml)
{
    problems pr = { 0 };
    experiment *e = experiment_parse("net.yaml", "/", yaml, strlen(yaml), 0, NULL, &pr);
    expect_none(&pr);
    return e;
}

static inline char *slurp(const char *path, size_t *n)
{
    problems pr = { 0 };
    size_t m;
    char *bytes = file_read(path, SIZE_MAX / 4, n ? n : &m, &pr);
    expect_none(&pr);
    return bytes;
}

static inline void spit(const char *path, const char *bytes, size_t n)
{
    remove(path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline void touch(const char *path) { spit(path, "x", 1); }

static inline void damage(const char *path)
{
    size_t n;
    char *bytes = slurp(path, &n);
    bytes[n / 2] ^= 1;
    spit(path, bytes, n);
    block_free(bytes);
}

static inline void expect_text(const char *path, const char *want)
{
    char *got = slurp(path, NULL);
    if (strcmp(got, want)) fail_msg("%s: '%s' where '%s' was expected", path, got, want);
    block_free(got);
}

static inline void expect_equal_files(const char *a, const char *b)
{
    size_t n, m;
    char *x = slurp(a, &n), *y = slurp(b, &m);
    if (n != m || memcmp(x, y, n) != 0) fail_msg("%s and %s differ", a, b);
    block_free(x);
    block_free(y);
}

/* A trainer run to its end, saving into `run` (may be NULL) at every checkpoint, and at `step` to `at`. */
typedef struct saver { run *run; int64_t step; const char *at; problems pr; } saver;

static inline void save_checkpoint(void *context, trainer *t, bool best)
{
    saver *s = context;
    if (s->run) run_save(s->run, t, best, &s->pr);
}

static inline void save_step(void *context, const trainer *t, double loss)
{
    saver *s = context;
    (void)loss;
    if (s->at && t->state.step == s->step) checkpoint_save(t, s->at, &s->pr);
}

static inline void train_to_end(setup *s, saver *w)
{
    const trainer_events ev = { w, save_checkpoint, save_step, NULL };
    assert_int_equal(trainer_run(s->trainer, &ev, &s->pr), TRAINER_DONE);
    expect_none(&s->pr);
    expect_none(&w->pr);
}

/* Restored from middle.h5, it saves the same, and having trained to the end it saves end.h5. */
static inline void expect_goes_on(setup *s, saver *w)
{
    assert_int_equal(checkpoint_save(s->trainer, "again.h5", &s->pr), 0);
    expect_equal_files("middle.h5", "again.h5");
    train_to_end(s, w);
    assert_int_equal(checkpoint_save(s->trainer, "again.h5", &s->pr), 0);
    expect_equal_files("end.h5", "again.h5");
    expect_none(&s->pr);
}

static inline void make_trainer(setup *s, const char *yaml)
{
    if (!setup_trainer(s, yaml)) problems_print(&s->pr, stderr);
    assert_non_null(s->trainer);
}

static inline void train_run(const char *dir, const char *yaml)
{
    setup s;
    saver w = { 0 };
    make_trainer(&s, yaml);
    w.run = run_create(dir, s.experiment, &w.pr);
    expect_none(&w.pr);
    assert_int_equal(run_ready(w.run, s.trainer, &w.pr), 0);
    train_to_end(&s, &w);
    run_close(w.run);
    setup_end(&s);
}

#endif
