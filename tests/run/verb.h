/* verb.h -- a verb run in the test's process, and what it says */
#ifndef HEFT_TESTS_RUN_VERB_H
#define HEFT_TESTS_RUN_VERB_H

#include "run/scratch.h"

#include "cli/cli.h"

/* heft show with these arguments (NULL ends them), its output in the files out and err. */
static int show_list(const char *const *args)
{
    char *argv[12] = { "show" };
    int argc = 1;
    for (; *args; args++) argv[argc++] = (char *)*args;
    fflush(stdout);
    fflush(stderr);
    const int out = dup(1), err = dup(2);
    assert_true(freopen("out", "w", stdout) && freopen("err", "w", stderr));
    const int code = verb_show(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    return code;
}

#define show(...) show_list((const char *const[]){ __VA_ARGS__, NULL })

static void expect_in(const char *file, const char *const *part)
{
    char *got = slurp(file, NULL);
    for (; *part; part++)
        if (!strstr(got, *part)) fail_msg("no '%s' in %s:\n%s", *part, file, got);
    block_free(got);
}

#define SAYS(file, ...) expect_in(file, (const char *const[]){ __VA_ARGS__, NULL })

#endif
