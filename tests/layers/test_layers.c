/* Layers: gradients by differences, NaN and huge inputs, and what each layer promises beyond its formula. */
#include "harness.h"

static size_t count_in(const harness *h, int i) { return (size_t)h->n * harness_count(&h->in_shape[i]); }
static size_t count_out(const harness *h) { return (size_t)h->n * harness_count(&h->plan.out); }

/* ---- gradients ---- */

typedef struct gradient_case {
    const char *name, *options;
    int         n_in;
    heft_shape  in[3];
    bool        apart;                                 /* has kinks: inputs must be further apart than a step */
} gradient_case;

#define F1(a)          { HEFT_F32, 1, { a } }
#define F2(a, b)       { HEFT_F32, 2, { a, b } }
#define F3(a, b, c)    { HEFT_F32, 3, { a, b, c } }
#define F4(a, b, c, d) { HEFT_F32, 4, { a, b, c, d } }

static const gradient_case gradient_cases[] = {
    { "dense", "{units: 5}", 1, { F1(9) }, false },
    { "dense", "{units: 5}", 1, { F2(3, 4) }, false },
    { "dense", "{units: 2, bias: false}", 1, { F3(2, 3, 4) }, false },
    { "conv2d", "{filters: 4, kernel: 3, stride: 2, padding: same}", 1, { F3(6, 5, 2) }, false },
    { "conv2d", "{filters: 4, kernel: [1, 3], groups: 2, dilation: [1, 2]}", 1, { F3(3, 8, 4) }, false },
    { "max_pool2d", "{size: 3, stride: 2, padding: same}", 1, { F3(6, 6, 3) }, true },
    { "avg_pool2d", "{size: 3, stride: 2, padding: same}", 1, { F3(6, 6, 3) }, false },
    { "global_avg_pool", "", 1, { F3(3, 4, 5) }, false },
    { "batch_norm", "", 1, { F1(4) }, false },
    { "batch_norm", "{eps: 0.1}", 1, { F3(2, 3, 5) }, false },
    { "dropout", "{rate: 0.4}", 1, { F2(4, 5) }, false },
    { "flatten", "", 1, { F4(2, 2, 2, 3) }, false },
    { "reshape", "{shape: [-1]}", 1, { F2(4, 5) }, false },
    { "add", "", 3, { F2(4, 5), F2(4, 5), F2(4, 5) }, false },
    { "concat", "{axis: 1}", 2, { F2(4, 5), F2(4, 2) }, false },
    { "relu", "", 1, { F1(20) }, true },
    { "leaky_relu", "{slope: 0.2}", 1, { F1(20) }, true },
    { "sigmoid", "", 1, { F1(20) }, false },
    { "tanh", "", 1, { F1(20) }, false },
    { "softmax", "", 1, { F2(3, 7) }, false },
};

enum { N_GRADIENT_CASES = sizeof gradient_cases / sizeof gradient_cases[0] };

static void spread(float *x, size_t n)
{
    int64_t order[2048];
    assert_true(n <= 2048);
    rng_permutation(rng_key(3, RNG_TEST, 0, 0), (int64_t)n, order);
    for (size_t i = 0; i < n; i++) x[i] = 0.05f * ((float)order[i] - (float)n / 2 + 0.25f);
}

static harness *open_case(const gradient_case *c, const int64_t *lanes)
{
    harness *h = harness_open(c->name, c->options, c->n_in, c->in, lanes);
    harness_fill(h, 7);
    if (c->apart) spread(h->in[0], count_in(h, 0));
    return h;
}

static void gradients_by_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_GRADIENT_CASES; i++) {
        harness *h = open_case(&gradient_cases[i], LANES(2, 3, 1));
        harness_check_gradients(h, 1e-2, 2e-3);
        harness_close(h);
    }
}

