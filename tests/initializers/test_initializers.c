/* Every initializer's distribution, fan rule, dependence on the seed and refusals. */
#include "optimizers/instance.h"

enum { FAN_IN = 300, FAN_OUT = 200, COUNT = FAN_IN * FAN_OUT };

typedef struct filled { instance of; heft_fill fill; int failed; } filled;

static filled fill_open(const char *name, const char *options, heft_shape shape, int64_t fan_in, int64_t fan_out,
                        uint64_t seed)
{
    filled f = { .of = instance_open(HEFT_INITIALIZER, name, options) };
    if (f.of.said[0]) fail_msg("%s: %s", f.of.label, f.of.said);
    const size_t n = (size_t)heft_count(&shape);
    float *x = arena_alloc(f.of.memory, n + 2, sizeof *x);
    for (size_t i = 0; i < n + 2; i++) x[i] = NAN;
    x[0] = x[n + 1] = 12345;                            /* fences */
    f.fill = (heft_fill){ .shape = shape, .fan_in = fan_in, .fan_out = fan_out,
                          .rng = rng_key(seed, RNG_INIT, 1, 2), .x = x + 1 };
    f.failed = f.of.plugin->initializer.fill(f.of.self, &f.fill);
    if (x[0] != 12345 || x[n + 1] != 12345) fail_msg("%s: wrote outside", f.of.label);
    return f;
}

static const heft_shape dense = { HEFT_F32, 2, { FAN_IN, FAN_OUT } };

