/* Recurrent layers, attention, embedding and norms beyond their formulas: refusals, shapes, numbers far from zero. */
#include "layers/refusals.h"

#define F0       { HEFT_F32, 0, { 0 } }
#define I2(a, b) { HEFT_I32, 2, { a, b }, 10 }

static const refusal refusals[] = {
    { "lstm", "", 1, { F2(8, 3) }, "units" },
    { "lstm", "{units: 3}", 1, { F1(8) }, "needs a sequence [time, features]; found [8]" },
    { "gru", "", 1, { F2(8, 3) }, "units" },
    { "gru", "{units: 0}", 1, { F2(8, 3) }, "units" },
    { "gru", "{units: 3}", 1, { F3(8, 8, 3) }, "needs a sequence [time, features]; found [8, 8, 3]" },
    { "gru", "{units: 3}", 1, { I2(8, 3) }, "found integers [8, 3]" },
    { "gru", "{units: 3, reset_after: behind}", 1, { F2(8, 3) }, "reset_after" },
    { "simple_rnn", "", 1, { F2(8, 3) }, "units" },
    { "simple_rnn", "{units: 65537}", 1, { F2(8, 3) }, "units" },
    { "simple_rnn", "{units: 3}", 1, { F1(8) }, "needs a sequence [time, features]; found [8]" },
    { "simple_rnn", "{units: 3, nonlinearity: sigmoid}", 1, { F2(8, 3) }, "nonlinearity" },
    { "multi_head_attention", "", 1, { F2(8, 6) }, "heads" },
    { "multi_head_attention", "{heads: 4}", 1, { F2(8, 6) }, "4 heads do not divide 6 features" },
    { "multi_head_attention", "{heads: 2}", 1, { F3(8, 6, 2) }, "needs a sequence [time, features]; found [8, 6, 2]" },
    { "embedding", "{units: 3}", 1, { F1(8) }, "needs tokens, integers [] or [time]; found [8]" },
    { "embedding", "{units: 3}", 1, { I2(8, 3) }, "needs tokens, integers [] or [time]; found integers [8, 3]" },
    { "embedding", "{units: 3, vocabulary: 9}", 1, { I1(8) }, "tokens reach 9, the vocabulary has 9" },
    { "embedding", "{units: 3, padding: 10}", 1, { I1(8) }, "padding 10 is no token; the vocabulary has 10" },
    { "multi_head_attention", "{heads: 2}", 2, { F2(8, 6), F1(7) }, "needs a second input [8], a token or a number for each position; found [7]" },
    { "multi_head_attention", "{heads: 2}", 2, { F2(8, 6), F2(8, 6) }, "needs a second input [8]" },
    { "multi_head_attention", "{heads: 2, padding: -1}", 2, { F2(8, 6), I1(8) }, "padding" },
    { "global_avg_pool", "", 2, { F2(8, 6), I1(6) }, "needs a second input [8], a token or a number for each position; found integers [6]" },
    { "global_avg_pool", "", 2, { F3(2, 4, 6), F1(8) }, "takes a second input beside a sequence [time, features] only; found [2, 4, 6]" },
    { "global_max_pool", "", 2, { F2(8, 6), I1(6) }, "needs a second input [8], a token or a number for each position; found integers [6]" },
    { "global_max_pool", "", 2, { F3(2, 4, 6), F1(8) }, "takes a second input beside a sequence" },
    { "global_max_pool", "{padding: -1}", 2, { F2(8, 6), I1(8) }, "padding" },
    { "lstm", "{units: 3}", 2, { F2(8, 6), F1(6) }, "needs a second input [8], a token or a number for each position; found [6]" },
    { "lstm", "{units: 3, padding: -1}", 2, { F2(8, 6), I1(8) }, "padding" },
    { "gru", "{units: 3}", 2, { F2(8, 6), I2(8, 6) }, "needs a second input [8], a token or a number for each position" },
    { "gru", "{units: 3, padding: first}", 2, { F2(8, 6), I1(8) }, "padding" },
    { "simple_rnn", "{units: 3}", 2, { F2(8, 6), I1(9) }, "found integers [9]" },
    { "simple_rnn", "{units: 3, padding: 1e10}", 2, { F2(8, 6), I1(8) }, "padding" },
    { "position", "", 1, { F1(8) }, "needs a sequence [time, features]; found [8]" },
    { "layer_norm", "", 1, { F0 }, "needs a last axis to normalize" },
    { "layer_norm", "{eps: 0}", 1, { F1(8) }, "eps" },
    { "rms_norm", "", 1, { F0 }, "needs a last axis to normalize; found one number per sample" },
    { "rms_norm", "{eps: 0}", 1, { F1(8) }, "eps" },
    { "rms_norm", "", 1, { I1(8) }, "needs numbers of any shape; found integers [8]" },
    { "group_norm", "", 1, { F1(8) }, "groups" },
    { "group_norm", "{groups: 0}", 1, { F1(8) }, "groups" },
    { "group_norm", "{groups: filters}", 1, { F1(8) }, "groups" },
    { "group_norm", "{groups: [2, 2]}", 1, { F1(8) }, "groups takes one number, or channels; found 2 numbers" },
    { "group_norm", "{groups: 3}", 1, { F2(4, 8) }, "3 groups do not divide 8 channels evenly" },
    { "group_norm", "{groups: 2}", 1, { F0 }, "needs numbers with channels as the last axis; found []" },
    { "group_norm", "{groups: 2}", 1, { I1(8) }, "found integers [8]" },
    { "group_norm", "{groups: channels}", 1, { F2(1, 8) },
      "a group of one number has no variance; found 8 groups of 8 channels at one position" },
    { "gelu", "", 1, { I1(8) }, "found integers [8]" },
};

