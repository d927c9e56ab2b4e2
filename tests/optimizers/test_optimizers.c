/* Optimizers of single weights against PyTorch's paths (golden/optimizers.py); finite_difference against sgd. */
#include "optimizers/walk.h"

#include "golden/optimizers.inc"

enum { N_GOLDEN = sizeof golden / sizeof *golden };

static void test_paths(void **unused)
{
    (void)unused;
    for (int c = 0; c < N_GOLDEN; c++) {
        walk w = walk_open(golden[c].name, golden[c].options, N, start);
        int row = 0;
        for (int t = 1; t <= STEPS; t++) {
            const double lr = golden[c].halved && t >= golden[c].halved ? golden[c].lr / 2 : golden[c].lr;
            walk_step(&w, (uint64_t)t, lr, 1, 0, N, gradient[t - 1]);
            if (t == shown[row]) near(w.of.label, (uint64_t)t, w.x, golden[c].x[row++], N, 1e-6);
        }
        assert_int_equal(row, N_SHOWN);
        instance_close(&w.of);
    }
}

/* Any cut of [0, n) gives the same bits as none (R1), in weights and slots. */
static void test_ranges(void **unused)
{
    (void)unused;
    enum { MANY = 1003 };
    static const size_t cut[] = { 0, 1, 2, 5, 21, 22, 70, 500, 755, 1000, MANY };
    static float x[MANY], g[MANY];
    random_vector(x, MANY, 1);
    for (int c = 0; c < N_GOLDEN; c++) {
        walk whole = walk_open(golden[c].name, golden[c].options, MANY, x);
        walk parts = walk_open(golden[c].name, golden[c].options, MANY, x);
        for (uint64_t t = 1; t <= 4; t++) {
            random_vector(g, MANY, t + 1);
            walk_step(&whole, t, 0.01, 1, 0, MANY, g);
            for (size_t i = sizeof cut / sizeof *cut - 1; i > 0; i--)
                walk_step(&parts, t, 0.01, 1, cut[i - 1], cut[i], g);
        }
        if (memcmp(whole.x, parts.x, sizeof x)) fail_msg("%s: weights depend on the ranges", whole.of.label);
        for (int i = 0; i < whole.plan.n_slots; i++)
            if (memcmp(whole.slot[i], parts.slot[i], sizeof x))
                fail_msg("%s: slot %d depends on the ranges", whole.of.label, i);
        if (!memcmp(whole.x, x, sizeof x)) fail_msg("%s: nothing moved", whole.of.label);
        instance_close(&whole.of);
        instance_close(&parts.of);
    }
}

