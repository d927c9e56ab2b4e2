/* drive.c -- heft under faults: its k-th call fails, for k = 1, 2, ... until a run meets none; or it is killed; or signalled
 *
 *   drive HEFT SHIM loop SCENARIO OPS [how=fail|short|delay|signal] [on=0|1] [errno=N] [who=ours|theirs] [distinct=N] [signal=N]
 *                                     [first=K] [stride=N] [most=K] [under=0|1]
 *   drive HEFT SHIM kills N [seed=S]
 *
 * Scenarios: train, resume (of a run cut in the middle), recover (the same, its newest checkpoint damaged and litter about), predict,
 * show, check.  After every run all that was published must be whole, what was there before must be there still, and the run must go
 * on to the bytes of one that met no fault.  One line of figures goes to stdout, findings to stderr; exit status 1 if there are any.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "fault/kit.h"
#include "run/run.h"

enum { MOST_OF_A_CHILD = 1000 };

static const char experiment_text[] =
    "name: tiny\nseed: 3\n"
    "data: {format: digits, samples: 96, test: 16, validation: 0.25}\n"
    "model:\n  - flatten\n  - dense: {units: 8, activation: relu}\n  - batch_norm\n  - dropout: {rate: 0.2}\n  - dense: {units: 10}\n"
    "loss: softmax_cross_entropy\nmetrics: [accuracy]\noptimizer: {adam: {lr: 1e-2}}\n"
    "train: {epochs: 2, batch: 32, threads: 1}\ncheckpoint: {every: 2 steps, keep: 9, best: val_loss}\n";

typedef struct options { long how_signal, on, error, distinct, first, stride, most, under, seed; const char *how, *who; } options;

typedef struct counts { long runs, done, failed, stopped, killed, foreign, resumed, findings, kills; } counts;

static counts sum;
static bool asked_to_stop;               /* then checkpoints of other steps are made */

/* ---- scenarios ---- */

typedef enum scenario { TRAIN, RESUME, RECOVER, PREDICT, SHOW, CHECK, N_SCENARIOS } scenario;
static const char *const scenario_name[] = { "train", "resume", "recover", "predict", "show", "check" };
static char *no_env[] = { NULL };
static const char *last_name = "step-000000006.h5";

static void words_of(scenario s, const char *out[8])
{
    memset(out, 0, 8 * sizeof *out);
    out[0] = scenario_name[s];
    if (s == TRAIN) out[1] = path_of("tiny.yaml"), out[2] = "--run", out[3] = path_of("run");
    else if (s == CHECK) out[1] = path_of("tiny.yaml");
    else out[1] = path_of("run");
    if (s == RECOVER) out[0] = "resume";
    if (s == PREDICT) out[2] = "--input", out[3] = "20", out[4] = "--output", out[5] = path_of("answers.csv");
}

/* What is there when the run begins. */
static void lay(scenario s)
{
    shell("rm -rf '%s/run'", work);
    if (s == RESUME || s == RECOVER) shell("cp -r '%s/cut' '%s/run'", work, work);
    if (s == PREDICT || s == SHOW) shell("cp -r '%s/whole' '%s/run'", work, work);
    if (s == RECOVER) {
        shell("printf x | dd of='%s/run/checkpoints/step-000000004.h5' bs=1 seek=3000 conv=notrunc 2>/dev/null", work);
        shell("cp '%s/cut/checkpoints/step-000000004.h5' '%s/run/checkpoints/step-000000004.h5.tmp77'", work, work);
    }
    if (s == PREDICT) spill(path_of("answers.csv"), "old\n", 4);
}

static void prepare(void)
{
    spill(path_of("tiny.yaml"), experiment_text, strlen(experiment_text));
    const char *const train[] = { "train", path_of("tiny.yaml"), "--run", path_of("whole"), NULL };
    if (!is_clean(run_heft(no_env, train))) give_up("the run without a fault failed");
    shell("cp -r '%s/whole' '%s/cut' && rm '%s/cut/checkpoints/%s' && echo step-000000004.h5 >'%s/cut/checkpoints/latest'", work, work,
          work, last_name, work);
    for (scenario s = PREDICT; s <= CHECK; s++) {
        const char *word[8];
        lay(s);
        words_of(s, word);
        if (!is_clean(run_heft(no_env, word))) give_up("a command without a fault failed");
        shell("cp '%s/%s' '%s/%s.good'", work, s == PREDICT ? "answers.csv" : "out", work, scenario_name[s]);
    }
}

/* ---- judgement ---- */