static void refused(void **state)
{
    (void)state;
    refusals_check(refusals, sizeof refusals / sizeof refusals[0]);
}

static void plans(void **state)
{
    (void)state;
    check_plan("gru", "{units: 5}", SHAPE(7, 3), SHAPE(5), 6.0 * 7 * 5 * (3 + 5));
    check_plan("gru", "{units: 5, return_sequences: true}", SHAPE(7, 3), SHAPE(7, 5), -1);
    check_plan("simple_rnn", "{units: 5}", SHAPE(7, 3), SHAPE(5), 2.0 * 7 * 5 * (3 + 5));
    check_plan("simple_rnn", "{units: 5, return_sequences: true}", SHAPE(7, 3), SHAPE(7, 5), -1);
    check_plan("group_norm", "{groups: 2}", SHAPE(7, 3, 4), SHAPE(7, 3, 4), -1);

    const char *const init[][2] = { { "{units: 5}", "glorot_uniform" },
                                    { "{units: 5, nonlinearity: relu}", "he_normal" } };
    for (int i = 0; i < 2; i++) {
        harness *h = harness_open("simple_rnn", init[i][0], 1, &SHAPE(7, 3), LANES(1));
        assert_string_equal(h->of[HEFT_WEIGHT][0]->init, init[i][1]);
        assert_string_equal(h->of[HEFT_WEIGHT][1]->init, "orthogonal");
        harness_close(h);
    }
}

/* A recurrent layer in both directions, by hand: reversing time and direction changes nothing but the order of y. */
static void directions(void **state)
{
    (void)state;
    enum { TIME = 6, IN = 3, UNITS = 4 };
    static const char *const names[] = { "lstm", "gru", "simple_rnn" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        harness *ahead = harness_open(names[k], "{units: 4, return_sequences: true}", 1, &SHAPE(TIME, IN), LANES(2));
        harness *back = harness_open(names[k], "{units: 4, return_sequences: true, reverse: true}", 1, &SHAPE(TIME, IN),
                                     LANES(2));
        harness_fill(ahead, 5);
        harness_fill(back, 5);
        for (int i = 0; i < 2 * TIME; i++) {
            const int from = i / TIME * TIME + TIME - 1 - i % TIME;
            memcpy(back->in[0] + i * IN, ahead->in[0] + from * IN, IN * sizeof(float));
            memcpy(back->dout + i * UNITS, ahead->dout + from * UNITS, UNITS * sizeof(float));
        }
        harness_forward(ahead, true);
        harness_forward(back, true);
        harness_backward(ahead);
        harness_backward(back);
        for (int i = 0; i < 2 * TIME; i++) {
            const int from = i / TIME * TIME + TIME - 1 - i % TIME;
            harness_near(back, "out", UNITS, back->out + i * UNITS, ahead->out + from * UNITS, 0, 0);
            harness_near(back, "din", IN, back->din[0] + i * IN, ahead->din[0] + from * IN, 0, 1e-6);
        }
        for (int i = 0; i < ahead->n_of[HEFT_WEIGHT]; i++)
            harness_near(back, ahead->of[HEFT_WEIGHT][i]->name, harness_count(&ahead->of[HEFT_WEIGHT][i]->shape),
                         back->dweight[i], ahead->dweight[i], 1e-6, 1e-5);
        harness_close(ahead);
        harness_close(back);
    }
}