/* A gradient not wanted is not touched, and the others are the same without it. */
static void unwanted_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_GRADIENT_CASES; i++) {
        harness *h = open_case(&gradient_cases[i], LANES(2, 1)), *all = open_case(&gradient_cases[i], LANES(2, 1));
        harness_forward(all, true);
        harness_backward(all);
        h->no_din[0] = true;
        harness_forward(h, true);
        harness_backward(h);
        for (size_t j = 0; j < count_in(h, 0); j++)
            if (!isnan(h->din[0][j])) fail_msg("%s: wrote din[0], which is not wanted", h->label);
        for (int k = 0; k < h->n_of[HEFT_WEIGHT]; k++)
            harness_near(h, "dweight without din", harness_count(&h->of[HEFT_WEIGHT][k]->shape), h->dweight[k],
                         all->dweight[k], 0, 0);
        h->no_din[0] = false;
        h->frozen = true;
        harness_forward(h, true);
        harness_backward(h);
        for (int k = 0; k < h->plan.n_in; k++)
            harness_near(h, "din without dweight", count_in(h, k), h->din[k], all->din[k], 0, 0);
        harness_close(h);
        harness_close(all);
    }
}

/* ---- NaN, infinities, huge numbers ---- */

#define N_SPECIAL 8
static const float special[N_SPECIAL] = { NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 100, -100, 0 };

static void check_special(const char *name, const float *want)
{
    harness *h = harness_open(name, "", 1, &SHAPE(N_SPECIAL), LANES(2));
    harness_fill(h, 1);
    memcpy(h->in[0], special, sizeof special);
    memcpy(h->in[0] + N_SPECIAL, special, sizeof special);
    harness_forward(h, true);
    harness_near(h, "out", N_SPECIAL, h->out, want, 1e-30, 1e-6);
    harness_near(h, "out", N_SPECIAL, h->out + N_SPECIAL, want, 1e-30, 1e-6);
    harness_backward(h);
    for (size_t i = 3; i < N_SPECIAL; i++)
        if (!isfinite(h->din[0][i])) fail_msg("%s: din at %g is %g", name, special[i], h->din[0][i]);
    harness_close(h);
}

static void special_numbers(void **state)
{
    (void)state;
    check_special("relu", (const float[]){ NAN, INFINITY, 0, 3e38f, 0, 100, 0, 0 });
    check_special("leaky_relu", (const float[]){ NAN, INFINITY, -INFINITY, 3e38f, -3e36f, 100, -1, 0 });
    check_special("sigmoid", (const float[]){ NAN, 1, 0, 1, 0, 1, 0, 0.5f });
    check_special("tanh", (const float[]){ NAN, 1, -1, 1, -1, 1, -1, 0 });
}

/* Huge logits are not trouble, and a NaN spoils its own row only. */
static void softmax_rows(void **state)
{
    (void)state;
    harness *h = harness_open("softmax", "", 1, &SHAPE(3), LANES(4));
    const float x[] = { 3e38f, 3e38f, -3e38f,   0, NAN, 0,   -INFINITY, 5, -INFINITY,   1e4f, 1e4f + 1, 9e3f };
    const float y[] = { 0.5f, 0.5f, 0,   NAN, NAN, NAN,   0, 1, 0,   0.2689414f, 0.7310586f, 0 };
    memcpy(h->in[0], x, sizeof x);
    harness_forward(h, true);
    harness_near(h, "out", 12, h->out, y, 1e-7, 1e-6);
    harness_close(h);
}

static void pooling_specials(void **state)
{
    (void)state;
    harness *h = harness_open("max_pool2d", "{size: [1, 2]}", 1, &SHAPE(1, 10, 1), LANES(1));
    const float x[] = { NAN, 1,   1, NAN,   -INFINITY, -INFINITY,   2, 2,   -3, -2 };
    const float y[] = { NAN, NAN, -INFINITY, 2, -2 }, dx[] = { 1, 0, 0, 2, 3, 0, 4, 0, 0, 5 };
    memcpy(h->in[0], x, sizeof x);
    for (int i = 0; i < 5; i++) h->dout[i] = (float)(i + 1);
    harness_forward(h, false);
    harness_near(h, "out of evaluation", 5, h->out, y, 0, 0);
    harness_forward(h, true);
    harness_near(h, "out", 5, h->out, y, 0, 0);
    harness_backward(h);
    harness_near(h, "din", 10, h->din[0], dx, 0, 0);
    harness_close(h);

    h = harness_open("max_pool2d", "{padding: 1}", 1, &SHAPE(2, 2, 1), LANES(1));      /* windows of one pixel */
    for (int i = 0; i < 4; i++) h->in[0][i] = -INFINITY, h->dout[i] = (float)i;
    harness_forward(h, true);
    harness_near(h, "out", 4, h->out, h->in[0], 0, 0);
    harness_backward(h);
    harness_near(h, "din", 4, h->din[0], h->dout, 0, 0);
    harness_close(h);
}

