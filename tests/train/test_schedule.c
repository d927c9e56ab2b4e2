/* Learning rates against PyTorch's schedulers (golden/schedules.py), and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "train/schedule.h"

#include "golden/schedules.inc"

typedef struct parsed { arena *memory; schedule *of; problems pr; schedule_state state; char text[200]; } parsed;

/* `value` as it stands behind lr: (NULL: not given), the optimizer's default rate being 0.125. */
static parsed parse(const char *value)
{
    parsed p = { .memory = arena_new() };
    const node *root = NULL;
    if (value) {
        snprintf(p.text, sizeof p.text, "lr: %s", value);
        root = node_parse(p.memory, "s.yaml", p.text, strlen(p.text), &p.pr);
        if (!root) fail_msg("%s: %s", value, p.pr.item[0].text);
    }
    p.of = schedule_new(root ? node_get(root, "lr") : NULL, 0.125, p.memory, &p.pr);
    schedule_begin(&p.state);
    return p;
}

static parsed parse_well(const char *value)
{
    parsed p = parse(value);
    if (!p.of || p.pr.n) fail_msg("%s: refused: %s", value, p.pr.n ? p.pr.item[0].text : "without a word");
    return p;
}

static void parsed_free(parsed *p)
{
    problems_free(&p->pr);
    arena_free(p->memory);
}

static void near(const char *what, int at, double got, double want)
{
    if (!(fabs(got - want) <= 1e-14 + 1e-13 * fabs(want)))
        fail_msg("%s: rate %d is %.17g, expected %.17g", what, at, got, want);
}

static void test_series_by_step(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        char value[200];
        snprintf(value, sizeof value, series[i].value, "step");
        parsed p = parse_well(value);
        for (int k = 0; k < series[i].n; k++)
            near(value, k, schedule_lr(p.of, &p.state, k, 4, 1000), series[i].rate[k]);
        assert_null(schedule_monitor(p.of));
        parsed_free(&p);
    }
}

/* Every step of an epoch has the rate of its epoch. */
static void test_series_by_epoch(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        char value[200];
        snprintf(value, sizeof value, series[i].value, "epoch");
        parsed p = parse_well(value);
        for (int k = 0; k < series[i].n * 7; k++)
            near(value, k, schedule_lr(p.of, &p.state, k, 7, 1000), series[i].rate[k / 7]);
        parsed_free(&p);
    }
}

