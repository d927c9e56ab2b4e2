/* process.c -- a trial's process on this machine: started, limited, and why it ended; and the launcher of such */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "compute/compute.h"
#include "run/run.h"
#include "sweep/inside.h"

enum { OUTPUT_SEEN = 1 << 16, NOT_STARTED = 127 };
static const double grace = 2;       /* from being asked to end to being made to */

limits limits_of(const space *s) { return (limits){ s->seconds, s->memory }; }

int cores_list(int most, int *core)
{
    cpu_set_t set;
    int n = 0;
    if (sched_getaffinity(0, sizeof set, &set) < 0) CPU_ZERO(&set);
    for (int i = 0; i < CPU_SETSIZE && n < most; i++)
        if (CPU_ISSET(i, &set)) core[n++] = i;
    compute_init(0, COMPUTE_F32);
    if (n > compute_threads()) n = compute_threads();
    if (!n) core[n++] = 0;
    return n;
}

static int (*program)(int argc, char **argv);

void sweep_program(int (*verb)(int argc, char **argv)) { program = verb; }

/* In the child. */
_Noreturn static void become(char **argv, int out, pid_t parent, const cpu_set_t *cores, bool pinned, const limits *l)
{
    char name[16];                               /* what ps and top call it */
    snprintf(name, sizeof name, "heft %s", argv[0]);
    prctl(PR_SET_NAME, name);
    /* A trial does not outlive its sweep, hung or not; what it saved stands (R2). */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(NOT_STARTED);
    setpgid(0, 0);                               /* the terminal's signals are for the sweep, which passes them on */
    if (pinned) sched_setaffinity(0, sizeof *cores, cores);
    if (l->memory) setrlimit(RLIMIT_DATA, &(struct rlimit){ (rlim_t)l->memory, (rlim_t)l->memory });
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    const int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || close_range(3, ~0U, 0) < 0) _exit(NOT_STARTED);
    int argc = 0;
    while (argv[argc]) argc++;
    provenance_command(argv);
    const int code = program(argc, argv);
    fflush(NULL);
    _exit(code);
}

/* No exec: a process that begins anew spends more than a small trial takes on its libraries, on trying plugins, and on oneDNN's first kernel. */
pid_t process_start(char **argv, int out, const limits *l, int n, const int *core)
{
    fflush(NULL);
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (int i = 0; i < n; i++) CPU_SET(core[i], &cores);
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0) become(argv, out, parent, &cores, n > 0, l);
    return pid;
}

int trial_start(trial *t, const limits *l, int n, const int *core)
{
    arena *a = arena_new();
    const int out = open(arena_printf(a, "%s.txt", t->dir), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out < 0) {
        arena_free(a);
        return -1;
    }
    char *argv[10] = { "train", arena_printf(a, "%s.yaml", t->dir), "--run", (char *)t->dir, "--resume", "--threads", arena_printf(a, "%d", n) };
    if (t->until != TO_THE_END) {
        argv[7] = "--until-epoch";
        argv[8] = arena_printf(a, "%lld", (long long)t->until);
    }
    const pid_t pid = process_start(argv, out, l, n, core);
    const int error = errno;
    close(out);
    arena_free(a);
    errno = error;
    if (pid < 0) return -1;
    t->pid = pid;
    t->began = clock_seconds();
    t->sent = 0;
    t->because = NULL;
    return 0;
}

static void check_time(trial *t, double limit, arena *a)
{
    const double spent = t->seconds + clock_seconds() - t->began;
    if (limit <= 0 || spent <= limit) return;
    if (!t->sent) {
        t->because = arena_printf(a, "took longer than its limit of %g s", limit);
        kill(t->pid, t->sent = SIGTERM);
    } else if (spent > limit + grace && t->sent != SIGKILL) kill(t->pid, t->sent = SIGKILL);
}

bool trial_ended(trial *t, const limits *l, arena *a, ending *out)
{
    struct rusage use;
    if (wait4(t->pid, &out->status, WNOHANG, &use) != t->pid) {
        check_time(t, l->seconds, a);
        return false;
    }
    out->max_rss = (int64_t)use.ru_maxrss * 1024;
    out->seconds = clock_seconds() - t->began;
    out->because = t->because;
    return true;
}

static sigset_t child_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return set;
}

void watch_children(sigset_t *before)
{
    const sigset_t child = child_signal();
    sigprocmask(SIG_BLOCK, &child, before);
}

void wait_for_child(double seconds)
{
    const sigset_t child = child_signal();
    const struct timespec most = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
    sigtimedwait(&child, NULL, &most);
}

int hold_run(const char *dir)
{
    arena *a = arena_new();
    const int fd = open(path_join(a, dir, "lock"), O_RDWR | O_CLOEXEC), failed = fd < 0 ? -1 : flock(fd, LOCK_EX | LOCK_NB), error = errno;
    arena_free(a);
    if (!failed) return fd;
    if (fd >= 0) close(fd);
    errno = error;
    return -1;
}

bool trial_busy(const trial *t)
{
    const int fd = hold_run(t->dir);
    if (fd >= 0) close(fd);
    return fd < 0 && errno == EWOULDBLOCK;
}

