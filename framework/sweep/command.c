/* command.c -- a program of the system, without a shell and with a limit of time */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "sweep/inside.h"

enum { NOT_THERE = 127 };

/* In the child; fd is 3. */
static void become(void *context, int fd)
{
    char *const *argv = context;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0) _exit(1);
    close(fd);
    execvp(argv[0], argv);
    const int missing = errno == ENOENT;
    dprintf(1, "%s", strerror(errno));
    _exit(missing ? NOT_THERE : 1);
}

int command_run(char *const *argv, double seconds, text *out, problems *pr)
{
    child_end end;
    const place at = { argv[0], 0, 0 };
    if (child_run(become, (void *)argv, (child_limit){ .wall_ms = (int)(1000 * seconds) }, argv[0], &end, pr) < 0) return -1;
    char *s = end.said.s ? end.said.s : "";
    for (size_t n = strlen(s); n && (s[n - 1] == '\n' || s[n - 1] == ' '); n--) s[n - 1] = 0;
    const bool good = end.in_time && WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0;
    if (good) text_add(out, s);
    else if (!end.in_time) problems_add(pr, at, "no answer within %g s", seconds);
    else if (WIFSIGNALED(end.status)) problems_add(pr, at, "ended by signal %d", WTERMSIG(end.status));
    else if (WEXITSTATUS(end.status) == NOT_THERE) problems_add(pr, at, "not found among the programs (PATH); it comes with Slurm");
    else {
        for (char *c = s; *c; c++)
            if (*c == '\n') *c = ' ';
        problems_add(pr, at, "exit code %d: %s", WEXITSTATUS(end.status), *s ? s : "it said nothing");
    }
    text_free(&end.said);
    return good ? 0 : -1;
}
