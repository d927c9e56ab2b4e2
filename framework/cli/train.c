/* train.c -- heft train, heft resume */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "report/progress.h"
#include "report/settings.h"
#include "train/signals.h"

enum { MOST_METRICS = 8 };               /* shown while an epoch is under way */

typedef struct watch {
    run      *run;
    progress *progress;
    const char **name;                   /* of the epochs' figures */
    int       n;
    bool      save_failed;               /* the newest save */
    bool      told_of_best, told_of_stop, told_of_plateau;   /* that what is watched is not a number */
} watch;

/* What the save under way came to, if it has ended. */
static void end_save(watch *w, bool wait)
{
    problems pr = { 0 };
    int64_t step;
    if (!run_save_end(w->run, wait, &step, &pr)) return;
    w->save_failed = pr.n > 0;
    if (w->save_failed) {
        progress_clear(w->progress);
        problems_print(&pr, stderr);
        run_log(w->run, "the checkpoint of step %lld was not saved; earlier ones are intact and training goes on", (long long)step);
    }
    problems_free(&pr);
}

static void on_checkpoint(void *context, trainer *t, bool best)
{
    watch *w = context;
    end_save(w, true);
    run_save_begin(w->run, t, best);
}

static void on_step(void *context, const trainer *t, double loss)
{
    watch *w = context;
    const model *m = t->model;
    const char *name[MOST_METRICS];
    end_save(w, false);
    double value[1 + MOST_METRICS] = { loss };
    const int n = m->n_metrics <= MOST_METRICS && progress_due(w->progress) ? m->n_metrics : 0;
    if (n) meter_read(t->meter, m, value);      /* of the epoch so far */
    for (int i = 0; i < n; i++) name[i] = model_metric_name(m, i + 1);
    const progress_now now = { .epoch = t->state.epoch + 1, .epochs = t->options.epochs, .done = t->state.position,
                               .of = dataset_count(t->data->train), .step = t->state.step, .loss = n ? value[0] : loss,
                               .n = n, .name = name, .value = value + 1 };
    progress_step(w->progress, &now);
}

/* What is watched and never a number decides nothing, which should not pass in silence. */
static void warn_of_nan(const watch *w, const trainer *t, const double *row, const char *key, const char *column, const char *so,
                        bool *told)
{
    if (*told || !column || !isnan(row[table_find(t->epochs, column)])) return;
    *told = true;
    run_log(w->run, "warning: %s: %s is not a number after epoch %lld; %s", key, column, (long long)t->state.epoch, so);
}

static void on_epoch(void *context, const trainer *t, const double *row)
{
    watch *w = context;
    int n = w->n;                        /* the last columns are of the test data, which is measured in the end */
    while (!t->state.finished && n && !strncmp(w->name[n - 1], "test_", 5)) n--;
    const double *timing = table_row(t->timing, t->timing->n_rows - 1);
    progress_clear(w->progress);
    run_log(w->run, "%s", progress_line(w->progress, t->state.epoch, t->options.epochs, n, w->name, row + 2, timing[1], timing[2]));
    warn_of_nan(w, t, row, "checkpoint.best", t->checkpoint.best.column, "no checkpoint is kept as the best by an epoch where it is none",
                &w->told_of_best);
    warn_of_nan(w, t, row, "plateau.monitor", t->schedule_monitor.column, "an epoch where it is none counts as no improvement",
                &w->told_of_plateau);
    warn_of_nan(w, t, row, "train.stop.monitor", t->stop.column, "an epoch where it is none counts as no improvement", &w->told_of_stop);
}

static void say_end(const watch *w, const trainer *t, trainer_end end)
{
    const trainer_state *s = &t->state;
    if (w->save_failed && end != TRAINER_FAILED)
        run_log(w->run, "what it has come to at step %lld is not saved; once that can be, do it again from the last checkpoint: heft resume %s",
                (long long)s->step, w->run->dir);
    else if (end == TRAINER_INTERRUPTED && !signals_stop())
        run_log(w->run, "paused after epoch %lld; go on with: heft resume %s", (long long)s->epoch, w->run->dir);
    else if (end == TRAINER_INTERRUPTED)
        run_log(w->run, "stopped by a signal at step %lld; go on with: heft resume %s", (long long)s->step, w->run->dir);
    else if (end == TRAINER_DONE && s->stopped_early)
        run_log(w->run, "stopped early: %s has not improved for %lld epochs", t->stop.column, (long long)s->stop_wait);
    if (end == TRAINER_DONE && !w->save_failed) printf("%s\n", w->run->dir);
}

