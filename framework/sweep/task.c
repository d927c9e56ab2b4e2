/* task.c -- a trial in a job of Slurm: what it is told, how it is run, and what it leaves
 *
 *   DIR/slurm/NNNN       heft-tasks 1 SECONDS MEMORY THREADS COUNT      limits of a trial; 0: none
 *                        ID EPOCHS SPENT                                a line an index of the array.  EPOCHS 0: to the end; SPENT: seconds of
 *                                                                       its time limit that are gone
 *   DIR/trials/ID.job    ended|left LIST STATUS MAX_RSS SECONDS         of the newest job that worked on it; left: it goes on, since the job was
 *                        BECAUSE                                        asked to stop; BECAUSE: why the job ended it, or empty
 *
 * A list that is gone has been taken back: a job that finds none has nothing to do.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "sweep/inside.h"
#include "train/signals.h"

enum { MOST_LIST = 1 << 20, MOST_RECORD = 1 << 16 };
static const double tick = 0.1, own_signal = 1, requeue_limit = 30;

/* ---- files ---- */

int64_t task_list_number(const char *name)
{
    int64_t n;
    return strspn(name, "0123456789") == strlen(name) && text_int(name + strspn(name, "0"), &n) ? n : 0;
}

int task_list_write(const char *path, const task_list *l, problems *pr)
{
    text t = { 0 };
    text_printf(&t, "heft-tasks 1 %.3f %lld %d %lld\n", l->limits.seconds, (long long)l->limits.memory, l->threads, (long long)l->n);
    for (int64_t i = 0; i < l->n; i++)
        text_printf(&t, "%s %lld %.3f\n", l->task[i].id, l->task[i].until == TO_THE_END ? 0LL : (long long)l->task[i].until, l->task[i].spent);
    const int rc = file_publish(path, t.s, t.n, pr);
    text_free(&t);
    return rc;
}

int task_list_read(const char *path, task_list *l, arena *a, problems *pr)
{
    size_t n;
    char *bytes = file_read(path, MOST_LIST, &n, pr), *save = NULL;
    if (!bytes) return -1;
    long long memory, count = 0, until;
    bool good = sscanf(bytes, "heft-tasks 1 %lf %lld %d %lld\n", &l->limits.seconds, &memory, &l->threads, &count) == 4 && count > 0 && count <= MOST_AT_ONCE;
    l->limits.memory = memory;
    l->n = good ? count : 0;
    l->task = arena_alloc(a, (size_t)l->n + 1, sizeof *l->task);
    strtok_r(bytes, "\n", &save);
    for (int64_t i = 0; i < l->n; i++) {
        const char *line = strtok_r(NULL, "\n", &save);
        task *t = &l->task[i];
        good = good && line && sscanf(line, "%16[0-9a-f] %lld %lf", t->id, &until, &t->spent) == 3 && strlen(t->id) == TRIAL_ID - 1;
        t->until = good && until ? until : TO_THE_END;
    }
    block_free(bytes);
    if (!good) problems_add(pr, (place){ path, 0, 0 }, "is no list of a sweep's trials, or is damaged");
    return good ? 0 : -1;
}

static const char *record_path(const char *run_dir, arena *a) { return arena_printf(a, "%s.job", run_dir); }

int task_record_write(const char *run_dir, const task_record *r, problems *pr)
{
    arena *a = arena_new();
    const char *line = arena_printf(a, "%s %lld %d %lld %.3f\n%s\n", r->ended ? "ended" : "left", (long long)r->list, r->end.status,
                                    (long long)r->end.max_rss, r->end.seconds, r->end.because ? r->end.because : "");
    const int rc = file_publish(record_path(run_dir, a), line, strlen(line), pr);
    arena_free(a);
    return rc;
}

bool task_record_read(const char *run_dir, task_record *r, arena *a)
{
    problems none = { 0 };
    arena *own = arena_new();
    const char *path = record_path(run_dir, own);
    size_t n;
    char *bytes = file_exists(path) ? file_read(path, MOST_RECORD, &n, &none) : NULL, word[6] = "";
    long long list, max_rss;
    *r = (task_record){ 0 };
    const bool good = bytes && sscanf(bytes, "%5s %lld %d %lld %lf", word, &list, &r->end.status, &max_rss, &r->end.seconds) == 5;
    if (good) {
        r->ended = !strcmp(word, "ended");
        r->list = list;
        r->end.max_rss = max_rss;
        const char *because = strchr(bytes, '\n');
        if (because && because[1] && because[1] != '\n') r->end.because = arena_strndup(a, because + 1, strcspn(because + 1, "\n"));
    }
    block_free(bytes);
    problems_free(&none);
    arena_free(own);
    return good;
}

