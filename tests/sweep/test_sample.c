/* Draws have the distributions they claim; Sobol's numbers are Sobol's; tpe finds more than chance. */
#include "sweep/setup.h"

#define METRIC "metric: {name: val_loss}"

/* ---- distributions ---- */

enum { N = 2000 };

static double cdf_uniform(double x) { return (x + 2.5) / 9.5; }
static double cdf_log(double x) { return (log(x) - log(1e-5)) / (log(1e-1) - log(1e-5)); }
static double cdf_int(double x) { return (floor(x) - 2) / 10; }                          /* 3 to 12 */
static double cdf_quarters(double x) { return (floor(x / 0.25 + 1e-9) + 1) / 7; }        /* 0 to 1.5 */
static double cdf_normal(double x) { return 0.5 * erfc(-(x - 3) / 0.5 / sqrt(2)); }
static double cdf_log_normal(double x) { return 0.5 * erfc(-(log(x) + 1) / 2 / sqrt(2)); }
static double cdf_values(double x) { return x < 2 ? 0.125 : x < 3 ? 0.375 : 1; }

static const struct { const char *parameter; double (*cdf)(double); bool steps; } shapes[] = {
    { "{min: -2.5, max: 7}", cdf_uniform, false },
    { "{min: 1e-5, max: 1e-1, distribution: log_uniform}", cdf_log, false },
    { "{min: 3, max: 12, distribution: int_uniform}", cdf_int, true },
    { "{min: 0, max: 1.5, q: 0.25}", cdf_quarters, true },
    { "{distribution: normal, mu: 3, sigma: 0.5}", cdf_normal, false },
    { "{distribution: log_normal, mu: -1, sigma: 2}", cdf_log_normal, false },
    { "{values: [1, 2, 3], probabilities: [1, 2, 5]}", cdf_values, true },
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Kolmogorov's distance of what was drawn from what was claimed. */
static double distance(double *v, double (*cdf)(double), bool steps)
{
    double far = 0;
    qsort(v, N, sizeof *v, ascending);
    for (int k = 0; k < N; k++) {
        if (k + 1 < N && v[k + 1] == v[k]) continue;
        const double above = (k + 1.0) / N - cdf(v[k]), below = cdf(v[k]) - (double)k / N;
        far = fmax(far, fabs(above));
        if (!steps) far = fmax(far, fabs(below));
    }
    return far;
}

static void distributions(void **state)
{
    static double v[N];
    (void)state;
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
        setup s;
        const bool sobol = i % 2;
        char section[300];
        /* y keeps the points from being equal. */
        snprintf(section, sizeof section, "{method: %s, " METRIC ", trials: %d, parameters: {x: %s, y: {min: 0.1, max: 1}}}",
                 sobol ? "sobol" : "random", N, shapes[i / 2].parameter);
        need_space(&s, section);
        sampler *p = sampler_new(s.space, &s.pr);
        for (int k = 0; k < N; k++) v[k] = sampler_next(p, 0, NULL)->number[0];
        assert_null(sampler_next(p, 0, NULL));
        const double far = distance(v, shapes[i / 2].cdf, shapes[i / 2].steps);
        const double most = sobol ? 0.005 : 1.95 / sqrt(N);              /* random: p = 0.001 */
        if (!(far < most)) fail_msg("%s: %g from the distribution, at most %g", section, far, most);
        sampler_free(p);
        setup_end(&s);
    }
}

static void keyed_draws(void **state)
{
    (void)state;
    const point *first[2][20];
    setup s[3];
    sampler *p[3];
    static const char *const order[] = { "{x: {min: 0.1, max: 1}, y: {min: 0.1, max: 1}}", "{y: {min: 0.1, max: 1}, x: {min: 0.1, max: 1}}" };
    for (int i = 0; i < 2; i++) {
        char section[200];
        snprintf(section, sizeof section, "{method: random, " METRIC ", trials: 20, parameters: %s}", order[i]);
        need_space(&s[i], section);
        p[i] = sampler_new(s[i].space, &s[i].pr);
        for (int k = 0; k < 20; k++) first[i][k] = sampler_next(p[i], 0, NULL);
    }
    for (int k = 0; k < 20; k++) {
        assert_string_equal(first[0][k]->value[0], first[1][k]->value[1]);       /* by name, not by place */
        assert_string_not_equal(first[0][k]->value[0], first[0][k]->value[1]);
    }
    need_space(&s[2], "{method: random, " METRIC ", trials: 20, parameters: {x: {min: 0.1, max: 1}, y: {min: 0.1, max: 1}}}");
    s[2].space->seed++;
    p[2] = sampler_new(s[2].space, &s[2].pr);
    assert_string_not_equal(sampler_next(p[2], 0, NULL)->value[0], first[0][0]->value[0]);
    for (int i = 0; i < 3; i++) sampler_free(p[i]), setup_end(&s[i]);
}

