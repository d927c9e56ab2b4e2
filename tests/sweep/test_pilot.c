/* test_pilot.c -- which division of the cores is taken */
#include "harness.h"
#include "sweep/inside.h"

/* Rates of each trial, in samples a second, for trials of 1000 samples. */
typedef struct choice {
    const char *what;
    int64_t  left, most;
    int      n;
    division tried[4];
    int      expected;               /* its threads */
} choice;

static const choice choices[] = {
    { "many trials, threads that gain little", 24, 24, 2, { { 1, 4, 100 }, { 4, 1, 300 } }, 1 },
    { "many trials that take the memory's speed from each other", 24, 24, 2, { { 1, 4, 50 }, { 4, 1, 300 } }, 4 },
    { "one trial", 1, 1, 2, { { 1, 4, 100 }, { 4, 1, 300 } }, 4 },
    { "two trials on four cores", 2, 2, 3, { { 1, 4, 100 }, { 2, 2, 190 }, { 4, 1, 300 } }, 2 },
    { "decisions allow two at once", 20, 2, 3, { { 1, 4, 100 }, { 2, 2, 190 }, { 4, 1, 300 } }, 2 },
    { "a last round of one", 5, 5, 2, { { 1, 4, 100 }, { 4, 1, 380 } }, 4 },
    { "within the noise", 4, 4, 2, { { 1, 4, 100 }, { 4, 1, 420 } }, 1 },
    { "memory for one at once", 8, 8, 2, { { 1, 1, 100 }, { 4, 1, 120 } }, 4 },
};

static void test_choices(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        choice c = choices[i];
        for (int k = 0; k < c.n; k++) c.tried[k].seconds = division_seconds(&c.tried[k], c.left, c.most, 1000);
        const int found = c.tried[division_best(c.n, c.tried)].threads;
        if (found != c.expected) fail_msg("%s: %d threads each, expected %d", c.what, found, c.expected);
    }
}

static void test_seconds(void **state)
{
    (void)state;
    const division d = { .threads = 1, .at_once = 4, .rate = 50 };
    assert_true(division_seconds(&d, 8, 100, 1000) == 40);
    assert_true(division_seconds(&d, 9, 100, 1000) == 60);
    assert_true(division_seconds(&d, 8, 2, 1000) == 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_choices), cmocka_unit_test(test_seconds) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
