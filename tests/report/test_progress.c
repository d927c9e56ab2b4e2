/* The redrawn line and the line of an epoch, by a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "report/progress.h"

static double test_time;
static double test_clock(void) { return test_time; }

static char  *shown;
static size_t shown_n;

static FILE *open_shown(void)
{
    FILE *f = open_memstream(&shown, &shown_n);
    assert_non_null(f);
    fflush(f);                                   /* sets shown and shown_n */
    test_time = 1000;
    return f;
}

static void close_shown(FILE *f)
{
    fclose(f);
    free(shown);
    shown = NULL;
}

static int drawings(void)
{
    int n = 0;
    for (size_t i = 0; i < shown_n; i++) n += shown[i] == '\r';
    return n;
}

static const char *const names[] = { "accuracy", "top5_accuracy", "mean_absolute_error" };

static progress_now at(int64_t epoch, int64_t done, int n)
{
    static const double values[] = { 0.96314, 0.5, NAN };
    return (progress_now){ epoch, 10, done, 1000, epoch * 10 + done / 100, 0.12345, n, names, values };
}

static void a_drawing(void **state)
{
    (void)state;
    FILE *f = open_shown();
    progress *p = progress_new(f, true, 120, test_clock);
    progress_now now = at(1, 100, 3);
    progress_step(p, &now);
    assert_string_equal(shown, "\repoch 1/10 [===>                          ]  10 %  step 11  loss 0.1235  accuracy 0.9631"
                               "  top5_accuracy 0.5000\033[K");
    const size_t before = shown_n;
    test_time += 2;
    now = at(1, 500, 1);
    progress_step(p, &now);
    /* 400 samples in 2 s; 9,500 to go. */
    assert_string_equal(shown + before, "\repoch 1/10 [===============>              ]  50 %  step 15  loss 0.1235"
                                        "  accuracy 0.9631  200/s  48 s left\033[K");
    progress_end(p);
    close_shown(f);
}

static void at_most_ten_a_second(void **state)
{
    (void)state;
    FILE *f = open_shown();
    progress *p = progress_new(f, true, 80, test_clock);
    for (int i = 0; i < 1000; i++) {
        const progress_now now = at(1, i, 1);
        progress_step(p, &now);
        test_time += 0.001;
    }
    if (drawings() < 9 || drawings() > 11) fail_msg("%d drawings in a second", drawings());
    progress_end(p);
    close_shown(f);
}

static void never_wider_than_the_terminal(void **state)
{
    (void)state;
    for (int width = 1; width < 200; width++) {
        FILE *f = open_shown();
        progress *p = progress_new(f, true, width, test_clock);
        for (int i = 1; i <= 10; i++) {
            const size_t before = shown_n;
            const progress_now now = at(i, 100 * i, 3);
            progress_step(p, &now);
            const size_t n = shown_n - before - strlen("\r\033[K");
            if (n >= (size_t)width) fail_msg("%zu characters on a terminal of %d", n, width);
            test_time += 1e5;
        }
        progress_end(p);
        close_shown(f);
    }
}