static int train(session *s, run *r, int64_t until, problems *pr)
{
    trainer *t = s->trainer;
    t->until = until;
    watch w = { .run = r, .progress = progress_new(stderr, progress_terminal(stderr), 0, NULL) };
    const char *names[256];
    w.name = names;
    for (int i = 2; i < t->epochs->n_columns && w.n < 256; i++) names[w.n++] = t->epochs->column[i].name;

    text doubt = { 0 };
    if (model_doubt(t->model, &doubt)) run_log(r, "warning: %s", doubt.s);
    text_free(&doubt);
    const trainer_events ev = { &w, on_checkpoint, on_step, on_epoch };
    const trainer_end end = trainer_run(t, &ev, pr);
    end_save(&w, true);
    progress_end(w.progress);
    w.progress = NULL;
    say_end(&w, t, end);
    if (end == TRAINER_FAILED && r->log) problems_print(pr, r->log);
    if (end == TRAINER_FAILED || w.save_failed) return cli_fail(pr, EXIT_WORK_FAILED);
    return end == TRAINER_INTERRUPTED ? EXIT_STOPPED : EXIT_DONE;
}

/* In what the experiment differs from the one that the run went by so far. */
static size_t find_changes(const experiment *e, const char *old, arena *a, setting_change **out, problems *pr)
{
    text now = { 0 };
    experiment_write(e, &now);
    const node *was = node_parse(a, "the experiment so far", old, strlen(old), pr), *is = node_parse(a, e->path, now.s, now.n, pr);
    size_t n = 0;
    if (was && is) {
        const settings x = settings_of(was, a), y = settings_of(is, a);
        n = settings_changes(&x, &y, a, out);
    }
    text_free(&now);
    return n;
}

/* A run that has saved nothing has only its experiment.yaml, which stays: another experiment is another run. */
static void refuse_changes(const char *dir, size_t n, const setting_change *k, problems *pr)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(k[i].path, "train.threads"))
            problems_add(pr, (place){ dir, 0, 0 }, "%s: the run was begun with %s, and not with %s; nothing of it is saved, so it can be removed",
                         k[i].path, k[i].was, k[i].is);
}

/* Into s->trainer the newest valid checkpoint of the run; none: a fresh start.  file: the experiment to go on with; NULL: the run's own. */
static int restore(session *s, run *r, const char *file, int n_overrides, char *const *overrides, problems *pr)
{
    s->memory = arena_new();
    problems damaged = { 0 };
    const size_t before = pr->n;
    const char *newest = run_latest(r->dir, s->memory, &damaged, pr);
    problems_print(&damaged, stderr);
    problems_free(&damaged);
    if (pr->n > before) return -1;
    if (newest && !(s->checkpoint = checkpoint_open(newest, pr))) return -1;
    const char *own = path_join(s->memory, r->dir, "experiment.yaml"), *from = newest ? arena_printf(s->memory, "%s:/experiment", newest) : own;
    size_t n = 0;
    char *read = newest ? NULL : file_read(own, SIZE_MAX / 4, &n, pr);
    const char *yaml = newest ? checkpoint_experiment(s->checkpoint, &n) : read;
    experiment *e = !yaml ? NULL : file ? experiment_load(file, n_overrides, overrides, pr)
                                        : experiment_parse(from, r->dir, yaml, n, n_overrides, overrides, pr);
    setting_change *change = NULL;
    const size_t changes = e ? find_changes(e, yaml, s->memory, &change, pr) : 0;
    block_free(read);
    if (!newest && file) refuse_changes(r->dir, changes, change, pr);
    if (!e || pr->n > before) {
        experiment_free(e);
        return -1;
    }
    if (session_train(s, e, pr) < 0) return -1;
    if (newest && checkpoint_restore(s->checkpoint, s->trainer, pr) < 0) return -1;
    if (run_ready(r, s->trainer, pr) < 0) return -1;
    for (size_t i = 0; i < changes; i++) run_log(r, "%s: %s from here on (%s before)", change[i].path, change[i].is, change[i].was);
    if (newest) run_log(r, "going on from %s: epoch %lld, step %lld", newest, (long long)s->trainer->state.epoch, (long long)s->trainer->state.step);
    return 0;
}

