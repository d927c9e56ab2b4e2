/* Layers without matrices: accuracy, extreme numbers, ties, encodings, initializers. */
#include "harness.h"

/* ---- activations ---- */

static double soft(double x)     { return log1p(exp(-fabs(x))) + fmax(x, 0); }
static double silu(double x)     { return x / (1 + exp(-x)); }
static double mish(double x)     { return x * tanh(soft(x)); }
static double elu(double x)      { return x > 0 ? x : expm1(x); }
static double selu(double x)     { return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x)); }
static double softsign(double x) { return x / (1 + fabs(x)); }

static double dsoft(double x)     { return 1 / (1 + exp(-x)); }
static double dsilu(double x)     { return dsoft(x) * (1 + x * (1 - dsoft(x))); }
static double dmish(double x)     { const double t = tanh(soft(x)); return t + x * (1 - t * t) * dsoft(x); }
static double delu(double x)      { return x > 0 ? 1 : exp(x); }
static double dselu(double x)     { return 1.0507009873554805 * (x > 0 ? 1 : 1.6732632423543772 * exp(x)); }
static double dsoftsign(double x) { return 1 / ((1 + fabs(x)) * (1 + fabs(x))); }

typedef struct activation { const char *name; double (*f)(double), (*d)(double); } activation;

static const activation activations[] = {
    { "softplus", soft, dsoft }, { "silu", silu, dsilu }, { "mish", mish, dmish },
    { "elu", elu, delu }, { "selu", selu, dselu }, { "softsign", softsign, dsoftsign },
};

/* Outputs to a few units in their last place wherever they are normal numbers, derivatives to 1.2e-6. */
static void accurate(void **state)
{
    (void)state;
    enum { COUNT = 60000 };
    for (size_t k = 0; k < sizeof activations / sizeof *activations; k++) {
        const activation *a = &activations[k];
        harness *h = harness_open(a->name, "", 1, &SHAPE(COUNT), LANES(1));
        for (int i = 0; i < COUNT; i++) {                                /* both signs, from 1e-9 to 80 */
            const double size = pow(10, -9 + 10.9 * i / COUNT);
            h->in[0][i] = (float)(i % 2 ? size : -size);
            h->dout[i] = 1;
        }
        harness_forward(h, true);
        harness_backward(h);
        for (int i = 0; i < COUNT; i++) {
            const double x = h->in[0][i], want = a->f(x), slope = a->d(x);
            if (fabs(want) > 1e-37 && fabs(h->out[i] - want) > 6e-7 * fabs(want))
                fail_msg("%s(%a) is %a, expected %a", a->name, x, h->out[i], want);
            if (fabs(h->din[0][i] - slope) > 1.2e-6)
                fail_msg("%s'(%a) is %a, expected %a", a->name, x, h->din[0][i], slope);
        }
        harness_close(h);
    }
}

enum { EXTREMES = 8 };
static const float extremes[EXTREMES] = { NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 100, -100, 0 };

/* At NAN, +-infinity and huge numbers; dout is 1. */
static void extreme(void **state)
{
    (void)state;
    const float no = NAN, inf = INFINITY, big = 3e38f, bottom = -1.0507009873554805f * 1.6732632423543772f;
    const struct { const char *name; float y[EXTREMES], dx[EXTREMES]; } cases[] = {
        { "elu", { no, inf, -1, big, -1, 100, -1, 0 }, { no, 1, 0, 1, 0, 1, 0, 1 } },
        { "selu", { no, inf, bottom, 1.05070099f * 3e38f, bottom, 105.070099f, bottom, 0 },
          { no, 1.05070099f, 0, 1.05070099f, 0, 1.05070099f, 0, 1.75809934f } },
        { "silu", { no, inf, no, big, 0, 100, 0, 0 }, { no, no, no, 1, 0, 1, 0, 0.5f } },
        { "mish", { no, inf, no, big, 0, 100, 0, 0 }, { no, no, no, 1, 0, 1, 0, 0.6f } },
        { "softplus", { no, inf, 0, big, 0, 100, 0, 0.693147181f }, { no, 1, 0, 1, 0, 1, 0, 0.5f } },
        { "softsign", { no, no, no, 1, -1, 100 / 101.f, -100 / 101.f, 0 }, { no, 0, 0, 0, 0, 1 / 10201.f, 1 / 10201.f, 1 } },
        { "hard_sigmoid", { no, 1, 0, 1, 0, 1, 0, 0.5f }, { 1 / 6.f, 0, 0, 0, 0, 0, 0, 1 / 6.f } },
        { "hard_tanh", { no, 1, -1, 1, -1, 1, -1, 0 }, { 1, 0, 0, 0, 0, 0, 0, 1 } },
        { "relu6", { no, 6, 0, 6, 0, 6, 0, 0 }, { 1, 0, 0, 0, 0, 0, 0, 0 } },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        harness *h = harness_open(cases[k].name, "", 1, &SHAPE(EXTREMES), LANES(1));
        memcpy(h->in[0], extremes, sizeof extremes);
        for (int i = 0; i < EXTREMES; i++) h->dout[i] = 1;
        harness_forward(h, true);
        harness_backward(h);
        harness_near(h, "out", EXTREMES, h->out, cases[k].y, 1e-30, 1e-6);
        for (int i = 3; i < EXTREMES; i++)                               /* what a derivative is at NaN and infinity, nobody asks */
            if (!(fabsf(h->din[0][i] - cases[k].dx[i]) < 1e-6f))
                fail_msg("%s: din at %g is %g", h->label, extremes[i], h->din[0][i]);
        harness_close(h);
    }
}

