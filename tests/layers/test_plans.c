/* What layers plan: what they refuse and how they say it, shapes, initializers, cost. */
#include "layers/refusals.h"

/* ---- refusals ---- */

static const refusal refusals[] = {
    { "dense", "", 1, { F1(4) }, "units" },
    { "dense", "{units: 0}", 1, { F1(4) }, "units" },
    { "dense", "{units: 2000000}", 1, { F1(4) }, "units" },
    { "dense", "{units: 3, unit: 4}", 1, { F1(4) }, "unit" },
    { "dense", "{units: 3, axis: first}", 1, { F1(4) }, "axis" },
    { "dense", "{units: 3, bias: 2}", 1, { F1(4) }, "bias" },
    { "dense", "{units: 3}", 1, { I1(4) }, "needs numbers of any shape; found integers [4]" },
    { "dense", "{units: 1048576}", 1, { F2(1 << 20, 1 << 16) }, "" },
    { "dense", "{units: 1048576, axis: all}", 1, { F2(1 << 20, 1 << 20) },
      "a weight of 1099511627776 inputs by 1048576 units is too large" },
    { "conv2d", "{filters: 3}", 1, { F3(8, 8, 1) }, "kernel" },
    { "conv2d", "{kernel: 3}", 1, { F3(8, 8, 1) }, "filters" },
    { "conv2d", "{filters: 3, kernel: 3}", 1, { F1(784) }, "needs images [height, width, channels]; found [784]" },
    { "conv2d", "{filters: 3, kernel: 3}", 1, { { HEFT_I32, 3, { 8, 8, 1 }, 9 } }, "found integers [8, 8, 1]" },
    { "conv2d", "{filters: 3, kernel: 9}", 1, { F3(8, 12, 1) }, "a window of 9 exceeds the padded height of 8" },
    { "conv2d", "{filters: 3, kernel: 3, dilation: 4, padding: [1, 0]}", 1, { F3(8, 8, 1) },
      "a window of 9 exceeds the padded width of 8" },
    { "conv2d", "{filters: 3, kernel: [1, 2, 3]}", 1, { F3(8, 8, 1) },
      "kernel takes one number, or [height, width]; found 3" },
    { "conv2d", "{filters: 3, kernel: []}", 1, { F3(8, 8, 1) }, "kernel" },
    { "conv2d", "{filters: 3, kernel: 0}", 1, { F3(8, 8, 1) }, "kernel" },
    { "conv2d", "{filters: 3, kernel: 3, stride: 0}", 1, { F3(8, 8, 1) }, "stride" },
    { "conv2d", "{filters: 3, kernel: 3, stride: [1, 1, 1]}", 1, { F3(8, 8, 1) }, "stride takes one number" },
    { "conv2d", "{filters: 3, kernel: 3, dilation: [1, 1, 1]}", 1, { F3(8, 8, 1) }, "dilation takes one number" },
    { "conv2d", "{filters: 3, kernel: 3, padding: [1, 1, 1]}", 1, { F3(8, 8, 1) }, "padding takes same, valid" },
    { "conv2d", "{filters: 3, kernel: 3, padding: [1, 1, 1, 1, 1]}", 1, { F3(8, 8, 1) },
      "padding takes same, valid" },
    { "conv2d", "{filters: 3, kernel: 3, padding: full}", 1, { F3(8, 8, 1) }, "padding" },
    { "conv2d", "{filters: 3, kernel: 3, padding: -1}", 1, { F3(8, 8, 1) }, "padding" },
    { "conv2d", "{filters: 4, kernel: 3, groups: 2}", 1, { F3(8, 8, 3) },
      "2 groups do not divide 3 channels and 4 filters" },
    { "conv2d", "{filters: 3, kernel: 3, groups: 2}", 1, { F3(8, 8, 4) },
      "2 groups do not divide 4 channels and 3 filters" },
    { "conv2d", "{filters: 1048576, kernel: 1024, padding: same}", 1, { F3(8, 8, 1 << 20) }, "are too large" },
    { "conv2d", "{filters: 1048576, kernel: 1, padding: 1024}", 1, { F3(8, 8, 1) }, "are too large" },
    { "max_pool2d", "", 1, { F2(8, 8) }, "needs images [height, width, channels]; found [8, 8]" },
    { "max_pool2d", "{size: 9}", 1, { F3(8, 12, 1) }, "a window of 9 exceeds the padded height of 8" },
    { "max_pool2d", "{size: [1, 2, 3]}", 1, { F3(8, 8, 1) }, "size takes one number" },
    { "max_pool2d", "{stride: [1, 2, 3]}", 1, { F3(8, 8, 1) }, "stride takes one number" },
    { "max_pool2d", "{padding: 2}", 1, { F3(8, 8, 1) }, "padding 2 is not less than the window's 2" },
    { "max_pool2d", "{size: [2, 3], padding: [1, 1, 1, 3]}", 1, { F3(8, 8, 1) },
      "padding 3 is not less than the window's 3" },
    { "max_pool2d", "{size: 0}", 1, { F3(8, 8, 1) }, "size" },
    { "avg_pool2d", "", 1, { F1(8) }, "needs images [height, width, channels]; found [8]" },
    { "avg_pool2d", "{size: 9}", 1, { F3(12, 8, 1) }, "a window of 9 exceeds the padded width of 8" },
    { "avg_pool2d", "{padding: [2, 0]}", 1, { F3(8, 8, 1) }, "padding 2 is not less than the window's 2" },
    { "avg_pool2d", "{padding: []}", 1, { F3(8, 8, 1) }, "padding" },
    { "avg_pool2d", "{count_include_pad: maybe}", 1, { F3(8, 8, 1) }, "count_include_pad" },
    { "global_avg_pool", "", 1, { F1(8) },
      "needs images [height, width, channels] or sequences [time, features]; found [8]" },
    { "global_avg_pool", "{size: 2}", 1, { F3(8, 8, 2) }, "size" },
    { "batch_norm", "", 1, { { HEFT_F32, 0, { 0 } } }, "needs numbers with channels as the last axis; found []" },
    { "batch_norm", "{eps: 0}", 1, { F1(8) }, "eps" },
    { "batch_norm", "{momentum: 1.5}", 1, { F1(8) }, "momentum" },
    { "batch_norm", "", 1, { I1(8) }, "found integers [8]" },
    { "dropout", "{rate: 1}", 1, { F1(8) }, "rate" },
    { "dropout", "{rate: -0.1}", 1, { F1(8) }, "rate" },
    { "dropout", "", 1, { I1(8) }, "found integers [8]" },
    { "flatten", "", 1, { I1(8) }, "found integers [8]" },
    { "reshape", "", 1, { F1(8) }, "shape" },
    { "reshape", "{shape: [2, 2, 2, 1, 1]}", 1, { F1(8) }, "shape takes 1 to 4 axes; found 5" },
    { "reshape", "{shape: [-1, -1]}", 1, { F1(8) }, "shape has more than one -1" },
    { "reshape", "{shape: [0, 8]}", 1, { F1(8) }, "an axis of shape is 0" },
    { "reshape", "{shape: [3, -1]}", 1, { F1(8) },
      "8 numbers per sample do not divide into the axes of shape (at 3)" },
    { "reshape", "{shape: [2, 2]}", 1, { F1(8) }, "shape holds 4 numbers; a sample has 8" },
    { "reshape", "{shape: [2, 2]}", 1, { I1(4) }, "found integers [4]" },
    { "add", "", 2, { F2(3, 4), F2(4, 3) }, "needs inputs of one shape; the first is [3, 4], number 2 is [4, 3]" },
    { "add", "", 2, { F1(4), F2(4, 1) }, "the first is [4], number 2 is [4, 1]" },
    { "add", "", 2, { F1(4), I1(4) }, "found integers [4]" },
    { "concat", "", 2, { F2(3, 4), F2(4, 4) }, "differ in axis 1 only; the first is [3, 4], number 2 is [4, 4]" },
    { "concat", "", 2, { F2(3, 4), F1(4) }, "the first is [3, 4], number 2 is [4]" },
    { "concat", "{axis: 2}", 2, { F2(3, 4), F2(3, 4) }, "axis 2 is none of the 2 axes of [3, 4]" },
    { "concat", "{axis: -3}", 2, { F2(3, 4), F2(3, 4) }, "axis -3 is none of the 2 axes of [3, 4]" },
    { "concat", "", 2, { I1(4), I1(4) }, "found integers [4]" },
    { "relu", "", 1, { I1(8) }, "found integers [8]" },
    { "relu", "{slope: 1}", 1, { F1(8) }, "slope" },
    { "leaky_relu", "{slope: -1}", 1, { F1(8) }, "slope" },
    { "leaky_relu", "", 1, { I1(8) }, "found integers [8]" },
    { "sigmoid", "", 1, { I1(8) }, "found integers [8]" },
    { "tanh", "", 1, { I1(8) }, "found integers [8]" },
    { "softmax", "", 1, { I1(8) }, "found integers [8]" },
};

