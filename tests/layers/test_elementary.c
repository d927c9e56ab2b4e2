/* The elementary functions and normal draws of numbers.h: their stated errors over all floats, and their moments. */
#include "harness.h"

/* Units in the last place of want between got and want; below the normal numbers, of the least of these. */
static double ulps(float got, double want)
{
    const float w = fabsf((float)want), at = w < 0x1p-126f ? 0x1p-126f : w;
    return fabs((double)got - want) / ((double)nextafterf(at, INFINITY) - (double)at);
}

typedef struct function {
    const char *name;
    float     (*f)(float);
    double    (*exact)(double);
    double      most;                                  /* the error that numbers.h states */
} function;

static void check(const function *g, float x)
{
    const double want = g->exact((double)x);
    const float got = g->f(x), near = (float)want;
    if (isnan(near) ? !isnan(got) : isinf(near) ? got != near : !(ulps(got, want) < g->most))
        fail_msg("%s(%a) is %a, expected %a", g->name, (double)x, (double)got, want);
}

static void stated_errors(void **state)
{
    (void)state;
    static const function functions[] = {
        { "heft_expf", heft_expf, exp, 1 }, { "heft_expm1f", heft_expm1f, expm1, 1.55 },
        { "heft_logf", heft_logf, log, 0.84 }, { "heft_log1pf", heft_log1pf, log1p, 1.44 },
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        for (uint32_t u = 0; u < UINT32_MAX - 4001; u += 4001)
            check(&functions[i], (const union { uint32_t u; float f; }){ u }.f);
        const float edges[] = { 0, -0.0f, 1, -1, INFINITY, -INFINITY, 0x1p-149f, 0x1p-126f, 0x1.fffffep127f, -0x1.fffffep127f,
                                0x1.fffffep-1f, -0x1.fffffep-1f, 88.722839f, 88.7229f, -103.9f, 0x1.8a7bf8p-2f, 0x1.69bc6p+0f, -0x1.8p-24f };
        for (size_t k = 0; k < sizeof edges / sizeof *edges; k++) check(&functions[i], edges[k]);
    }
}

/* Mean, variance, fourth moment and correlation of neighbours, each within 5 standard deviations; the greatest distance from
 * the distribution (Kolmogorov) below 1.95 / sqrt(n), which chance passes once in a thousand. */
static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void normal_moments(void **state)
{
    (void)state;
    enum { N = 400000 };
    float *x = block_alloc(N, sizeof *x);
    heft_rng r = rng_key(5, RNG_TEST, 0, 0);
    double mean = 0, square = 0, fourth = 0, next = 0, apart = 0;
    heft_normals(&r, N, x);
    for (int i = 0; i < N; i++) {
        const double v = x[i];
        mean += v / N;
        square += v * v / N;
        fourth += v * v * v * v / N;
        next += i ? v * x[i - 1] / N : 0;
    }
    const double sigma = 1 / sqrt(N);
    if (fabs(mean) > 5 * sigma) fail_msg("mean %g", mean);
    if (fabs(square - 1) > 5 * sqrt(2) * sigma) fail_msg("variance %g", square);
    if (fabs(fourth - 3) > 5 * sqrt(96) * sigma) fail_msg("fourth moment %g", fourth);
    if (fabs(next) > 5 * sigma) fail_msg("correlation %g", next);
    qsort(x, N, sizeof *x, ascending);
    for (int i = 0; i < N; i++) apart = fmax(apart, fabs(0.5 * erfc(-(double)x[i] / sqrt(2)) - (i + 0.5) / N));
    if (apart > 1.95 * sigma) fail_msg("distance %g from the normal distribution", apart);
    block_free(x);
}

/* Cut anywhere even, the same numbers; an odd count draws one pair more; each pair is Box and Muller's. */
static void normals_of_any_count(void **state)
{
    (void)state;
    enum { N = 101 };
    float all[N], parts[N], u[N + 1];
    heft_rng r = rng_key(6, RNG_TEST, 0, 0), s = r, t = r;
    heft_normals(&r, N, all);
    assert_int_equal(r.n, N + 1);
    for (int i = 0, n; i < N; i += n) {
        n = i + 6 < N ? 6 : N - i;
        heft_normals(&s, n, parts + i);
    }
    assert_memory_equal(all, parts, sizeof all);
    heft_uniforms(&t, N + 1, u);
    for (int i = 0; i < N; i++) {
        const double length = sqrt(-2 * log(1 - (double)u[i & ~1])), angle = 6.283185307179586 * (double)u[i | 1];
        const double want = length * (i & 1 ? sin(angle) : cos(angle));
        if (fabs(all[i] - want) > 1e-6) fail_msg("number %d is %.9g, expected %.9g", i, (double)all[i], want);
    }
    float ends[][2] = { { 0, 0 }, { 0, 0.999999940f }, { 0.999999940f, 0 }, { 0.999999940f, 0.25f }, { 0.999999940f, 0.5f } };
    const float length = 5.768111f, want[][2] = { { 0, 0 }, { 0, 0 }, { length, 0 }, { 0, length }, { -length, 0 } };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        heft_normal_pair(ends[i]);
        for (int k = 0; k < 2; k++)
            if (!(fabsf(ends[i][k] - want[i][k]) < 2e-5f))
                fail_msg("pair %zu has %g, expected %g", i, (double)ends[i][k], (double)want[i][k]);
    }
}

/* The bits of the one or the other, whatever they mean. */
static void chosen(void **state)
{
    (void)state;
    static const float rows[][2] = { { 1, 2 }, { 0, -0.0f }, { -0.0f, 0 }, { NAN, 1 }, { 1, NAN }, { INFINITY, -INFINITY }, { 1e-45f, 3 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int c = 0; c < 2; c++) {
            const float got = heft_where(c, rows[i][0], rows[i][1]);
            assert_memory_equal(&got, &rows[i][!c], sizeof got);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stated_errors),
        cmocka_unit_test(normal_moments),
        cmocka_unit_test(normals_of_any_count),
        cmocka_unit_test(chosen),
    };
    return cmocka_run_group_tests_name("elementary functions", tests, NULL, NULL);
}
