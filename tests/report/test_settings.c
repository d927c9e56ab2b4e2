/* Experiments as lists, and the short names of paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "report/settings.h"

static const char *const paths[] = { "optimizer.adam.lr", "optimizer.sgd.lr", "model.hidden.units", "optimizer", "model.units_of.rate" };
enum { PATHS = sizeof paths / sizeof *paths };

static void short_names(void **state)
{
    (void)state;
    static const char *const expected[PATHS] = { "adam.lr", "sgd.lr", "units", "optimizer", "rate" };
    for (size_t i = 0; i < PATHS; i++) assert_string_equal(path_short(PATHS, paths, paths[i]), expected[i]);
    static const char *const inside[] = { "lr", "adam.lr" };
    assert_string_equal(path_short(2, inside, inside[0]), "lr");
    assert_string_equal(path_short(2, inside, inside[1]), "adam.lr");
}

/* A path, and its value as text; NULL: there is none. */
static const struct { const char *path, *value; } expected[] = {
    { "optimizer", "adam" }, { "optimizer.adam.lr", "cosine" }, { "optimizer.adam.lr.cosine.peak", "1e-3" }, { "model.hidden", "dense" },
    { "model.hidden.units", "4" }, { "model.1.dense.units", "1" }, { "model.1", NULL }, { "metrics", "[r2]" }, { "train", NULL }, { "train.epochs", "3" },
};

static void types_are_settings(void **state)
{
    (void)state;
    static const char yaml[] = "model: [{dense: {units: 4, name: hidden}}, {dense: {units: 1}}]\nmetrics: [r2]\n"
                               "optimizer: {adam: {lr: {cosine: {peak: 1e-3}}}}\ntrain: {epochs: 3}\n";
    arena *a = arena_new();
    problems pr = { 0 };
    const node *root = node_parse(a, "test.yaml", yaml, sizeof yaml - 1, &pr);
    assert_non_null(root);
    const settings s = settings_of(root, a);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const char *found = settings_get(&s, expected[i].path);
        if (!found != !expected[i].value || (found && strcmp(found, expected[i].value)))
            fail_msg("%s: %s, expected %s", expected[i].path, found ? found : "nothing", expected[i].value ? expected[i].value : "nothing");
    }
    problems_free(&pr);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(short_names), cmocka_unit_test(types_are_settings) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
