/* Layers that draw at random: statistics within 5 standard deviations, the same bits in any lanes, backward's draws are forward's. */
#include "harness.h"

enum { SIZE = 8000, N = 5, ALL = N * SIZE };

static const char *const noisy[] = { "gaussian_noise", "gaussian_dropout", "spatial_dropout", "alpha_dropout" };

/* Mean and variance of what a number x becomes. */
static void moments(const float *y, size_t n, double *mean, double *variance)
{
    *mean = *variance = 0;
    for (size_t i = 0; i < n; i++) *mean += (double)y[i] / (double)n;
    for (size_t i = 0; i < n; i++) *variance += (y[i] - *mean) * (y[i] - *mean) / (double)n;
}

/* How alike neighbouring samples are: 0 within 5 / sqrt(n) for independent ones. */
static double correlation(const float *y, double mean, double variance)
{
    double sum = 0;
    for (int i = SIZE; i < ALL; i++) sum += (y[i] - mean) * (y[i - SIZE] - mean);
    return sum / (ALL - SIZE) / variance;
}

static harness *open_all(const char *name, const char *options, float x)
{
    harness *h = harness_open(name, options, 1, &SHAPE(SIZE, 1), LANES(N));
    for (int i = 0; i < ALL; i++) h->in[0][i] = x, h->dout[i] = 2;
    harness_forward(h, true);
    harness_backward(h);
    return h;
}

static void expect(const char *what, double got, double want, double sigma)
{
    if (!(fabs(got - want) <= 5 * sigma))
        fail_msg("%s is %g, expected %g within 5 times %g", what, got, want, sigma);
}

static void gaussian(void **state)
{
    (void)state;
    double mean, variance;
    harness *h = open_all("gaussian_noise", "{stddev: 0.5}", 3);
    moments(h->out, ALL, &mean, &variance);
    expect("gaussian_noise's mean", mean, 3, 0.5 / sqrt(ALL));
    expect("gaussian_noise's variance", variance, 0.25, 0.25 * sqrt(2.0 / ALL));
    expect("gaussian_noise's correlation", correlation(h->out, mean, variance), 0, 1 / sqrt(ALL - SIZE));
    for (int i = 0; i < ALL; i++) assert_true(h->din[0][i] == 2);
    harness_close(h);

    h = open_all("gaussian_dropout", "{rate: 0.2}", 3);
    moments(h->out, ALL, &mean, &variance);
    expect("gaussian_dropout's mean", mean, 3, 1.5 / sqrt(ALL));
    expect("gaussian_dropout's variance", variance, 2.25, 2.25 * sqrt(2.0 / ALL));
    expect("gaussian_dropout's correlation", correlation(h->out, mean, variance), 0, 1 / sqrt(ALL - SIZE));
    for (int i = 0; i < ALL; i++)
        if (fabsf(h->din[0][i] - h->out[i] * 2 / 3) > 1e-5f)
            fail_msg("gaussian_dropout: din[%d] is %g at %g", i, h->din[0][i], h->out[i]);
    harness_close(h);
}

/* Inputs of mean 0 and variance 1 stay so. */
static void alpha(void **state)
{
    (void)state;
    harness *h = open_all("alpha_dropout", "{rate: 0.3}", 0);
    double mean, variance;
    int dropped = 0;
    heft_rng r = rng_key(9, RNG_TEST, 0, 0);
    heft_normals(&r, ALL, h->in[0]);
    harness_forward(h, true);
    harness_backward(h);
    moments(h->out, ALL, &mean, &variance);
    expect("alpha_dropout's mean", mean, 0, 1 / sqrt(ALL));
    expect("alpha_dropout's variance", variance, 1, sqrt(2.0 / ALL));
    const double low = -1.7580993408473766, a = 1 / sqrt(0.7 * (1 + 0.3 * low * low)), b = -a * 0.3 * low;
    for (int i = 0; i < ALL; i++) {
        const bool kept = h->din[0][i] != 0;
        dropped += !kept;
        if (fabs(h->out[i] - (a * (kept ? (double)h->in[0][i] : low) + b)) > 1e-5)
            fail_msg("alpha_dropout: out[%d] is %g", i, h->out[i]);
        if (kept && fabs(h->din[0][i] - 2 * a) > 1e-6) fail_msg("alpha_dropout: din[%d] is %g", i, h->din[0][i]);
    }
    expect("alpha_dropout's share", dropped, 0.3 * ALL, sqrt(0.21 * ALL));
    harness_close(h);
}

