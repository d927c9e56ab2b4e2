/* Convolutions and pools beyond their formulas: refusals, shapes, fans, NaN and infinities. */
#include "layers/refusals.h"

#define I2(a, b)    { HEFT_I32, 2, { a, b }, 10 }
#define I3(a, b, c) { HEFT_I32, 3, { a, b, c }, 10 }

static const refusal refusals[] = {
    { "conv1d", "{filters: 3}", 1, { F2(8, 1) }, "kernel" },
    { "conv1d", "{kernel: 3}", 1, { F2(8, 1) }, "filters" },
    { "conv1d", "{filters: 3, kernel: 3}", 1, { F3(8, 8, 1) }, "needs a sequence [time, features]; found [8, 8, 1]" },
    { "conv1d", "{filters: 3, kernel: 3}", 1, { I2(8, 1) }, "found integers [8, 1]" },
    { "conv1d", "{filters: 3, kernel: 9}", 1, { F2(8, 1) }, "a window of 9 exceeds the padded time of 8" },
    { "conv1d", "{filters: 3, kernel: 4, dilation: 4, padding: [1, 3]}", 1, { F2(8, 1) },
      "a window of 13 exceeds the padded time of 12" },
    { "conv1d", "{filters: 3, kernel: 4, dilation: 4, padding: [1, 4]}", 1, { F2(8, 1) }, "" },
    { "conv1d", "{filters: 3, kernel: 99, padding: causal}", 1, { F2(8, 1) }, "" },
    { "conv1d", "{filters: 3, kernel: 3, padding: [1, 1, 1]}", 1, { F2(8, 1) },
      "padding takes a word, one number or [before, after]; found 3 numbers" },
    { "conv1d", "{filters: 3, kernel: 3, padding: full}", 1, { F2(8, 1) }, "padding" },
    { "conv1d", "{filters: 3, kernel: 3, padding: -1}", 1, { F2(8, 1) }, "padding" },
    { "conv1d", "{filters: 3, kernel: 0}", 1, { F2(8, 1) }, "kernel" },
    { "conv1d", "{filters: 3, kernel: 1, stride: 0}", 1, { F2(8, 1) }, "stride" },
    { "conv1d", "{filters: 4, kernel: 1, groups: 2}", 1, { F2(8, 3) },
      "2 groups do not divide 3 features and 4 filters evenly" },
    { "conv1d", "{filters: 3, kernel: 1, groups: 2}", 1, { F2(8, 4) },
      "2 groups do not divide 4 features and 3 filters evenly" },
    { "conv1d", "{filters: 1048576, kernel: 65536, padding: same}", 1, { F2(8, 8) }, "are too large" },
    { "conv_transpose2d", "{filters: 3}", 1, { F3(8, 8, 1) }, "kernel" },
    { "conv_transpose2d", "{filters: 3, kernel: 3}", 1, { F2(8, 8) },
      "needs images [height, width, channels]; found [8, 8]" },
    { "conv_transpose2d", "{filters: 3, kernel: 3}", 1, { I3(8, 8, 1) }, "found integers [8, 8, 1]" },
    { "conv_transpose2d", "{filters: 3, kernel: [1, 2, 3]}", 1, { F3(8, 8, 1) }, "kernel takes one number" },
    { "conv_transpose2d", "{filters: 3, kernel: 3, output_padding: [0, 0, 0]}", 1, { F3(8, 8, 1) },
      "output_padding takes one number" },
    { "conv_transpose2d", "{filters: 3, kernel: 3, stride: [2, 3], output_padding: [1, 3]}", 1, { F3(8, 8, 1) },
      "output_padding 3 is not less than the stride, 3" },
    { "conv_transpose2d", "{filters: 3, kernel: 3, stride: 2, output_padding: 1, padding: same}", 1, { F3(8, 8, 1) },
      "output_padding goes with a numeric padding" },
    { "conv_transpose2d", "{filters: 3, kernel: 3, padding: [1, 1, 1]}", 1, { F3(8, 8, 1) },
      "padding takes same, valid" },
    { "conv_transpose2d", "{filters: 3, kernel: 3, padding: [1, 2]}", 1, { F3(1, 2, 1) },
      "a padding of 4 in all leaves nothing of an output of width 4" },
    { "conv_transpose2d", "{filters: 4, kernel: 1, groups: 2}", 1, { F3(8, 8, 3) },
      "2 groups do not divide 3 channels and 4 filters evenly" },
    { "conv_transpose2d", "{filters: 1048576, kernel: 1024, stride: 64}", 1, { F3(8, 8, 1) }, "are too large" },
    { "depthwise_conv2d", "", 1, { F3(8, 8, 1) }, "kernel" },
    { "depthwise_conv2d", "{kernel: 3}", 1, { F1(8) }, "needs images [height, width, channels]; found [8]" },
    { "depthwise_conv2d", "{kernel: 3, multiplier: 0}", 1, { F3(8, 8, 1) }, "multiplier" },
    { "depthwise_conv2d", "{kernel: 9}", 1, { F3(8, 12, 1) }, "a window of 9 exceeds the padded height of 8" },
    { "depthwise_conv2d", "{kernel: [1, 1, 1]}", 1, { F3(8, 8, 1) }, "kernel takes one number" },
    { "depthwise_conv2d", "{kernel: 3, dilation: [1, 1, 1]}", 1, { F3(8, 8, 1) }, "dilation takes one number" },
    { "depthwise_conv2d", "{kernel: 1024, multiplier: 65536, padding: same}", 1, { F3(8, 8, 64) }, "are too large" },
    { "max_pool1d", "", 1, { F1(8) }, "needs a sequence [time, features]; found [8]" },
    { "max_pool1d", "{size: 9}", 1, { F2(8, 2) }, "a window of 9 exceeds the padded time of 8" },
    { "max_pool1d", "{padding: 2}", 1, { F2(8, 2) }, "padding 2 is not less than the window's 2" },
    { "max_pool1d", "{padding: [0, 2]}", 1, { F2(8, 2) }, "padding 2 is not less than the window's 2" },
    { "max_pool1d", "{padding: causal}", 1, { F2(8, 2) }, "padding" },
    { "max_pool1d", "{stride: 0}", 1, { F2(8, 2) }, "stride" },
    { "avg_pool1d", "", 1, { I2(8, 2) }, "found integers [8, 2]" },
    { "avg_pool1d", "{size: 3, padding: [3, 0]}", 1, { F2(8, 2) }, "padding 3 is not less than the window's 3" },
    { "avg_pool1d", "{padding: [1, 1, 1]}", 1, { F2(8, 2) }, "found 3 numbers" },
    { "avg_pool1d", "{count_include_pad: 3}", 1, { F2(8, 2) }, "count_include_pad" },
    { "global_max_pool", "", 1, { F1(8) },
      "needs images [height, width, channels] or sequences [time, features]; found [8]" },
    { "global_max_pool", "", 1, { F3(1 << 16, 1 << 16, 1) }, "4294967296 positions are too many" },
    { "adaptive_avg_pool2d", "", 1, { F3(8, 8, 1) }, "output_size" },
    { "adaptive_avg_pool2d", "{output_size: 2}", 1, { F2(8, 8) },
      "needs images [height, width, channels]; found [8, 8]" },
    { "adaptive_avg_pool2d", "{output_size: [2, 2, 2]}", 1, { F3(8, 8, 1) }, "output_size takes one number" },
    { "adaptive_avg_pool2d", "{output_size: 0}", 1, { F3(8, 8, 1) }, "output_size" },
    { "adaptive_max_pool2d", "{output_size: 2}", 1, { I3(8, 8, 1) }, "found integers [8, 8, 1]" },
    { "adaptive_max_pool2d", "{output_size: [2, 2, 2]}", 1, { F3(8, 8, 1) }, "output_size takes one number" },
    { "adaptive_max_pool2d", "{output_size: 2}", 1, { F3(1 << 16, 1 << 16, 1) }, "65536 by 65536 pixels are too many" },
};

