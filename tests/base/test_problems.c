#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/problems.h"
#include "base/text.h"

static void expect_print(problems *pr, const char *expected)
{
    char *s = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&s, &n);
    problems_print(pr, f);
    fclose(f);
    assert_string_equal(s, expected);
    free(s);
    problems_free(pr);
    assert_int_equal(pr->n, 0);
}

static void order_and_caret(void **state)
{
    (void)state;
    char dir[] = "/tmp/heft-problems-XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    problems pr = { 0 };
    static const char content[] = "first\n  units: 0\r\n\tx: \xc3\xa9\xe2\x82\xac\ty z\nlast";
    assert_int_equal(file_publish("b.yaml", content, strlen(content), &pr), 0);
    char name[] = "b.yaml";
    problems_add(&pr, (place){ name, 4, 5 }, "at the end");
    problems_add(&pr, (place){ name, 2, 10 }, "later in line %d", 2);
    problems_add(&pr, (place){ name, 2, 3 }, "early");
    problems_add(&pr, (place){ name, 2, 3 }, "at the same place, said second");
    problems_add(&pr, (place){ name, 0, 0 }, "of the whole");
    problems_add(&pr, (place){ name, 3, 8 }, "behind two characters of five bytes");
    problems_add(&pr, (place){ name, 9, 1 }, "beyond the end");
    problems_add(&pr, (place){ "a.h5:/layers/x", 0, 0 }, "of another");
    problems_add(&pr, (place){ 0 }, "of nothing");
    name[0] = '?';                               /* places are copied */
    expect_print(&pr, "heft: error: of nothing\n"
                      "a.h5:/layers/x: error: of another\n"
                      "b.yaml: error: of the whole\n"
                      "b.yaml:2:3: error: early\n    units: 0\n    ^\n"
                      "b.yaml:2:3: error: at the same place, said second\n    units: 0\n    ^\n"
                      "b.yaml:2:10: error: later in line 2\n    units: 0\n           ^\n"
                      "b.yaml:3:8: error: behind two characters of five bytes\n  \tx: \xc3\xa9\xe2\x82\xac\ty z\n  \t     \t^\n"
                      "b.yaml:4:5: error: at the end\n  last\n      ^\n"
                      "b.yaml:9:1: error: beyond the end\n");
    unlink("b.yaml");
    assert_int_equal(chdir("/"), 0);
    rmdir(dir);
}

/* What a file holds must not speak to the terminal. */
/* Of a line of a million characters what is around the place, wherever that is. */
static void long_lines_are_cut(void **state)
{
    (void)state;
    enum { N = 1000000 };
    char name[] = "/tmp/heft-problems-XXXXXX";
    const int fd = mkstemp(name);
    problems pr = { 0 };
    text line = { 0 }, expected = { 0 };
    for (int i = 0; i < N / 10; i++) text_add(&line, "012345678\xc3\xa9");
    assert_true(fd >= 0 && write(fd, line.s, line.n) == (ssize_t)line.n);
    close(fd);
    static const struct { int column, first, n; const char *before, *behind; } cases[] = {
        { 1, 0, 16, "", "..." }, { 81, 0, 16, "", "..." }, { 91, 1, 16, "...", "..." }, { N - 9, N / 10 - 9, 9, "...", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int column = cases[i].column;      /* rows of ten characters begin at 1, 11, ... */
        problems_add(&pr, (place){ name, 1, column }, "here");
        text_printf(&expected, "%s:1:%d: error: here\n  %s", name, column, cases[i].before);
        for (int k = 0; k < cases[i].n; k++) text_add(&expected, "012345678\xc3\xa9");
        text_printf(&expected, "%s\n  %*s^\n", cases[i].behind, (int)strlen(cases[i].before) + column - 1 - 10 * cases[i].first, "");
        expect_print(&pr, expected.s);
        text_free(&expected);
    }
    text_free(&line);
    unlink(name);
}

static void control_characters_are_hidden(void **state)
{
    (void)state;
    problems pr = { 0 };
    char name[] = "/tmp/heft-problems-XXXXXX", expected[256];
    const int fd = mkstemp(name);
    assert_true(fd >= 0 && write(fd, "a: \x1b[2J\x7f\tb\n", 11) == 11);
    close(fd);
    problems_add(&pr, (place){ name, 1, 4 }, "found 'x\x1b[0m\ny\xc3\xa9'");
    problems_add(&pr, (place){ "a\x1b", 0, 0 }, "of a file");
    snprintf(expected, sizeof expected, "%s:1:4: error: found 'x?[0m?y\xc3\xa9'\n  a: ?[2J?\tb\n     ^\na?: error: of a file\n", name);
    expect_print(&pr, expected);
    unlink(name);
}

static void twenty_are_shown(void **state)
{
    (void)state;
    problems pr = { 0 };
    text all = { 0 };
    for (int i = 0; i < 20; i++) {
        problems_add(&pr, (place){ "none", 0, 0 }, "number %d", i);
        text_printf(&all, "none: error: number %d\n", i);
    }
    expect_print(&pr, all.s);
    for (int i = 0; i < 23; i++) problems_add(&pr, (place){ "none", 0, 0 }, "number %d", i);
    text_add(&all, "heft: 3 more errors\n");
    expect_print(&pr, all.s);
    for (int i = 0; i < 21; i++) problems_add(&pr, (place){ "none", 0, 0 }, "number %d", i);
    all.n -= strlen("heft: 3 more errors\n");
    text_add(&all, "heft: 1 more error\n");
    expect_print(&pr, all.s);
    text_free(&all);
    expect_print(&pr, "");
}

static void system_errors(void **state)
{
    (void)state;
    problems pr = { 0 };
    problems_system(&pr, "runs/a", "cannot be opened", 2);
    expect_print(&pr, "runs/a: error: cannot be opened: No such file or directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_caret), cmocka_unit_test(long_lines_are_cut), cmocka_unit_test(control_characters_are_hidden),
        cmocka_unit_test(twenty_are_shown), cmocka_unit_test(system_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
