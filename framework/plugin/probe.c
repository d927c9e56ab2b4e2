/* probe.c -- load a file in a child process first: a damaged one can kill its loader, a constructor can do
 * anything */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "plugin/load.h"

/* The child answers with '+', or '-' and its refusals a line each: at most this. */
enum { ANSWER = 4096 };

typedef struct attempt { heft_kind kind; const char *path; } attempt;

static void try_it(void *context, int answer)
{
    const attempt *a = context;
    problems pr = { 0 };
    text t = { 0 };
    text_add(&t, descriptor_open(a->kind, a->path, &pr) ? "+" : "-");
    for (size_t i = 0; i < pr.n; i++) text_printf(&t, "%s\n", pr.item[i].text);
    const size_t n = t.n < ANSWER ? t.n : ANSWER;
    _exit(write(answer, t.s, n) == (ssize_t)n ? 0 : 1);
}

static void report(const text *answer, place at, problems *pr)
{
    for (const char *p = answer->s + 1; *p;) {
        const size_t n = strcspn(p, "\n");
        if (n) problems_add(pr, at, "%.*s", (int)n, p);
        p += n + (p[n] == '\n');
    }
}

static int judge(const child_end *end, int limit_ms, place at, problems *pr)
{
    const text *answer = &end->said;
    if (answer->n && answer->s[0] == '+') return 0;
    if (answer->n && answer->s[0] == '-') {
        report(answer, at, pr);
        return -1;
    }
    if (!end->in_time)
        problems_add(pr, at, "loading it did not end within %g s (a constructor hangs)", limit_ms / 1000.0);
    else if (WIFSIGNALED(end->status)) {
        const int s = WTERMSIG(end->status);
        const char *name = sigabbrev_np(s);
        problems_add(pr, at, "loading it kills the process with SIG%s (%s)", name ? name : "?",
                     s == SIGBUS ? "the file may be damaged" : s == SIGABRT ? "a constructor aborts" : strsignal(s));
    } else problems_add(pr, at, "loading it ends the process with status %d", WEXITSTATUS(end->status));
    return -1;
}

int probe(heft_kind kind, const char *path, int limit_ms, problems *pr)
{
    child_end end;
    if (child_run(try_it, &(attempt){ kind, path }, child_patience(limit_ms), path, &end, pr) < 0) return -1;
    const int rc = judge(&end, limit_ms, (place){ path, 0, 0 }, pr);
    text_free(&end.said);
    return rc;
}
