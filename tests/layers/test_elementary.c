/* The elementary functions, normal draws and sums of numbers.h: their stated errors over all floats, and their moments; and gelu. */
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

/* Below -87 1 + exp(-x) overflows before its reciprocal is 0. */
static float sigmoid(float x)        { return heft_sigmoidf(x < -87 ? -87 : x); }
static double exact_sigmoid(double x) { return 1 / (1 + exp(x < -87 ? 87 : -x)); }

static void stated_errors(void **state)
{
    (void)state;
    static const function functions[] = {
        { "heft_expf", heft_expf, exp, 1.02 }, { "heft_expm1f", heft_expm1f, expm1, 1.56 },
        { "heft_logf", heft_logf, log, 0.84 }, { "heft_log1pf", heft_log1pf, log1p, 1.44 },
        { "heft_tanhf", heft_tanhf, tanh, 2.61 }, { "heft_sigmoidf", sigmoid, exact_sigmoid, 3 },
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        for (uint32_t u = 0; u < UINT32_MAX - 4001; u += 4001)
            check(&functions[i], (const union { uint32_t u; float f; }){ u }.f);
        const float edges[] = { 0, -0.0f, 1, -1, INFINITY, -INFINITY, 0x1p-149f, 0x1p-126f, 0x1.fffffep127f, -0x1.fffffep127f,
                                0x1.fffffep-1f, -0x1.fffffep-1f, 88.722839f, 88.7229f, -103.9f, 0x1.8a7bf8p-2f, 0x1.69bc6p+0f, -0x1.8p-24f,
                                -0x1.b60c42p+4f, 0x1.7b2922p-2f, 0x1.ff4f96p-5f };
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

/* As one instruction or as two, the same in a loop, at its end and alone. */
static void any_count(void **state)
{
    (void)state;
    enum { MOST = 70 };
    float (*volatile alone[])(float) = { heft_expf, heft_expm1f, heft_sigmoidf, heft_tanhf };
    float x[MOST], y[4][MOST];
    for (int i = 0; i < MOST; i++) x[i] = (float)(i * i) * (i % 2 ? -0.03f : 0.017f) + 0.3f;
    for (int n = 0; n <= MOST; n++) {
        for (int i = 0; i < n; i++) y[0][i] = heft_expf(x[i]);
        for (int i = 0; i < n; i++) y[1][i] = heft_expm1f(x[i]);
        for (int i = 0; i < n; i++) y[2][i] = heft_sigmoidf(x[i]);
        for (int i = 0; i < n; i++) y[3][i] = heft_tanhf(x[i]);
        for (int f = 0; f < 4; f++)
            for (int i = 0; i < n; i++) {
                const float want = alone[f](x[i]);
                if (memcmp(&want, &y[f][i], sizeof want)) fail_msg("function %d of %a: %a, in a loop of %d %a", f, (double)x[i], (double)want, n, (double)y[f][i]);
            }
    }
}

static void fused(void **state)
{
    (void)state;
    const float x = 1 + 0x1p-12f, once = 0x1p-11f + 0x1p-24f, twice = 0x1p-11f;
    const float got = heft_fma(x, x, -1);
#if defined __FMA__
    assert_true(got == once);
#else
    assert_true(got == once || got == twice);
#endif
    (void)twice;
    assert_true(heft_fma(2, 3, 4) == 10 && isnan(heft_fma(0, INFINITY, 1)) && isnan(heft_fma(1, 2, NAN)));
}

/* The order that is promised: part j has x[j], x[j + 16], ...; then halves onto halves. */
static void sums_of_any_count(void **state)
{
    (void)state;
    enum { MOST = 70 };
    float x[MOST], y[MOST];
    heft_rng r = rng_key(7, RNG_TEST, 0, 0);
    heft_normals(&r, MOST, x);
    heft_normals(&r, MOST, y);
    for (int n = 1; n <= MOST; n++) {
        float sum[16] = { 0 }, products[16] = { 0 }, most = x[0];
        for (int i = 0; i < n; i++) {
            sum[i % 16] += x[i];
            products[i % 16] += x[i] * y[i];
            most = fmaxf(most, x[i]);
        }
        for (int half = 8; half; half /= 2)
            for (int j = 0; j < half; j++) sum[j] += sum[j + half], products[j] += products[j + half];
        if (heft_sum(n, x) != *sum) fail_msg("sum of %d: %a, expected %a", n, (double)heft_sum(n, x), (double)*sum);
        if (heft_sum_products(n, x, y) != *products) fail_msg("%d products: %a, expected %a", n, (double)heft_sum_products(n, x, y), (double)*products);
        if (heft_max(n, x) != most) fail_msg("maximum of %d: %a, expected %a", n, (double)heft_max(n, x), (double)most);
    }
}

static void maxima(void **state)
{
    (void)state;
    static const struct { float x[4], most; } rows[] = {
        { { -3, -2, -7, -5 }, -2 }, { { -INFINITY, -INFINITY, -INFINITY, -INFINITY }, -INFINITY }, { { -INFINITY, INFINITY, 0, 1 }, INFINITY },
        { { -0x1p-149f, -1, -1, -1 }, -0x1p-149f }, { { -0.0f, -1, 0x1p-149f, -1 }, 0x1p-149f }, { { -0x1.fffffep127f, -INFINITY, -INFINITY, -INFINITY }, -0x1.fffffep127f },
        { { NAN, NAN, NAN, NAN }, NAN }, { { -NAN, -NAN, -NAN, -NAN }, NAN },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const float got = heft_max(4, rows[i].x);
        if (!(isnan(rows[i].most) ? isnan(got) : got == rows[i].most)) fail_msg("row %zu: %a, expected %a", i, (double)got, (double)rows[i].most);
    }
    for (int i = 0; i < 4; i++) {
        float x[4] = { 1, 2, 3, 4 };
        x[i] = NAN;
        const float got = heft_max(4, x);
        assert_true(isnan(got) || got == (i == 3 ? 3 : 4));
    }
}

/* The distribution and the derivative within 3e-7, whatever x is. */
static void gelu(void **state)
{
    (void)state;
    enum { N = 400000 };
    harness *h = harness_open("gelu", "", 1, &SHAPE(N), LANES(1));
    for (int i = 0; i < N; i++) {
        h->in[0][i] = (float)(16.0 * i / N - 8);
        h->dout[i] = 1;
    }
    for (int i = 0; i < 100; i++) h->in[0][i] = ldexpf(i % 2 ? 1.1f : -1.3f, i - 40);
    harness_forward(h, true);
    harness_backward(h);
    for (int i = 0; i < N; i++) {
        const double x = h->in[0][i], f = erfc(-x / sqrt(2)) / 2, slope = f + x * exp(-x * x / 2) / sqrt(8 * atan(1));
        if (!(fabs(h->out[i] - x * f) <= 3e-7 * fabs(x))) fail_msg("gelu(%a) is %a, expected %a", x, (double)h->out[i], x * f);
        if (!(fabs(h->din[0][i] - slope) < 3e-7)) fail_msg("gelu'(%a) is %.9g, expected %.9g", x, (double)h->din[0][i], slope);
    }
    const float ends[] = { NAN, INFINITY, -INFINITY, 0, -0.0f }, out[] = { NAN, INFINITY, NAN, 0, 0 }, din[] = { NAN, NAN, NAN, 0.5f, 0.5f };
    memcpy(h->in[0], ends, sizeof ends);
    harness_forward(h, true);
    harness_backward(h);
    harness_near(h, "out", 5, h->out, out, 0, 0);
    harness_near(h, "din", 5, h->din[0], din, 0, 0);
    harness_close(h);
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stated_errors),
        cmocka_unit_test(normal_moments),
        cmocka_unit_test(normals_of_any_count),
        cmocka_unit_test(chosen),
        cmocka_unit_test(any_count),
        cmocka_unit_test(fused),
        cmocka_unit_test(sums_of_any_count),
        cmocka_unit_test(maxima),
        cmocka_unit_test(gelu),
    };
    return cmocka_run_group_tests_name("elementary functions", tests, NULL, NULL);
}