static char *report_text, *err_text;

__attribute__((format(printf, 3, 4)))
static void finding(scenario s, long k, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sum.findings++;
    if (sum.findings < 40) {
        fprintf(stderr, "FINDING %s %ld: ", scenario_name[s], k);
        vfprintf(stderr, fmt, ap);
        fprintf(stderr, "\n  hit: %s  said: %.600s\n", report_text && *report_text ? report_text : "-\n", err_text ? err_text : "");
    }
    va_end(ap);
}

/* Every checkpoint under its final name is whole; what `latest` names is there; those of the template are as they were. */
static void judge_files(scenario s, long k)
{
    problems pr = { 0 };
    arena *a = arena_new();
    int64_t n = 0;
    char **path;
    if (file_is_dir(path_of("run")) && run_checkpoints(path_of("run"), a, &n, &path, &pr) < 0) finding(s, k, "checkpoints cannot be listed");
    for (int64_t i = 0; i < n; i++) {
        const char *name = path_base(path[i]);
        const bool damaged = s == RECOVER && !strcmp(name, "step-000000004.h5");
        checkpoint *c = checkpoint_open(path[i], &pr);
        if (!c && !damaged) finding(s, k, "%s is damaged: %s", path[i], pr.n ? pr.item[0].text : "");
        checkpoint_close(c);
        if (!damaged && !asked_to_stop && !same_files(path[i], path_of("whole/checkpoints/%s", name))) finding(s, k, "%s has other bytes", name);
    }
    if (s == RESUME || s == RECOVER || s == SHOW || s == PREDICT) {
        if (!file_exists(path_of("run/checkpoints/step-000000002.h5"))) finding(s, k, "the checkpoint of step 2 is lost");
        if (s != RECOVER && !file_exists(path_of("run/checkpoints/step-000000004.h5"))) finding(s, k, "the checkpoint of step 4 is lost");
    }
    const char *metrics = path_of("run/metrics.h5");
    problems none = { 0 };
    hdf_file *f = file_exists(metrics) ? hdf_open_published(metrics, "heft-metrics 1", &none) : NULL;
    if (file_exists(metrics) && !f) finding(s, k, "metrics.h5 is damaged");
    hdf_close(f);
    problems_free(&none);
    problems_free(&pr);
    arena_free(a);
}

static bool trained_to_the_end(void)
{
    size_t n;
    char *latest = slurp(path_of("run/checkpoints/latest"), &n);
    const bool ok = latest && !strncmp(latest, last_name, strlen(last_name))
        && same_files(path_of("run/checkpoints/%s", last_name), path_of("whole/checkpoints/%s", last_name))
        && file_exists(path_of("run/metrics.h5"));
    block_free(latest);
    return ok;
}

static bool says(const char *path, const char *part)
{
    char *s = slurp(path, NULL);
    const bool there = s && strstr(s, part);
    block_free(s);
    return there;
}

static bool is_complete(scenario s, int error)
{
    switch (s) {
    case PREDICT: return same_files(path_of("answers.csv"), path_of("predict.good"));
    case SHOW:                                   /* a checkpoint that cannot be read is a row that says so */
        return same_files(path_of("out"), path_of("show.good")) || says(path_of("out"), strerror(error)) || says(path_of("out"), "no memory") ||
            says(path_of("out"), " cannot be ");
    case CHECK: return same_files(path_of("out"), path_of("%s.good", scenario_name[s]));
    default: return trained_to_the_end();
    }
}

/* Of the last hit: the call, the library, the path. */
typedef struct hit { char op[16], module[128], path[PATHS]; bool there, foreign; long calls; } hit;

static bool is_library(const char *m)
{
    static const char *const ours[] = { "program", "libc.so" };
    for (size_t i = 0; i < 2; i++)
        if (!strncmp(m, ours[i], strlen(ours[i]))) return false;
    return !strncmp(m, "lib", 3) || !strncmp(m, "ld-linux", 8);
}

static hit read_report(void)
{
    hit h = { .calls = -1 };
    block_free(report_text);
    block_free(err_text);
    report_text = slurp(path_of("report"), NULL);
    err_text = slurp(path_of("err"), NULL);
    for (const char *p = report_text; p && *p; p += strcspn(p, "\n"), p += *p == '\n') {
        long k;
        char op[16], module[128], path[PATHS] = "";
        if (sscanf(p, "calls %ld", &k) == 1) h.calls = k > h.calls ? k : h.calls;
        else if (sscanf(p, "%15s %ld %127s %4000[^\n]", op, &k, module, path) >= 3) {
            h.there = true;
            h.foreign |= is_library(module);
            strcpy(h.op, op), strcpy(h.module, module), strcpy(h.path, path);
        }
    }
    return h;
}