static void refused(void **state)
{
    (void)state;
    refusals_check(refusals, sizeof refusals / sizeof refusals[0]);
}

static void check_fans(const char *name, const char *options, heft_shape in, int64_t fan_in, int64_t fan_out)
{
    harness *h = harness_open(name, options, 1, &in, LANES(1));
    for (int i = 0; i < 2; i++) {
        const heft_tensor *t = h->of[HEFT_WEIGHT][i];
        if (t->fan_in != fan_in || t->fan_out != fan_out)
            fail_msg("%s: %s has fans %lld and %lld, expected %lld and %lld", h->label, t->name, (long long)t->fan_in,
                     (long long)t->fan_out, (long long)fan_in, (long long)fan_out);
    }
    assert_null(h->of[HEFT_WEIGHT][0]->init);
    assert_string_equal(h->of[HEFT_WEIGHT][1]->init, "zeros");
    harness_close(h);
}

static void plans(void **state)
{
    (void)state;
    check_plan("conv1d", "{filters: 6, kernel: 3, stride: 2, padding: causal, groups: 2}", SHAPE(9, 4), SHAPE(5, 6),
               2.0 * 3 * 2 * 5 * 6);
    check_plan("conv1d", "{filters: 6, kernel: 3, padding: 1}", SHAPE(9, 4), SHAPE(9, 6), 2.0 * 3 * 4 * 9 * 6);
    check_plan("conv_transpose2d", "{filters: 6, kernel: [3, 5], stride: 2, padding: 1, output_padding: 1}",
               SHAPE(4, 5, 8), SHAPE(8, 12, 6), 2.0 * 15 * 4 * 5 * 8 * 6);
    check_plan("conv_transpose2d", "{filters: 6, kernel: 2, stride: 3, padding: same}", SHAPE(4, 5, 8),
               SHAPE(12, 15, 6), -1);
    check_plan("depthwise_conv2d", "{kernel: 3, multiplier: 2, stride: 2, padding: same}", SHAPE(9, 8, 4), SHAPE(5, 4, 8),
               2.0 * 9 * 5 * 4 * 8);
    check_plan("max_pool1d", "{size: 3}", SHAPE(9, 4), SHAPE(3, 4), -1);
    check_plan("avg_pool1d", "{size: 3, stride: size}", SHAPE(9, 4), SHAPE(3, 4), -1);
    check_plan("global_max_pool", "", SHAPE(2, 9, 8, 4), SHAPE(4), -1);
    check_plan("adaptive_max_pool2d", "{output_size: [9, 1]}", SHAPE(4, 4, 3), SHAPE(9, 1, 3), -1);
    check_fans("conv1d", "{filters: 8, kernel: 5, groups: 2}", SHAPE(9, 4), 5 * 2, 5 * 4);
    check_fans("depthwise_conv2d", "{kernel: [3, 5], multiplier: 2}", SHAPE(9, 9, 4), 15, 30);
    /* A filter of 5 meets an output 3 times at stride 2, one of 2 once at stride 3. */
    check_fans("conv_transpose2d", "{filters: 8, kernel: [5, 2], stride: [2, 3], groups: 2}", SHAPE(9, 9, 4), 3 * 2,
               10 * 4);
}

