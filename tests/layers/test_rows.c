/* Layers whose loops go in blocks, at every length of a row around these, against double precision. */
#include "harness.h"

enum { LONGEST = 50 };

/* layer_norm, in double: out and din of row r of width w. */
static void normalize(const harness *h, const float *gamma, const float *beta, int r, int w, double *y, double *dx)
{
    const float *x = h->in[0] + r * w, *dy = h->dout + r * w;
    double mean = 0, var = 0, sum = 0, dot = 0;
    for (int j = 0; j < w; j++) mean += x[j] / (double)w;
    for (int j = 0; j < w; j++) var += (x[j] - mean) * (x[j] - mean) / w;
    const double rstd = 1 / sqrt(var + 1e-5);
    for (int j = 0; j < w; j++) {
        const double z = (x[j] - mean) * rstd, g = dy[j] * (gamma ? (double)gamma[j] : 1);
        sum += g / w;
        dot += g * z / w;
        y[j] = z * (gamma ? (double)gamma[j] : 1) + (beta ? (double)beta[j] : 0);
    }
    for (int j = 0; j < w; j++) dx[j] = rstd * (dy[j] * (gamma ? (double)gamma[j] : 1) - sum - (x[j] - mean) * rstd * dot);
}

static void layer_norm_rows(void **state)
{
    (void)state;
    static const char *const options[] = { "", "{scale: false}", "{center: false}", "{scale: false, center: false}" };
    for (int k = 0; k < 4; k++)
        for (int w = 2; w < LONGEST; w++) {
            enum { ROWS = 15 };
            const bool scale = !(k & 1), center = !(k & 2);
            harness *h = harness_open("layer_norm", options[k], 1, &SHAPE(ROWS / 3, w), LANES(2, 1));
            harness_fill(h, (uint64_t)w);
            harness_forward(h, true);
            harness_backward(h);
            double want[4][LONGEST] = { { 0 } };       /* y, dx, dgamma, dbeta */
            for (int r = 0; r < ROWS; r++) {
                normalize(h, scale ? h->weight[0] : NULL, center ? h->weight[scale] : NULL, r, w, want[0], want[1]);
                for (int j = 0; j < w; j++) {
                    const int at = r * w + j;
                    const double z = (want[0][j] - (center ? (double)h->weight[scale][j] : 0)) / (scale ? (double)h->weight[0][j] : 1);
                    want[2][j] += h->dout[at] * z;
                    want[3][j] += h->dout[at];
                    if (!(fabs(h->out[at] - want[0][j]) < 2e-5 * (1 + fabs(want[0][j]))))
                        fail_msg("%s [%d]: out[%d] is %.9g, expected %.9g", h->label, w, at, (double)h->out[at], want[0][j]);
                    if (!(fabs(h->din[0][at] - want[1][j]) < 2e-4 * (1 + fabs(want[1][j]))))
                        fail_msg("%s [%d]: din[%d] is %.9g, expected %.9g", h->label, w, at, (double)h->din[0][at], want[1][j]);
                }
            }
            for (int t = 0; t < scale + center; t++)
                for (int j = 0; j < w; j++) {
                    const double expected = want[scale && t == 0 ? 2 : 3][j];
                    if (!(fabs(h->dweight[t][j] - expected) < 2e-4 * (1 + fabs(expected))))
                        fail_msg("%s [%d]: gradient %d [%d] is %.9g, expected %.9g", h->label, w, t, j, (double)h->dweight[t][j], expected);
                }
            harness_close(h);
        }
}

/* What later positions hold reaches no earlier output, of rows of all lengths; what is no number is seen. */
static void causal_rows(void **state)
{
    (void)state;
    enum { WIDTH = 4 };
    static const int times[] = { 1, 2, 3, 10, 16, 17, 31, 49, 65, 130 };           /* of scores, 64 rows are taken at a time */
    for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
        const int time = times[k];
        harness *h = harness_open("multi_head_attention", "{heads: 2, causal: true}", 1, &SHAPE(time, WIDTH), LANES(1, 1));
        const size_t n = 2 * (size_t)time * WIDTH;
        float *out = harness_alloc(h, n, sizeof *out, "out");
        harness_fill(h, 3);
        harness_check_gradients(h, 1e-2, 2e-3);
        harness_forward(h, true);
        memcpy(out, h->out, n * sizeof *out);
        for (int last = time - 1; last >= 0; last--) {
            for (int j = last * WIDTH; j < time * WIDTH; j++) h->in[0][j] = 30 - h->in[0][j];
            harness_forward(h, true);
            if (memcmp(out, h->out, (size_t)(last * WIDTH) * sizeof *out) || memcmp(out + n / 2, h->out + n / 2, n / 2 * sizeof *out))
                fail_msg("[%d, %d]: positions from %d on are seen before", time, WIDTH, last);
        }
        h->in[0][(time - 1) * WIDTH] = NAN;
        harness_forward(h, true);
        for (size_t j = n / 2 - WIDTH; j < n / 2; j++) assert_true(isnan(h->out[j]));
        harness_close(h);
    }
}