static void figures_give_way(void **state)
{
    (void)state;
    static const struct { int width; const char *with, *without; } cases[] = {
        { 100, "top5_accuracy", "mean_absolute_error" },
        { 75, "  accuracy", "top5_accuracy" },
        { 60, "loss", "accuracy" },
        { 12, "epoch 1/10", "step" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *f = open_shown();
        progress *p = progress_new(f, true, cases[i].width, test_clock);
        const progress_now now = at(1, 100, 3);
        progress_step(p, &now);
        if (!strstr(shown, cases[i].with) || strstr(shown, cases[i].without))
            fail_msg("width %d: %s", cases[i].width, shown);
        progress_end(p);
        close_shown(f);
    }
}

static void nothing_is_drawn_elsewhere(void **state)
{
    (void)state;
    FILE *f = open_shown();
    progress *p = progress_new(f, false, 80, test_clock);
    const progress_now now = at(1, 100, 1);
    progress_step(p, &now);
    test_time += 1;
    progress_step(p, &now);
    progress_clear(p);
    fflush(f);
    assert_int_equal(shown_n, 0);
    const double values[] = { 0.1234, 0.9631, NAN, 1e-3 };
    static const char *const columns[] = { "loss", "accuracy", "val_loss", "lr" };
    const char *line = progress_epoch(p, 3, 10, 4, columns, values, 4.2, 14285.2);
    assert_string_equal(line, "epoch 3/10  loss 0.1234  accuracy 0.9631  val_loss nan  lr 0.001  4.2 s  14,285/s");
    assert_string_equal(shown, "epoch 3/10  loss 0.1234  accuracy 0.9631  val_loss nan  lr 0.001  4.2 s  14,285/s\n");
    progress_end(p);
    close_shown(f);
}

static void the_epoch_line_takes_the_place(void **state)
{
    (void)state;
    FILE *f = open_shown();
    progress *p = progress_new(f, true, 80, test_clock);
    const progress_now now = at(1, 100, 0);
    progress_step(p, &now);
    const size_t before = shown_n;
    progress_epoch(p, 1, 10, 0, NULL, NULL, 0, NAN);
    assert_string_equal(shown + before, "\r\033[Kepoch 1/10\n");
    const size_t after = shown_n;
    progress_step(p, &now);                      /* at once, although no tenth of a second has passed */
    assert_true(shown_n > after);
    progress_end(p);
    assert_string_equal(shown + shown_n - 4, "\r\033[K");
    close_shown(f);
}

static void values(void **state)
{
    (void)state;
    static const struct { double value; const char *shows; } cases[] = {
        { 0, " x 0.0000 " }, { 0.5, " x 0.5000 " }, { -0.25, " x -0.2500 " }, { 0.0012345, " x 0.001234 " },
        { 123.45678, " x 123.4568 " }, { 48765.4321, " x 48765.4 " }, { 1.5e9, " x 1.5e+09 " }, { INFINITY, " x inf " },
        { NAN, " x nan " }, { -NAN, " x nan " },
    };
    progress *p = progress_new(stderr, false, 80, test_clock);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const char *const x[] = { "x", "y" };
        const double v[] = { cases[i].value, 1 };
        const char *line = progress_line(p, 1, 1, 2, x, v, 0, 0);
        if (!strstr(line, cases[i].shows)) fail_msg("%g: %s", cases[i].value, line);
    }
    progress_end(p);
}

static void durations(void **state)
{
    (void)state;
    static const struct { double seconds; const char *shows; } cases[] = {
        { 0, "0.00 s" }, { 0.043, "0.04 s" }, { 0.999, "1.0 s" }, { 4.2, "4.2 s" }, { 9.97, "10 s" },
        { 59.4, "59 s" }, { 59.6, "1:00" }, { 83, "1:23" }, { 3599.7, "1:00:00" }, { 7425, "2:03:45" },
        { 86400 * 3 + 3600 * 4.5, "3 d 4 h" }, { NAN, "?" }, { -1, "?" }, { INFINITY, "?" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char got[32];
        progress_duration(cases[i].seconds, got);
        if (strcmp(got, cases[i].shows)) fail_msg("%g s: '%s', wanted '%s'", cases[i].seconds, got, cases[i].shows);
    }
}

static void time_left_over_epochs_of_one_step(void **state)
{
    (void)state;
    FILE *f = open_shown();
    progress *p = progress_new(f, true, 100, test_clock);
    for (int i = 1; i <= 5; i++) {
        const progress_now now = at(i, 1000, 0);
        progress_step(p, &now);
        test_time += 3;
    }
    assert_non_null(strstr(shown, "step 60  loss 0.1235  15 s left"));      /* 5 epochs to go at 3 s */
    progress_end(p);
    close_shown(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drawing), cmocka_unit_test(at_most_ten_a_second), cmocka_unit_test(never_wider_than_the_terminal),
        cmocka_unit_test(figures_give_way), cmocka_unit_test(nothing_is_drawn_elsewhere),
        cmocka_unit_test(the_epoch_line_takes_the_place), cmocka_unit_test(values), cmocka_unit_test(durations),
        cmocka_unit_test(time_left_over_epochs_of_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
