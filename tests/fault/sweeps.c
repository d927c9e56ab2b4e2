/* sweeps.c -- heft sweep, or its trials, signalled at the k-th call that touches a file, for k = 1, 2, ... until a run meets none
 *
 *   sweeps HEFT SHIM WHO signal=N [on=0|1] [first=K] [stride=N] [most=K] [measured=0|1]
 *
 * WHO: whose call it is: sweep; or trial, the first process of its that comes to the call (measured=1: one that measures, since -j and
 * --threads are not given).  No process outlives the sweep.  One that was asked to stop says 75 and how to go on; signals of trials are
 * made good by the sweep itself.  Going on comes to the table and the checkpoints of a sweep without a signal.  A line of figures goes
 * to stdout, findings to stderr; exit status 1 if there are any.
 */
#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "fault/kit.h"
#include "run/run.h"
#include "sweep/sweep.h"

static const char experiment_text[] =
    "name: tiny\nseed: 3\n"
    "data: {format: houses, samples: 64, validation: 0.25}\n"
    "model:\n  - dense: {units: 2}\n  - dense: {units: 1}\n"
    "loss: mean_squared_error\noptimizer: {adam: {lr: 1e-2}}\n"
    "train: {epochs: 4, batch: 8}\ncheckpoint: {every: 1, keep: 1}\n"
    "sweep:\n  method: grid\n  metric: {name: val_loss}\n"
    "  parameters: {optimizer.adam.lr: {values: [1e-3, 1e-2, 1e-1]}}\n"
    "  early_terminate: {type: asha, min_epochs: 2, eta: 3}\n";

typedef struct options { long signal, on, first, stride, most, measured; const char *who; } options;

static struct { long runs, done, stopped, killed, hit, findings; } sum;

__attribute__((format(printf, 2, 3)))
static void finding(long k, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (++sum.findings < 40) {
        char *report = slurp(path_of("report"), NULL), *err = slurp(path_of("err"), NULL);
        fprintf(stderr, "FINDING %ld: ", k);
        vfprintf(stderr, fmt, ap);
        fprintf(stderr, "\n  hit: %s  said: %.600s\n", report ? report : "-\n", err ? err : "");
        block_free(report);
        block_free(err);
    }
    va_end(ap);
}

/* ---- judgement ---- */

/* Processes with the directory in their command line. */
static int left_over(void)
{
    int n = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        char words[4096], path[300];
        if (e->d_name[0] < '0' || e->d_name[0] > '9' || atoi(e->d_name) == getpid()) continue;
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        FILE *f = fopen(path, "rb");
        const size_t m = f ? fread(words, 1, sizeof words, f) : 0;
        if (f) fclose(f);
        if (m && memmem(words, m, work, strlen(work))) n++;
    }
    if (d) closedir(d);
    return n;
}

static void judge_processes(long k)
{
    int n = 0;
    for (int i = 0; i < 200 && (n = left_over()); i++) usleep(10000);       /* the kernel kills them when their parent ends */
    if (n) finding(k, "%d processes are left", n);
}

/* Rows, runs, states and reasons; not times. */
static bool same_tables(const char *a, const char *b)
{
    static const char *const texts[] = { "/run", "/state", "/reason" };
    problems pr = { 0 };
    arena *m = arena_new();
    hdf_file *f = hdf_open_published(a, SWEEP_FORMAT, &pr), *g = hdf_open_published(b, SWEEP_FORMAT, &pr);
    table *x = f ? table_read(f, "/trials", &pr) : NULL, *y = g ? table_read(g, "/trials", &pr) : NULL;
    bool same = x && y && x->n_rows == y->n_rows && x->n_columns == y->n_columns;
    for (int64_t r = 0; same && r < x->n_rows; r++)
        same = !memcmp(table_row(x, r), table_row(y, r), (size_t)x->n_columns * sizeof(double));
    for (int i = 0; same && i < 3; i++) {
        int64_t n = 0, o = 0;
        char **s, **t;
        same = hdf_read_texts(f, texts[i], m, &n, &s, &pr) == 0 && hdf_read_texts(g, texts[i], m, &o, &t, &pr) == 0 && n == o;
        for (int64_t j = 0; same && j < n; j++) same = !strcmp(s[j], t[j]);
    }
    table_free(x);
    table_free(y);
    hdf_close(f);
    hdf_close(g);
    problems_free(&pr);
    arena_free(m);
    return same;
}

static bool same_trials(void)
{
    arena *a = arena_new();
    bool same = true;
    DIR *d = opendir(path_of("kept/whole/trials"));
    for (struct dirent *e; d && same && (e = readdir(d));) {
        problems pr = { 0 };
        if (e->d_name[0] == '.' || !file_is_dir(path_of("kept/whole/trials/%s", e->d_name))) continue;
        const char *x = run_named(path_of("kept/whole/trials/%s", e->d_name), "latest", a, &pr),
                   *y = run_named(path_of("sweep/trials/%s", e->d_name), "latest", a, &pr);
        same = x && y && !strcmp(path_base(x), path_base(y)) && same_files(x, y);
        problems_free(&pr);
    }
    if (d) closedir(d);
    arena_free(a);
    return same;
}

