#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* gcc's coverage is written where a process exits, and a child does not. */
#ifdef HEFT_COVERAGE
void __gcov_dump(void);
#define WRITE_COVERAGE() __gcov_dump()
#else
#define WRITE_COVERAGE() ((void)0)
#endif

static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTERM, SIGALRM, SIGPROF };

_Noreturn static void child(void (*run)(void *context, int fd), void *context, int answer, pid_t parent, int cpu_ms)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);           /* it died before that, and would be outlived */
    prctl(PR_SET_DUMPABLE, 0);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], SIG_DFL);
    const int nowhere = open("/dev/null", O_RDWR);
    bool ready = nowhere >= 0 && dup2(answer, 3) >= 0;
    for (int fd = 0; fd < 3; fd++) ready = ready && dup2(nowhere, fd) >= 0;
    if (!ready) {
        dprintf(answer, "-cannot be tried, since /dev/null cannot be opened: %s\n", strerror(errno));
        _exit(1);
    }
    closefrom(4);
    const struct itimerval most = { .it_value = { cpu_ms / 1000, cpu_ms % 1000 * 1000 } };
    if (cpu_ms) setitimer(ITIMER_PROF, &most, NULL);
    run(context, 3);
    WRITE_COVERAGE();
    _exit(0);
}

/* What the child says until it ends; false if it does not in time.  Time in which both were stopped (Ctrl-Z) counts as one look. */
static bool listen_to(int fd, int limit_ms, text *out)
{
    const double look = 0.1;
    double left = limit_ms / 1e3, last = clock_seconds();
    while (left > 0) {
        struct pollfd p = { fd, POLLIN, 0 };
        poll(&p, 1, (int)(1e3 * (left < look ? left : look)) + 1);
        const double now = clock_seconds();
        left -= now - last < look ? now - last : look;
        last = now;
        if (!p.revents) continue;                /* nothing yet, or a signal of the parent's own */
        char bytes[4096];
        const ssize_t n = read(fd, bytes, sizeof bytes);
        if (n > 0) text_add_n(out, bytes, (size_t)n);
        else if (n == 0 || errno != EINTR) return true;
    }
    return false;
}

child_limit child_patience(int cpu_ms)
{
    enum { TURNS = 10 };
    return (child_limit){ cpu_ms < INT_MAX / TURNS ? TURNS * cpu_ms : INT_MAX, cpu_ms };
}

int child_run(void (*run)(void *context, int fd), void *context, child_limit limit, const char *path, child_end *end, problems *pr)
{
    int ends[2];
    *end = (child_end){ 0 };
    if (pipe2(ends, O_CLOEXEC) < 0) {
        problems_system(pr, path, "no pipe to the process that tries it", errno);
        return -1;
    }
    const pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        problems_system(pr, path, "no process to try it in", errno);
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (pid == 0) child(run, context, ends[1], parent, limit.cpu_ms);
    close(ends[1]);
    end->in_time = listen_to(ends[0], limit.wall_ms, &end->said);
    close(ends[0]);
    if (!end->in_time) kill(pid, SIGKILL);
    while (waitpid(pid, &end->status, 0) < 0 && errno == EINTR) {}
    if (limit.cpu_ms && WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGPROF) end->in_time = false;
    return 0;
}

void signal_text(int signal, text *out)
{
    const char *name = sigabbrev_np(signal);
    text_printf(out, "signal %d (SIG%s)", signal, name ? name : "?");
}
