/* Penalties and constraints on weights: one step against the formula, against differences, and what holds after many. */
#include <math.h>
#include <stdio.h>

#include "compute/compute.h"
#include "setup.h"

#define DATA "data: {format: houses, samples: 96, test: 16, normalize: standard, normalize_target: standard}\n"
#define NET DATA "model: [{dense: {units: 5, activation: tanh, name: a%s}}, {dense: {units: 1, name: b}}]\nloss: mean_squared_error\n"
#define ONE_STEP "train: {epochs: 1, batch: 96, log_every: 1}\n"

static void open_yaml(setup *s, const char *yaml)
{
    if (setup_trainer(s, yaml)) return;
    problems_print(&s->pr, stderr);
    fail_msg("refused: %s", yaml);
}

/* A net whose layer `a` has these options; trained. */
static void train(setup *s, const char *options, const char *rest)
{
    char yaml[1024];
    snprintf(yaml, sizeof yaml, NET "%s", options, rest);
    open_yaml(s, yaml);
    assert_int_equal(setup_run(s), TRAINER_DONE);
}

static float *kept(const setup *s)
{
    const model *m = s->trainer->model;
    float *x = block_alloc(m->n_weights, sizeof *x);
    memcpy(x, m->x, m->n_weights * sizeof *x);
    return x;
}

static void start(const char *options, float **x)
{
    char yaml[1024];
    setup s;
    snprintf(yaml, sizeof yaml, NET "optimizer: sgd\n", options);
    open_yaml(&s, yaml);
    *x = kept(&s);
    setup_end(&s);
}

/* ---- penalties ---- */

static double sign(double w) { return (w > 0) - (w < 0); }

