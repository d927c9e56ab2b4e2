/* Two recurrent layers, one in reverse, and a concat of them are PyTorch's bidirectional=True. */
#include "setup.h"

#include <math.h>

#include "golden/bidirectional.inc"

static void fill(int kind, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++) to[i] = (float)((i * 7 + (size_t)kind * 13) % 23) / 23 - 0.5f;
}

static void near(const char *what, const char *type, double got, double want)
{
    if (!(fabs(got - want) <= 2e-6)) fail_msg("%s: %s is %.9g, PyTorch has %.9g", type, what, got, want);
}

static void both_directions(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof golden / sizeof *golden; c++) {
        const bool sequences = golden[c].sequences;
        const heft_shape in = { HEFT_F32, 2, { TIME, IN } },
                         out = sequences ? (heft_shape){ HEFT_F32, 2, { TIME, 2 * UNITS } } : (heft_shape){ HEFT_F32, 1, { 2 * UNITS } };
        char options[100], yaml[500];
        setup s;
        snprintf(options, sizeof options, "units: %d, inputs: input, %s, return_sequences: %s", UNITS, golden[c].options, sequences ? "true" : "false");
        snprintf(yaml, sizeof yaml, "model:\n  - %s: {%s, name: onward}\n  - %s: {%s, reverse: true, name: back}\n  - concat: {inputs: [onward, back]}\n"
                 "loss: mean_squared_error\n", golden[c].type, options, golden[c].type, options);
        setup_model(&s, yaml, in, out, N);
        print_problems(&s);
        assert_non_null(s.model);
        const size_t ny = N * (size_t)heft_count(&out);
        fill(0, N * TIME * IN, s.inputs);
        fill(1, ny, s.targets);
        for (int l = 0; l < 2; l++) {
            assert_int_equal(s.model->layer[l].n_weights, 4);
            for (int k = 0; k < 4; k++) fill(2 + 4 * l + k, s.model->layer[l].tensor[k].count, model_weight(s.model, &s.model->layer[l], k));
        }
        pass *p = pass_new(s.model, true, &s.pr);
        const pass_input b = whole_batch(&s, N, 1);
        near("loss", golden[c].type, pass_run(p, &b, true), golden[c].loss);
        for (size_t i = 0; i < ny; i++) near("output", golden[c].type, (double)pass_output(p)[i], golden[c].y[i]);
        pass_sum(p, 0, s.model->n_trained);
        for (int l = 0; l < 2; l++)
            for (int i = 0; i < IN * golden[c].gates * UNITS; i++)
                near("gradient", golden[c].type, (double)pass_gradient(p)[s.model->layer[l].tensor[0].offset + (size_t)i], golden[c].dw[l][i]);
        pass_free(p);
        setup_end(&s);
    }
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = { cmocka_unit_test(both_directions) };
    return cmocka_run_group_tests_name("recurrent layers in both directions", tests, NULL, NULL);
}
