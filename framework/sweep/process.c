/* process.c -- a trial's process: started, limited, and why it ended */
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
#include "sweep/inside.h"

enum { OUTPUT_SEEN = 1 << 16, NOT_STARTED = 127 };

int cores_list(int most, int *core)
{
    cpu_set_t set;
    int n = 0;
    if (sched_getaffinity(0, sizeof set, &set) < 0) return 0;
    for (int i = 0; i < CPU_SETSIZE && n < most; i++)
        if (CPU_ISSET(i, &set)) core[n++] = i;
    return n;
}

/* In the child: nothing but system calls. */
_Noreturn static void become(char *const *argv, int out, pid_t parent, const cpu_set_t *cores, bool pinned, const limits *l)
{
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
    if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(NOT_STARTED);
    execv("/proc/self/exe", argv);
    _exit(NOT_STARTED);
}

int trial_start(trial *t, const limits *l, int n, const int *core)
{
    arena *a = arena_new();
    const int out = open(arena_printf(a, "%s.txt", t->dir), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out < 0) {
        arena_free(a);
        return -1;
    }
    char *argv[9] = { "heft", "train", arena_printf(a, "%s.yaml", t->dir), "--run", (char *)t->dir, "--resume" };
    if (t->until != TO_THE_END) {
        argv[6] = "--until-epoch";
        argv[7] = arena_printf(a, "%lld", (long long)t->until);
    }
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (int i = 0; i < n; i++) CPU_SET(core[i], &cores);
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0) become(argv, out, parent, &cores, n > 0, l);
    const int error = errno;
    close(out);
    arena_free(a);
    errno = error;
    if (pid < 0) return -1;
    t->pid = pid;
    t->began = clock_seconds();
    t->attempts++;
    t->sent = 0;
    t->because = NULL;
    t->state = TRIAL_RUNNING;
    return 0;
}

bool trial_ended(const trial *t, int *status, int64_t *max_rss)
{
    struct rusage use;
    if (wait4(t->pid, status, WNOHANG, &use) != t->pid) return false;
    *max_rss = (int64_t)use.ru_maxrss * 1024;
    return true;
}

bool trial_busy(const trial *t)
{
    arena *a = arena_new();
    const int fd = open(path_join(a, t->dir, "lock"), O_RDWR | O_CLOEXEC);
    const bool busy = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (fd >= 0) close(fd);
    arena_free(a);
    return busy;
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

const char *trial_reason(const trial *t, int status, bool near_memory, int64_t memory, arena *a)
{
    char size[32], *limit = "";
    if (near_memory) {
        text_bytes((double)memory, size);
        limit = arena_printf(a, ", near its memory limit of %s", size);
    }
    if (t->because) return t->because;
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        return arena_printf(a, "killed by SIG%s%s", name ? name : "?", limit);
    }
    const char *words = last_words(t, a);
    if (WEXITSTATUS(status) == NOT_STARTED && !*words) return "its process could not be started";
    return *words ? arena_printf(a, "%s%s", words, limit) : arena_printf(a, "exit code %d%s", WEXITSTATUS(status), limit);
}
