/* What layers without matrices plan: refusals and how they say them, shapes. */
#include "layers/refusals.h"

#define F4(a, b, c, d) { HEFT_F32, 4, { a, b, c, d } }
#define I2(a, b)       { HEFT_I32, 2, { a, b }, 10 }
#define F0             { HEFT_F32, 0, { 0 } }

static const refusal refusals[] = {
    { "elu", "{alpha: -1}", 1, { F1(8) }, "alpha" },
    { "elu", "", 1, { I1(8) }, "found integers [8]" },
    { "selu", "{alpha: 1}", 1, { F1(8) }, "alpha" },
    { "selu", "", 1, { I1(8) }, "found integers [8]" },
    { "silu", "", 1, { I1(8) }, "found integers [8]" },
    { "mish", "", 1, { I1(8) }, "found integers [8]" },
    { "softplus", "{beta: 0}", 1, { F1(8) }, "beta" },
    { "softplus", "", 1, { I1(8) }, "found integers [8]" },
    { "softsign", "", 1, { I1(8) }, "found integers [8]" },
    { "hard_sigmoid", "", 1, { I1(8) }, "found integers [8]" },
    { "hard_tanh", "{min: 1}", 1, { F1(8) }, "min 1 is not below max 1" },
    { "hard_tanh", "{min: 2, max: -2}", 1, { F1(8) }, "min 2 is not below max -2" },
    { "hard_tanh", "", 1, { I1(8) }, "found integers [8]" },
    { "relu6", "", 1, { I1(8) }, "found integers [8]" },
    { "log_softmax", "", 1, { I1(8) }, "found integers [8]" },
    { "prelu", "{shared: 2}", 1, { F1(8) }, "shared" },
    { "prelu", "{shared: false}", 1, { F0 }, "needs a last axis, channels" },
    { "prelu", "", 1, { F0 }, "" },
    { "prelu", "", 1, { I1(8) }, "found integers [8]" },
    { "multiply", "", 2, { F2(3, 4), F2(4, 3) }, "needs inputs of one shape; the first is [3, 4], number 2 is [4, 3]" },
    { "multiply", "", 2, { F1(4), I1(4) }, "found integers [4]" },
    { "subtract", "", 2, { F1(4), F2(4, 1) }, "the first is [4], number 2 is [4, 1]" },
    { "subtract", "", 1, { F1(4) }, "takes 2 to 2 inputs" },
    { "maximum", "", 2, { F1(4), F1(3) }, "the first is [4], number 2 is [3]" },
    { "minimum", "", 2, { F1(4), F1(3) }, "the first is [4], number 2 is [3]" },
    { "average", "", 2, { F1(4), F1(3) }, "the first is [4], number 2 is [3]" },
    { "dot", "", 2, { F1(4), F1(3) }, "needs axes of one length; 4 of [4] and 3 of [3] are summed along" },
    { "dot", "", 2, { F2(3, 4), F2(4, 5) }, "4 of [3, 4] and 5 of [4, 5]" },
    { "dot", "{axes: [1, 0]}", 2, { F2(3, 4), F2(4, 5) }, "" },
    { "dot", "{axes: 1}", 2, { F1(4), F1(4) }, "axis 1 is none of the 1 axes of [4]" },
    { "dot", "{axes: [0, 1, 0]}", 2, { F1(4), F1(4) }, "axes takes one number or two; found 3" },
    { "dot", "{axes: 2}", 2, { F2(4, 4), F2(4, 4) }, "axes" },
    { "dot", "", 2, { F3(2, 2, 2), F1(2) }, "needs numbers of one axis or two; found [2, 2, 2]" },
    { "dot", "", 2, { F0, F1(2) }, "needs numbers of one axis or two; found []" },
    { "dot", "", 2, { F1(2), I1(2) }, "found integers [2]" },
    { "slice", "{begin: 8}", 1, { F1(8) }, "positions 8 to 8 (not included) are no part of axis 0 of [8]" },
    { "slice", "{begin: -9}", 1, { F1(8) }, "positions -1 to 8 (not included)" },
    { "slice", "{end: 9}", 1, { F1(8) }, "positions 0 to 9 (not included)" },
    { "slice", "{begin: 3, end: 3}", 1, { F1(8) }, "positions 3 to 3 (not included)" },
    { "slice", "{end: -8}", 1, { F1(8) }, "positions 0 to 0 (not included)" },
    { "slice", "{begin: 6, size: 3}", 1, { F1(8) }, "positions 6 to 9 (not included)" },
    { "slice", "{size: 3, end: 3}", 1, { F1(8) }, "end and size exclude each other" },
    { "slice", "{axis: 1}", 1, { F1(8) }, "axis 1 is none of the 1 axes of [8]" },
    { "slice", "{axis: -2}", 1, { F1(8) }, "axis -2 is none of the 1 axes of [8]" },
    { "slice", "", 1, { F0 }, "axis -1 is none of the 0 axes of []" },
    { "slice", "", 1, { I1(8) }, "found integers [8]" },
    { "pad", "", 1, { F1(8) }, "needs images [height, width, channels] or sequences [time, features]; found [8]" },
    { "pad", "", 1, { F4(2, 2, 2, 2) }, "found [2, 2, 2, 2]" },
    { "pad", "", 1, { I2(8, 2) }, "found integers [8, 2]" },
    { "pad", "{padding: [1, 2, 3]}", 1, { F3(4, 4, 1) }, "padding takes one number, [height, width] or [top, bottom, left, right]; found 3" },
    { "pad", "{padding: [1, 2, 3, 4]}", 1, { F2(4, 4) }, "padding takes one number, or [before, behind]; found 4" },
    { "pad", "{padding: []}", 1, { F2(4, 4) }, "padding" },
    { "pad", "{padding: -1}", 1, { F2(4, 4) }, "padding" },
    { "pad", "{mode: mirror}", 1, { F2(4, 4) }, "mode" },
    { "pad", "{mode: reflect, value: 1}", 1, { F2(4, 4) }, "value belongs to mode: constant" },
    { "pad", "{mode: reflect, padding: 4}", 1, { F2(4, 4) }, "a border of 4 cannot be reflected from 4 positions; 3 are the most" },
    { "pad", "{mode: reflect, padding: [3, 2]}", 1, { F3(4, 2, 1) }, "a border of 2 cannot be reflected from 2 positions; 1 are the most" },
    { "pad", "{mode: reflect, padding: 3}", 1, { F2(4, 4) }, "" },
    { "pad", "{mode: replicate, padding: 9}", 1, { F2(4, 4) }, "" },
    { "permute", "", 1, { F2(4, 4) }, "axes" },
    { "permute", "{axes: [0]}", 1, { F2(4, 3) }, "axes must name each of the 2 axes of [4, 3] once, from 0" },
    { "permute", "{axes: [0, 0]}", 1, { F2(4, 3) }, "axes must name each of the 2 axes of [4, 3] once" },
    { "permute", "{axes: [1, 2]}", 1, { F2(4, 3) }, "axes must name each of the 2 axes of [4, 3] once" },
    { "permute", "{axes: [1, 0]}", 1, { F1(4) }, "axes must name each of the 1 axes of [4] once" },
    { "permute", "{axes: [1, -1]}", 1, { F2(4, 3) }, "axes" },
    { "permute", "{axes: [0]}", 1, { I1(4) }, "found integers [4]" },
    { "repeat", "", 1, { F1(4) }, "times" },
    { "repeat", "{times: 0}", 1, { F1(4) }, "times" },
    { "repeat", "{times: 2}", 1, { F4(2, 2, 2, 2) }, "[2, 2, 2, 2] has no room for one more axis; 4 are the most" },
    { "repeat", "{times: 2}", 1, { I1(4) }, "found integers [4]" },
    { "upsample", "", 1, { F1(8) }, "needs images [height, width, channels] or sequences [time, features]; found [8]" },
    { "upsample", "", 1, { I2(8, 2) }, "found integers [8, 2]" },
    { "upsample", "{size: [1, 2, 3]}", 1, { F3(4, 4, 1) }, "size takes one number, or [height, width]; found 3" },
    { "upsample", "{size: [1, 2]}", 1, { F2(4, 4) }, "size takes one number for a sequence; found 2" },
    { "upsample", "{size: 0}", 1, { F2(4, 4) }, "size" },
    { "upsample", "{interpolation: cubic}", 1, { F2(4, 4) }, "interpolation" },
    { "scale", "{scale: false, center: false}", 1, { F1(4) }, "leave nothing to do" },
    { "scale", "", 1, { F0 }, "needs numbers with channels as the last axis; found []" },
    { "scale", "", 1, { I1(4) }, "found integers [4]" },
    { "sinusoidal_position", "", 1, { F1(4) }, "needs a sequence [time, features]; found [4]" },
    { "sinusoidal_position", "{wavelength: 0}", 1, { F2(4, 4) }, "wavelength" },
    { "sinusoidal_position", "", 1, { I2(4, 4) }, "found integers [4, 4]" },
    { "gaussian_noise", "{stddev: -1}", 1, { F1(4) }, "stddev" },
    { "gaussian_noise", "", 1, { I1(4) }, "found integers [4]" },
    { "gaussian_dropout", "{rate: 1}", 1, { F1(4) }, "rate" },
    { "gaussian_dropout", "", 1, { I1(4) }, "found integers [4]" },
    { "spatial_dropout", "{rate: 1}", 1, { F2(4, 4) }, "rate" },
    { "spatial_dropout", "", 1, { F1(4) }, "needs positions with channels as the last axis, such as [time, features]; found [4]; dropout takes any shape" },
    { "spatial_dropout", "", 1, { I2(4, 4) }, "found integers [4, 4]" },
    { "alpha_dropout", "{rate: 1}", 1, { F1(4) }, "rate" },
    { "alpha_dropout", "", 1, { I1(4) }, "found integers [4]" },
};