/* ---- why ---- */

/* The last line that says error, without its place; else the last that says anything. */
static char *last_words(const trial *t, arena *a)
{
    char *bytes = arena_alloc(a, OUTPUT_SEEN + 1, 1), *said = "";
    const int fd = open(arena_printf(a, "%s.txt", t->dir), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return said;
    const off_t end = lseek(fd, 0, SEEK_END);
    const ssize_t n = pread(fd, bytes, OUTPUT_SEEN, end > OUTPUT_SEEN ? end - OUTPUT_SEEN : 0);
    close(fd);
    if (n <= 0) return said;
    bool error = false;
    char *save = NULL;
    for (char *line = strtok_r(bytes, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *at = strstr(line, "error: ");
        if (at) said = at + 7, error = true;
        else if (!error && *line) said = line;
    }
    return said;
}

bool ending_interrupted(const ending *e)
{
    if (e->because) return false;
    if (!WIFSIGNALED(e->status)) return WEXITSTATUS(e->status) == 75;
    const int s = WTERMSIG(e->status);
    return s == SIGKILL || s == SIGTERM || s == SIGINT || s == SIGHUP || s == SIGUSR1 || s == SIGXCPU;
}

const char *trial_reason(const trial *t, const ending *e, int64_t memory, arena *a)
{
    char size[32], *limit = "";
    if (memory && e->max_rss > memory / 2) {
        text_bytes((double)memory, size);
        limit = arena_printf(a, ", near its memory limit of %s", size);
    }
    if (e->because) return arena_strdup(a, e->because);
    if (WIFSIGNALED(e->status)) {
        const char *name = sigabbrev_np(WTERMSIG(e->status));
        return arena_printf(a, "killed by SIG%s%s", name ? name : "?", limit);
    }
    const char *words = last_words(t, a);
    if (WEXITSTATUS(e->status) == NOT_STARTED && !*words) return "its process could not be started";
    return *words ? arena_printf(a, "%s%s", words, limit) : arena_printf(a, "exit code %d%s", WEXITSTATUS(e->status), limit);
}

/* ---- the launcher ---- */

typedef struct local {
    launcher base;
    sweep   *w;
    limits   limits;
    int      threads, n_cores, core[MOST_CORES];
    trial   *running[MOST_AT_ONCE];  /* by slot; NULL: free */
    int      n_running, refused;     /* starts in a row that the system refused */
} local;

static int start(launcher *l, int n, trial *const *t, problems *pr)
{
    local *x = (local *)l;
    for (int k = 0; k < n; k++) {
        int slot = 0, core[MOST_CORES];
        while (x->running[slot]) slot++;
        for (int i = 0; i < x->threads; i++) core[i] = x->core[(slot * x->threads + i) % x->n_cores];
        if (trial_start(t[k], &x->limits, x->threads, core) < 0) {
            if (++x->refused == 100 && !x->n_running) problems_system(pr, t[k]->dir, "its process cannot be started", errno);
            return k;
        }
        x->refused = 0;
        x->n_running++;
        t[k]->slot = slot;
        x->running[slot] = t[k];
    }
    return n;
}

static bool ended(launcher *l, trial *t, ending *out)
{
    local *x = (local *)l;
    if (!trial_ended(t, &x->limits, x->w->memory, out)) return false;
    x->running[t->slot] = NULL;
    x->n_running--;
    return true;
}

static void stop(launcher *l, bool hard)
{
    local *x = (local *)l;
    for (int i = 0; i < l->at_once; i++)
        if (x->running[i]) kill(x->running[i]->pid, hard ? SIGKILL : SIGTERM);
}

/* What the first product of a process makes is there before its children are. */
static void warm(void)
{
    enum { SIDE = 64 };
    static float a[SIDE * SIDE], b[SIDE * SIDE], c[SIDE * SIDE];
    for (int transposed = 0; transposed < 2; transposed++)
        compute_host()->gemm(transposed, false, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, c, SIDE);
}

launcher *local_launcher(sweep *w, const sweep_options *o, problems *pr)
{
    if (slurm_has(w->dir)) {
        problems_add(pr, (place){ w->dir, 0, 0 }, "its trials are with Slurm, and may be at work; go on with --launcher slurm, or end its jobs (scancel) and "
                     "remove %s/slurm", w->dir);
        return NULL;
    }
    local *x = arena_alloc(w->memory, 1, sizeof *x);
    *x = (local){ .base = { .tick = 0.1, .grace = 10, .start = start, .ended = ended, .stop = stop }, .w = w, .limits = limits_of(w->space) };
    x->n_cores = cores_list(MOST_CORES, x->core);
    warm();
    if (o->threads <= 0) pilot_run(w, o->at_once, x->n_cores, x->core);
    else {
        w->division.threads = o->threads < x->n_cores ? o->threads : x->n_cores;
        w->division.at_once = o->at_once > 0 ? o->at_once : x->n_cores / w->division.threads;
    }
    if (w->division.at_once > MOST_AT_ONCE) w->division.at_once = MOST_AT_ONCE;
    x->threads = w->division.threads;
    x->base.at_once = w->division.at_once;
    return &x->base;
}