/* One step of sgd with lr 0.1: beside the step without the penalty, -0.1 (l1 sign(w) + 2 l2 w). */
static void one_step(void **state)
{
    (void)state;
    static const struct { const char *options; double l1[2], l2[2]; } cases[] = {
        { ", l2: 0.5", { 0, 0 }, { 0.5, 0 } },
        { ", l1: 0.3", { 0.3, 0 }, { 0, 0 } },
        { ", l1: 0.3, l2: 0.25", { 0.3, 0 }, { 0.25, 0 } },
        { ", l2: {weight: 0.5, bias: 0.75}, l1: {bias: 0.125}", { 0, 0.125 }, { 0.5, 0.75 } },
        { ", l2: {bias: 0.75}", { 0, 0 }, { 0, 0.75 } },
        { ", l1: {bias: 0.5}", { 0, 0.5 }, { 0, 0 } },       /* of zeros: nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char options[256];
        const char *plain = i < 5 ? ", init: {bias: normal}" : "";
        snprintf(options, sizeof options, "%s%s", plain, cases[i].options);
        setup with, without;
        float *x0;
        start(options, &x0);
        train(&with, options, "optimizer: {sgd: {lr: 0.1}}\n" ONE_STEP);
        train(&without, plain, "optimizer: {sgd: {lr: 0.1}}\n" ONE_STEP);
        const model *m = with.trainer->model;
        for (size_t k = 0; k < m->n_weights; k++) {
            const size_t weights = m->layer[0].tensor[0].count, all = weights + m->layer[0].tensor[1].count;
            const int t = k >= weights;
            const double pull = k < all ? cases[i].l1[t] * sign(x0[k]) + 2 * cases[i].l2[t] * x0[k] : 0;
            const double got = (double)m->x[k] - without.trainer->model->x[k];
            if (fabs(got + 0.1 * pull) > 1e-6)
                fail_msg("%s: weight %zu moved by %g more, expected %g", options, k, got, -0.1 * pull);
        }
        const int loss = table_find(with.trainer->steps, "loss");
        assert_true(loss >= 0 && table_row(with.trainer->steps, 0)[loss] == table_row(without.trainer->steps, 0)[loss]);
        block_free(x0);
        setup_end(&with);
        setup_end(&without);
    }
}

/* An optimizer that evaluates the loss finds the same path: its loss has the penalty, what is reported has not. */
static void by_differences(void **state)
{
    (void)state;
    static const double lr[] = { 0.05, 1e-7 };
    for (int i = 0; i < 2; i++) {
        setup s[2];
        for (int k = 0; k < 2; k++) {
            char rest[256];
            snprintf(rest, sizeof rest, "optimizer: {%s: {lr: %g}}\ntrain: {epochs: 8, batch: 48, log_every: 1}\n",
                     k ? "finite_difference" : "sgd", lr[i]);
            train(&s[k], ", l2: 0.3", rest);
        }
        const model *m = s[0].trainer->model, *n = s[1].trainer->model;
        for (size_t k = 0; k < m->n_weights; k++)
            if (fabs((double)m->x[k] - n->x[k]) > 1e-3)
                fail_msg("weight %zu: %g by sgd, %g by differences", k, (double)m->x[k], (double)n->x[k]);
        const table *t = s[0].trainer->steps, *u = s[1].trainer->steps;
        const int loss = table_find(t, "loss");
        for (int64_t r = 0; i && r < (int64_t)t->n_rows; r++)        /* where nothing moves, the same */
            if (fabs(table_row(t, (size_t)r)[loss] - table_row(u, (size_t)r)[loss]) > 1e-5)
                fail_msg("losses %g and %g", table_row(t, (size_t)r)[loss], table_row(u, (size_t)r)[loss]);
        setup_end(&s[0]);
        setup_end(&s[1]);
    }
}

/* The gradient that is clipped has the penalty in it. */
static void clipped(void **state)
{
    (void)state;
    setup s;
    float *x0;
    start("", &x0);
    train(&s, ", l2: 1000", "optimizer: {sgd: {lr: 1, clip_norm: 1e-3}}\n" ONE_STEP);
    const model *m = s.trainer->model;
    double moved = 0, along = 0, length = 0;
    for (size_t k = 0; k < m->layer[0].tensor[0].count; k++) {
        const double d = (double)x0[k] - m->x[k];
        moved += d * d;
        along += d * x0[k];
        length += (double)x0[k] * x0[k];
    }
    assert_true(fabs(sqrt(moved) - 1e-3) < 1e-5);
    assert_true(along / sqrt(moved * length) > 0.999);
    block_free(x0);
    setup_end(&s);
}

static void frozen(void **state)
{
    (void)state;
    setup s;
    float *x0;
    start(", frozen: true", &x0);
    train(&s, ", frozen: true, l2: 1, l1: 1, unit_norm: true, non_negative: true", "optimizer: sgd\n" ONE_STEP);
    const model_layer *l = &s.trainer->model->layer[0];
    const float *w = model_weight(s.trainer->model, l, 0);
    assert_memory_equal(w, x0 + (w - s.trainer->model->x), l->tensor[0].count * sizeof(float));
    block_free(x0);
    setup_end(&s);
}

/* ---- constraints ---- */

#define WIDE DATA "model: [{dense: {units: 150, activation: relu, name: a%s}}, {dense: {units: 1, name: b}}]\nloss: mean_squared_error\n" \
    "optimizer: {sgd: {lr: 0.05}}\ntrain: {epochs: 4, batch: 32, threads: %d}\n"

static void train_wide(setup *s, const char *options, int threads)
{
    char yaml[1024];
    snprintf(yaml, sizeof yaml, WIDE, options, threads);
    open_yaml(s, yaml);
    assert_int_equal(setup_run(s), TRAINER_DONE);
}

/* The shortest and the longest column of weight [rows, cols], and its least element. */
static void measure(const setup *s, double *shortest, double *longest, double *least)
{
    const model *m = s->trainer->model;
    const heft_shape *shape = &m->layer[0].tensor[0].decl->shape;
    const float *w = model_weight(m, &m->layer[0], 0);
    const int64_t cols = shape->dim[shape->rank - 1], n = heft_count(shape);
    *shortest = INFINITY, *longest = 0, *least = INFINITY;
    for (int64_t c = 0; c < cols; c++) {
        double square = 0;
        for (int64_t k = c; k < n; k += cols) {
            square += (double)w[k] * w[k];
            *least = fmin(*least, w[k]);
        }
        *shortest = fmin(*shortest, sqrt(square));
        *longest = fmax(*longest, sqrt(square));
    }
}

static void constraints(void **state)
{
    (void)state;
    setup s, free;
    double shortest, longest, least;
    char one[DIGEST_HEX], other[DIGEST_HEX];
    train_wide(&free, "", 1);
    measure(&free, &shortest, &longest, &least);
    assert_true(shortest < 0.9 && longest > 1.1 && least < 0);

    train_wide(&s, ", max_norm: 1", 1);
    measure(&s, &shortest, &longest, &least);
    assert_true(shortest < 0.99 && fabs(longest - 1) < 1e-6);
    setup_end(&s);

    train_wide(&s, ", unit_norm: true", 1);
    measure(&s, &shortest, &longest, &least);
    assert_true(fabs(shortest - 1) < 1e-6 && fabs(longest - 1) < 1e-6);
    setup_end(&s);

    train_wide(&s, ", non_negative: true", 1);
    measure(&s, &shortest, &longest, &least);
    assert_true(least == 0 && longest > 0);
    setup_end(&s);

    train_wide(&s, ", non_negative: true, max_norm: 0.5, l2: 0.01", 1);
    measure(&s, &shortest, &longest, &least);
    assert_true(least == 0 && fabs(longest - 0.5) < 1e-6);
    weights_digest(&s, one);
    setup_end(&s);
    train_wide(&s, ", non_negative: true, max_norm: 0.5, l2: 0.01", 3);
    weights_digest(&s, other);
    assert_string_equal(one, other);
    setup_end(&s);

    train_wide(&s, ", max_norm: 100", 1);                    /* not reached: nothing changes */
    assert_memory_equal(s.trainer->model->x, free.trainer->model->x, s.trainer->model->n_weights * sizeof(float));
    setup_end(&s);
    train_wide(&s, ", max_norm: 0, unit_norm: false, l2: 0", 1);
    assert_memory_equal(s.trainer->model->x, free.trainer->model->x, s.trainer->model->n_weights * sizeof(float));
    setup_end(&s);
    setup_end(&free);
}

/* A convolution's filter is one vector; a bias named is one too. */
static void constraints_of_other_tensors(void **state)
{
    (void)state;
    setup s;
    double shortest, longest, least;
    open_yaml(&s, "data: {format: digits, samples: 64, test: 8, size: 12}\nmodel: [{conv2d: {filters: 4, kernel: 3, unit_norm: {weight: true},"
                  " max_norm: {bias: 0.5}, init: {bias: ones}}}, flatten, {dense: {units: 10}}]\n"
                  "loss: softmax_cross_entropy\noptimizer: sgd\ntrain: {epochs: 1, batch: 32}\n");
    assert_int_equal(setup_run(&s), TRAINER_DONE);
    measure(&s, &shortest, &longest, &least);
    assert_true(fabs(shortest - 1) < 1e-6 && fabs(longest - 1) < 1e-6);
    const float *b = model_weight(s.trainer->model, &s.trainer->model->layer[0], 1);
    double square = 0;
    for (int i = 0; i < 4; i++) square += (double)b[i] * b[i];
    assert_true(sqrt(square) < 0.5 + 1e-6 && sqrt(square) > 0.4);
    setup_end(&s);
}

/* ---- refusals ---- */

static void refusals(void **state)
{
    (void)state;
    static const struct { const char *layers, *says; } cases[] = {
        { "{dense: {units: 2, l2: -1}}", "l2" },
        { "{dense: {units: 2, l1: much}}", "l1" },
        { "{dense: {units: 2, max_norm: [1, 2]}}", "max_norm" },
        { "{dense: {units: 2, non_negative: 2}}", "non_negative" },
        { "{dense: {units: 2, l2: {wieght: 1}}}", "weight" },
        { "{dense: {units: 2, l2: {weight: -3}}}", "l2" },
        { "{dense: {units: 2, max_norm: 1, unit_norm: true}}", "layer 'dense_1': max_norm and unit_norm of weight exclude each other" },
        { "{relu: {l2: 1}}", "layer 'relu_1': relu has no weights for l2" },
        { "{layer_norm: {max_norm: 1}}", "layer 'layer_norm_1': max_norm alone is for weights of two axes or more, and layer_norm has none; "
                                         "name the tensor: max_norm: {gamma: ...}" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[512];
        setup s;
        snprintf(yaml, sizeof yaml, DATA "model: [%s, {dense: {units: 1}}]\nloss: mean_squared_error\noptimizer: sgd\n", cases[i].layers);
        assert_false(setup_trainer(&s, yaml));
        if (s.pr.n != 1 || !strstr(s.pr.item[0].text, cases[i].says) || s.pr.item[0].at.line != 2)
            fail_msg("%s: %zu problems, the first on line %d: '%s', expected '%s'", cases[i].layers, s.pr.n, (int)s.pr.item[0].at.line,
                     s.pr.n ? s.pr.item[0].text : "", cases[i].says);
        setup_end(&s);
    }
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_step),
        cmocka_unit_test(by_differences),
        cmocka_unit_test(clipped),
        cmocka_unit_test(frozen),
        cmocka_unit_test(constraints),
        cmocka_unit_test(constraints_of_other_tensors),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("penalties and constraints", tests, NULL, NULL);
}