static void refused(void **state)
{
    (void)state;
    refusals_check(refusals, sizeof refusals / sizeof *refusals);
}

static void shapes(void **state)
{
    (void)state;
    check_plan("slice", "{axis: 0, begin: -1}", SHAPE(4, 3), SHAPE(1, 3), -1);
    check_plan("slice", "{axis: 1, begin: 1, end: -1}", SHAPE(4, 5, 3), SHAPE(4, 3, 3), -1);
    check_plan("slice", "{begin: 1, size: 2}", SHAPE(4, 5), SHAPE(4, 2), -1);
    check_plan("slice", "{end: last, size: auto}", SHAPE(4, 5), SHAPE(4, 5), -1);
    check_plan("pad", "", SHAPE(4, 5, 3), SHAPE(6, 7, 3), -1);
    check_plan("pad", "{padding: [1, 2, 3, 4]}", SHAPE(4, 5, 3), SHAPE(7, 12, 3), -1);
    check_plan("pad", "{padding: [1, 2]}", SHAPE(4, 5), SHAPE(7, 5), -1);
    check_plan("permute", "{axes: [2, 0, 1]}", SHAPE(4, 5, 3), SHAPE(3, 4, 5), -1);
    check_plan("repeat", "{times: 6}", SCALAR, SHAPE(6), -1);
    check_plan("repeat", "{times: 6}", SHAPE(2, 3, 4), SHAPE(6, 2, 3, 4), -1);
    check_plan("upsample", "{size: [1, 4]}", SHAPE(4, 5, 3), SHAPE(4, 20, 3), -1);
    check_plan("upsample", "{size: 3}", SHAPE(4, 5), SHAPE(12, 5), -1);

    harness *h = harness_open("dot", "", 2, (heft_shape[]){ SHAPE(3, 4), SHAPE(5, 4) }, LANES(1));
    assert_true(h->plan.out.rank == 2 && h->plan.out.dim[0] == 3 && h->plan.out.dim[1] == 5 && h->plan.flops == 120);
    harness_close(h);
    h = harness_open("dot", "", 2, (heft_shape[]){ SHAPE(4), SHAPE(4) }, LANES(1));
    assert_true(h->plan.out.rank == 1 && h->plan.out.dim[0] == 1);
    harness_close(h);
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(shapes),
    };
    return cmocka_run_group_tests_name("plans of layers without matrices", tests, NULL, NULL);
}