/* ---- elementary functions ---- */

/* Units in the last place of want between got and want; 0 where both are below the normal numbers. */
static double ulps(float got, double want)
{
    const float w = fabsf((float)want);
    return w < 0x1p-126f ? 0 : fabs((double)got - want) / ((double)nextafterf(w, INFINITY) - (double)w);
}

static void exponential(void **state)
{
    (void)state;
    for (uint32_t u = 0; u < UINT32_MAX - 4001; u += 4001) {
        const union { uint32_t u; float f; } x = { u };
        const float got = heft_expf(x.f), near = (float)exp((double)x.f);
        if (isnan(x.f) ? !isnan(got) : isinf(near) ? got != near : !(ulps(got, exp((double)x.f)) < 1))
            fail_msg("heft_expf(%a) is %a, expected %a", x.f, got, exp((double)x.f));
        if (near < 0x1p-126f && fabs((double)got - exp((double)x.f)) > 0x1p-148)
            fail_msg("heft_expf(%a) is %a, expected %a", x.f, got, exp((double)x.f));
    }
    assert_true(heft_expf(0) == 1);
}

static void activations_accurate(void **state)
{
    (void)state;
    enum { N = 100000 };
    for (int k = 0; k < 2; k++) {
        harness *h = harness_open(k ? "tanh" : "sigmoid", "", 1, &SHAPE(N), LANES(1));
        for (int i = 0; i < N; i++) {                  /* both signs, from 1e-9 to 50 */
            const double size = pow(10, -9 + 10.7 * i / N);
            h->in[0][i] = (float)(i % 2 ? size : -size);
        }
        harness_forward(h, false);
        for (int i = 0; i < N; i++) {
            const double x = h->in[0][i], want = k ? tanh(x) : 1 / (1 + exp(-x));
            if (ulps(h->out[i], want) > 4) fail_msg("%s(%a) is %a, expected %a", h->label, x, h->out[i], want);
        }
        harness_close(h);
    }
}

/* ---- dropout ---- */

static void dropout_statistics(void **state)
{
    (void)state;
    enum { SIZE = 10000, N = 5 };
    harness *h = harness_open("dropout", "{rate: 0.3}", 1, &SHAPE(SIZE), LANES(N));
    for (size_t i = 0; i < count_in(h, 0); i++) h->in[0][i] = 1, h->dout[i] = (float)i;
    harness_forward(h, true);
    int dropped = 0, equal = 0;
    for (int i = 0; i < N * SIZE; i++) {
        if (h->out[i] != 0 && fabsf(h->out[i] - 1 / 0.7f) > 1e-6f) fail_msg("kept input is %g", h->out[i]);
        dropped += h->out[i] == 0;
        equal += i >= SIZE && (h->out[i] == 0) == (h->out[i - SIZE] == 0);
    }
    const double sigma = sqrt(0.3 * 0.7 * N * SIZE), both = (0.09 + 0.49) * (N - 1) * SIZE;
    if (fabs(dropped - 0.3 * N * SIZE) > 4 * sigma) fail_msg("%d of %d dropped", dropped, N * SIZE);
    if (fabs(equal - both) > 4 * sqrt(0.58 * 0.42 * (N - 1) * SIZE)) fail_msg("samples are alike: %d, %g", equal, both);
    harness_backward(h);
    for (int i = 0; i < N * SIZE; i++)
        if (h->din[0][i] != (h->out[i] == 0 ? 0 : h->dout[i] * (1 / (1 - 0.3f))))
            fail_msg("din[%d] is %g", i, h->din[0][i]);

    float *before = harness_alloc(h, N * SIZE, sizeof(float), "before");
    memcpy(before, h->out, N * SIZE * sizeof(float));
    h->rng = rng_key(2, RNG_TEST, 0, 0);
    harness_forward(h, true);
    assert_memory_not_equal(before, h->out, N * SIZE * sizeof(float));
    harness_close(h);
}