/* ---- the job ---- */

/* Where Slurm confines a job to its processors, those; where it does not, others than its neighbours' as far as the index can tell. */
static int choose_cores(int threads, int64_t index, int *core)
{
    int all[MOST_CORES];
    const int n = cores_list(MOST_CORES, all);
    if (threads > n) threads = n;
    for (int i = 0; i < threads; i++) core[i] = all[(index * threads + i) % n];
    return threads;
}

/* Until its process ends.  Who stops a job signals all of it at once, so a process that was ended by somebody waits a moment for the job's own
 * signal. */
static void run_process(trial *t, const limits *l, arena *a, ending *out)
{
    while (!trial_ended(t, l, a, out)) {
        wait_for_child(tick);
        if (signals_stop() && !t->sent) kill(t->pid, t->sent = SIGTERM);
    }
    t->seconds += out->seconds;
    for (const double from = clock_seconds(); ending_interrupted(out) && !signals_stop() && clock_seconds() - from < own_signal;)
        wait_for_child(tick);
}

/* The end of a trial, or (false) where it is when the job was asked to stop. */
static bool run_trial(trial *t, const task_list *l, int64_t index, arena *a, task_record *r, problems *pr)
{
    int core[MOST_CORES];
    const int n = choose_cores(l->threads, index, core);
    watch_children(NULL);
    for (int64_t tries = 0;; tries++) {
        if (trial_start(t, &l->limits, n, core) < 0) {
            problems_system(pr, t->dir, "its process cannot be started", errno);
            return false;
        }
        run_process(t, &l->limits, a, &r->end);
        trial_read(t);
        const bool paused = WIFEXITED(r->end.status) && trial_epochs(t) >= t->until;
        r->ended = paused || !ending_interrupted(&r->end) || (!signals_stop() && tries == MOST_INTERRUPTIONS);
        if (r->ended || signals_stop()) break;
    }
    r->end.seconds = t->seconds;
    return r->ended;
}

static void requeue(void)
{
    const char *own = getenv("SLURM_JOB_ID");
    if (!own) return;
    problems pr = { 0 };
    text said = { 0 };
    if (command_run((char *[]){ "scontrol", "requeue", (char *)own, NULL }, requeue_limit, &said, &pr) < 0) {
        fputs("not put back into the queue by the job itself; where Slurm did it, this says so:\n", stderr);
        problems_print(&pr, stderr);
    }
    text_free(&said);
    problems_free(&pr);
}

bool sweep_task(const char *path, problems *pr)
{
    const char *word = getenv("SLURM_ARRAY_TASK_ID");
    int64_t index;
    task_list l;
    if (!word || !text_int(word, &index)) {
        problems_add(pr, (place){ 0 }, "SLURM_ARRAY_TASK_ID is %s; --task is for the jobs that `heft sweep --launcher slurm` submits",
                     word ? "no number" : "not set");
        return false;
    }
    signals_install();
    if (!file_exists(path)) {
        fprintf(stderr, "%s is not there any more: the sweep has taken it back\n", path);
        return true;
    }
    arena *a = arena_new();
    bool done = false;
    const int64_t number = task_list_number(path_base(path));
    const bool listed = task_list_read(path, &l, a, pr) == 0;
    if (listed && (index < 0 || index >= l.n || !number))
        problems_add(pr, (place){ path, 0, 0 }, "has %lld trials; SLURM_ARRAY_TASK_ID is %s", (long long)l.n, word);
    else if (listed) {
        const task *x = &l.task[index];
        trial t = { .until = x->until, .seconds = x->spent };
        t.dir = arena_printf(a, "%s/trials/%s", path_dir(a, path_dir(a, path)), x->id);
        task_record r;
        const bool known = task_record_read(t.dir, &r, a) && r.list == number;
        if (known) t.seconds = r.end.seconds;
        done = known && r.ended;
        if (!done) {
            done = run_trial(&t, &l, index, a, &r, pr);
            r.list = number;
            if (!pr->n && task_record_write(t.dir, &r, pr) < 0) done = false;
        }
        if (!done && !pr->n && file_exists(path)) requeue();
        table_free(t.epochs);
    }
    arena_free(a);
    return done;
}