static void log_softmax_rows(void **state)
{
    (void)state;
    harness *h = harness_open("log_softmax", "", 1, &SHAPE(3), LANES(3));
    const float x[] = { 1e4f, 1e4f + 1, 9e3f,   0, NAN, 0,   3e38f, 3e38f, -3e38f };
    const float y[] = { -1.31326169f, -0.313261688f, -1001.31326f,   NAN, NAN, NAN,   -0.693147181f, -0.693147181f, -INFINITY };
    memcpy(h->in[0], x, sizeof x);
    harness_forward(h, true);
    harness_near(h, "out", 9, h->out, y, 1e-7, 1e-6);
    harness_close(h);
}

/* ---- merges ---- */

/* The first of equals has the gradient; a NaN is not lost, whoever has it. */
static void ties(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        harness *h = harness_open(k ? "minimum" : "maximum", "", 3, (heft_shape[]){ SHAPE(4), SHAPE(4), SHAPE(4) }, LANES(1));
        const float sign = k ? -1 : 1, x[3][4] = { { 1, 2, NAN, 1 }, { 2, 2, 0, NAN }, { 2, 1, 0, 5 } };
        const float y[4] = { 2 * sign, 2 * sign, NAN, NAN }, dx[3][2] = { { 0, 11 }, { 10, 0 }, { 0, 0 } };
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 4; j++) h->in[i][j] = sign * x[i][j];
        for (int j = 0; j < 4; j++) h->dout[j] = (float)(10 + j);
        harness_forward(h, true);
        harness_backward(h);
        harness_near(h, "out", 4, h->out, y, 0, 0);
        for (int i = 0; i < 3; i++) harness_near(h, "din", 2, h->din[i], dx[i], 0, 0);
        harness_close(h);
    }
}

static void zeros(void **state)
{
    (void)state;
    harness *h = harness_open("multiply", "", 3, (heft_shape[]){ SHAPE(2), SHAPE(2), SHAPE(2) }, LANES(1));
    const float x[3][2] = { { 0, 0 }, { 3, 0 }, { 5, 7 } }, dx[3][2] = { { 15, 0 }, { 0, 0 }, { 0, 0 } };
    for (int i = 0; i < 3; i++) memcpy(h->in[i], x[i], sizeof x[i]);
    h->dout[0] = h->dout[1] = 1;
    harness_forward(h, true);
    harness_backward(h);
    for (int i = 0; i < 3; i++) harness_near(h, "din", 2, h->din[i], dx[i], 0, 0);
    harness_close(h);

    h = harness_open("dot", "{normalize: true}", 2, (heft_shape[]){ SHAPE(3), SHAPE(3) }, LANES(1));
    harness_fill(h, 1);
    for (int i = 0; i < 3; i++) h->in[0][i] = 0;                         /* a vector without a direction */
    harness_forward(h, true);
    harness_backward(h);
    assert_true(h->out[0] == 0);
    for (int i = 0; i < 3; i++)
        if (!isfinite(h->din[0][i]) || h->din[1][i] != 0) fail_msg("din %g, %g", h->din[0][i], h->din[1][i]);
    for (int i = 0; i < 3; i++) h->in[0][i] = 1e-13f, h->in[1][i] = (float)i;
    h->dout[0] = 1;
    harness_forward(h, true);                                            /* shorter than 1e-12: divided by that */
    harness_backward(h);
    harness_near(h, "out", 1, h->out, (const float[]){ 0.134164079f }, 0, 1e-6);
    harness_near(h, "din", 3, h->din[0], (const float[]){ 0, 4.47213595e11f, 8.94427191e11f }, 0, 1e-6);
    harness_close(h);
}

/* ---- positions ---- */

static void sinusoids(void **state)
{
    (void)state;
    enum { TIME = 3000, FEATURES = 7 };
    harness *h = harness_open("sinusoidal_position", "{wavelength: 500}", 1, &SHAPE(TIME, FEATURES), LANES(1, 2));
    harness_fill(h, 1);
    harness_forward(h, true);
    harness_backward(h);
    for (int i = 0; i < 3 * TIME * FEATURES; i++) {
        const int t = i / FEATURES % TIME, j = i % FEATURES;
        const double angle = t * pow(500, -(double)(j / 2 * 2) / FEATURES), want = h->in[0][i] + (j % 2 ? cos(angle) : sin(angle));
        if (fabs(h->out[i] - want) > 3e-7)
            fail_msg("%s: out[%d, %d] is %g, expected %g", h->label, t, j, h->out[i], want);
    }
    harness_near(h, "din", 3 * TIME * FEATURES, h->din[0], h->dout, 0, 0);
    harness_close(h);
}

/* ---- plans ---- */

static void suited_initializers(void **state)
{
    (void)state;
    static const char *const init[][2] = {
        { "elu", "he_normal" }, { "selu", "lecun_normal" }, { "silu", "he_normal" }, { "mish", "he_normal" }, { "softplus", "he_normal" },
        { "prelu", "he_normal" }, { "relu6", "he_normal" }, { "softsign", "glorot_uniform" }, { "hard_sigmoid", "glorot_uniform" },
        { "hard_tanh", "glorot_uniform" }, { "log_softmax", "glorot_uniform" },
    };
    for (size_t i = 0; i < sizeof init / sizeof init[0]; i++) {
        harness *h = harness_open(init[i][0], "", 1, &SHAPE(2), LANES(1));
        assert_string_equal(h->layer->init, init[i][1]);
        harness_close(h);
    }
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accurate),
        cmocka_unit_test(extreme),
        cmocka_unit_test(log_softmax_rows),
        cmocka_unit_test(ties),
        cmocka_unit_test(zeros),
        cmocka_unit_test(sinusoids),
        cmocka_unit_test(suited_initializers),
    };
    return cmocka_run_group_tests_name("layers without matrices", tests, NULL, NULL);
}
