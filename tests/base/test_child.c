/* test_child.c -- children that answer, hang, spin, talk on, crash; and one that is stopped for longer than it may take */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"

enum { SOON_MS = 400, LATE_MS = 30000 };

static void answers(void *context, int fd) { dprintf(fd, "%s", (const char *)context); }

static void hangs(void *context, int fd)
{
    answers(context, fd);
    for (;;) pause();
}

static void talks_on(void *context, int fd)
{
    for (;; usleep(5000)) answers(context, fd);
}

static void spins(void *context, int fd)
{
    answers(context, fd);
    for (volatile bool on = true; on;) {}
}

static void crashes(void *context, int fd)
{
    answers(context, fd);
    abort();
}

static void takes_a_while(void *context, int fd)
{
    usleep(1000 * SOON_MS / 2);
    answers(context, fd);
}

static const struct { const char *name; void (*run)(void *, int); child_limit limit; bool in_time; int signal; } cases[] = {
    { "answers", answers, { LATE_MS }, true, 0 },
    { "hangs", hangs, { SOON_MS }, false, SIGKILL },
    { "hangs, without processor time", hangs, { SOON_MS, LATE_MS }, false, SIGKILL },
    { "talks on", talks_on, { SOON_MS }, false, SIGKILL },
    { "spins", spins, { SOON_MS }, false, SIGKILL },
    { "spins, by processor time", spins, { 100 * LATE_MS, SOON_MS }, false, SIGPROF },
    { "crashes", crashes, { LATE_MS, LATE_MS }, true, SIGABRT },
};

static void ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problems pr = { 0 };
        child_end e;
        assert_int_equal(child_run(cases[i].run, "word", cases[i].limit, "p", &e, &pr), 0);
        const int signal = WIFSIGNALED(e.status) ? WTERMSIG(e.status) : 0;
        if (pr.n || e.in_time != cases[i].in_time || signal != cases[i].signal || !e.said.s || strncmp(e.said.s, "word", 4))
            fail_msg("%s: %s, signal %d, said '%s'", cases[i].name, e.in_time ? "in time" : "late", signal, e.said.s ? e.said.s : "");
        text_free(&e.said);
    }
}

/* As by Ctrl-Z: both processes stand still, for three times as long as the child may take. */
static void stopped(void **state)
{
    (void)state;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        problems pr = { 0 };
        child_end e;
        setpgid(0, 0);
        _exit(child_run(takes_a_while, "word", (child_limit){ SOON_MS }, "p", &e, &pr) == 0 && e.in_time && !strcmp(e.said.s, "word") ? 0 : 1);
    }
    setpgid(pid, pid);
    usleep(50000);
    assert_int_equal(kill(-pid, SIGSTOP), 0);
    usleep(3000 * SOON_MS);
    assert_int_equal(kill(-pid, SIGCONT), 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ends), cmocka_unit_test(stopped) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
