/* sweep.c -- heft sweep, and what heft check says of a sweep */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/sweep.h"
#include "report/columns.h"
#include "report/json.h"
#include "report/progress.h"
#include "report/sweep_screen.h"
#include "train/signals.h"

enum { POINTS_SHOWN = 20 };

typedef struct watch { sweep_screen *screen; bool json; } watch;

static void event(const sweep *w, const trial *t, const char *what)
{
    text o = { 0 };
    int64_t at;
    const double v = trial_value(w, t, 0, &at);
    json_open(&o, NULL, '{');
    json_string(&o, "event", what);
    json_int(&o, "trial", t->number);
    json_int(&o, "point", t->point_number);
    json_int(&o, "seed", (int64_t)t->seed);
    json_string(&o, "run", t->dir);
    json_string(&o, "origin", t->origin);
    json_string(&o, "state", trial_state_name(t->state));
    json_int(&o, "epochs", at);
    json_real(&o, "value", v);
    json_real(&o, "seconds", t->seconds);
    json_string(&o, "reason", t->reason);
    json_open(&o, "parameters", '{');
    for (int i = 0; i < w->space->n; i++)
        if (t->point->value[i]) json_string(&o, w->space->parameter[i].path, t->point->value[i]);
    json_close(&o, '}');
    json_close(&o, '}');
    json_end(&o, stdout);
}

static void on_divided(void *context, const sweep *w)
{
    const watch *x = context;
    if (x->json) {
        text o = { 0 };
        json_open(&o, NULL, '{');
        json_string(&o, "event", "divided");
        json_int(&o, "at_once", w->division.at_once);
        json_int(&o, "threads", w->division.threads);
        json_open(&o, "measured", '[');
        for (int i = 0; i < w->n_tried; i++) {
            json_open(&o, NULL, '{');
            json_int(&o, "at_once", w->tried[i].at_once);
            json_int(&o, "threads", w->tried[i].threads);
            json_real(&o, "samples_per_s", w->tried[i].rate);
            json_real(&o, "seconds", w->tried[i].seconds);
            json_close(&o, '}');
        }
        json_close(&o, ']');
        json_close(&o, '}');
        json_end(&o, stdout);
    }
    sweep_screen_divided(x->screen, w);
}

static void on_taken(void *context, const sweep *w, const trial *t)
{
    const watch *x = context;
    if (x->json) event(w, t, "taken");
    sweep_screen_taken(x->screen, w, t);
}

static void on_began(void *context, const sweep *w, const trial *t)
{
    const watch *x = context;
    if (x->json) event(w, t, "began");
    sweep_screen_began(x->screen, w, t);
}

static void on_ended(void *context, const sweep *w, const trial *t)
{
    const watch *x = context;
    if (x->json) event(w, t, "ended");
    sweep_screen_ended(x->screen, w, t);
}

static void on_tick(void *context, const sweep *w) { sweep_screen_tick(((const watch *)context)->screen, w); }

/* ---- the end ---- */

static void say_end(const sweep *w, sweep_end end, bool json)
{
    int64_t n[6] = { 0 }, at, taken = 0;
    for (int64_t i = 0; i < w->n_trials; i++) {
        n[trial_real(w->trial[i])->state]++;
        taken += *trial_real(w->trial[i])->origin != 0;
    }
    const trial *best = sweep_best(w);
    fprintf(stderr, "%lld trials: %lld finished, %lld stopped early by the sweep, %lld failed", (long long)w->n_trials,
            (long long)n[TRIAL_FINISHED], (long long)n[TRIAL_STOPPED], (long long)n[TRIAL_FAILED]);
    if (taken) fprintf(stderr, "; %lld taken from other sweeps", (long long)taken);
    fputc('\n', stderr);
    for (int64_t i = 0; i < w->n_trials; i++)
        if (w->trial[i]->state == TRIAL_FAILED) fprintf(stderr, "  trial %lld failed: %s (%s.txt)\n", (long long)w->trial[i]->number, w->trial[i]->reason, w->trial[i]->dir);
    if (best) {
        text set = { 0 };
        point_text(w->space, best->point, &set);
        const double v = trial_value(w, trial_real((trial *)best), 0, &at);
        fprintf(stderr, "best: trial %lld, %s %.6g after %lld epochs: %s\n", (long long)best->number, w->space->metric, v, (long long)at, set.s);
        text_free(&set);
    }
    if (end == SWEEP_INTERRUPTED) fprintf(stderr, "stopped by a signal; go on with: heft sweep --resume %s\n", w->dir);
    else if (!json) printf("%s\n", w->dir);
}

