/* The section `sweep`: what is refused, with its place, and what points it gives. */
#include "sweep/setup.h"

#define METRIC "metric: {name: val_loss}"
#define LR "parameters: {optimizer.adam.lr: {min: 1e-5, max: 1e-1, distribution: log_uniform}}"

static const struct { const char *section, *says; int line; } bad[] = {
    { "{method: gird, " METRIC ", trials: 3, " LR "}", "grid", 7 },
    { "{" METRIC ", trials: 3, " LR "}", "method", 7 },
    { "{method: random, " METRIC ", " LR "}", "'trials' is missing", 7 },
    { "{method: random, trials: 3, " LR "}", "'metric' is missing", 7 },
    { "{method: random, " METRIC ", trials: 0, " LR "}", "trials", 7 },
    { "{method: random, " METRIC ", trials: 3}", "sweep.parameters", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {}}", "sweep.parameters", 7 },
    { "{method: random, " METRIC ", trials: 3, trails: 4, " LR "}", "trails", 7 },
    { "{method: grid, " METRIC ", " LR "}", "a grid needs values that can be counted", 7 },
    { "{method: random, metric: {name: x, goal: max}, trials: 3, " LR "}", "maximize", 7 },
    { "{method: random, " METRIC ", trials: 3, early_terminate: {type: ahsa}, " LR "}", "asha", 7 },
    { "{method: random, " METRIC ", trials: 3, early_terminate: {type: asha, min_epochs: 5, max_epochs: 2}, " LR "}", "below min_epochs", 7 },
    { "{method: random, " METRIC ", trials: 3, limits: {memory: 3 bananas}, " LR "}", "no amount of memory", 7 },
    { "{method: random, " METRIC ", trials: 3, limits: {seconds: -1}, " LR "}", "seconds", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: 3}}", "a mapping such as", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {}}}", "one of value, values, min and max", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {values: []}}}", "at least one value", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {values: [1, 2, 1]}}}", "there twice", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {values: [1, 2], min: 0}}}", "'min' does not go with values", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {values: [1, 2], value: 0}}}", "not both", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {values: [1, 2], probabilities: [1]}}}", "1 probabilities for 2", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {min: 1, max: 5}}}", "int_uniform", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {min: 0.1}}}", "'max' is missing", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {min: 0.2, max: 0.1}}}", "must be above min", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {min: 0, max: 0.1, distribution: log_uniform}}}", "above 0", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {min: 0.5, max: 3, distribution: int_uniform}}}", "whole numbers", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {min: 0.5, max: 3, q: 7}}}", "wider than the range", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {distribution: normal, min: 3}}}", "'min' goes with", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {min: 0.5, max: 3, mu: 1}}}", "'mu' goes with", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a.b: {min: 0.5, max: 3, distrbution: uniform}}}", "distrbution", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {train.threads: {values: [1, 2]}}}", "no trial depends on it", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {sweep.trials: {values: [1, 2]}}}", "no trial depends on it", 7 },
    { "{method: random, " METRIC ", trials: 3, seeds: 2, parameters: {seed: {values: [1, 2]}}}", "varied by 'seeds", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {b: {values: [1], when: {a: 1}}, a: {values: [1]}}}", "'a' is no parameter that stands above", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a: {values: [one, two]}, b: {values: [1], when: {a: tow}}}}", "did you mean 'two'?", 7 },
    { "{method: random, " METRIC ", trials: 3, parameters: {a: {min: 0.1, max: 1}, b: {values: [1], when: {a: 1}}}}", "only parameters with values decide", 7 },
    { "{method: random, " METRIC ", trials: 3, constraints: ['a.lr >'], parameters: {a.lr: {min: 0.1, max: 1}}}", "two sums and a relation", 7 },
    { "{method: random, " METRIC ", trials: 3, constraints: ['a.lr > b.lr'], parameters: {a.lr: {min: 0.1, max: 1}}}", "did you mean 'a.lr'?", 7 },
    { "{method: random, " METRIC ", trials: 3, constraints: [a.lr = 1], parameters: {a.lr: {min: 0.1, max: 1}}}", "two sums and a relation", 7 },
    { "{method: random, " METRIC ", trials: 3, constraints: [x*a.lr < 1], parameters: {a.lr: {min: 0.1, max: 1}}}", "no number to multiply", 7 },
};

static void bad_sections(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setup s;
        setup_space(&s, bad[i].section);
        bool said = false;
        for (size_t k = 0; k < s.pr.n; k++) said |= strstr(s.pr.item[k].text, bad[i].says) && s.pr.item[k].at.line == bad[i].line;
        if (s.space || !said) {
            problems_print(&s.pr, stderr);
            fail_msg("%s: '%s' was not said at line %d", bad[i].section, bad[i].says, bad[i].line);
        }
        setup_end(&s);
    }
}