/* Longer than the times whose gradients are summed at once. */
static void long_sequences(void **state)
{
    (void)state;
    static const char *const options[] = { "{units: 3, recurrent_bias: true, return_sequences: true}", "{units: 3, reverse: true}",
                                           "{units: 9, reverse: true, return_sequences: true}" };
    for (int k = 0; k < 3; k++)
        for (int time = 7; time < 20; time += 4)
            for (int masked = 0; masked < 2; masked++) {
                harness *h = harness_open("lstm", options[k], 1 + masked, (heft_shape[]){ SHAPE(time, 4), SHAPE(time) }, LANES(2, 1));
                harness_fill(h, 5);
                for (int i = 0; masked && i < 3 * time; i++) h->in[1][i] = i % 5 != 3;
                h->no_din[masked] = masked;            /* a step from 0 is another mask */
                harness_check_gradients(h, 1e-2, 2e-3);
                harness_close(h);
            }
}

/* The loss of as many classes, of logits near and far. */
static void cross_entropy_rows(void **state)
{
    (void)state;
    enum { ROWS = 3 };
    for (int classes = 2; classes < LONGEST; classes++) {
        harness *h = harness_open("softmax_cross_entropy", "", 2, (heft_shape[]){ SHAPE(classes), LABELS(classes) }, LANES(2, 1));
        harness_fill(h, (uint64_t)classes);
        for (int r = 0; r < ROWS; r++) {
            const int32_t label = (r + 1) * 7 % classes;
            memcpy(&h->in[1][r], &label, sizeof label);
            for (int k = 0; k < classes; k++) h->in[0][r * classes + k] *= r == 1 ? 60 : 1;
        }
        harness_forward(h, true);
        harness_backward(h);
        for (int r = 0; r < ROWS; r++) {
            const float *x = h->in[0] + r * classes;
            const int label = (r + 1) * 7 % classes;
            double sum = 0;
            for (int k = 0; k < classes; k++) sum += exp((double)x[k] - x[label]);
            if (!(fabs(h->out[r] - log(sum)) < 2e-6 * (1 + log(sum))))
                fail_msg("%d classes: out[%d] is %.9g, expected %.9g", classes, r, (double)h->out[r], log(sum));
            for (int k = 0; k < classes; k++) {
                const double want = h->dout[r] * (exp((double)x[k] - x[label]) / sum - (k == label));
                if (!(fabs(h->din[0][r * classes + k] - want) < 2e-6))
                    fail_msg("%d classes: din[%d][%d] is %.9g, expected %.9g", classes, r, k, (double)h->din[0][r * classes + k], want);
            }
        }
        harness_close(h);
    }
}

/* The sum of the biases' gradients, rows in blocks and what is left. */
static void biases(void **state)
{
    (void)state;
    enum { UNITS = 5 };
    for (int n = 1; n < 12; n++) {
        harness *h = harness_open("dense", "{units: 5}", 1, &SHAPE(3), LANES(n));
        harness_fill(h, (uint64_t)n);
        harness_forward(h, true);
        harness_backward(h);
        for (int j = 0; j < UNITS; j++) {
            double want = 0;
            for (int i = 0; i < n; i++) want += h->dout[i * UNITS + j];
            if (!(fabs(h->dweight[1][j] - want) < 1e-5)) fail_msg("%d rows: %.9g, expected %.9g", n, (double)h->dweight[1][j], want);
        }
        harness_close(h);
    }
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_rows),
        cmocka_unit_test(causal_rows),
        cmocka_unit_test(long_sequences),
        cmocka_unit_test(cross_entropy_rows),
        cmocka_unit_test(biases),
    };
    return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