static void judge_words(scenario s, long k, const hit *h, const options *o)
{
    if (!err_text || !*err_text) {
        finding(s, k, "failed without a word");
        return;
    }
    if (!strstr(err_text, "error")) finding(s, k, "no line says 'error'");
    if (strcmp(h->op, "alloc") && strcmp(o->how, "short") && !strstr(err_text, strerror((int)o->error)))
        finding(s, k, "the message does not say '%s'", strerror((int)o->error));
}

/* Without memory libhdf5 1.10 calls exit(-1) where it begins, and libgomp exit(1). */
static bool died_in_library(int code, const hit *h)
{
    const bool exited = code == 255 || (code == 1 && err_text && strstr(err_text, "libgomp: Out of memory"));
    return h->foreign && !strcmp(h->op, "alloc") && (code < 0 || exited);
}

static void judge(scenario s, long k, ended e, const hit *h, const options *o)
{
    const int code = WIFEXITED(e.status) ? WEXITSTATUS(e.status) : -1;
    const bool signalled = !strcmp(o->how, "signal");
    if (e.hung) finding(s, k, "hangs");
    else if (code < 0 && signalled && WTERMSIG(e.status) == o->how_signal) {
        sum.killed++;
        if (o->how_signal != SIGKILL && file_exists(path_of("run/experiment.yaml"))) finding(s, k, "a run is there, and the signal was not obeyed");
    } else if (code == 128 + SIGINT && signalled && o->how_signal == SIGINT && o->on) sum.killed++;      /* the second one */
    else if (died_in_library(code, h)) sum.foreign++;
    else if (code < 0) finding(s, k, "ended by signal %d", WTERMSIG(e.status));
    else if (code == 0) {
        sum.done++;
        if (!is_complete(s, (int)o->error)) finding(s, k, "exit status 0, but its work is not there");
    } else if (code == 75) {
        sum.stopped++;
        if (!signalled) finding(s, k, "exit status 75 without a signal");
        if (!file_exists(path_of("run/checkpoints/latest"))) finding(s, k, "exit status 75 without a checkpoint");
        if (!strstr(err_text ? err_text : "", "heft resume")) finding(s, k, "exit status 75, but nothing says how to go on");
    } else if (code == 1 || code == 2) {
        sum.failed++;
        judge_words(s, k, h, o);
    } else finding(s, k, "exit status %d", code);
    if (s == PREDICT && code != 0 && !same_files(path_of("answers.csv"), path_of("predict.good"))) {
        char *left = slurp(path_of("answers.csv"), NULL);
        if (!left || strcmp(left, "old\n")) finding(s, k, "answers.csv is neither old nor new");
        block_free(left);
    }
    judge_files(s, k);
    if (code == 0 || s >= PREDICT) return;
    const char *const resume[] = { "train", path_of("tiny.yaml"), "--run", path_of("run"), "--resume", NULL };
    const ended again = run_heft(no_env, resume);
    sum.resumed++;
    if (is_clean(again) && trained_to_the_end()) return;
    block_free(err_text);
    err_text = slurp(path_of("err"), NULL);
    finding(s, k, "does not go on to the same bytes (exit status %d)", WEXITSTATUS(again.status));
}

/* ---- the loop ---- */

static void loop(scenario s, const char *ops, const options *o)
{
    char *env[16];
    int n = 0;
    asked_to_stop = !strcmp(o->how, "signal") && o->how_signal != SIGKILL;
#define SET(...) do { if (asprintf(&env[n++], __VA_ARGS__) < 0) give_up("memory"); } while (0)
    SET("LD_PRELOAD=%s", shim);
    SET("FAULT_OPS=%s", ops);
    SET("FAULT_HOW=%s", o->how);
    SET("FAULT_ON=%ld", o->on);
    SET("FAULT_ERRNO=%ld", o->error);
    SET("FAULT_SIGNAL=%ld", o->how_signal);
    SET("FAULT_WHO=%s", o->who);
    SET("FAULT_DISTINCT=%ld", o->distinct);
    SET("FAULT_REPORT=%s/report", work);
    if (o->under) SET("FAULT_UNDER=%s", work);
    const int at = n++;
    env[n] = NULL;
    for (long k = o->first; k <= o->most; k += o->stride) {
        char count[32];
        const char *word[8];
        snprintf(count, sizeof count, "FAULT_AT=%ld", k);
        env[at] = count;
        lay(s);
        remove(path_of("report"));
        words_of(s, word);
        const ended e = run_heft(env, word);
        hit h = read_report();
        if (!h.there) strcpy(h.op, strcmp(ops, "alloc") ? "" : "alloc");
        if (!h.there && h.calls >= 0 && h.calls < k) {
            if (is_clean(e) && is_complete(s, (int)o->error)) break;
            /* A child process that tries a plugin counts on by itself, and met the fault. */
            if (k > h.calls + MOST_OF_A_CHILD) {
                finding(s, k, "fails although nothing was hit");
                break;
            }
        }
        sum.runs++;
        judge(s, k, e, &h, o);
    }
    for (int i = 0; i < at; i++) free(env[i]);
}