static int run(sweep *w, const sweep_options *o, bool json, problems *pr)
{
    watch x = { sweep_screen_new(stderr, progress_terminal(stderr)), json };
    const sweep_events ev = { &x, on_divided, on_taken, on_began, on_ended, on_tick };
    const sweep_end end = sweep_run(w, o, &ev, pr);
    sweep_screen_end(x.screen);
    if (end == SWEEP_BROKEN) return cli_fail(pr, EXIT_WORK_FAILED);
    say_end(w, end, json);
    return end == SWEEP_DONE ? EXIT_DONE : EXIT_STOPPED;
}

/* ---- the verb ---- */

static int run_verb(int argc, char **argv) { return strcmp(argv[0], "bench") ? verb_train(argc, argv) : verb_bench(argc, argv); }

static const char usage[] = "heft sweep FILE|DIR [path=value ...] [--run DIR] [--resume] [-j N] [--threads N] [--launcher local|slurm] [--slurm OPTIONS] [--poll SECONDS] [--share DIR|none] [--json] [--retry-failed]";

static int sweep_with(const cli_args *args, const char *file, const char *dir, const char *share, bool again, const sweep_options *o, bool json)
{
    problems pr = { 0 };
    int code = EXIT_USAGE;
    int64_t checked = 0;
    experiment *e = experiment_load(file, args->n_overrides, args->override, &pr);
    sweep *w = e ? sweep_new(e, args->n_overrides, args->override, &pr) : NULL;
    const bool there = again && dir && sweep_is(dir), good = w && sweep_check(w, &checked, &pr) == 0;
    if (good) signals_install();                 /* before there is a sweep on disk that a signal could leave without a word */
    if (good && (there ? sweep_open : sweep_create)(w, dir, share, &pr) == 0)
        code = run(w, o, json, &pr);
    else cli_fail(&pr, code);
    sweep_free(w);
    experiment_free(e);
    problems_free(&pr);
    return code;
}

static bool read_launcher(const char *word, const char *poll, sweep_options *o)
{
    static const char *const launchers[] = { "local", "slurm", NULL };
    const int k = word ? text_word(word, strlen(word), "local|slurm") : 0;
    o->slurm = k == 1;
    if (k < 0) fprintf(stderr, "heft sweep: error: --launcher %s%s: local or slurm was expected\n", word, text_hint(word, launchers).s);
    else if (k == 0 && (o->slurm_options || poll))
        fprintf(stderr, "heft sweep: error: %s goes with --launcher slurm\n", o->slurm_options ? "--slurm" : "--poll");
    return k == 1 || (k == 0 && !o->slurm_options && !poll);
}

static bool read_share(const char *word)
{
    const bool good = !word || !strcmp(word, "none") || file_is_dir(word);
    if (!good) fprintf(stderr, "heft sweep: error: --share %s: the directory of a sweep, or of some, was expected, or none\n", word);
    return good;
}

static int task(const char *list)
{
    problems pr = { 0 };
    const bool done = sweep_task(list, &pr);
    const int code = done ? EXIT_DONE : pr.n ? cli_fail(&pr, EXIT_WORK_FAILED) : EXIT_STOPPED;
    problems_free(&pr);
    return code;
}

int verb_sweep(int argc, char **argv)
{
    const char *dir = NULL, *at_once = NULL, *threads_word = NULL, *launcher = NULL, *list = NULL, *share = NULL, *poll = NULL;
    bool again = false, json = false;
    int64_t most = 0, threads = 0;
    sweep_options o = { .poll = 10 };
    const cli_option options[] = {
        { "--run", &dir, NULL, "DIR  directory of the sweep (default: runs/NAME-0001 and so on)" },
        { "--resume", NULL, &again, "go on with the sweep in DIR" },
        { "-j", &at_once, NULL, "N  trials at once (default: measured)" },
        { "--threads", &threads_word, NULL, "N  threads and cores of each trial (default: measured)" },
        { "--launcher", &launcher, NULL, "local|slurm  where trials run: on this machine (default), or as jobs of Slurm" },
        { "--slurm", &o.slurm_options, NULL, "OPTIONS  for sbatch, separated by spaces: --slurm='--partition=short --time=60'" },
        { "--poll", &poll, NULL, "SECONDS  with Slurm: between two looks at its queue (default: 10)" },
        { "--task", &list, NULL, "LIST  what such a job runs: one trial of a list" },
        { "--share", &share, NULL, "DIR|none  take trials from the sweep DIR, or those in it, too (default: from those beside it); none: from none" },
        { "--json", NULL, &json, "events on stdout, one JSON object a line" },
        { "--retry-failed", NULL, &o.retry_failed, "with --resume: try failed trials again" },
        { 0 }
    };
    cli_args args;
    sweep_program(run_verb);
    if (cli_read(argc, argv, options, 0, 1, usage, &args) < 0 || !cli_whole("-j", at_once, 1, 1000, &most) ||
        !cli_whole("--threads", threads_word, 1, 1024, &threads) || !cli_whole("--poll", poll, 1, 3600, &o.poll) || !read_launcher(launcher, poll, &o) || !read_share(share)) return EXIT_USAGE;
    o.at_once = (int)most;
    o.threads = (int)threads;
    if (list && !args.n) return task(list);
    if (list || !args.n) {
        fprintf(stderr, "heft sweep: error: %s\nusage: %s\n", list ? "--task goes alone" : "an experiment, or with --resume the directory of a sweep, was expected", usage);
        return EXIT_USAGE;
    }
    const char *file = args.arg[0];
    if (!file_is_dir(file)) {
        if (again && !dir) {
            fputs("heft sweep: error: --resume goes with the directory of a sweep: heft sweep --resume DIR, or FILE --run DIR --resume\n", stderr);
            return EXIT_USAGE;
        }
        return sweep_with(&args, file, dir, share, again, &o, json);
    }
    if (!again || dir || args.n_overrides || !sweep_is(file)) {
        fprintf(stderr, "heft sweep: error: %s: %s\n", file, !sweep_is(file) ? "there is no sweep.yaml in it, so it is no sweep" :
                "a directory goes with --resume, and with neither --run nor path=value");
        return EXIT_USAGE;
    }
    arena *a = arena_new();
    const int code = sweep_with(&args, path_join(a, file, "sweep.yaml"), file, share, true, &o, json);
    arena_free(a);
    return code;
}

