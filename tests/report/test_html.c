#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "report/html.h"

/* The marks of the upright scale, each with a space behind. */
static const struct { const char *name; double y[3]; const char *marks; } scales[] = {
    { "linear", { 0, 1, 2 }, "0 0.5 1 1.5 2 " },
    { "on both sides of zero", { -0.6, 0.1, 0.4 }, "-0.6 -0.4 -0.2 0 0.2 0.4 " },
    { "logarithmic", { 2, 30, 1000 }, "10 100 1000 " },
    { "every other decade", { 1e-4, 1, 1e5 }, "0.0001 0.01 1 100 10000 " },
    { "flat", { 3, 3, 3 }, "3 " },
    { "told apart by rounding", { 1, 1, 1 + DBL_EPSILON }, "1 " },
    { "below zero", { -3, -3, -3 + 4 * DBL_EPSILON }, "-3 " },
    { "next to the largest", { 0, 1, DBL_MAX }, "0 5e+307 1e+308 1.5e+308 " },
    { "wider than can be said", { -DBL_MAX, 1, DBL_MAX }, "" },
    { "next to zero", { 0, 0, 5e-324 }, "" },
};

static void marks_of(const char *page, char *to, size_t room)
{
    static const char begin[] = "<text class=r ";
    *to = 0;
    for (const char *at = page; (at = strstr(at, begin)); at++) {
        const char *s = strchr(at, '>') + 1;
        strncat(to, s, strcspn(s, "<") < room - strlen(to) - 2 ? strcspn(s, "<") : 0);
        strcat(to, " ");
    }
}

static void marks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        text page = { 0 };
        char found[200];
        html_curves(&page, "loss", 1, &(curve){ "loss", -1, 3, (double[]){ 1, 2, 3 }, scales[i].y });
        marks_of(page.s, found, sizeof found);
        if (strcmp(found, scales[i].marks)) fail_msg("%s: '%s', expected '%s'", scales[i].name, found, scales[i].marks);
        text_free(&page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(marks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