/* Channels go as a whole, in more than one block of them; each sample has its own. */
static void spatial(void **state)
{
    (void)state;
    enum { POSITIONS = 6, CHANNELS = 1500, SAMPLES = 8 };
    harness *h = harness_open("spatial_dropout", "{rate: 0.3}", 1, &SHAPE(2, 3, CHANNELS), LANES(SAMPLES));
    int dropped = 0, equal = 0, blocks = 0;
    for (int i = 0; i < SAMPLES * POSITIONS * CHANNELS; i++) h->in[0][i] = 1, h->dout[i] = (float)(i + 1);
    harness_forward(h, true);
    harness_backward(h);
    for (int i = 0; i < SAMPLES * POSITIONS * CHANNELS; i++) {
        const int sample = i / (POSITIONS * CHANNELS), c = i % CHANNELS, first = sample * POSITIONS * CHANNELS + c;
        if (h->out[i] != h->out[first]) fail_msg("channel %d of sample %d is not of one piece", c, sample);
        if (h->out[i] != 0 && fabsf(h->out[i] - 1 / 0.7f) > 1e-6f) fail_msg("kept input is %g", h->out[i]);
        if (fabsf(h->din[0][i] - h->out[i] * h->dout[i]) > 1e-6f * h->dout[i])
            fail_msg("din[%d] is %g", i, h->din[0][i]);
        if (i != first) continue;
        dropped += h->out[i] == 0;
        equal += sample && (h->out[i] == 0) == (h->out[i - POSITIONS * CHANNELS] == 0);
        blocks += c >= 512 && (h->out[i] == 0) == (h->out[i - 512] == 0);
    }
    expect("channels dropped", dropped, 0.3 * SAMPLES * CHANNELS, sqrt(0.21 * SAMPLES * CHANNELS));
    expect("channels alike", equal, 0.58 * (SAMPLES - 1) * CHANNELS, sqrt(0.58 * 0.42 * (SAMPLES - 1) * CHANNELS));
    expect("channels of other blocks alike", blocks, 0.58 * SAMPLES * (CHANNELS - 512), sqrt(0.58 * 0.42 * SAMPLES * (CHANNELS - 512)));
    for (int i = 0; i < SAMPLES * POSITIONS * CHANNELS; i++) h->in[0][i] = i % 2 ? INFINITY : NAN;
    harness_forward(h, true);
    for (int i = 0; i < SAMPLES * POSITIONS * CHANNELS; i++)             /* what is dropped is gone */
        if (h->din[0][i] == 0 && h->out[i] != 0) fail_msg("a dropped number became %g", h->out[i]);
    harness_close(h);
}

static void lanes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof noisy / sizeof *noisy; i++) {
        harness *one = harness_open(noisy[i], "", 1, &SHAPE(3, 207), LANES(7));
        harness *many = harness_open(noisy[i], "", 1, &SHAPE(3, 207), LANES(1, 4, 2));
        const size_t bytes = 7 * 3 * 207 * sizeof(float);
        harness_fill(one, 1);
        harness_fill(many, 1);
        harness_forward(one, true);
        harness_forward(many, true);
        harness_backward(one);
        harness_backward(many);
        if (memcmp(one->out, many->out, bytes) || memcmp(one->din[0], many->din[0], bytes))
            fail_msg("%s: other bits in lanes", one->label);
        many->rng = rng_key(2, RNG_TEST, 0, 0);
        harness_forward(many, true);
        if (!memcmp(one->out, many->out, bytes)) fail_msg("%s: another step, the same noise", one->label);
        harness_forward(one, false);
        if (memcmp(one->out, one->in[0], bytes)) fail_msg("%s: noise in evaluation", one->label);
        harness_close(one);
        harness_close(many);
    }
}

/* At rate or deviation 0, nothing happens. */
static void none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof noisy / sizeof *noisy; i++) {
        harness *h = harness_open(noisy[i], i ? "{rate: 0}" : "{stddev: 0}", 1, &SHAPE(3, 5), LANES(4));
        harness_fill(h, 1);
        harness_forward(h, true);
        harness_backward(h);
        harness_near(h, "out", 60, h->out, h->in[0], 0, 0);
        harness_near(h, "din", 60, h->din[0], h->dout, 0, 0);
        harness_close(h);
    }
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaussian), cmocka_unit_test(alpha), cmocka_unit_test(spatial), cmocka_unit_test(lanes), cmocka_unit_test(none),
    };
    return cmocka_run_group_tests_name("noise", tests, NULL, NULL);
}
