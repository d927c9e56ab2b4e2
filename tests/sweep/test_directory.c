/* test_directory.c -- a sweep's directory belongs to one process at a time */
#include <unistd.h>

#include "sweep/setup.h"
#include "sweep/inside.h"

static const char yaml[] = HEAD "sweep: {method: grid, metric: {name: val_loss}, parameters: {optimizer.adam.lr: {values: [1e-2, 1e-3]}}}\n";

typedef int opener(sweep *w, const char *dir, const char *share, problems *pr);

/* NULL: refused, with pr. */
static sweep *open_with(opener *open, const experiment *e, problems *pr)
{
    sweep *w = sweep_new(e, 0, NULL, pr);
    assert_non_null(w);
    if (open(w, "w", "none", pr) == 0) return w;
    sweep_free(w);
    return NULL;
}

static void expect_refused(problems *pr, const char *says)
{
    assert_int_equal(pr->n, 1);
    assert_string_equal(pr->item[0].at.file, "w");
    assert_string_equal(pr->item[0].text, says);
    problems_free(pr);
}

static void one_at_a_time(void **state)
{
    (void)state;
    problems pr = { 0 };
    experiment *e = experiment_parse("test.yaml", "/", yaml, strlen(yaml), 0, NULL, &pr);
    assert_non_null(e);
    sweep *first = open_with(sweep_create, e, &pr);
    assert_non_null(first);
    assert_null(open_with(sweep_open, e, &pr));
    expect_refused(&pr, "another process works on the sweep");
    sweep_free(first);
    sweep *second = open_with(sweep_open, e, &pr);
    assert_non_null(second);
    assert_null(open_with(sweep_open, e, &pr));
    expect_refused(&pr, "another process works on the sweep");
    sweep_free(second);
    assert_null(open_with(sweep_create, e, &pr));
    expect_refused(&pr, "holds a sweep already; --resume goes on with it");
    experiment_free(e);
}

int main(void)
{
    char dir[] = "/tmp/heft-sweep-XXXXXX", line[64];
    if (!mkdtemp(dir) || chdir(dir) < 0) return 1;
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_at_a_time) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(line, sizeof line, "rm -rf %s", dir);
    return system(line) != 0 || failed;
}