static void refused(void **state)
{
    (void)state;
    refusals_check(refusals, sizeof refusals / sizeof refusals[0]);
}

/* ---- plans ---- */

static void plans(void **state)
{
    (void)state;
    check_plan("dense", "{units: 5}", SHAPE(7), SHAPE(5), 70);
    check_plan("dense", "{units: 5}", SHAPE(3, 7), SHAPE(3, 5), 210);
    check_plan("dense", "{units: 5, axis: all}", SHAPE(3, 7), SHAPE(5), 210);
    check_plan("dense", "{units: 5}", SHAPE(2, 3, 7), SHAPE(5), 420);
    check_plan("dense", "{units: 5, axis: last}", SHAPE(2, 3, 7), SHAPE(2, 3, 5), 420);
    check_plan("conv2d", "{filters: 8, kernel: [3, 5]}", SHAPE(9, 9, 4), SHAPE(7, 5, 8), 2.0 * 15 * 4 * 7 * 5 * 8);
    check_plan("conv2d", "{filters: 8, kernel: 3, groups: 4, padding: same, stride: 2}", SHAPE(9, 8, 4), SHAPE(5, 4, 8),
               2.0 * 9 * 5 * 4 * 8);
    check_plan("max_pool2d", "", SHAPE(9, 8, 4), SHAPE(4, 4, 4), -1);
    check_plan("avg_pool2d", "{padding: same, stride: 1}", SHAPE(9, 8, 4), SHAPE(9, 8, 4), -1);
    check_plan("global_avg_pool", "", SHAPE(9, 8, 4), SHAPE(4), -1);
    check_plan("flatten", "", SCALAR, SHAPE(1), -1);
    check_plan("reshape", "{shape: [2, -1, 2]}", SHAPE(12), SHAPE(2, 3, 2), -1);
    check_plan("softmax", "", SHAPE(3, 4), SHAPE(3, 4), -1);

    harness *h = harness_open("conv2d", "{filters: 8, kernel: [3, 5], groups: 2}", 1, &SHAPE(9, 9, 4), LANES(1));
    assert_int_equal(h->of[HEFT_WEIGHT][0]->fan_in, 3 * 5 * 2);
    assert_int_equal(h->of[HEFT_WEIGHT][0]->fan_out, 3 * 5 * 4);
    assert_null(h->of[HEFT_WEIGHT][0]->init);
    assert_string_equal(h->of[HEFT_WEIGHT][1]->init, "zeros");
    assert_int_equal(h->of[HEFT_WEIGHT][1]->fan_in, 3 * 5 * 2);
    assert_int_equal(h->of[HEFT_WEIGHT][1]->fan_out, 3 * 5 * 4);
    harness_close(h);

    const char *const init[][2] = { { "relu", "he_normal" }, { "leaky_relu", "he_normal" }, { "tanh", "glorot_uniform" },
                                    { "sigmoid", "glorot_uniform" }, { "softmax", "glorot_uniform" } };
    for (size_t i = 0; i < sizeof init / sizeof init[0]; i++) {
        h = harness_open(init[i][0], "", 1, &SHAPE(2), LANES(1));
        assert_string_equal(h->layer->init, init[i][1]);
        harness_close(h);
    }
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(plans),
    };
    return cmocka_run_group_tests_name("plans of layers", tests, NULL, NULL);
}
