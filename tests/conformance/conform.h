/* conform.h -- every built plugin of a kind through the checks of `heft plugins check`, a cmocka test each
 *
 * Nothing here knows a plugin by name: a new one is taken as it comes.  PART OF on the command line: every OF-th of them, from PART on.
 */
#ifndef HEFT_TESTS_CONFORM_H
#define HEFT_TESTS_CONFORM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/check.h"

static inline void conform_verdict(void *context, const verdict *v)
{
    int *checks = context;
    ++*checks;
    if (v->result == VERDICT_FAIL)
        print_error("FAIL %s\n  check     %s\n  case      %s\n  expected  %s\n  seen      %s\n  look      %s\n", v->subject, v->check,
                    v->where, v->expected, v->seen, v->look);
}

static inline void conform_one(void **state)
{
    const plugin_file *file = *state;
    problems pr = { 0 };
    int verdicts = 0;
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const int failures = check_plugin(r, file->path, NULL, conform_verdict, &verdicts, &pr);
    for (size_t i = 0; i < pr.n; i++) print_error("%s\n", pr.item[i].text);
    problems_free(&pr);
    registry_free(r);
    if (failures || verdicts < 5) fail_msg("%s: %d of %d verdicts are failures", file->path, failures, verdicts);
}

static inline int conform_run(const char *group, heft_kind kind, int argc, char **argv)
{
    arena *a = arena_new();
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const plugin_file *file;
    const size_t n = registry_files(r, &file);
    struct CMUnitTest *tests = arena_alloc(a, n, sizeof *tests);
    const size_t part = argc == 3 ? strtoul(argv[1], NULL, 10) : 0, of = argc == 3 ? strtoul(argv[2], NULL, 10) : 1;
    size_t m = 0, seen = 0;
    for (size_t i = 0; i < n; i++)
        if (!strncmp(file[i].path, PLUGIN_DIR "/", sizeof PLUGIN_DIR) && file[i].kind == kind && seen++ % of == part)
            tests[m++] = (struct CMUnitTest){ .name = file[i].name, .test_func = conform_one, .initial_state = (void *)&file[i] };
    int failed = 1;
    if (m) failed = _cmocka_run_group_tests(group, tests, m, NULL, NULL);
    else fprintf(stderr, "no plugins in %s\n", PLUGIN_DIR);
    registry_free(r);
    arena_free(a);
    return failed;
}

#endif