static void test_constants(void **unused)
{
    (void)unused;
    static const struct { const char *name, *options; float value; } rows[] = {
        { "zeros", "", 0 }, { "ones", "", 1 }, { "constant", "{value: -2.5}", -2.5f }, { "constant", "", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        filled f = fill_open(rows[i].name, rows[i].options, dense, 0, 0, 1);
        assert_int_equal(f.failed, 0);
        for (int k = 0; k < COUNT; k++)
            if (f.fill.x[k] != rows[i].value) fail_msg("%s: x[%d] is %g", f.of.label, k, f.fill.x[k]);
        instance_close(&f.of);
    }
}

typedef struct distribution { const char *name, *options; bool normal; double mean, variance; } distribution;

static const distribution distributions[] = {
    { "uniform", "", false, 0, 0.1 * 0.1 / 12 },
    { "uniform", "{min: 2, max: 5}", false, 3.5, 9.0 / 12 },
    { "normal", "", true, 0, 0.05 * 0.05 },
    { "normal", "{mean: -3, std: 2}", true, -3, 4 },
    { "he_uniform", "", false, 0, 2.0 / FAN_IN },
    { "he_uniform", "{gain: 1}", false, 0, 1.0 / FAN_IN },
    { "he_normal", "", true, 0, 2.0 / FAN_IN },
    { "he_normal", "{gain: 0.5}", true, 0, 0.25 / FAN_IN },
    { "glorot_uniform", "", false, 0, 2.0 / (FAN_IN + FAN_OUT) },
    { "glorot_uniform", "{gain: 3}", false, 0, 18.0 / (FAN_IN + FAN_OUT) },
    { "glorot_normal", "", true, 0, 2.0 / (FAN_IN + FAN_OUT) },
    { "glorot_normal", "{gain: 3}", true, 0, 18.0 / (FAN_IN + FAN_OUT) },
    { "lecun_uniform", "", false, 0, 1.0 / FAN_IN },
    { "lecun_normal", "", true, 0, 1.0 / FAN_IN },
    { "variance_scaling", "{distribution: uniform}", false, 0, 1.0 / FAN_IN },
    { "variance_scaling", "{distribution: uniform, mode: fan_out, scale: 3}", false, 0, 3.0 / FAN_OUT },
    { "variance_scaling", "{distribution: normal, mode: fan_avg, scale: 0.5}", true, 0, 1.0 / (FAN_IN + FAN_OUT) },
};
enum { N_DISTRIBUTIONS = sizeof distributions / sizeof *distributions };

static void within(const char *label, const char *what, double got, double want, double sigma)
{
    if (!(fabs(got - want) <= 5 * sigma))
        fail_msg("%s: %s is %.8g, expected %.8g +- %.2g", label, what, got, want, 5 * sigma);
}

/* Mean, variance and the share beyond two deviations within five standard errors; a uniform's bounds. */
static void check_distribution(const distribution *d, const char *label, const float *x)
{
    const double n = COUNT, deviation = sqrt(d->variance), bound = deviation * sqrt(3);
    double mean = 0, variance = 0, beyond = 0, most = 0;
    for (int i = 0; i < COUNT; i++) mean += x[i] / n;
    for (int i = 0; i < COUNT; i++) {
        const double off = fabs(x[i] - d->mean);
        variance += (x[i] - d->mean) * (x[i] - d->mean) / n;
        beyond += (off > 2 * deviation) / n;
        most = off > most ? off : most;
    }
    within(label, "mean", mean, d->mean, deviation / sqrt(n));
    within(label, "variance", variance, d->variance, d->variance * sqrt((d->normal ? 2 : 0.8) / n));
    if (d->normal) {             /* not truncated: 4.55 % beyond two deviations, some beyond three and a half */
        within(label, "share beyond 2 deviations", beyond, 0.0455003, sqrt(0.0455 * 0.9545 / n));
        if (!(most > 3.5 * deviation)) fail_msg("%s: cut off at %g deviations", label, most / deviation);
    } else if (!(most <= bound * (1 + 1e-6) && most > 0.999 * bound)) {
        fail_msg("%s: reaches %.8g, expected %.8g", label, most, bound);
    }
}

static void test_distributions(void **unused)
{
    (void)unused;
    for (int i = 0; i < N_DISTRIBUTIONS; i++) {
        filled f = fill_open(distributions[i].name, distributions[i].options, dense, FAN_IN, FAN_OUT, 5);
        if (f.failed) fail_msg("%s: %s", f.of.label, f.fill.error.text);
        check_distribution(&distributions[i], f.of.label, f.fill.x);
        instance_close(&f.of);
    }
}

/* The density of a normal distribution cut off at b deviations has the variance 1 - 2 b phi(b) / (2 Phi(b) - 1). */
static void test_truncated(void **unused)
{
    (void)unused;
    static const struct { const char *name, *options; double mean, std, bound; } rows[] = {
        { "truncated_normal", "", 0, 0.05, 2 },
        { "truncated_normal", "{mean: 3, std: 2, bound: 1}", 3, 2, 1 },
        { "truncated_normal", "{std: 1, bound: 0.1}", 0, 1, 0.1 },
        { "variance_scaling", "", 0, 1 / 0.87962566103423978 / 17.320508075688775, 2 },
        { "variance_scaling", "{scale: 6, mode: fan_out}", 0, 1 / 0.87962566103423978 * 0.17320508075688773, 2 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        filled f = fill_open(rows[i].name, rows[i].options, dense, FAN_IN, FAN_OUT, 5);
        if (f.failed) fail_msg("%s: %s", f.of.label, f.fill.error.text);
        const double b = rows[i].bound, phi = exp(-b * b / 2) / sqrt(2 * 3.14159265358979324);
        const double variance = rows[i].std * rows[i].std * (1 - 2 * b * phi / erf(b / sqrt(2))), n = COUNT;
        double mean = 0, square = 0, most = 0;
        for (int k = 0; k < COUNT; k++) {
            const double off = f.fill.x[k] - rows[i].mean;
            mean += off / n;
            square += off * off / n;
            most = fmax(most, fabs(off) / rows[i].std);
        }
        within(f.of.label, "mean", mean, 0, sqrt(variance / n));
        within(f.of.label, "variance", square, variance, variance * sqrt(2 / n));
        if (!(most <= b * (1 + 1e-6) && most > 0.995 * b))
            fail_msg("%s: reaches %.8g deviations, expected %g", f.of.label, most, b);
        instance_close(&f.of);
    }
}

static void test_identity_and_dirac(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *options;
        heft_shape  shape;
        int         ones;
        float       value;
        int64_t     at[6];
    } rows[] = {
        { "identity", "", { HEFT_F32, 2, { 3, 3 } }, 3, 1, { 0, 4, 8 } },
        { "identity", "{gain: -2}", { HEFT_F32, 2, { 2, 4 } }, 2, -2, { 0, 5 } },
        { "identity", "", { HEFT_F32, 2, { 4, 2 } }, 2, 1, { 0, 3 } },
        /* [3, 2, 3]: the middle is tap 1 */
        { "dirac", "", { HEFT_F32, 3, { 3, 2, 3 } }, 2, 1, { 6, 10 } },
        /* [3, 4, 2, 2]: tap (1, 2) is the seventh of 12, each of 4 numbers */
        { "dirac", "", { HEFT_F32, 4, { 3, 4, 2, 2 } }, 2, 1, { 24, 27 } },
        /* two groups of two outputs, of one input each: the first output of each passes it on */
        { "dirac", "{groups: 2}", { HEFT_F32, 3, { 1, 1, 4 } }, 2, 1, { 0, 2 } },
        { "dirac", "{groups: 2}", { HEFT_F32, 3, { 1, 2, 4 } }, 4, 1, { 0, 2, 5, 7 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        filled f = fill_open(rows[i].name, rows[i].options, rows[i].shape, 1, 1, 1);
        if (f.failed) fail_msg("%s: %s", f.of.label, f.fill.error.text);
        float want[64] = { 0 };
        for (int k = 0; k < rows[i].ones; k++) want[rows[i].at[k]] = rows[i].value;
        for (int64_t k = 0; k < heft_count(&rows[i].shape); k++)
            if (f.fill.x[k] != want[k])
                fail_msg("%s, row %zu: x[%d] is %g, expected %g", f.of.label, i, (int)k, f.fill.x[k], want[k]);
        instance_close(&f.of);
    }
}

/* As many zeros in every row as are due, in every column about as many; the others normal. */
static void test_sparse(void **unused)
{
    (void)unused;
    static const struct { const char *options; double sparsity, std; } rows[] = {
        { "{sparsity: 0.9}", 0.9, 0.01 }, { "{sparsity: 0.333, std: 2}", 0.333, 2 }, { "{sparsity: 0}", 0, 0.01 },
        { "{sparsity: 1}", 1, 0.01 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        filled f = fill_open("sparse", rows[i].options, dense, 1, 1, 4);
        const int due = (int)ceil(rows[i].sparsity * FAN_OUT);
        int column[FAN_OUT] = { 0 };
        double square = 0;
        for (int r = 0; r < FAN_IN; r++) {
            int zeros = 0;
            for (int c = 0; c < FAN_OUT; c++) {
                const float x = f.fill.x[r * FAN_OUT + c];
                zeros += x == 0;
                column[c] += x == 0;
                square += (double)x * x;
            }
            if (zeros != due) fail_msg("%s: %d zeros in row %d, expected %d", f.of.label, zeros, r, due);
        }
        const double p = (double)due / FAN_OUT, n = FAN_IN * (double)(FAN_OUT - due);
        const double variance = rows[i].std * rows[i].std;
        for (int c = 0; c < FAN_OUT; c++)
            within(f.of.label, "zeros of a column", column[c], p * FAN_IN, sqrt(FAN_IN * p * (1 - p)));
        if (n > 0) within(f.of.label, "variance of the others", square / n, variance, variance * sqrt(2 / n));
        instance_close(&f.of);
    }
}

/* The fans count, not the shape, here of a convolution in groups: sqrt(6 / 36), sqrt(6 / 96), sqrt(3 / 36). */
static void test_fans_are_those_given(void **unused)
{
    (void)unused;
    static const struct { const char *name; double bound; } rows[] = {
        { "he_uniform", 0.40824829 }, { "glorot_uniform", 0.25 }, { "lecun_uniform", 0.28867513 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        filled f = fill_open(rows[i].name, "", (heft_shape){ HEFT_F32, 4, { 3, 3, 8, 40 } }, 36, 60, 6);
        double most = 0;
        for (int k = 0; k < 3 * 3 * 8 * 40; k++) most = fmax(most, fabs(f.fill.x[k]));
        if (!(most <= rows[i].bound * (1 + 1e-6) && most > 0.99 * rows[i].bound))
            fail_msg("%s: reaches %.8g, expected %.8g", f.of.label, most, rows[i].bound);
        instance_close(&f.of);
    }
}

static void test_seeds(void **unused)
{
    (void)unused;
    static const char *const names[] = { "uniform", "normal", "he_uniform", "he_normal", "glorot_uniform",
                                         "glorot_normal", "lecun_uniform", "lecun_normal", "orthogonal",
                                         "truncated_normal", "variance_scaling" };
    const heft_shape shape = { HEFT_F32, 2, { 17, 9 } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        filled a = fill_open(names[i], "", shape, 17, 9, 1), again = fill_open(names[i], "", shape, 17, 9, 1);
        filled other = fill_open(names[i], "", shape, 17, 9, 2);
        if (memcmp(a.fill.x, again.fill.x, 17 * 9 * sizeof(float)))
            fail_msg("%s: not the same for one seed", names[i]);
        for (int k = 0; k < 17 * 9; k++)
            if (a.fill.x[k] == other.fill.x[k]) fail_msg("%s: x[%d] does not depend on the seed", names[i], k);
        instance_close(&a.of);
        instance_close(&again.of);
        instance_close(&other.of);
    }
}

/* ---- orthogonal ---- */

/* The orthonormal vectors. */
typedef struct matrix { const float *x; int64_t count, length, across, along; } matrix;

static double dot(matrix a, int64_t i, matrix b, int64_t j)
{
    double sum = 0;
    for (int64_t k = 0; k < a.length; k++)
        sum += (double)a.x[i * a.across + k * a.along] * b.x[j * b.across + k * b.along];
    return sum;
}

static void test_orthogonal(void **unused)
{
    (void)unused;
    static const struct { heft_shape shape; const char *options; double gain; } rows[] = {
        { { HEFT_F32, 2, { 64, 64 } }, "", 1 },
        { { HEFT_F32, 2, { 300, 100 } }, "", 1 },
        { { HEFT_F32, 2, { 31, 50 } }, "{gain: 1.5}", 1.5 },
        { { HEFT_F32, 4, { 3, 3, 16, 33 } }, "{gain: 2}", 2 },
        { { HEFT_F32, 3, { 2, 3, 100 } }, "", 1 },
        { { HEFT_F32, 2, { 1, 5 } }, "", 1 },
        { { HEFT_F32, 2, { 5, 1 } }, "", 1 },
        { { HEFT_F32, 2, { 1, 1 } }, "", 1 },
        { { HEFT_F32, 2, { 9, 8 } }, "{gain: 0}", 0 },
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        filled f = fill_open("orthogonal", rows[r].options, rows[r].shape, 1, 1, 8);
        const int64_t n = heft_count(&rows[r].shape), columns = rows[r].shape.dim[rows[r].shape.rank - 1];
        const bool tall = n / columns >= columns;
        const matrix q = { f.fill.x, tall ? columns : n / columns, tall ? n / columns : columns, tall ? 1 : columns,
                           tall ? columns : 1 };
        double worst = 0;
        for (int64_t i = 0; i < q.count; i++)
            for (int64_t j = 0; j <= i; j++)
                worst = fmax(worst, fabs(dot(q, i, q, j) - (i == j) * rows[r].gain * rows[r].gain));
        if (!(worst <= 5e-7 * (1 + rows[r].gain * rows[r].gain)))
            fail_msg("%s, row %zu: off by %g", f.of.label, r, worst);
        instance_close(&f.of);
    }
}

/* Q of the normal matrix Z drawn, with a positive diagonal of R = Q'Z, and R upper triangular. */
static void test_orthogonal_is_q_of_the_draws(void **unused)
{
    (void)unused;
    enum { ROWS = 60, COLUMNS = 20 };
    filled f = fill_open("orthogonal", "", (heft_shape){ HEFT_F32, 2, { ROWS, COLUMNS } }, 1, 1, 9);
    float z[ROWS * COLUMNS];
    heft_rng r = rng_key(9, RNG_INIT, 1, 2);
    for (int i = 0; i < ROWS * COLUMNS; i++) z[i] = heft_normal(&r);
    const matrix q = { f.fill.x, COLUMNS, ROWS, 1, COLUMNS }, drawn = { z, COLUMNS, ROWS, 1, COLUMNS };
    for (int64_t i = 0; i < COLUMNS; i++) {
        if (!(dot(q, i, drawn, i) > 0.5)) fail_msg("R[%d][%d] is %g", (int)i, (int)i, dot(q, i, drawn, i));
        for (int64_t j = 0; j < i; j++)
            if (!(fabs(dot(q, i, drawn, j)) < 1e-5))
                fail_msg("R[%d][%d] is %g", (int)i, (int)j, dot(q, i, drawn, j));
    }
    instance_close(&f.of);
}

static void test_refusals(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *options;
        heft_shape  shape;
        int64_t     fan_in, fan_out;
        const char *says;
    } rows[] = {
        { "he_uniform", "", { HEFT_F32, 1, { 4 } }, 0, 4, "he_uniform needs" },
        { "he_normal", "", { HEFT_F32, 1, { 4 } }, 0, 4, "he_normal needs" },
        { "glorot_uniform", "", { HEFT_F32, 1, { 4 } }, 4, 0, "glorot_uniform needs" },
        { "glorot_normal", "", { HEFT_F32, 1, { 4 } }, 0, 4, "glorot_normal needs" },
        { "lecun_uniform", "", { HEFT_F32, 1, { 4 } }, 0, 4, "lecun_uniform needs" },
        { "lecun_normal", "", { HEFT_F32, 1, { 4 } }, 0, 4, "lecun_normal needs" },
        { "orthogonal", "", { HEFT_F32, 1, { 4 } }, 4, 4, "2 axes or more, this one has 1" },
        { "uniform", "{min: 1}", { HEFT_F32, 1, { 4 } }, 4, 4, "min 1 exceeds max 0.05" },
        { "variance_scaling", "", { HEFT_F32, 1, { 4 } }, 0, 4, "needs the number of inputs" },
        { "variance_scaling", "{mode: fan_out}", { HEFT_F32, 1, { 4 } }, 4, 0, "needs the number of outputs" },
        { "variance_scaling", "{mode: fan_avg}", { HEFT_F32, 1, { 4 } }, 4, 0, "needs the number of outputs" },
        { "identity", "", { HEFT_F32, 3, { 4, 4, 4 } }, 4, 4, "this one has 3 (dirac suits" },
        { "identity", "", { HEFT_F32, 1, { 4 } }, 4, 4, "this one has 1" },
        { "dirac", "", { HEFT_F32, 2, { 4, 4 } }, 4, 4, "this tensor has 2 (identity suits" },
        { "dirac", "{groups: 3}", { HEFT_F32, 3, { 3, 4, 4 } }, 4, 4, "4 output channels do not make 3 groups" },
        { "sparse", "{sparsity: 0.5}", { HEFT_F32, 1, { 4 } }, 4, 4, "this one has 1" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        filled f = fill_open(rows[i].name, rows[i].options, rows[i].shape, rows[i].fan_in, rows[i].fan_out, 1);
        if (!f.failed || !strstr(f.fill.error.text, rows[i].says))
            fail_msg("%s: said \"%s\", expected \"%s\"", f.of.label, f.fill.error.text, rows[i].says);
        instance_close(&f.of);
    }
}

static void test_bad_options(void **unused)
{
    (void)unused;
    static const struct { const char *name, *options, *says; } rows[] = {
        { "normal", "{std: -1}", "std" }, { "constant", "{value: x}", "value" },
        { "constant", "{valeu: 1}", "value" },
        { "he_normal", "{gain: -1}", "gain" }, { "zeros", "{value: 0}", "value" },
        { "lecun_normal", "{gain: 1}", "gain" },
        { "sparse", "", "sparsity" }, { "sparse", "{sparsity: 2}", "sparsity" },
        { "truncated_normal", "{bound: 0}", "bound" }, { "variance_scaling", "{mode: fan}", "mode" },
        { "variance_scaling", "{distribution: triangular}", "distribution" }, { "dirac", "{groups: 0}", "groups" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        instance o = instance_open(HEFT_INITIALIZER, rows[i].name, rows[i].options);
        if (!strstr(o.said, rows[i].says))
            fail_msg("%s: said \"%s\", expected \"%s\"", o.label, o.said, rows[i].says);
        instance_close(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_identity_and_dirac),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_fans_are_those_given),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_orthogonal),
        cmocka_unit_test(test_orthogonal_is_q_of_the_draws),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
