/* Optimizers that evaluate by themselves against PyTorch's paths (golden/optimizers.py iterate); where the line search of lbfgs must step in. */
#include "optimizers/walk.h"

#include "golden/optimizers_iterate.inc"

typedef struct problem_of_test {
    heft_problem problem;                /* first: eval gets its address */
    double (*f)(const float *x, float *g);
    int evaluations;
} problem_of_test;

static double evaluate(heft_problem *p, float *g)
{
    problem_of_test *q = (problem_of_test *)(void *)p;
    q->evaluations++;
    return q->f(p->x, g);
}

/* The problem the golden path is on. */
static double smooth(const float *x, float *g)
{
    double sum = 0, slope[N] = { 0 };
    for (int i = 0; i < ROWS; i++) {
        double d = -b[i];
        for (int j = 0; j < N; j++) d += (double)a[i][j] * x[j];
        sum += log(cosh(d)) + d * d / 2;
        for (int j = 0; j < N; j++) slope[j] += (tanh(d) + d) * a[i][j];
    }
    for (int j = 0; g && j < N; j++) g[j] = (float)(slope[j] / ROWS);
    return sum / ROWS;
}

static double iterate(walk *w, problem_of_test *q, uint64_t t, double lr)
{
    q->problem = (heft_problem){ .host = w->plan.host, .t = t, .lr = (float)lr, .n = w->n, .x = w->x, .slot = w->slot,
                                 .loss = NAN, .eval = evaluate };
    w->of.plugin->optimizer.iterate(w->of.self, &q->problem);
    return q->problem.loss;
}

static void test_path(void **unused)
{
    (void)unused;
    for (size_t c = 0; c < sizeof golden / sizeof *golden; c++) {
        problem_of_test q = { .f = smooth };
        walk w = walk_open(golden[c].name, golden[c].options, N, x0);
        for (int t = 1; t <= STEPS; t++) {
            const double loss = iterate(&w, &q, (uint64_t)t, golden[c].lr);
            near(w.of.label, (uint64_t)t, w.x, golden[c].x[t - 1], N, 2e-4);
            if (!(fabs(loss - golden[c].loss[t - 1]) <= 1e-5 * golden[c].loss[t - 1]))
                fail_msg("%s, step %d: loss %.9g, expected %.9g", w.of.label, t, loss, golden[c].loss[t - 1]);
        }
        assert_int_equal(q.evaluations, golden[c].evaluations * STEPS);
        instance_close(&w.of);
    }
}

/* Rosenbrock's valley: tries are rejected, pairs wrap around the ring many times. */
static double valley(const float *x, float *g)
{
    const double u = 1 - (double)x[0], v = (double)x[1] - (double)x[0] * x[0];
    if (g) {
        g[0] = (float)(-2 * u - 400 * x[0] * v);
        g[1] = (float)(200 * v);
    }
    return u * u + 100 * v * v;
}

static void test_valley(void **unused)
{
    (void)unused;
    static const char *const options[] = { "", "{history: 1}", "{history: 3}" };
    for (size_t c = 0; c < sizeof options / sizeof *options; c++) {
        const float from[2] = { -1.2f, 1 };
        problem_of_test q = { .f = valley };
        walk w = walk_open("lbfgs", options[c], 2, from);
        double last = valley(from, NULL);
        for (uint64_t t = 1; t <= 200; t++) {
            const double loss = iterate(&w, &q, t, 1);
            if (!(loss <= last)) fail_msg("%s, step %d: loss %g after %g", w.of.label, (int)t, loss, last);
            if (loss != valley(w.x, NULL)) fail_msg("%s, step %d: not the loss at x", w.of.label, (int)t);
            last = loss;
        }
        if (!(last < 1e-7)) fail_msg("%s: ends at %g", w.of.label, last);
        assert_true(q.evaluations > 2 * 20);
        instance_close(&w.of);
    }
}

/* The gradient points uphill: no step helps, x stays, what was remembered is dropped. */
static double wrong_way(const float *x, float *g)
{
    if (g) g[0] = -1;
    return x[0];
}

static double not_a_number(const float *x, float *g)
{
    if (g) g[0] = NAN;
    return x[0] == 0 ? 1 : NAN;
}

static void test_no_decrease(void **unused)
{
    (void)unused;
    double (*const f[])(const float *, float *) = { wrong_way, not_a_number };
    for (int i = 0; i < 2; i++) {
        const float zero = 0;
        problem_of_test q = { .f = f[i] };
        walk w = walk_open("lbfgs", "{tries: 7}", 1, &zero);
        w.slot[5][0] = 0;
        const double loss = iterate(&w, &q, 1, 1);
        assert_true(loss == f[i](&zero, NULL));
        assert_true(w.x[0] == 0 && w.slot[5][0] == 0);
        assert_int_equal(q.evaluations, i ? 1 : 8);
        instance_close(&w.of);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_valley),
        cmocka_unit_test(test_no_decrease),
    };
    compute_init(1, COMPUTE_F32);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