/* What PyTorch has not: rates at some steps, by hand. */
static void test_formulas(void **unused)
{
    (void)unused;
    static const struct { const char *value; int64_t at; double rate; } rows[] = {
        { "{inverse_time: {initial: 0.5, rate: 0.25}}", 0, 0.5 },
        { "{inverse_time: {initial: 0.5, rate: 0.25}}", 4, 0.25 },
        { "{inverse_time: {initial: 0.5, rate: 1, every: 10}}", 5, 0.5 / 1.5 },
        { "{inverse_time: {initial: 3, rate: 1, power: 2}}", 2, 3.0 / 9 },
        { "{inverse_time: {rate: 0}}", 99, 0.125 },
        { "{inverse_time: {rate: 1, unit: epoch}}", 29, 0.125 / 3 },
        { "{piecewise: {boundaries: [3, 5], values: [0.3, 0.2, 0.1]}}", 0, 0.3 },
        { "{piecewise: {boundaries: [3, 5], values: [0.3, 0.2, 0.1]}}", 2, 0.3 },
        { "{piecewise: {boundaries: [3, 5], values: [0.3, 0.2, 0.1]}}", 3, 0.2 },
        { "{piecewise: {boundaries: [3, 5], values: [0.3, 0.2, 0.1]}}", 5, 0.1 },
        { "{piecewise: {boundaries: [3, 5], values: [0.3, 0.2, 0.1], unit: epoch}}", 49, 0.2 },
        { "{piecewise: {boundaries: 1, values: [0.3, 0], warmup: 10}}", 4, 0.15 },
        { "{piecewise: {boundaries: 1, values: [0.3, 0], warmup: 10}}", 10, 0.3 },
        { "{piecewise: {boundaries: 1, values: [0.3, 0], warmup: 10}}", 11, 0 },
        { "{polynomial: {initial: 1, floor: 0.2, steps: 10}}", 5, 0.6 },
        { "{polynomial: {initial: 1, floor: 0.2, steps: 10}}", 50, 0.2 },
        { "{cosine_restarts: {peak: 1, floor: 0.2, period: 10, peak_factor: 0.5}}", 20, 0.4 },
        { "{cosine_restarts: {peak: 1, floor: 0.2, period: 10, peak_factor: 0.5}}", 25, 0.3 },
        { "{cosine_restarts: {peak: 1, period: 1, period_factor: 10, peak_factor: 0.5}}", 1111111, 0.0078125 },
        { "{one_cycle: {peak: 1, steps: 10, pct_start: 0.1}}", 0, 1 },
        { "{one_cycle: {peak: 1, steps: 10, pct_start: 0, div_factor: 2, final_div_factor: 2}}", 99, 0.25 },
        { "{one_cycle: {peak: 1, steps: 10, pct_start: 1}}", 9, 1 },
        { "{cyclic: {peak: 1, base: 0.5, up: 1}}", 1000001, 1 },
        { "{multistep: {initial: 1, milestones: [10], gamma: 0}}", 99, 1 },
        { "{multistep: {initial: 1, milestones: [10], gamma: 0}}", 100, 0 },
        { "{constant: {value: 1, warmup: 4}}", 1, 0.5 },
        { "{constant: {value: 1, warmup: 4}}", 4, 1 },
        { "{constant: {warmup: 4}}", 0, 0.03125 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        parsed p = parse_well(rows[i].value);
        near(rows[i].value, (int)rows[i].at, schedule_lr(p.of, &p.state, rows[i].at, 10, 100), rows[i].rate);
        parsed_free(&p);
    }
}

/* The warm-up of a plateau rises to the rate as it has been reduced by then. */
static void test_warmup_of_plateau(void **unused)
{
    (void)unused;
    parsed p = parse_well("{plateau: {initial: 1, patience: 0, factor: 0.5, warmup: 8}}");
    near("warm-up", 3, schedule_lr(p.of, &p.state, 3, 4, 100), 0.5);
    for (int k = 0; k < 2; k++) schedule_epoch(p.of, &p.state, 1, false);
    near("reduced", 5, schedule_lr(p.of, &p.state, 5, 4, 100), 0.375);
    near("after it", 8, schedule_lr(p.of, &p.state, 8, 4, 100), 0.5);
    parsed_free(&p);
}

/* Every form gives rates that are none but finite and not negative, at any place of a run of any length. */
static void test_rates_are_rates(void **unused)
{
    (void)unused;
    static const char *const forms[] = {
        "{step: {every: 3}}", "{multistep: {milestones: [1, 2]}}", "{piecewise: {boundaries: 2, values: [1, 2]}}",
        "{exponential: {gamma: 0}}", "{inverse_time: {rate: 1e6, power: 100}}", "{polynomial: {power: 0}}",
        "polynomial", "cosine", "{cosine_restarts: {period: 1}}", "{cosine_restarts: {period: 1, period_factor: 2}}", "one_cycle",
        "{one_cycle: {three_phase: true}}", "{one_cycle: {pct_start: 0}}", "{one_cycle: {pct_start: 1}}",
        "{one_cycle: {pct_start: 0, three_phase: true, anneal: linear}}",
        "{one_cycle: {pct_start: 0.5, three_phase: true}}", "{one_cycle: {warmup: 3}}", "{polynomial: {warmup: 3}}", "{cyclic: {base: 0.1, up: 1}}",
        "{cyclic: {base: 0, up: 1, down: 3, mode: exp_range, gamma: 0}}", "plateau",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        parsed p = parse_well(forms[i]);
        for (int64_t total = 1; total <= 9; total++)
            for (int64_t at = 0; at < 12; at++)
                for (int64_t epoch = 1; epoch <= 4; epoch += 3) {
                    const double lr = schedule_lr(p.of, &p.state, at, epoch, total);
                    if (!(lr >= 0 && lr <= 2 + 1e-12))
                        fail_msg("%s: rate %d of %d is %g", forms[i], (int)at, (int)total, lr);
                }
        parsed_free(&p);
    }
}

/* Without `steps` the curve spans the run as planned, however it is planned now. */
static void test_curves_over_the_run(void **unused)
{
    (void)unused;
    static const char *const pairs[][2] = {
        { "{cosine: {peak: 0.1, floor: 0.01, warmup: 3}}",
          "{cosine: {peak: 0.1, floor: 0.01, warmup: 3, steps: 40}}" },
        { "{cosine: {peak: 0.1, floor: 0.01, warmup: 3, steps: auto}}",
          "{cosine: {peak: 0.1, floor: 0.01, warmup: 3, steps: 40}}" },
        { "{cosine: {peak: 0.1, unit: epoch}}",                     /* 40 steps, 7 of an epoch: 6 epochs */
          "{cosine: {peak: 0.1, unit: epoch, steps: 6}}" },
        { "{polynomial: {initial: 0.1, warmup: 5}}", "{polynomial: {initial: 0.1, warmup: 5, steps: 40}}" },
        { "{one_cycle: {peak: 0.1}}", "{one_cycle: {peak: 0.1, steps: 40}}" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        parsed a = parse_well(pairs[i][0]), b = parse_well(pairs[i][1]);
        for (int k = 0; k < 60; k++)
            near(pairs[i][0], k, schedule_lr(a.of, &a.state, k, 7, 40), schedule_lr(b.of, &b.state, k, 7, 1000));
        assert_true(schedule_lr(a.of, &a.state, 39, 7, 40) < schedule_lr(a.of, &a.state, 39, 7, 80));
        parsed_free(&a);
        parsed_free(&b);
    }
}

static void test_edges_of_cosine(void **unused)
{
    (void)unused;
    parsed p = parse_well("{cosine: {peak: 0.5, warmup: 10, floor: 0.1}}");
    near("first step of the warm-up", 0, schedule_lr(p.of, &p.state, 0, 1, 20), 0.05);
    near("last step of the warm-up", 9, schedule_lr(p.of, &p.state, 9, 1, 20), 0.5);
    near("first step of the cosine", 10, schedule_lr(p.of, &p.state, 10, 1, 20), 0.5);
    near("half way", 15, schedule_lr(p.of, &p.state, 15, 1, 20), 0.3);
    near("end", 20, schedule_lr(p.of, &p.state, 20, 1, 20), 0.1);
    near("long after", 500, schedule_lr(p.of, &p.state, 500, 1, 20), 0.1);
    near("a run that ends in the warm-up", 4, schedule_lr(p.of, &p.state, 4, 1, 5), 0.25);
    near("and goes on", 12, schedule_lr(p.of, &p.state, 12, 1, 5), 0.1);
    parsed_free(&p);
}

static void test_plateau(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof plateaus / sizeof *plateaus; i++) {
        parsed p = parse_well(plateaus[i].value);
        for (int k = 0; k < plateaus[i].n; k++) {
            schedule_epoch(p.of, &p.state, plateaus[i].metric[k], plateaus[i].maximize);
            near(plateaus[i].value, k, schedule_lr(p.of, &p.state, 10 * k, 10, 100), plateaus[i].rate[k]);
        }
        assert_string_equal(schedule_monitor(p.of),
                            strstr(plateaus[i].value, "val_accuracy") ? "val_accuracy" : "val_loss");
        parsed_free(&p);
    }
}

/* A negative loss that gets worse is not better, whatever the threshold. */
static void test_plateau_of_negative_metric(void **unused)
{
    (void)unused;
    parsed p = parse_well("{plateau: {initial: 1, patience: 1, factor: 0.5, threshold: 0.1}}");
    const double metric[] = { -1, -0.95, -0.92 }, rate[] = { 1, 1, 0.5 };
    for (int k = 0; k < 3; k++) {
        schedule_epoch(p.of, &p.state, metric[k], false);
        near("negative", k, schedule_lr(p.of, &p.state, k, 1, 3), rate[k]);
    }
    parsed_free(&p);
}

/* The state is all there is: a copy taken in the middle goes on like the original. */
static void test_plateau_resumes(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof plateaus / sizeof *plateaus; i++)
        for (int cut = 0; cut < plateaus[i].n; cut++) {
            parsed before = parse_well(plateaus[i].value), after = parse_well(plateaus[i].value);
            for (int k = 0; k < plateaus[i].n; k++) {
                if (k == cut) after.state = before.state;
                parsed *p = k < cut ? &before : &after;
                schedule_epoch(p->of, &p->state, plateaus[i].metric[k], plateaus[i].maximize);
                near(plateaus[i].value, k, schedule_lr(p->of, &p->state, k, 1, 100), plateaus[i].rate[k]);
            }
            parsed_free(&before);
            parsed_free(&after);
        }
}