/* s->decay is a factor on the optimizer's own weight decay. */
static void test_decay_factor(void **unused)
{
    (void)unused;
    static const struct { const char *name, *some, *half, *none; } rows[] = {
        { "sgd", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "{weight_decay: 0}" },
        { "sgd", "{momentum: 0.9, weight_decay: 0.2}", "{momentum: 0.9, weight_decay: 0.1}", "{momentum: 0.9}" },
        { "adam", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "" },
        { "adamw", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "{weight_decay: 0}" },
        { "rmsprop", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "" },
        { "adagrad", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "" },
        { "adadelta", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "" },
        { "adamax", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "" },
        { "nadam", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "" },
        { "nadam", "{weight_decay: 0.2, decoupled_weight_decay: true}",
          "{weight_decay: 0.1, decoupled_weight_decay: true}", "" },
        { "radam", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "" },
        { "radam", "{weight_decay: 0.2, decoupled_weight_decay: true}",
          "{weight_decay: 0.1, decoupled_weight_decay: true}", "" },
        { "lion", "{weight_decay: 0.2}", "{weight_decay: 0.1}", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        walk off = walk_open(rows[i].name, rows[i].some, N, start);
        walk none = walk_open(rows[i].name, rows[i].none, N, start);
        walk part = walk_open(rows[i].name, rows[i].some, N, start);
        walk half = walk_open(rows[i].name, rows[i].half, N, start);
        for (uint64_t t = 1; t <= 5; t++) {
            walk_step(&off, t, 0.1, 0, 0, N, gradient[t]);
            walk_step(&none, t, 0.1, 1, 0, N, gradient[t]);
            walk_step(&part, t, 0.1, 0.5, 0, N, gradient[t]);
            walk_step(&half, t, 0.1, 1, 0, N, gradient[t]);
        }
        if (memcmp(off.x, none.x, N * sizeof(float))) fail_msg("%s: decay 0 is not no decay", off.of.label);
        near(part.of.label, 5, part.x, half.x, N, 1e-6);
        if (!memcmp(part.x, none.x, N * sizeof(float))) fail_msg("%s: decay changes nothing", part.of.label);
        instance_close(&off.of);
        instance_close(&none.of);
        instance_close(&part.of);
        instance_close(&half.of);
    }
}

static void test_plans(void **unused)
{
    (void)unused;
    static const struct { const char *name, *options; int slots; double lr; } rows[] = {
        { "sgd", "", 0, 0.01 }, { "sgd", "{momentum: 0.9}", 1, 0.01 },
        { "adam", "", 2, 1e-3 }, { "adamw", "", 2, 1e-3 }, { "finite_difference", "", 1, 0.01 },
        { "adam", "{amsgrad: true}", 3, 1e-3 }, { "adamw", "{amsgrad: true}", 3, 1e-3 },
        { "rmsprop", "", 1, 0.01 }, { "rmsprop", "{momentum: 0.5}", 2, 0.01 },
        { "rmsprop", "{momentum: 0.5, centered: true}", 3, 0.01 }, { "adagrad", "", 1, 0.01 },
        { "adadelta", "", 2, 1 }, { "adamax", "", 2, 2e-3 }, { "nadam", "", 2, 2e-3 }, { "radam", "", 2, 1e-3 },
        { "lion", "", 1, 1e-3 }, { "rprop", "", 2, 0.01 }, { "lamb", "", 2, 1e-3 }, { "lars", "", 1, 0.1 },
        { "muon", "", 4, 1e-3 }, { "lbfgs", "", 6, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        walk w = walk_open(rows[i].name, rows[i].options, N, start);
        if (w.plan.n_slots != rows[i].slots) fail_msg("%s: %d slots", w.of.label, w.plan.n_slots);
        if (w.of.plugin->optimizer.default_lr != rows[i].lr) fail_msg("%s: default_lr", w.of.label);
        instance_close(&w.of);
    }
}

static void test_refusals(void **unused)
{
    (void)unused;
    static const struct { const char *name, *options, *says; } rows[] = {
        { "sgd", "{nesterov: true}", "nesterov needs a momentum above 0" },
        { "sgd", "{nesterov: true, momentum: 0.9, dampening: 0.1}", "found 0.9 and 0.1" },
        { "sgd", "{momentum: -0.1}", "momentum" },
        { "sgd", "{momentum: 1.5}", "momentum" },
        { "sgd", "{momentun: 0.9}", "momentum" },
        { "sgd", "{weight_decay: -1}", "weight_decay" },
        { "adam", "{beta1: 1}", "beta1" },
        { "adam", "{beta2: 1}", "beta2" },
        { "adam", "{eps: 0}", "eps" },
        { "adamw", "{weight_decay: none}", "weight_decay" },
        { "finite_difference", "{h: 0}", "h" },
        { "adam", "{amsgrad: 2}", "amsgrad" },
        { "rmsprop", "{alpha: 1}", "alpha" },
        { "rmsprop", "{rho: 0.9}", "rho" },
        { "adagrad", "{initial: -1}", "initial" },
        { "adadelta", "{rho: 1}", "rho" },
        { "adamax", "{eps: 0}", "eps" },
        { "nadam", "{momentum_decay: -1}", "momentum_decay" },
        { "radam", "{beta2: 1}", "beta2" },
        { "lion", "{eps: 1e-8}", "eps" },
        { "rprop", "{eta_minus: 1.2}", "eta_minus" },
        { "rprop", "{eta_plus: 0.9}", "eta_plus" },
        { "rprop", "{step_min: 3, step_max: 2}", "step_min 3 exceeds step_max 2" },
        { "lamb", "{scale_vectors: 0.5}", "scale_vectors" },
        { "lars", "{trust: -1}", "trust" },
        { "muon", "{ns_steps: 0}", "ns_steps" },
        { "muon", "{scale: adamw}", "scale" },
        { "lbfgs", "{history: 65}", "history" },
        { "lbfgs", "{decrease: 1}", "decrease" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        instance o = instance_open(HEFT_OPTIMIZER, rows[i].name, rows[i].options);
        heft_optimizer_plan p = { .host = compute_host(), .n = N };
        if (!o.said[0] && o.plugin->optimizer.plan(o.self, &p)) snprintf(o.said, sizeof o.said, "%s", p.error.text);
        if (!strstr(o.said, rows[i].says))
            fail_msg("%s: said \"%s\", expected \"%s\"", o.label, o.said, rows[i].says);
        instance_close(&o);
    }
}

/* The product of momenta, which nadam computes from t, against multiplication, at steps that no golden path reaches.
 * With beta2 0 and g = 1 the first step from t is lr ((1 - mu) / (1 - P) + mu' (1 - beta1) / (1 - P mu')). */
static void test_nadam_long_after(void **unused)
{
    (void)unused;
    static const struct { const char *options; double beta1, decay; } rows[] = {
        { "{beta2: 0}", 0.9, 4e-3 }, { "{beta2: 0, beta1: 0.999}", 0.999, 4e-3 },
        { "{beta2: 0, beta1: 0.9999, momentum_decay: 0}", 0.9999, 0 },
        { "{beta2: 0, beta1: 0.9999, momentum_decay: 1}", 0.9999, 1 }, { "{beta2: 0, beta1: 0}", 0, 4e-3 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double product = 1;
        for (int t = 1; t <= 20000; t++) {
            const double mu = rows[i].beta1 * (1 - 0.5 * pow(0.96, t * rows[i].decay));
            const double next = rows[i].beta1 * (1 - 0.5 * pow(0.96, (t + 1) * rows[i].decay));
            product *= mu;
            if (t != 1 && t != 77 && t != 1000 && t != 20000) continue;
            const float zero = 0, one = 1;
            walk w = walk_open("nadam", rows[i].options, 1, &zero);
            walk_step(&w, (uint64_t)t, 1, 1, 0, 1, &one);
            const float want = (float)-((1 - mu) / (1 - product)
                                        + next * (1 - rows[i].beta1) / (1 - product * next));
            near(w.of.label, (uint64_t)t, w.x, &want, 1, 1e-6);
            instance_close(&w.of);
        }
    }
}

/* ---- finite_difference ---- */

enum { WEIGHTS = 6, SAMPLES = 16 };

/* The mean over samples of log cosh(a . x - b), a square at first and then flatter, in float32 like a layer's. */
typedef struct problem_of_test {
    heft_problem problem;                /* first: eval gets its address */
    float a[SAMPLES][WEIGHTS], b[SAMPLES];
    int   evaluations;
} problem_of_test;

static double smooth_loss(heft_problem *p, float *g)
{
    problem_of_test *q = (problem_of_test *)(void *)p;
    double sum = 0, slope[WEIGHTS] = { 0 };
    for (int i = 0; i < SAMPLES; i++) {
        float d = -q->b[i];
        for (int j = 0; j < WEIGHTS; j++) d += q->a[i][j] * p->x[j];
        sum += logf(coshf(d));
        for (int j = 0; j < WEIGHTS; j++) slope[j] += (double)tanhf(d) * q->a[i][j];
    }
    for (int j = 0; g && j < WEIGHTS; j++) g[j] = (float)(slope[j] / SAMPLES);
    q->evaluations++;
    return sum / SAMPLES;
}

static void test_finite_difference_walks_like_sgd(void **unused)
{
    (void)unused;
    static problem_of_test q;
    float x0[WEIGHTS], g[WEIGHTS];
    random_vector(x0, WEIGHTS, 31);
    random_vector(&q.a[0][0], SAMPLES * WEIGHTS, 32);
    random_vector(q.b, SAMPLES, 33);
    walk exact = walk_open("sgd", "", WEIGHTS, x0), other = walk_open("finite_difference", "", WEIGHTS, x0);
    for (uint64_t t = 1; t <= 20; t++) {
        q.problem = (heft_problem){ .host = compute_host(), .t = t, .lr = 0.1f, .n = WEIGHTS,
                                   .x = exact.x, .eval = smooth_loss };
        smooth_loss(&q.problem, g);
        walk_step(&exact, t, 0.1, 1, 0, WEIGHTS, g);

        q.problem.x = other.x;
        q.problem.slot = other.slot;
        q.evaluations = 0;
        other.of.plugin->optimizer.iterate(other.of.self, &q.problem);
        assert_int_equal(q.evaluations, 2 * WEIGHTS + 1);
        assert_true(q.problem.loss == smooth_loss(&q.problem, NULL));
        near("finite_difference", t, other.x, exact.x, WEIGHTS, 1e-3 / 2);
    }
    double moved = 0;
    for (int j = 0; j < WEIGHTS; j++) moved += fabs((double)exact.x[j] - x0[j]);
    assert_true(moved > 0.5);
    instance_close(&exact.of);
    instance_close(&other.of);
}

static double linear_loss(heft_problem *p, float *g)
{
    (void)g;
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) sum += (double)(i + 1) * p->x[i];
    return sum;
}

/* Weights of any size: the points differ, and the distance between them is the one divided by. */
static void test_finite_difference_of_large_weights(void **unused)
{
    (void)unused;
    const float x0[] = { 0, 1e-6f, 0.3f, -1, 12345.678f, -1e6f, 1e12f };
    enum { COUNT = sizeof x0 / sizeof *x0 };
    for (size_t i = 0; i < COUNT; i++) {
        walk w = walk_open("finite_difference", "{h: 1e-4}", 1, &x0[i]);
        heft_problem p = { .host = compute_host(), .t = 1, .lr = 0, .n = 1,
                           .x = w.x, .slot = w.slot, .eval = linear_loss };
        w.of.plugin->optimizer.iterate(w.of.self, &p);
        if (!(fabs(w.slot[0][0] - 1) <= 1e-6)) fail_msg("slope at %g is %.9g, expected 1", x0[i], w.slot[0][0]);
        assert_true(w.x[0] == x0[i]);
        instance_close(&w.of);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_decay_factor),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nadam_long_after),
        cmocka_unit_test(test_finite_difference_walks_like_sgd),
        cmocka_unit_test(test_finite_difference_of_large_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