/* What is of this process alone; no result depends on it. */
typedef struct words { const char *until_word, *threads_word; int64_t until, threads; } words;

static int resume(const char *dir, const char *file, const words *x, int n_overrides, char *const *overrides)
{
    problems pr = { 0 };
    session s = { .threads = (int)x->threads };
    int code = EXIT_USAGE;
    signals_install();                           /* from here on there is a run to go on with */
    run *r = run_open(dir, &pr);
    if (r && restore(&s, r, file, n_overrides, overrides, &pr) == 0) code = train(&s, r, x->until, &pr);
    else cli_fail(&pr, code);
    run_close(r);
    session_close(&s);
    problems_free(&pr);
    return code;
}

static bool read_words(words *x)
{
    return cli_whole("--until-epoch", x->until_word, 1, INT64_MAX, &x->until) && cli_whole("--threads", x->threads_word, 1, 4096, &x->threads);
}

/* For schedulers that pause a run and go on later. */
static const char until_doc[] = "N  save and stop (exit code 75) after epoch N of the run";
static const char threads_doc[] = "N  threads of this process; train.threads and every result stay as they are";

static const char train_usage[] = "heft train FILE [path=value ...] [--run DIR] [--resume] [--until-epoch N] [--threads N]";

int verb_train(int argc, char **argv)
{
    const char *dir = NULL;
    bool again = false;
    words x = { 0 };
    const cli_option options[] = {
        { "--run", &dir, NULL, "DIR  directory of the run (default: runs/NAME-0001 and so on)" },
        { "--resume", NULL, &again, "go on if DIR holds a run already" },
        { "--until-epoch", &x.until_word, NULL, until_doc },
        { "--threads", &x.threads_word, NULL, threads_doc },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, options, 1, 1, train_usage, &args) < 0 || !read_words(&x)) return EXIT_USAGE;
    if (again && !dir) {
        fputs("heft: error: --resume goes with --run DIR; `heft resume RUN` goes on with a run\n", stderr);
        return EXIT_USAGE;
    }
    if (again && file_is_dir(dir)) {
        arena *a = arena_new();
        const bool is_run = file_exists(path_join(a, dir, "experiment.yaml"));
        arena_free(a);
        if (is_run) return resume(dir, args.arg[0], &x, args.n_overrides, args.override);
    }
    problems pr = { 0 };
    session s = { .threads = (int)x.threads };
    int code = EXIT_USAGE;
    run *r = NULL;
    experiment *e = experiment_load(args.arg[0], args.n_overrides, args.override, &pr);
    const bool ready = e && session_train(&s, e, &pr) == 0;
    if (ready) signals_install();                /* from here on there is a run to go on with */
    if (ready && (r = run_create(dir, e, &pr)) && run_ready(r, s.trainer, &pr) == 0) code = train(&s, r, x.until, &pr);
    else cli_fail(&pr, code);
    run_close(r);
    session_close(&s);
    problems_free(&pr);
    return code;
}

int verb_resume(int argc, char **argv)
{
    words x = { 0 };
    const cli_option options[] = { { "--until-epoch", &x.until_word, NULL, until_doc }, { "--threads", &x.threads_word, NULL, threads_doc }, { 0 } };
    cli_args args;
    if (cli_read(argc, argv, options, 1, 1, "heft resume RUN [path=value ...] [--until-epoch N] [--threads N]", &args) < 0 || !read_words(&x))
        return EXIT_USAGE;
    return resume(args.arg[0], NULL, &x, args.n_overrides, args.override);
}