static void judge_end(long k, const char *when)
{
    if (!same_tables(path_of("kept/whole/sweep.h5"), path_of("sweep/sweep.h5"))) finding(k, "%s: another table", when);
    else if (!same_trials()) finding(k, "%s: other checkpoints", when);
}

static void judge(long k, ended e, const options *o, const char *const *words)
{
    const int code = WIFEXITED(e.status) ? WEXITSTATUS(e.status) : -1;
    const bool own = !strcmp(o->who, "sweep");
    char *err = slurp(path_of("err"), NULL);
    judge_processes(k);
    if (e.hung) finding(k, "hangs");
    else if (code == 0) sum.done++;
    else if (!own) finding(k, "a signal to a trial, and the sweep ends with %d", code);
    else if (code == 75) {
        sum.stopped++;
        if (!err || !strstr(err, "go on with: heft sweep --resume")) finding(k, "75, and nothing says how to go on");
        if (!file_exists(path_of("sweep/sweep.h5"))) finding(k, "75 without a table");
    } else if (code == 128 + SIGINT && o->signal == SIGINT && o->on) sum.killed++;
    else if (code < 0 && WTERMSIG(e.status) == o->signal) {
        sum.killed++;
        if (o->signal != SIGKILL && o->signal != SIGHUP && o->signal != SIGQUIT && file_exists(path_of("sweep/sweep.yaml")))
            finding(k, "a sweep is there, and the signal was not obeyed");
    } else finding(k, "ended with %d (%d)", code, e.status);
    block_free(err);
    if (code == 0) judge_end(k, "not stopped");
    else {
        static char *no_env[] = { NULL };
        const ended again = run_heft(no_env, words);
        if (!is_clean(again)) finding(k, "does not go on: %d", WEXITSTATUS(again.status));
        else judge_end(k, "gone on");
        judge_processes(k);
    }
}

/* ---- the loop ---- */

static void loop(const options *o, const char *const *words)
{
    char *env[12];
    int n = 0;
#define SET(...) do { if (asprintf(&env[n++], __VA_ARGS__) < 0) give_up("memory"); } while (0)
    SET("LD_PRELOAD=%s", shim);
    SET("FAULT_OPS=io");
    SET("FAULT_HOW=signal");
    SET("FAULT_SIGNAL=%ld", o->signal);
    SET("FAULT_ON=%ld", o->on);
    SET("FAULT_IN=%s", o->who);
    SET("FAULT_UNDER=%s", work);
    SET("FAULT_REPORT=%s/report", work);
    SET("FAULT_ONCE=%s/once", work);
    const int at = n++;
    env[n] = NULL;
    for (long k = o->first; k <= o->most; k += o->stride) {
        char count[32];
        snprintf(count, sizeof count, "FAULT_AT=%ld", k);
        env[at] = count;
        shell("rm -rf '%s/sweep' '%s/report' '%s/once'", work, work, work);
        const ended e = run_heft(env, words);
        sum.runs++;
        if (file_exists(path_of("once"))) sum.hit++;
        judge(k, e, o, words);
        if (!file_exists(path_of("once"))) break;
    }
    for (int i = 0; i < at; i++) free(env[i]);
}

int main(int argc, char **argv)
{
    options o = { .signal = SIGTERM, .first = 1, .stride = 1, .most = 1L << 40 };
    const struct { const char *name; long *to; } numbers[] = { { "signal=", &o.signal }, { "on=", &o.on }, { "first=", &o.first },
                                                               { "stride=", &o.stride }, { "most=", &o.most }, { "measured=", &o.measured } };
    if (argc < 4) {
        fputs("usage: sweeps HEFT SHIM sweep|trial [signal=N] ...\n", stderr);
        return 2;
    }
    o.who = argv[3];
    for (int i = 4; i < argc; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            if (!strncmp(argv[i], numbers[k].name, strlen(numbers[k].name))) {
                *numbers[k].to = atol(argv[i] + strlen(numbers[k].name));
                known = true;
            }
        if (!known) {
            fprintf(stderr, "sweeps: what is '%s'?\n", argv[i]);
            return 2;
        }
    }
    set_up(argv[1], argv[2]);
    spill(path_of("tiny.yaml"), experiment_text, strlen(experiment_text));
    char *file = strdup(path_of("tiny.yaml")), *whole = strdup(path_of("kept/whole")), *dir = strdup(path_of("sweep"));
    const char *const first[] = { "sweep", file, "--run", whole, "-j", "2", "--threads", "1", NULL };
    const char *const words[] = { "sweep", file, "--run", dir, "--resume", o.measured ? NULL : "-j", "2", "--threads", "1", NULL };
    static char *no_env[] = { NULL };
    shell("mkdir '%s/kept'", work);              /* not beside the others, which could take its trials over */
    if (!is_clean(run_heft(no_env, first))) give_up("the sweep without a signal failed");
    loop(&o, words);
    shell("rm -rf '%s'", work);
    free(file);
    free(whole);
    free(dir);
    for (int i = 3; i < argc; i++) printf("%s ", argv[i]);
    printf(": %ld sweeps, %ld signals, %ld done, %ld stopped, %ld killed, %ld findings\n", sum.runs, sum.hit, sum.done, sum.stopped, sum.killed, sum.findings);
    return sum.findings || sum.hit == 0;
}