static void no_point_twice(void **state)
{
    (void)state;
    static const char *const methods[] = { "random", "sobol", "tpe" };
    for (int m = 0; m < 3; m++) {
        setup s;
        char section[200];
        snprintf(section, sizeof section, "{method: %s, " METRIC ", trials: 50, constraints: ['x != 4'], parameters: {x: {min: 1, max: 5, distribution: int_uniform}, "
                 "y: {values: [a, b]}, z: {values: [1, 2], when: {y: b}}}}", methods[m]);
        need_space(&s, section);
        sampler *p = sampler_new(s.space, &s.pr);
        seen list[64];
        const point *q[64];
        int n = 0;
        while ((q[n] = sampler_next(p, (size_t)n, list))) {
            if (n == 40) fail_msg("%s: more points than there are", methods[m]);
            assert_true(point_allowed(s.space, q[n]));
            assert_int_equal(!q[n]->value[2], !strcmp(q[n]->value[1], "a"));
            for (int k = 0; k < n; k++) assert_false(point_equal(s.space, q[n], q[k]));
            list[n] = (seen){ q[n], 1, q[n]->number[0] };
            n++;
        }
        if (n != 12) fail_msg("%s found %d points of 12", methods[m], n);
        sampler_free(p);
        setup_end(&s);
    }
}

/* ---- Sobol ---- */

/* Golden: torch 1.13, torch.quasirandom.SobolEngine(21), in units of 2^-30. */
static const struct { uint32_t n, digits[SOBOL_DIMENSIONS]; } golden[] = {
    { 2, { 805306368, 268435456, 268435456, 268435456, 805306368, 805306368, 268435456, 805306368, 805306368, 805306368, 805306368,
           805306368, 268435456, 268435456, 805306368, 268435456, 805306368, 268435456, 805306368, 268435456, 268435456 } },
    { 7, { 134217728, 671088640, 402653184, 134217728, 134217728, 402653184, 671088640, 671088640, 671088640, 939524096, 671088640,
           134217728, 671088640, 402653184, 134217728, 134217728, 134217728, 134217728, 671088640, 939524096, 939524096 } },
    { 19, { 369098752, 771751936, 771751936, 436207616, 33554432, 771751936, 301989888, 637534208, 234881024, 436207616, 369098752,
            167772160, 436207616, 436207616, 100663296, 838860800, 570425344, 369098752, 570425344, 838860800, 503316480 } },
};

static void sobol_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++)
        for (int d = 0; d < SOBOL_DIMENSIONS; d++)
            if (sobol_digits(d, golden[i].n) >> 2 != golden[i].digits[d]) fail_msg("point %u, dimension %d", golden[i].n, d);
    /* Each dimension is stratified: 64 points fall into 64 cells, one each. */
    for (int d = 0; d < SOBOL_DIMENSIONS; d++) {
        uint64_t cells = 0;
        for (uint32_t n = 64; n < 128; n++) cells |= UINT64_C(1) << (sobol_digits(d, n) >> 26);
        if (cells != UINT64_MAX) fail_msg("dimension %d is not stratified", d);
    }
}

/* ---- tpe ---- */

/* Known functions of quantities that the space below draws. */
static double sphere(const point *p)
{
    double sum = 0;
    for (int i = 0; i < 4; i++) sum += (p->number[i] - 0.3 - 0.1 * i) * (p->number[i] - 0.3 - 0.1 * i);
    return sum;
}

static double branin(const point *p)
{
    const double x = p->number[0], y = p->number[1], a = y - 5.1 / (4 * M_PI * M_PI) * x * x + 5 / M_PI * x - 6;
    return a * a + 10 * (1 - 1 / (8 * M_PI)) * cos(x) + 10;
}

