/* test_finite.c -- numbers that are no numbers stop a run, with the place where they began, and never reach a checkpoint */
#include <math.h>

#include "train/setup.h"

#define NET(optimizer, train) "data: {format: houses, samples: 128, validation: 0.25}\n" \
    "model:\n  - dense: {units: 4, activation: relu, name: first}\n  - batch_norm: {name: norm}\n  - dense: {units: 1, name: second}\n" \
    "loss: mean_squared_error\noptimizer: {sgd: {lr: " optimizer "}}\n" \
    "train: {batch: 32, " train "}\ncheckpoint: {every: 1 steps}\n"

static int finite_saves;

/* Of the weights, when a checkpoint is asked for. */
static void check_and_count(void *context, trainer *t, bool best)
{
    (void)context, (void)best;
    for (size_t i = 0; i < t->model->n_weights; i++) assert_true(isfinite(t->model->x[i]));
    finite_saves++;
}

static trainer_end run_quietly(setup *s)
{
    const trainer_events ev = { s, check_and_count, NULL, NULL };
    finite_saves = 0;
    return trainer_run(s->trainer, &ev, &s->pr);
}

static void expect_said(const setup *s, int n, const char *const *part)
{
    assert_int_equal(s->pr.n, 1);
    for (int i = 0; i < n; i++)
        if (!strstr(s->pr.item[0].text, part[i])) fail_msg("no '%s' in: %s", part[i], s->pr.item[0].text);
}
#define EXPECT_SAID(s, ...) expect_said(s, sizeof (const char *[]){ __VA_ARGS__ } / sizeof(char *), (const char *[]){ __VA_ARGS__ })

/* A weight so large that the first layer's output overflows: the layer, the line it stands on and a sample are named. */
static void in_a_layer(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, NET("1e-3", "epochs: 3")));
    model *m = s.trainer->model;
    assert_string_equal(m->layer[0].name, "first");
    for (int i = 0; i < 8; i++) model_weight(m, &m->layer[0], 0)[i] = 3e38f;
    assert_int_equal(run_quietly(&s), TRAINER_FAILED);
    EXPECT_SAID(&s, "the loss is ", " at step 1 (epoch 1)", "in the output of layer 'first' (dense), with sample ", " of the training data");
    assert_int_equal(s.pr.item[0].at.line, 3);
    assert_int_equal(finite_saves, 0);
    for (size_t i = 0; i < m->n_weights; i++) assert_true(isfinite(m->x[i]));        /* the step was not taken */
    setup_end(&s);
}

static void spoil(void *context, const trainer *t, double loss)
{
    (void)context, (void)loss;
    if (t->state.step == 4) t->model->x[3] = INFINITY;
}

/* Weights that a step carries off are found before they are saved, whatever the loss was: after any step, and after the last. */
static void in_an_update(void **state)
{
    (void)state;
    static const char *const forms[] = { NET("1e-3", "epochs: 3"),
        "data: {format: houses, samples: 128}\nmodel: [{dense: {units: 1}}]\nloss: mean_squared_error\noptimizer: sgd\n"
        "train: {batch: 32, epochs: 1}\n" };
    for (int i = 0; i < 2; i++) {
        setup s;
        assert_true(setup_trainer(&s, forms[i]));
        const trainer_events ev = { &s, check_and_count, spoil, NULL };
        finite_saves = 0;
        assert_int_equal(trainer_run(s.trainer, &ev, &s.pr), TRAINER_FAILED);
        EXPECT_SAID(&s, "a value of ", "/weight is infinite after step 4 (epoch ", "checkpoints saved before are good");
        assert_int_equal(finite_saves, i ? 0 : 3);
        setup_end(&s);
    }
}

/* A weight that was spoilt before: it is named rather than the layer behind it. */
static void in_a_weight(void **state)
{
    (void)state;
    setup s;
    assert_true(setup_trainer(&s, NET("1e-3", "epochs: 3")));
    model *m = s.trainer->model;
    model_weight(m, &m->layer[m->output], 0)[1] = NAN;
    assert_int_equal(run_quietly(&s), TRAINER_FAILED);
    EXPECT_SAID(&s, "the loss is not a number at step 1 (epoch 1), since a value of second/weight became not a number");
    setup_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(in_a_layer), cmocka_unit_test(in_an_update), cmocka_unit_test(in_a_weight) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