/* What a second input tells: tokens and numbers mean the same; gradients by differences; what is padding changes nothing; a
 * mask that is not a number does not pass for one. */
static void masks(void **state)
{
    (void)state;
    enum { N = 3, TIME = 6, IN = 4 };
    static const int counts[N][TIME] = { { 1, 1, 0, 1, 0, 0 }, { 0, 1, 1, 1, 1, 1 }, { 0, 0, 0, 0, 0, 0 } };
    static const struct { const char *name, *options; bool sees_itself; } rows[] = {
        { "lstm", "{units: 3, return_sequences: true}", false }, { "lstm", "{units: 3, reverse: true}", false },
        { "gru", "{units: 3, return_sequences: true, reverse: true}", false }, { "gru", "{units: 3}", false },
        { "gru", "{units: 3, reset_after: false, return_sequences: true}", false },
        { "simple_rnn", "{units: 3, return_sequences: true}", false }, { "simple_rnn", "{units: 3, reverse: true}", false },
        { "global_max_pool", "", false }, { "global_avg_pool", "", false }, { "multi_head_attention", "{heads: 2}", true },
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        harness *numbers = harness_open(rows[k].name, rows[k].options, 2, (heft_shape[]){ SHAPE(TIME, IN), SHAPE(TIME) }, LANES(2, 1));
        harness *tokens = harness_open(rows[k].name, rows[k].options, 2,
                                       (heft_shape[]){ SHAPE(TIME, IN), { HEFT_I32, 1, { TIME }, 9 } }, LANES(1, 2));
        harness_fill(numbers, 7);
        harness_fill(tokens, 7);
        for (int i = 0; i < N * TIME; i++) {
            const int32_t token = counts[i / TIME][i % TIME] ? 1 + i % 8 : 0;
            numbers->in[1][i] = (float)counts[i / TIME][i % TIME];
            memcpy(&tokens->in[1][i], &token, sizeof token);
        }
        numbers->no_din[1] = true;                     /* a step from 0 is another mask */
        harness_check_gradients(numbers, 1e-2, 2e-3);
        numbers->no_din[1] = false;
        harness_forward(numbers, true);
        harness_backward(numbers);
        harness_forward(tokens, true);
        harness_backward(tokens);
        const size_t n_out = N * harness_count(&numbers->plan.out);
        harness_near(tokens, "out", n_out, tokens->out, numbers->out, 1e-6, 1e-6);
        harness_near(tokens, "din", N * TIME * IN, tokens->din[0], numbers->din[0], 1e-6, 1e-6);
        for (int i = 0; i < N * TIME; i++) assert_true(numbers->din[1][i] == 0);

        for (int i = 0; !rows[k].sees_itself && i < N * TIME * IN; i++)
            if (!counts[i / IN / TIME][i / IN % TIME]) {
                assert_true(tokens->din[0][i] == 0);
                tokens->in[0][i] += 3;
            }
        harness_forward(tokens, false);
        harness_near(tokens, "out with other padding", n_out, tokens->out, numbers->out, 1e-6, 1e-6);

        numbers->in[1][1] = NAN;
        harness_forward(numbers, false);
        bool seen = false;
        for (size_t i = 0; i < n_out; i++) seen |= isnan(numbers->out[i]);
        if (!seen) fail_msg("%s: a mask that is not a number is not seen", numbers->label);
        harness_close(numbers);
        harness_close(tokens);
    }
}