static void test_constant_and_defaults(void **unused)
{
    (void)unused;
    static const struct { const char *value; double first, later; } rows[] = {
        { NULL, 0.125, 0.125 },
        { "1e-3", 1e-3, 1e-3 },
        { "0", 0, 0 },
        { "1000", 1000, 1000 },
        { "constant", 0.125, 0.125 },
        { "{constant: {value: 0.5}}", 0.5, 0.5 },
        { "cosine", 0.125, 0 },
        { "plateau", 0.125, 0.125 },
        { "{step: {every: 1}}", 0.125, 0.125e-20 },
        { "{step: {initial: 2, every: 1, gamma: 0}}", 2, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        parsed p = parse_well(rows[i].value);
        const char *what = rows[i].value ? rows[i].value : "(none)";
        near(what, 0, schedule_lr(p.of, &p.state, 0, 5, 100), rows[i].first);
        schedule_epoch(p.of, &p.state, 1, false);
        near(what, 100, schedule_lr(p.of, &p.state, 100, 5, 100), rows[i].later);
        parsed_free(&p);
    }
}

static void test_refusals(void **unused)
{
    (void)unused;
    static const struct { const char *value, *says; int line, column; } rows[] = {
        { "-1", "lr", 1, 5 },
        { "1001", "lr", 1, 5 },
        { "1e-3x", "lr", 1, 5 },
        { "[1, 2]", "lr", 1, 5 },
        { "\"0.1\"", "", 1, 5 },
        { "cosin", "'cosine'", 1, 5 },
        { "nan", "constant, step, cosine, plateau", 1, 5 },
        { "{cosin: {peak: 1}}", "'cosine'", 1, 6 },
        { "{linear: {}}", "constant, step, cosine, plateau", 1, 6 },
        { "{cosine: {peak: 1}, step: {every: 2}}", "lr", 1, 0 },
        { "{step: {initial: 0.1}}", "every", 1, 0 },
        { "step", "every", 1, 0 },
        { "{step: {every: 0}}", "every", 1, 0 },
        { "{step: {every: 2, gamma: 1.5}}", "gamma", 1, 0 },
        { "{step: {every: 2, unit: batch}}", "unit", 1, 0 },
        { "{step: {every: 2, initial: -1}}", "initial", 1, 0 },
        { "{cosine: {peek: 1}}", "peak", 1, 0 },
        { "{cosine: {peak: 0.1, floor: 0.2}}", "floor 0.2 is above peak 0.1", 1, 33 },
        { "{cosine: {warmup: 20, steps: 20}}", "warmup 20 leaves nothing of steps 20", 1, 23 },
        { "{cosine: {warmup: -1}}", "warmup", 1, 0 },
        { "{cosine: {steps: 0}}", "steps", 1, 0 },
        { "{exponential: {initial: 0.1}}", "gamma", 1, 0 },
        { "{exponential: {gamma: 1.5}}", "gamma", 1, 0 },
        { "multistep", "milestones", 1, 0 },
        { "{multistep: {milestones: [3, 3]}}", "milestones must rise; 3 follows 3", 1, 30 },
        { "{multistep: {milestones: [5, 0]}}", "milestones", 1, 0 },
        { "{piecewise: {boundaries: [1, 2], values: [1, 2]}}", "2 boundaries part 3 values; found 2", 1, 46 },
        { "{piecewise: {boundaries: [2, 1], values: [1, 2, 3]}}", "boundaries must rise; 1 follows 2", 1, 30 },
        { "{piecewise: {boundaries: [1], values: [1, -2]}}", "values", 1, 0 },
        { "{inverse_time: {initial: 1}}", "rate", 1, 0 },
        { "{polynomial: {initial: 0.1, floor: 0.2}}", "floor 0.2 is above initial 0.1", 1, 40 },
        { "{polynomial: {warmup: 5, steps: 5}}", "warmup 5 leaves nothing of steps 5", 1, 27 },
        { "{cosine_restarts: {peak: 1}}", "period", 1, 0 },
        { "{cosine_restarts: {period: 5, period_factor: 1.5}}", "period_factor", 1, 0 },
        { "{cosine_restarts: {period: 5, peak: 1, floor: 2}}", "floor 2 is above peak 1", 1, 51 },
        { "{one_cycle: {pct_start: 0.6, three_phase: true}}", "at most half of the steps; pct_start is 0.6", 1, 29 },
        { "{one_cycle: {anneal: cosine}}", "anneal", 1, 0 },
        { "{cyclic: {peak: 1}}", "base", 1, 0 },
        { "{cyclic: {peak: 1, base: 2}}", "base 2 is above peak 1", 1, 30 },
        { "{constant: {warmup: -1}}", "warmup", 1, 0 },
        { "{constant: {warmup: 5, unit: epoch}}", "unit", 1, 0 },
        { "{plateau: {factor: 1}}", "factor", 1, 0 },
        { "{plateau: {patience: -1}}", "patience", 1, 0 },
        { "{plateau: {threshold: 2}}", "threshold", 1, 0 },
        { "{plateau: {initial: 0.1, floor: 1}}", "floor 1 is above initial 0.1", 1, 37 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        parsed p = parse(rows[i].value);
        if (p.of || p.pr.n != 1) fail_msg("%s: %zu problems", rows[i].value, p.pr.n);
        const problem *said = &p.pr.item[0];
        if (!strstr(said->text, rows[i].says))
            fail_msg("%s: said \"%s\", expected \"%s\"", rows[i].value, said->text, rows[i].says);
        if (said->at.line != rows[i].line || (rows[i].column && said->at.column != rows[i].column))
            fail_msg("%s: \"%s\" at %d:%d", rows[i].value, said->text, said->at.line, said->at.column);
        parsed_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_by_step),
        cmocka_unit_test(test_series_by_epoch),
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_warmup_of_plateau),
        cmocka_unit_test(test_rates_are_rates),
        cmocka_unit_test(test_curves_over_the_run),
        cmocka_unit_test(test_edges_of_cosine),
        cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_plateau_of_negative_metric),
        cmocka_unit_test(test_plateau_resumes),
        cmocka_unit_test(test_constant_and_defaults),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
