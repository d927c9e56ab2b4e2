/* probe.c -- load a file in a child process first: a damaged one can kill its loader, a constructor can do
 * anything */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "plugin/load.h"

/* The child answers with '+', or '-' and its refusals a line each: at most this, which a pipe takes without a
 * reader. */
enum { ANSWER = 4096 };

static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTERM, SIGALRM };

_Noreturn static void child(heft_kind kind, const char *path, int answer)
{
    /* Nothing of the parent's can be reached from here: not its files, its output, its handlers. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
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

    problems pr = { 0 };
    text t = { 0 };
    text_add(&t, descriptor_open(kind, path, &pr) ? "+" : "-");
    for (size_t i = 0; i < pr.n; i++) text_printf(&t, "%s\n", pr.item[i].text);
    const size_t n = t.n < ANSWER ? t.n : ANSWER;
    _exit(write(3, t.s, n) == (ssize_t)n ? 0 : 1);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What the child says until it ends; false if it does not in time. */
static bool listen_to(int fd, int limit_ms, text *out)
{
    const int64_t end = now_ms() + limit_ms;
    for (;;) {
        const int64_t left = end - now_ms();
        struct pollfd p = { fd, POLLIN, 0 };
        if (left <= 0 || (poll(&p, 1, (int)left) == 0)) return false;
        if (!p.revents) continue;                /* a signal of the parent's own */
        char bytes[ANSWER];
        const ssize_t n = read(fd, bytes, sizeof bytes);
        if (n > 0) text_add_n(out, bytes, (size_t)n);
        else if (n == 0 || errno != EINTR) return true;
    }
}

static void report(const text *answer, place at, problems *pr)
{
    for (const char *p = answer->s + 1; *p;) {
        const size_t n = strcspn(p, "\n");
        if (n) problems_add(pr, at, "%.*s", (int)n, p);
        p += n + (p[n] == '\n');
    }
}

static int judge(const text *answer, bool ended, int status, int limit_ms, place at, problems *pr)
{
    if (answer->n && answer->s[0] == '+') return 0;
    if (answer->n && answer->s[0] == '-') {
        report(answer, at, pr);
        return -1;
    }
    if (!ended)
        problems_add(pr, at, "loading it did not end within %g s (a constructor hangs)", limit_ms / 1000.0);
    else if (WIFSIGNALED(status)) {
        const int s = WTERMSIG(status);
        const char *name = sigabbrev_np(s);
        problems_add(pr, at, "loading it kills the process with SIG%s (%s)", name ? name : "?",
                     s == SIGBUS ? "the file may be damaged" : s == SIGABRT ? "a constructor aborts" : strsignal(s));
    } else problems_add(pr, at, "loading it ends the process with status %d", WEXITSTATUS(status));
    return -1;
}

int probe(heft_kind kind, const char *path, int limit_ms, problems *pr)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        problems_system(pr, path, "no pipe to the process that tries it", errno);
        return -1;
    }
    const pid_t pid = fork();
    if (pid < 0) {
        problems_system(pr, path, "no process to try it in", errno);
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (pid == 0) child(kind, path, ends[1]);
    close(ends[1]);
    text answer = { 0 };
    const bool ended = listen_to(ends[0], limit_ms, &answer);
    close(ends[0]);
    if (!ended) kill(pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    const int rc = judge(&answer, ended, status, limit_ms, (place){ path, 0, 0 }, pr);
    text_free(&answer);
    return rc;
}