/* Of group_norm, in double: out, and din in units of 1 / deviation, which is returned, of sample s and group g. */
enum { ROWS = 3000, GROUPS = 4, CHANNELS = 2 * GROUPS };

static double normalize(const harness *h, int s, int g, float *y, float *dx)
{
    const float *x = h->in[0] + s * ROWS * CHANNELS + 2 * g, *dy = h->dout + s * ROWS * CHANNELS + 2 * g;
    double m = 0, var = 0, sum = 0, dot = 0;
    for (int r = 0; r < 2 * ROWS; r++) m += x[r / 2 * CHANNELS + r % 2] / (2.0 * ROWS);
    for (int r = 0; r < 2 * ROWS; r++) {
        const double d = x[r / 2 * CHANNELS + r % 2] - m, e = dy[r / 2 * CHANNELS + r % 2];
        var += d * d / (2 * ROWS);
        sum += e / (2 * ROWS);
        dot += e * d / (2 * ROWS);
    }
    const double f = 1 / sqrt(var + 1e-5);
    for (int r = 0; r < 2 * ROWS; r++) {
        const int at = s * ROWS * CHANNELS + r / 2 * CHANNELS + 2 * g + r % 2;
        const double d = (h->in[0][at] - m) * f;
        y[at] = (float)d;
        dx[at] = (float)(h->dout[at] - sum - d * dot * f);
    }
    return f;
}

/* Means far from zero, groups of all sizes, one of them constant. */
static void group_norm_far_means(void **state)
{
    (void)state;
    const double mean[GROUPS] = { 1e4, -1e5, 3, 7 }, width[GROUPS] = { 1, 100, 1e-3, 0 };
    harness *h = harness_open("group_norm", "{groups: 4, scale: false, center: false}", 1, &SHAPE(ROWS, CHANNELS),
                              LANES(1, 1));
    const size_t n = 2 * ROWS * CHANNELS;
    float *y = harness_alloc(h, n, sizeof(float), "y"), *dx = harness_alloc(h, n, sizeof(float), "dx");
    harness_fill(h, 1);
    for (size_t i = 0; i < n; i++) {
        const size_t g = i % CHANNELS / 2;
        h->dout[i] += 1 + h->in[0][i];
        h->in[0][i] = (float)(mean[g] + width[g] * h->in[0][i]);
    }
    double unit[2][GROUPS];
    for (int s = 0; s < 2; s++)
        for (int g = 0; g < GROUPS; g++) unit[s][g] = normalize(h, s, g, y, dx);
    harness_forward(h, true);
    harness_near(h, "out", n, h->out, y, 2e-6, 1e-5);
    harness_backward(h);
    for (size_t i = 0; i < n; i++) h->din[0][i] = (float)(h->din[0][i] / unit[i / (n / 2)][i % CHANNELS / 2]);
    harness_near(h, "din * deviation", n, h->din[0], dx, 5e-6, 2e-5);
    harness_close(h);
}

/* Nothing to normalize: a row of zeros, and a group that does not vary. */
static void norms_of_nothing(void **state)
{
    (void)state;
    static const char *const options[][2] = { { "rms_norm", "" }, { "group_norm", "{groups: 1}" }, { "layer_norm", "" } };
    for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
        harness *h = harness_open(options[k][0], options[k][1], 1, &SHAPE(3, 5), LANES(1));
        harness_fill(h, 1);
        for (int i = 0; i < 15; i++) h->in[0][i] = 0;
        harness_forward(h, true);
        harness_backward(h);
        for (int i = 0; i < 15; i++) {
            const float want = h->n_of[HEFT_WEIGHT] > 1 ? h->weight[1][i % 5] : 0;
            if (fabsf(h->out[i] - want) > 1e-6f) fail_msg("%s: out[%d] is %g, expected %g", h->label, i, h->out[i], want);
            if (!(fabsf(h->din[0][i]) < 2000)) fail_msg("%s: din[%d] is %g", h->label, i, h->din[0][i]);
        }
        harness_close(h);
    }
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(plans),
        cmocka_unit_test(directions),
        cmocka_unit_test(masks),
        cmocka_unit_test(group_norm_far_means),
        cmocka_unit_test(norms_of_nothing),
    };
    return cmocka_run_group_tests_name("sequences and norms", tests, NULL, NULL);
}
