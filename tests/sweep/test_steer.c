/* The virtual sweep: who goes on, what a decision sees, and that the order of real results changes nothing. */
#include "sweep/setup.h"

#define METRIC "metric: {name: val_loss, goal: minimize}"
#define X "parameters: {x: {min: 0.0, max: 1}}"

/* A sweep of a known function: the value after n epochs is x + 1 / n. */
typedef struct journal { int points, jobs, done_at[100], finished; int64_t epochs; text order; } journal;

enum { EPOCHS = 27 };

static void run(setup *s, sampler *p, journal *out)
{
    steer *t = steer_new(s->space, p, EPOCHS);
    int64_t at[100] = { 0 };
    *out = (journal){ 0 };
    text_add(&out->order, "");
    for (job j; ;) {
        while (steer_begin(t, &j)) {
            assert_true(j.number < 100);
            text_printf(&out->order, "%d:%d ", (int)j.number, (int)j.until);
            out->jobs++;
        }
        if (!steer_awaits(t, &j)) break;
        const int64_t n = j.until ? j.until : EPOCHS;
        assert_true(n > at[j.number]);
        out->epochs += n - at[j.number];
        at[j.number] = n;
        out->done_at[j.number] = (int)n;
        out->finished += !j.until;
        const double x = j.point->number[0];
        steer_report(t, &(result){ x > 0.95 ? NAN : x + 1 / (double)n, n, !j.until });
    }
    out->points = (int)steer_points(t);
    steer_free(t);
}

static void with(const char *section, journal *out, double best[2])
{
    setup s;
    need_space(&s, section);
    sampler *p = sampler_new(s.space, &s.pr);
    run(&s, p, out);
    best[0] = best[1] = INFINITY;
    for (int i = 0; i < out->points; i++) {
        best[0] = fmin(best[0], p->point[i]->number[0]);
        if (out->done_at[i] == EPOCHS) best[1] = fmin(best[1], p->point[i]->number[0]);
    }
    sampler_free(p);
    setup_end(&s);
}

static void nothing_early(void **state)
{
    (void)state;
    journal a;
    double best[2];
    with("{method: random, " METRIC ", trials: 20, " X "}", &a, best);
    assert_int_equal(a.points, 20);
    assert_int_equal(a.finished, 20);
    assert_true(best[0] == best[1]);
    text_free(&a.order);
}

static void asha(void **state)
{
    (void)state;
    journal a, b;
    double best[2];
    with("{method: random, " METRIC ", trials: 81, lag: 4, early_terminate: {type: asha, min_epochs: 1, eta: 3}, " X "}", &a, best);
    assert_int_equal(a.points, 81);
    int at[4] = { 0 };
    static const int rung[] = { 1, 3, 9, 27 };
    for (int i = 0; i < 81; i++)
        for (int k = 0; k < 4; k++) at[k] += a.done_at[i] >= rung[k];
    assert_int_equal(at[0], 81);
    assert_in_range(at[1], 27, 40);              /* asynchronous: a few more than the best third */
    assert_in_range(at[2], 9, 20);
    assert_in_range(at[3], 3, 10);
    assert_true(best[0] == best[1]);             /* the best of all went to the end */
    assert_true(a.epochs < 81 * EPOCHS / 4);
    with("{method: random, " METRIC ", trials: 81, lag: 4, early_terminate: {type: asha, min_epochs: 1, eta: 3}, " X "}", &b, best);
    assert_string_equal(a.order.s, b.order.s);
    text_free(&a.order), text_free(&b.order);
}

static void hyperband(void **state)
{
    (void)state;
    journal a;
    double best[2];
    with("{method: random, " METRIC ", trials: 60, lag: 4, early_terminate: {type: hyperband, min_epochs: 1, eta: 3}, " X "}", &a, best);
    int first[28] = { 0 };
    bool begun[100] = { false };
    for (char *w = a.order.s; *w; w += strcspn(w, " ") + 1) {
        const int number = atoi(w), until = atoi(strchr(w, ':') + 1);
        first[until] += !begun[number];
        begun[number] = true;
    }
    assert_true(first[1] > first[3] && first[3] > first[9] && first[9] && first[0]);     /* brackets, the hastiest with most points */
    assert_int_equal(first[0] + first[1] + first[3] + first[9], 60);
    text_free(&a.order);
}

static void median_rule(void **state)
{
    (void)state;
    journal a;
    double best[2];
    with("{method: random, " METRIC ", trials: 30, lag: 3, early_terminate: {type: median, min_epochs: 9}, " X "}", &a, best);
    assert_true(a.finished >= 10 && a.finished < 22);
    assert_true(best[0] == best[1]);
    text_free(&a.order);
}

static void patience(void **state)
{
    (void)state;
    journal a;
    double best[2];
    with("{method: random, " METRIC ", trials: 90, lag: 1, patience: 6, " X "}", &a, best);
    assert_true(a.points < 60 && a.points > 6);
    text_free(&a.order);
}

/* tpe: what is suggested depends on results, through lag; more lag sees less. */
static void lag(void **state)
{
    (void)state;
    journal a, b;
    double best[2];
    with("{method: tpe, " METRIC ", trials: 40, lag: 1, " X "}", &a, best);
    const double narrow = best[0];
    with("{method: tpe, " METRIC ", trials: 40, lag: 40, " X "}", &b, best);
    assert_true(narrow < best[0]);               /* with lag 40 no suggestion sees a result: random */
    text_free(&a.order), text_free(&b.order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_early), cmocka_unit_test(asha), cmocka_unit_test(hyperband), cmocka_unit_test(median_rule),
        cmocka_unit_test(patience), cmocka_unit_test(lag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