/* x, y: of a layer of one channel; dx: what is expected of din where dout is 1, 2, 3, ... */
static void check_pool(const char *name, const char *options, heft_shape in, const float *x, const float *y,
                       const float *dx)
{
    harness *h = harness_open(name, options, 1, &in, LANES(1));
    const size_t n_in = harness_count(&in), n_out = harness_count(&h->plan.out);
    memcpy(h->in[0], x, n_in * sizeof *x);
    for (size_t i = 0; i < n_out; i++) h->dout[i] = (float)(i + 1);
    harness_forward(h, false);
    harness_near(h, "out of evaluation", n_out, h->out, y, 0, 0);
    harness_forward(h, true);
    harness_near(h, "out", n_out, h->out, y, 0, 0);
    harness_backward(h);
    harness_near(h, "din", n_in, h->din[0], dx, 0, 0);
    harness_close(h);
}

/* NaN wins, of equals the first, and padding never. */
static void pooling_specials(void **state)
{
    (void)state;
    const float x[] = { NAN, 1,   1, NAN,   -INFINITY, -INFINITY,   2, 2,   -3, -2 };
    check_pool("max_pool1d", "", SHAPE(10, 1), x, (const float[]){ NAN, NAN, -INFINITY, 2, -2 },
               (const float[]){ 1, 0, 0, 2, 3, 0, 4, 0, 0, 5 });
    check_pool("max_pool1d", "{padding: 1}", SHAPE(2, 1), (const float[]){ -INFINITY, -1 },
               (const float[]){ -INFINITY, -1 }, (const float[]){ 1, 2 });
    check_pool("adaptive_max_pool2d", "{output_size: [1, 5]}", SHAPE(1, 10, 1), x,
               (const float[]){ NAN, NAN, -INFINITY, 2, -2 }, (const float[]){ 1, 0, 0, 2, 3, 0, 4, 0, 0, 5 });
    check_pool("adaptive_max_pool2d", "{output_size: [1, 2]}", SHAPE(1, 3, 1), (const float[]){ 1, 5, 2 },
               (const float[]){ 5, 5 }, (const float[]){ 0, 3, 0 });
    check_pool("global_max_pool", "", SHAPE(4, 1), (const float[]){ 1, NAN, 7, NAN }, (const float[]){ NAN },
               (const float[]){ 0, 0, 0, 1 });
    check_pool("global_max_pool", "", SHAPE(3, 1), (const float[]){ -INFINITY, -INFINITY, -INFINITY },
               (const float[]){ -INFINITY }, (const float[]){ 1, 0, 0 });
    check_pool("global_max_pool", "", SHAPE(1, 3, 1), (const float[]){ -2, 4, 4 }, (const float[]){ 4 },
               (const float[]){ 0, 1, 0 });
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(plans),
        cmocka_unit_test(pooling_specials),
    };
    return cmocka_run_group_tests_name("convolutions and pools", tests, NULL, NULL);
}
