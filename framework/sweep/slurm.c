/* slurm.c -- trials as jobs of Slurm: submitted, watched, collected
 *
 * The sweep itself stays one process, which makes all decisions; so its table is that of trials on one machine.  Trials that can begin
 * are written to a list (task.c) and submitted as one job array, an element a trial.  A job leaves a record of how its trial ended.  The queue is
 * looked at for jobs that vanished without one, as with a node: their trials go on in new jobs.
 *
 * Killed, the sweep leaves its lists, and jobs go on without it; the next process takes them over.  To tell what is at work from what has been
 * taken in, sweep.h5 says that a trial is running before it is submitted, and how it ended before anything else is.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "sweep/inside.h"

enum { MOST_WORDS = 64, STOPPED = 75 << 8 };
static const double command_limit = 60, look_stopping = 1, try_for = 600;
/* In times of --poll, which is how often the queue is looked at. */
static const double look_limit = 2, lost_after = 4, try_every = 1.5;

typedef struct entry { int64_t list; task_list l; } entry;

typedef struct slurm {
    launcher    base;
    sweep      *w;
    const char *dir, *name, *self;   /* absolute; of its jobs; this program */
    int         threads;
    double      poll;                /* seconds */
    const char *options;
    int64_t     last;                /* list */
    int64_t     n_entries;
    entry      *entry;               /* of an earlier process */
    double      looked;
    bool        stopping, gave_up, blind;
    bool        submitted;           /* at least once */
    double      failing, tried;      /* since when sbatch has failed; 0: it has not */
} slurm;

static const char *list_path(const slurm *s, int64_t list, arena *a) { return arena_printf(a, "%s/%04lld", s->dir, (long long)list); }

bool slurm_has(const char *dir)
{
    arena *a = arena_new();
    DIR *d = opendir(path_join(a, dir, "slurm"));
    bool any = false;
    for (struct dirent *e; d && (e = readdir(d));) any |= task_list_number(e->d_name) > 0;
    if (d) closedir(d);
    arena_free(a);
    return any;
}

/* ---- the queue ---- */