/* A learning rate, a width, a type and a conditional momentum, as in a sweep. */
static double mixed(const point *p)
{
    const double lr = log10(p->number[0]) + 3, units = (p->number[1] - 70) / 40;
    const double type = !strcmp(p->value[2], "adam") ? 0 : !strcmp(p->value[2], "sgd") ? 0.4 : 1.2;
    const double momentum = p->value[3] ? 2 * (0.9 - p->number[3]) * (0.9 - p->number[3]) : 0.1;
    return lr * lr + units * units + type + momentum;
}

static const struct { const char *name, *parameters; double (*f)(const point *); } functions[] = {
    { "sphere", "{a: {min: -1.5, max: 1.5}, b: {min: -1.5, max: 1.5}, c: {min: -1.5, max: 1.5}, d: {min: -1.5, max: 1.5}}", sphere },
    { "branin", "{x: {min: -5, max: 10, distribution: uniform}, y: {min: 0, max: 15, distribution: uniform}}", branin },
    { "mixed", "{lr: {min: 1e-6, max: 1, distribution: log_uniform}, units: {min: 1, max: 256, distribution: int_uniform}, "
               "type: {values: [adam, sgd, ftrl]}, momentum: {min: 0.0, max: 0.99, when: {type: [sgd, ftrl]}}}", mixed },
};

enum { TRIALS = 60, SEEDS = 20, LAG = 8 };

static double best_of(const char *method, const char *parameters, double (*f)(const point *), uint64_t seed)
{
    setup s;
    char section[600];
    snprintf(section, sizeof section, "{method: %s, " METRIC ", trials: %d, parameters: %s}", method, TRIALS, parameters);
    need_space(&s, section);
    s.space->seed = seed;
    sampler *p = sampler_new(s.space, &s.pr);
    seen list[TRIALS];
    double best = INFINITY;
    for (int k = 0; k < TRIALS; k++) {
        if (k >= LAG) list[k - LAG] = (seen){ list[k - LAG].point, 1, f(list[k - LAG].point) };
        const point *q = sampler_next(p, (size_t)k, list);
        list[k] = (seen){ q, 0, NAN };           /* under way */
        best = fmin(best, f(q));
    }
    sampler_free(p);
    setup_end(&s);
    return best;
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, ascending);
    return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

static void tpe_beats_random(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        double random[SEEDS], tpe[SEEDS];
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            random[seed] = best_of("random", functions[i].parameters, functions[i].f, seed);
            tpe[seed] = best_of("tpe", functions[i].parameters, functions[i].f, seed);
        }
        const double r = median(random, SEEDS), t = median(tpe, SEEDS);
        print_message("%s: the median best of %d trials over %d seeds is %.4g by random, %.4g by tpe\n", functions[i].name, TRIALS, SEEDS, r, t);
        if (!(t < r)) fail_msg("%s: tpe found %g, random %g", functions[i].name, t, r);
    }
}

/* The same results shown in the same order give the same suggestion; a failure or fewer epochs rank below. */
static void tpe_is_a_function(void **state)
{
    (void)state;
    setup s;
    need_space(&s, "{method: tpe, " METRIC ", trials: 100, parameters: {x: {min: 0.0, max: 1}, y: {values: [good, bad]}}}");
    int low = 0, good = 0;
    for (int round = 0; round < 40; round++) {
        seen list[30];
        for (int k = 0; k < 30; k++) {
            point *q = point_new(s.space, s.memory);
            point_draw(s.space, 0, (k + 0.5) / 30, q, s.memory);
            point_choose(s.space, 1, (size_t)(k % 2), q);
            /* Of x below one half all failed, but for the best values, which are of fewer epochs. */
            list[k] = (seen){ q, k < 15 ? 1 : 9, k < 15 ? (k % 3 ? NAN : -100) : q->number[0] - 0.5 + (k % 2) };
        }
        point *a = point_new(s.space, s.memory), *b = point_new(s.space, s.memory);
        tpe_suggest(s.space, (uint64_t)round, 30, list, a, s.memory);
        tpe_suggest(s.space, (uint64_t)round, 30, list, b, s.memory);
        assert_true(point_equal(s.space, a, b));
        low += a->number[0] < 0.5;
        good += !strcmp(a->value[1], "good");
    }
    if (low > 10 || good < 25) fail_msg("%d of 40 suggestions where trials failed, %d of the good value", low, good);
    setup_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions), cmocka_unit_test(keyed_draws), cmocka_unit_test(no_point_twice), cmocka_unit_test(sobol_numbers),
        cmocka_unit_test(tpe_beats_random), cmocka_unit_test(tpe_is_a_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
