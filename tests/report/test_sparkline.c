#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "report/sweep_screen.h"

static const struct { const char *name; int n, width; double v[8]; const char *line; } cases[] = {
    { "nothing", 0, 8, { 0 }, "" },
    { "one", 1, 8, { 3 }, "▅" },
    { "rising", 4, 8, { 0, 1, 2, 3 }, "▁▃▆█" },
    { "the last", 5, 2, { 9, 9, 9, 1, 0 }, "█▁" },
    { "flat", 3, 8, { 2, 2, 2 }, "▅▅▅" },
    { "gaps", 4, 8, { 1, NAN, INFINITY, 2 }, "▁  █" },
};

static void lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text t = { 0 };
        sparkline(cases[i].n, cases[i].v, cases[i].width, &t);
        if (strcmp(t.s, cases[i].line)) fail_msg("%s: '%s', expected '%s'", cases[i].name, t.s, cases[i].line);
        text_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lines) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
