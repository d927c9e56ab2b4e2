/* Against scipy 1.10: ttest_ind(equal_var=False), t.ppf, t.sf, kruskal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "report/statistics.h"

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9 * fabs(expected))) fail_msg("%.17g, expected %.17g", found, expected);
}

static void means(void **state)
{
    (void)state;
    static const double x[] = { 1, 2, 3, 4.5 }, y[] = { 2, 5, 6, 7, 9 };
    const sample_mean a = mean_of(4, x), b = mean_of(5, y), one = mean_of(1, x), none = mean_of(0, x);
    near(a.mean, 2.625);
    near(mean_welch(&a, &b), 0.05728973452139728);
    near(mean_welch(&b, &a), 0.05728973452139728);
    near(mean_interval(&a), 2.375758869993644);
    near(student_two_sided(2.5, 7.3), 0.039650234665600415);
    near(student_two_sided(-2.5, 7.3), 0.039650234665600415);
    assert_true(student_two_sided(0, 3) == 1);
    assert_true(isnan(mean_interval(&one)) && isnan(mean_welch(&one, &a)) && isnan(none.mean));
    const sample_mean same = { 3, 1, 0 }, other = { 3, 2, 0 };
    assert_true(mean_welch(&same, &same) == 1 && mean_welch(&same, &other) == 0);
}

static void ranks(void **state)
{
    (void)state;
    static const double y[] = { 1, 2, 2, 5, 3, 4, 6, 7, 7, 8, 9, 10 };
    static const int group[] = { 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2 };
    near(rank_effect(12, y, group, 3), (8.505633802816904 - 2) / 9);
    assert_true(isnan(rank_effect(12, y, group, 1)) && isnan(rank_effect(3, y, group, 3)));
    static const double flat[] = { 1, 1, 1, 1 };
    static const int two[] = { 0, 1, 0, 1 };
    assert_true(rank_effect(4, flat, two, 2) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(means), cmocka_unit_test(ranks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