/* ---- heft check ---- */

static void print_points(sweep *w, int64_t shown)
{
    const space *s = w->space;
    const char **heading = arena_alloc(w->memory, (size_t)s->n + 1, sizeof *heading), **cell = arena_alloc(w->memory, (size_t)s->n + 1, sizeof *cell);
    char *align = arena_alloc(w->memory, (size_t)s->n + 2, 1);
    heading[0] = "point";
    align[0] = 'r';
    for (int i = 0; i < s->n; i++) heading[i + 1] = s->parameter[i].path, align[i + 1] = 'l';
    columns *c = columns_new(s->n + 1, heading, align);
    const point *p;
    for (int64_t k = 0; k < shown && (p = sampler_next(w->sampler, 0, NULL)); k++) {
        cell[0] = arena_printf(w->memory, "%lld", (long long)k);
        for (int i = 0; i < s->n; i++) cell[i + 1] = p->value[i] ? p->value[i] : "-";
        columns_add(c, cell);
    }
    columns_print(c);
}

int sweep_describe(const experiment *e, int n_overrides, char *const *overrides, bool json, problems *pr)
{
    static const char *const methods[] = { "grid", "random", "sobol", "tpe" }, *const rules[] = { "none", "asha", "hyperband", "median" };
    int64_t checked = 0;
    sweep *w = sweep_new(e, n_overrides, overrides, pr);
    if (!w || sweep_check(w, &checked, pr) < 0) {
        sweep_free(w);
        return -1;
    }
    const space *s = w->space;
    const int64_t points = sweep_points(w);
    const int64_t trials = points * s->seeds;
    if (json) {
        text o = { 0 };
        json_open(&o, NULL, '{');
        json_string(&o, "kind", "sweep");
        json_string(&o, "method", methods[s->method]);
        json_string(&o, "metric", s->metric);
        json_string(&o, "goal", s->goal == GOAL_MAXIMIZE ? "maximize" : "minimize");
        json_int(&o, "points", points);
        json_int(&o, "trials", trials);
        json_int(&o, "epochs", trials * w->epochs);
        json_int(&o, "checked", checked);
        json_close(&o, '}');
        json_end(&o, stdout);
    } else {
        printf("\nSweep: %s, %s %s; %lld point%s", methods[s->method], s->goal == GOAL_MAXIMIZE ? "maximize" : "minimize", s->metric,
               (long long)points, points == 1 ? "" : "s");
        if (s->seeds > 1) printf(" with %lld seeds each", (long long)s->seeds);
        printf(", %s%lld epochs", s->early ? "at most " : "", (long long)(trials * w->epochs));
        if (s->early) printf(" (%s)", rules[s->early]);
        printf("; %lld experiment%s built, all good\n", (long long)checked, checked == 1 ? "" : "s");
        if (s->method == SWEEP_TPE) printf("  the first points, which are random:\n");
        else if (points > POINTS_SHOWN) printf("  the first points:\n");
        print_points(w, s->method == SWEEP_TPE && points > TPE_STARTUP ? TPE_STARTUP : points < POINTS_SHOWN ? points : POINTS_SHOWN);
    }
    sweep_free(w);
    return 0;
}