static void dropout_lanes(void **state)
{
    (void)state;
    harness *one = harness_open("dropout", "", 1, &SHAPE(5, 207), LANES(7));
    harness *many = harness_open("dropout", "", 1, &SHAPE(5, 207), LANES(1, 4, 2));
    harness_fill(one, 1);
    harness_fill(many, 1);
    harness_forward(one, true);
    harness_forward(many, true);
    assert_memory_equal(one->out, many->out, count_out(one) * sizeof(float));
    harness_backward(one);
    harness_backward(many);
    assert_memory_equal(one->din[0], many->din[0], count_out(one) * sizeof(float));
    harness_forward(one, false);
    assert_memory_equal(one->out, one->in[0], count_out(one) * sizeof(float));
    harness_close(one);
    harness_close(many);
}

/* ---- batch_norm ---- */

static void batch_norm_lanes(void **state)
{
    (void)state;
    harness *one = harness_open("batch_norm", "", 1, &SHAPE(4, 3, 19), LANES(9));
    harness *many = harness_open("batch_norm", "", 1, &SHAPE(4, 3, 19), LANES(4, 1, 4));
    harness *both[] = { one, many };
    for (int i = 0; i < 2; i++) {
        harness_fill(both[i], 1);
        harness_forward(both[i], true);
        harness_backward(both[i]);
        harness_fold(both[i]);
    }
    harness_near(many, "out", count_out(one), many->out, one->out, 1e-7, 1e-6);
    harness_near(many, "din", count_in(one, 0), many->din[0], one->din[0], 1e-7, 1e-6);
    harness_near(many, "gamma", 19, many->dweight[0], one->dweight[0], 1e-6, 1e-6);
    harness_near(many, "beta", 19, many->dweight[1], one->dweight[1], 1e-6, 1e-6);
    harness_near(many, "mean", 19, many->state[0], one->state[0], 1e-8, 1e-6);
    harness_near(many, "var", 19, many->state[1], one->state[1], 1e-8, 1e-6);
    harness_close(one);
    harness_close(many);
}

enum { ROWS = 4000, CHANNELS = 6 };

/* batch_norm of channel c in double, in two passes; dx in units of 1 / deviation, which is returned. */
static double normalize(const harness *h, int c, float *y, float *dx)
{
    double m = 0, var = 0, sum = 0, dot = 0;
    for (int r = 0; r < ROWS; r++) m += h->in[0][r * CHANNELS + c] / (double)ROWS;
    for (int r = 0; r < ROWS; r++) {
        const double d = h->in[0][r * CHANNELS + c] - m, dy = h->dout[r * CHANNELS + c];
        var += d * d / ROWS;
        sum += dy;
        dot += dy * d;
    }
    const double s = 1 / sqrt(var + 1e-5);
    for (int r = 0; r < ROWS; r++) {
        const double d = (h->in[0][r * CHANNELS + c] - m) * s, dy = h->dout[r * CHANNELS + c];
        y[r * CHANNELS + c] = (float)d;
        dx[r * CHANNELS + c] = (float)(dy - sum / ROWS - d * dot * s / ROWS);
    }
    return s;
}