static void all_mistakes_at_once(void **state)
{
    (void)state;
    setup s;
    setup_space(&s, "{method: grud, trials: x, metric: {nam: a}, parameters: {a: 1, b: {min: 2.5, max: 1}}, limits: {memory: x}}");
    assert_true(s.pr.n >= 6);
    setup_end(&s);
}

/* All points of a grid, as one text. */
static void expect_grid(const char *section, const char *expected)
{
    setup s;
    need_space(&s, section);
    sampler *p = sampler_new(s.space, &s.pr);
    text t = { 0 };
    text_add(&t, "");
    for (const point *q; (q = sampler_next(p, 0, NULL));) {
        point_text(s.space, q, &t);
        text_add(&t, "; ");
    }
    if (strcmp(t.s, expected)) fail_msg("%s\n  found    %s\n  expected %s", section, t.s, expected);
    text_free(&t);
    sampler_free(p);
    setup_end(&s);
}

static void grids(void **state)
{
    (void)state;
    expect_grid("{method: grid, " METRIC ", parameters: {a: {values: [1, x]}, b: {value: 2}, c: {min: 1, max: 3, distribution: int_uniform}}}",
                "a=1 b=2 c=1; a=1 b=2 c=2; a=1 b=2 c=3; a=x b=2 c=1; a=x b=2 c=2; a=x b=2 c=3; ");
    expect_grid("{method: grid, " METRIC ", trials: 2, parameters: {a: {values: [1, x, 3]}}}", "a=1; a=x; ");
    expect_grid("{method: grid, " METRIC ", parameters: {a: {min: 0.1, max: 0.5, q: 0.2}}}", "a=0.1; a=0.3; a=0.5; ");
    expect_grid("{method: grid, " METRIC ", parameters: {a: {min: 8, max: 24, q: 8, distribution: int_uniform}}}", "a=8; a=16; a=24; ");
    expect_grid("{method: grid, " METRIC ", parameters: {o: {values: [sgd, {adam: {lr: 1e-3}}, \"1\"]}}}",
                "o=sgd; o={adam: {lr: 1e-3}}; o=\"1\"; ");
    expect_grid("{method: grid, " METRIC ", parameters: {o: {values: [p, q, r]}, m: {values: [1, 2], when: {o: [q, r]}}, "
                "n: {values: [5], when: {o: q, m: 2}}}}", "o=p; o=q m=1; o=q m=2 n=5; o=r m=1; o=r m=2; ");
    expect_grid("{method: grid, " METRIC ", constraints: ['a + 2*b <= 5', 'a >= b'], parameters: {a: {values: [1, 2, 3]}, b: {values: [1, 2]}}}",
                "a=1 b=1; a=2 b=1; a=3 b=1; ");
    expect_grid("{method: grid, " METRIC ", constraints: ['a != 2'], parameters: {a: {values: [1, 2, 3]}}}", "a=1; a=3; ");
}

static void grids_without_points(void **state)
{
    (void)state;
    setup s;
    need_space(&s, "{method: grid, " METRIC ", constraints: ['a > 3'], parameters: {a: {values: [1, 2, 3]}}}");
    assert_null(sampler_new(s.space, &s.pr));
    assert_non_null(strstr(s.pr.item[0].text, "leave no point"));
    setup_end(&s);
    need_space(&s, "{method: grid, " METRIC ", parameters: {a: {min: 1, max: 200, distribution: int_uniform}, b: {min: 1, max: 200, distribution: int_uniform}}}");
    assert_null(sampler_new(s.space, &s.pr));
    assert_non_null(strstr(s.pr.item[0].text, "more than 10000 points"));
    setup_end(&s);
}

/* Values are YAML that reads back as what was written. */
static void values_come_back(void **state)
{
    (void)state;
    setup s;
    need_space(&s, "{method: grid, " METRIC ", parameters: {model.a: {values: [{units: 7, name: \"x: y\", bias: no}, {units: 9, list: [1, [2, a b], {}], empty: \"\"}]}}}");
    sampler *p = sampler_new(s.space, &s.pr);
    assert_string_equal(sampler_next(p, 0, NULL)->value[0], "{units: 7, name: \"x: y\", bias: no}");
    assert_string_equal(sampler_next(p, 0, NULL)->value[0], "{units: 9, list: [1, [2, a b], {}], empty: \"\"}");
    sampler_free(p);
    setup_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_sections), cmocka_unit_test(all_mistakes_at_once), cmocka_unit_test(grids),
        cmocka_unit_test(grids_without_points), cmocka_unit_test(values_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