/* Calls visit for each of our jobs that are there: the list and line of its trial, and its id. */
static int look(slurm *s, void (*visit)(void *context, int64_t list, int64_t line, const char *id), void *context, problems *pr)
{
    text said = { 0 };
    char *const argv[] = { "squeue", "--me", "--noheader", "--array", "--format=%j %K %F", NULL };
    if (command_run(argv, look_limit * s->poll, &said, pr) < 0) return -1;
    char *save = NULL;
    const size_t n = strlen(s->name);
    for (char *line = said.s ? strtok_r(said.s, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
        long long list, index;
        char id[32];
        if (!strncmp(line, s->name, n) && sscanf(line + n, "-%lld %lld %31[0-9]", &list, &index, id) == 3) visit(context, list, index, id);
    }
    text_free(&said);
    return 0;
}

static void mark_seen(void *context, int64_t list, int64_t line, const char *id)
{
    const slurm *s = context;
    (void)id;
    for (int64_t i = 0; i < s->w->n_trials; i++) {
        trial *t = s->w->trial[i];
        if (t->state == TRIAL_RUNNING && t->list == list && t->line == line) t->seen = clock_seconds();
    }
}

static void look_again(slurm *s)
{
    const double now = clock_seconds();
    if (now - s->looked < (s->stopping ? look_stopping : s->poll)) return;
    problems pr = { 0 };
    const bool known = look(s, mark_seen, s, &pr) == 0;
    for (int64_t i = 0; i < s->w->n_trials && !known; i++) s->w->trial[i]->seen = clock_seconds();
    if (!known && !s->blind) {       /* said once, until it has answered again */
        problems_print(&pr, stderr);
        fputs("heft sweep: jobs that vanish are not noticed until it answers\n", stderr);
    }
    s->blind = !known;
    s->looked = now;
    problems_free(&pr);
}

/* ---- submitting ---- */

static int submit(slurm *s, int64_t list, int64_t n, problems *pr)
{
    arena *a = arena_new();
    const char *path = list_path(s, list, a), *script = path_join(a, s->dir, "run");
    static const char run[] = "#!/bin/sh\nexec \"$@\"\n";
    char *argv[MOST_WORDS + 20];
    int k = 0;
    argv[k++] = "sbatch";
    argv[k++] = "--parsable";
    argv[k++] = arena_printf(a, "--job-name=%s-%lld", s->name, (long long)list);
    argv[k++] = arena_printf(a, "--array=0-%lld", (long long)n - 1);
    argv[k++] = "--ntasks=1";
    argv[k++] = arena_printf(a, "--cpus-per-task=%d", s->threads);
    argv[k++] = "--requeue";
    argv[k++] = "--open-mode=append";
    argv[k++] = "--signal=B:USR1@60";
    text out = { 0 };
    for (const char *c = path; *c; c++) text_add(&out, *c == '%' ? "%%" : (char[]){ *c, 0 });
    argv[k++] = arena_printf(a, "--output=%s-%%a.txt", out.s);
    text_free(&out);
    char *save = NULL;
    for (char *word = s->options ? strtok_r(arena_strdup(a, s->options), " ", &save) : NULL; word && k < MOST_WORDS; word = strtok_r(NULL, " ", &save))
        argv[k++] = word;
    argv[k++] = (char *)script;
    argv[k++] = (char *)s->self;
    argv[k++] = "sweep";
    argv[k++] = "--task";
    argv[k++] = (char *)path;
    argv[k] = NULL;
    text said = { 0 };
    const int rc = file_publish(script, run, sizeof run - 1, pr) < 0 ? -1 : command_run(argv, command_limit, &said, pr);
    text_free(&said);
    arena_free(a);
    return rc;
}

/* Has an earlier process submitted it, and not taken its end?  Then it is with that job. */
static bool take_over(slurm *s, trial *t)
{
    const bool was = t->was_running;
    t->was_running = false;
    for (int64_t i = s->n_entries - 1; was && i >= 0; i--)
        for (int64_t k = 0; k < s->entry[i].l.n; k++) {
            const task *x = &s->entry[i].l.task[k];
            if (strcmp(x->id, t->id)) continue;
            t->list = s->entry[i].list;
            t->line = k;
            t->until = x->until;
            t->seen = clock_seconds();
            return true;
        }
    return false;
}

/* Whether to try again is for the caller; a first failure, and one that lasts, is a problem. */
static void submission_failed(slurm *s, problems *why, problems *pr)
{
    const double now = clock_seconds();
    if (!s->failing) s->failing = now;
    s->tried = now;
    if (!s->submitted || now - s->failing > try_for)
        problems_append(pr, why);
}

static int start(launcher *l, int n, trial *const *t, problems *pr)
{
    slurm *s = (slurm *)l;
    int taken = 0;
    while (taken < n && take_over(s, t[taken])) taken++;
    if (taken) return taken;         /* the rest comes next time */
    if (s->failing && clock_seconds() - s->tried < try_every * s->poll) return 0;
    arena *a = arena_new();
    problems why = { 0 };
    for (taken = 0; taken < n && !t[taken]->was_running; taken++) {}
    task_list list = { limits_of(s->w->space), s->threads, taken, arena_alloc(a, (size_t)taken + 1, sizeof(task)) };
    for (int i = 0; i < taken; i++) {
        task *x = &list.task[i];
        *x = (task){ .until = t[i]->until, .spent = t[i]->seconds };
        memcpy(x->id, t[i]->id, sizeof x->id);
        t[i]->list = s->last + 1;
        t[i]->line = i;
        t[i]->seen = clock_seconds();
    }
    const char *path = list_path(s, ++s->last, a);
    if (task_list_write(path, &list, pr) < 0 || sweep_publish(s->w, pr) < 0) taken = 0;
    else if (submit(s, s->last, taken, &why) < 0) {
        unlink(path);
        submission_failed(s, &why, pr);
        taken = 0;
    } else s->submitted = true, s->failing = 0;
    problems_free(&why);
    arena_free(a);
    return taken;
}

/* ---- ends ---- */

static bool ended(launcher *l, trial *t, ending *out)
{
    slurm *s = (slurm *)l;
    task_record r;
    look_again(s);
    const bool there = task_record_read(t->dir, &r, s->w->memory) && r.list == t->list;
    const bool lost = s->looked - t->seen > (s->stopping ? 0 : lost_after * s->poll);
    if (!(there && r.ended) && !lost && !s->gave_up) return false;
    if (there) *out = r.end;
    if (!there || !r.ended) {
        out->status = STOPPED;
        if (t->interruptions == MOST_INTERRUPTIONS)
            out->because = arena_printf(s->w->memory, "its jobs ended %d times without a result (%s-%lld.txt)", MOST_INTERRUPTIONS + 1,
                                        list_path(s, t->list, s->w->memory), (long long)t->line);
    }
    out->seconds = there && out->seconds > t->seconds ? out->seconds - t->seconds : 0;
    return true;
}

typedef struct ids { arena *memory; int n; char *id[1024]; } ids;

static void collect(void *context, int64_t list, int64_t line, const char *id)
{
    ids *x = context;
    (void)list, (void)line;
    for (int i = 0; i < x->n; i++)
        if (!strcmp(x->id[i], id)) return;
    if (x->n < 1023) x->id[x->n++] = arena_strdup(x->memory, id);
}

static void take_lists_back(slurm *s)
{
    DIR *d = opendir(s->dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat about;
        const bool empty = strstr(e->d_name, ".txt") && fstatat(dirfd(d), e->d_name, &about, 0) == 0 && about.st_size == 0;
        if (task_list_number(e->d_name) || empty) unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d) closedir(d);
}

static void stop(launcher *l, bool hard)
{
    slurm *s = (slurm *)l;
    if (hard) {
        s->gave_up = true;
        return;
    }
    s->stopping = true;
    take_lists_back(s);              /* so no job puts itself back */
    problems pr = { 0 };
    text said = { 0 };
    ids x = { .memory = arena_new(), .n = 1, .id = { "scancel" } };
    if (look(s, collect, &x, &pr) < 0 || (x.n > 1 && command_run(x.id, command_limit, &said, &pr) < 0)) problems_print(&pr, stderr);
    s->looked = 0;
    text_free(&said);
    problems_free(&pr);
    arena_free(x.memory);
}

static void close_down(launcher *l)
{
    slurm *s = (slurm *)l;
    take_lists_back(s);
    unlink(path_join(s->w->memory, s->dir, "run"));
    rmdir(s->dir);
}

/* ---- beginning ---- */

static int by_list(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return x->list < y->list ? -1 : x->list > y->list;
}

static int read_lists(slurm *s, problems *pr)
{
    arena *a = s->w->memory;
    DIR *d = opendir(s->dir);
    int64_t room = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        const int64_t list = task_list_number(e->d_name);
        if (!list) continue;
        if (s->n_entries == room) {
            room = room ? 2 * room : 16;
            s->entry = arena_grow(a, s->entry, (size_t)s->n_entries, (size_t)room, sizeof *s->entry);
        }
        entry *x = &s->entry[s->n_entries];
        x->list = list;
        if (task_list_read(path_join(a, s->dir, e->d_name), &x->l, a, pr) < 0) break;
        s->n_entries++;
        if (list > s->last) s->last = list;
    }
    if (d) closedir(d);
    if (s->n_entries) qsort(s->entry, (size_t)s->n_entries, sizeof *s->entry, by_list);
    return pr->n ? -1 : 0;
}

static void nobody(void *context, int64_t list, int64_t line, const char *id) { (void)context, (void)list, (void)line, (void)id; }

launcher *slurm_launcher(sweep *w, const sweep_options *o, problems *pr)
{
    arena *a = w->memory;
    char self[4096], hex[DIGEST_HEX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    slurm *s = arena_alloc(a, 1, sizeof *s);
    *s = (slurm){ .base = { .tick = 0.5, .grace = 120, .start = start, .ended = ended, .stop = stop, .close = close_down }, .w = w,
                  .self = arena_strdup(a, self), .poll = (double)o->poll, .threads = o->threads > 0 ? o->threads : 1, .options = o->slurm_options };
    s->base.at_once = o->at_once > 0 && o->at_once < MOST_AT_ONCE ? o->at_once : MOST_AT_ONCE;
    s->dir = path_join(a, path_absolute(a, w->dir), "slurm");
    digest_bytes(s->dir, strlen(s->dir), hex);
    s->name = arena_printf(a, "heft-%.12s", hex);
    if (file_mkdirs(s->dir, pr) < 0 || read_lists(s, pr) < 0 || look(s, nobody, NULL, pr) < 0) return NULL;
    return &s->base;
}