/* Means far from zero; channels of all sizes, one of them constant.  dout is such that each term of dx counts. */
static void batch_norm_far_means(void **state)
{
    (void)state;
    const double mean[CHANNELS] = { 1e4, -1e6, 3, 0, 1e30, 7 }, width[CHANNELS] = { 1, 100, 1e-3, 1e-20, 1e29, 0 };
    harness *h = harness_open("batch_norm", "{scale: false, center: false, momentum: 1}", 1, &SHAPE(400, CHANNELS),
                              LANES(7, 3));
    const size_t n = ROWS * CHANNELS;
    float *y = harness_alloc(h, n, sizeof(float), "y"), *dx = harness_alloc(h, n, sizeof(float), "dx");
    double unit[CHANNELS];
    harness_fill(h, 1);
    for (size_t i = 0; i < n; i++) {
        h->dout[i] += 1 + h->in[0][i];
        h->in[0][i] = (float)(mean[i % CHANNELS] + width[i % CHANNELS] * h->in[0][i]);
    }
    for (int c = 0; c < CHANNELS; c++) unit[c] = normalize(h, c, y, dx);
    harness_forward(h, true);
    harness_near(h, "out", n, h->out, y, 2e-6, 1e-5);
    harness_backward(h);
    for (size_t i = 0; i < n; i++) h->din[0][i] = (float)(h->din[0][i] / unit[i % CHANNELS]);
    harness_near(h, "din * deviation", n, h->din[0], dx, 5e-6, 2e-5);
    harness_fold(h);
    for (int c = 0; c < CHANNELS; c++) {
        const double var = width[c] * width[c] / 3;
        if (fabs(h->state[0][c] - mean[c]) > 0.06 * width[c] + 1e-6 * fabs(mean[c]))
            fail_msg("mean %d is %g", c, h->state[0][c]);
        if (var > 1e-30 && var < 1e30 && fabs(h->state[1][c] / var - 1) > 0.1)
            fail_msg("var %d is %g", c, h->state[1][c]);
    }
    harness_forward(h, false);
    for (size_t i = 0; i < n; i++)                     /* the variance of channel 4 is no float */
        if (i % CHANNELS != 4 && !(fabsf(h->out[i]) < 4)) fail_msg("evaluation gives %g for number %zu", h->out[i], i);
    harness_close(h);
}

/* Rounding alone must not make a variance negative. */
static void batch_norm_constant(void **state)
{
    (void)state;
    harness *h = harness_open("batch_norm", "", 1, &SHAPE(500, 64), LANES(3, 4));
    harness_fill(h, 1);
    for (size_t i = 0; i < count_in(h, 0); i++) h->in[0][i] = 1e6f * (1 + 0.01234567f * (float)(i % 64));
    harness_forward(h, true);
    for (size_t i = 0; i < count_out(h); i++)
        if (!(fabsf(h->out[i] - h->weight[1][i % 64]) < 1e-4f)) fail_msg("out[%zu] is %g", i, h->out[i]);
    harness_close(h);
}

/* One row has no deviation: its output is the offset, and the running variance stays a number. */
static void batch_norm_one_row(void **state)
{
    (void)state;
    harness *h = harness_open("batch_norm", "", 1, &SHAPE(3), LANES(1));
    harness_fill(h, 1);
    harness_forward(h, true);
    harness_near(h, "out", 3, h->out, h->weight[1], 1e-7, 0);
    harness_backward(h);
    harness_near(h, "din", 3, h->din[0], (const float[]){ 0, 0, 0 }, 1e-7, 0);
    harness_fold(h);
    harness_near(h, "var", 3, h->state[1], (const float[]){ 0.9f, 0.9f, 0.9f }, 1e-7, 0);
    harness_close(h);
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_by_differences),
        cmocka_unit_test(unwanted_gradients),
        cmocka_unit_test(special_numbers),
        cmocka_unit_test(softmax_rows),
        cmocka_unit_test(pooling_specials),
        cmocka_unit_test(exponential),
        cmocka_unit_test(activations_accurate),
        cmocka_unit_test(dropout_statistics),
        cmocka_unit_test(dropout_lanes),
        cmocka_unit_test(batch_norm_lanes),
        cmocka_unit_test(batch_norm_far_means),
        cmocka_unit_test(batch_norm_constant),
        cmocka_unit_test(batch_norm_one_row),
    };
    return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