/* ---- kills at any instant ---- */

static void kills(long wanted, const options *o)
{
    unsigned seed = (unsigned)o->seed;
    char *argv[] = { (char *)heft, "train", (char *)strdup(path_of("tiny.yaml")), "--run", (char *)strdup(path_of("run")), "--resume", NULL };
    const int64_t from = now_ms();
    lay(TRAIN);
    ended e = run_heft(no_env, (const char *const *)argv + 1);
    const int64_t span = (now_ms() - from) * 3 / 2 + 1;      /* of a whole run */
    if (!is_clean(e)) give_up("the run without a kill failed");
    while (sum.kills < wanted) {
        lay(TRAIN);
        for (int tries = 0;; tries++) {
            const pid_t pid = start(argv, no_env, path_of("out"), path_of("err"));
            usleep((useconds_t)(1000 * (rand_r(&seed) % (span + 5 * tries))) + (useconds_t)(rand_r(&seed) % 1000));
            kill(pid, SIGKILL);
            e = wait_for(pid);
            read_report();
            judge_files(TRAIN, sum.kills);
            if (!WIFSIGNALED(e.status)) break;
            sum.kills++;
        }
        sum.runs++;
        if (!is_clean(e) || !trained_to_the_end()) finding(TRAIN, sum.kills, "killed and resumed, it did not come to the same bytes");
    }
}

/* ---- */

static void read_options(char **word, options *o)
{
    const struct { const char *name; long *to; } numbers[] = {
        { "signal=", &o->how_signal }, { "on=", &o->on }, { "errno=", &o->error }, { "distinct=", &o->distinct }, { "first=", &o->first },
        { "stride=", &o->stride }, { "most=", &o->most }, { "under=", &o->under }, { "seed=", &o->seed } };
    for (; *word; word++) {
        bool known = true;
        if (!strncmp(*word, "how=", 4)) o->how = *word + 4;
        else if (!strncmp(*word, "who=", 4)) o->who = *word + 4;
        else known = false;
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            if (!strncmp(*word, numbers[i].name, strlen(numbers[i].name))) {
                *numbers[i].to = atol(*word + strlen(numbers[i].name));
                known = true;
            }
        if (!known) {
            fprintf(stderr, "drive: what is '%s'?\n", *word);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    options o = { .error = EIO, .how_signal = SIGKILL, .first = 1, .stride = 1, .most = 1L << 40, .under = 1, .seed = 1, .how = "fail", .who = "" };
    const bool looping = argc > 5 && !strcmp(argv[3], "loop"), killing = argc > 4 && !strcmp(argv[3], "kills");
    if (!looping && !killing) {
        fputs("usage: drive HEFT SHIM loop SCENARIO OPS ... | kills N ...\n", stderr);
        return 2;
    }
    set_up(argv[1], argv[2]);
    read_options(argv + (looping ? 6 : 5), &o);
    if (!strcmp(looping ? argv[5] : "", "alloc")) o.error = ENOMEM;
    prepare();
    scenario s = TRAIN;
    while (looping && s < N_SCENARIOS && strcmp(argv[4], scenario_name[s])) s++;
    if (s == N_SCENARIOS) give_up(argv[4]);
    if (looping) loop(s, argv[5], &o);
    else kills(atol(argv[4]), &o);
    shell("rm -rf '%s'", work);
    for (int i = 3; i < argc; i++) printf("%s ", argv[i]);
    printf(": %ld runs, %ld done, %ld failed, %ld stopped, %ld killed, %ld died in a library, %ld resumed, %ld findings\n", sum.runs, sum.done,
           sum.failed, sum.stopped, sum.killed + sum.kills, sum.foreign, sum.resumed, sum.findings);
    return sum.findings || sum.runs == 0;
}
