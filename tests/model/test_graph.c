/* The graph as users write it: names, inputs, automatic initializers, and every way to get it wrong. */
#include "setup.h"

static char *with_tail(arena *a, const char *head)
{
    return arena_printf(a, "%sloss: softmax_cross_entropy\n%s", head, strstr(head, "metrics:") ? "" : "metrics: [accuracy]\n");
}

static void names_and_inputs(void **state)
{
    (void)state;
    setup s;
    setup_model(&s, "model:\n"
                    "  - dense: {units: 6, activation: relu, name: trunk}\n"
                    "  - dense: {units: 6, activation: {leaky_relu: {slope: 0.2}}}\n"
                    "  - add: {inputs: [trunk, dense_1]}\n"
                    "  - dense: {units: 3, name: out}\n"
                    "loss: softmax_cross_entropy\n"
                    "metrics: [accuracy, {accuracy: {name: again}}]\n", vector8, label3, 8);
    print_problems(&s);
    assert_non_null(s.model);
    const model *m = s.model;
    const char *const expected[] = { "trunk", "trunk_relu", "dense_1", "dense_1_leaky_relu", "add_1", "out", "loss", "accuracy", "again" };
    assert_int_equal(m->n_layers, 9);
    for (int i = 0; i < 9; i++) assert_string_equal(m->layer[i].name, expected[i]);
    assert_int_equal(m->layer[0].in[0], VALUE_INPUT);
    assert_int_equal(m->layer[4].in[0], 1);          /* a layer's name stands for its activation's output */
    assert_int_equal(m->layer[4].in[1], 3);
    assert_int_equal(m->output, 5);
    assert_int_equal(m->loss, 6);
    assert_int_equal(m->n_metrics, 2);
    assert_int_equal(m->n_weights, 8 * 6 + 6 + 6 * 6 + 6 + 6 * 3 + 3);
    assert_string_equal(model_metric_name(m, 0), "loss");
    assert_string_equal(model_metric_name(m, 2), "again");
    setup_end(&s);
}

static const model_layer *layer(const setup *s, const char *name)
{
    for (int i = 0; i < s->model->n_layers; i++)
        if (!strcmp(s->model->layer[i].name, name)) return &s->model->layer[i];
    fail_msg("no layer %s", name);
    return NULL;
}

static void automatic_initializers(void **state)
{
    (void)state;
    setup s;
    setup_model(&s, "model:\n"
                    "  - conv2d: {filters: 4, kernel: 3, name: c1}\n"
                    "  - batch_norm\n"
                    "  - relu\n"
                    "  - max_pool2d\n"
                    "  - conv2d: {filters: 4, kernel: 3, activation: tanh, name: c2}\n"
                    "  - flatten\n"
                    "  - dense: {units: 4, activation: relu, init: {weight: {normal: {std: 0.5}}, bias: ones}, name: d1}\n"
                    "  - dense: {units: 3, name: d2}\n"
                    "loss: softmax_cross_entropy\n", image, label3, 8);
    print_problems(&s);
    assert_non_null(s.model);
    assert_string_equal(layer(&s, "c1")->tensor[0].init->name, "he_normal");          /* through batch_norm */
    assert_string_equal(layer(&s, "c1")->tensor[1].init->name, "zeros");
    assert_string_equal(layer(&s, "c2")->tensor[0].init->name, "glorot_uniform");
    assert_string_equal(layer(&s, "d1")->tensor[0].init->name, "normal");
    assert_string_equal(layer(&s, "d1")->tensor[1].init->name, "ones");
    assert_string_equal(layer(&s, "d2")->tensor[0].init->name, "glorot_uniform");
    for (int i = 0; i < 4; i++) assert_true(model_weight(s.model, layer(&s, "d1"), 1)[i] == 1);

    /* Initial weights depend on the seed and the tensor's path, not on what else there is. */
    float first = model_weight(s.model, layer(&s, "c1"), 0)[0];
    model_init(s.model, 7, &s.pr);
    assert_true(first == model_weight(s.model, layer(&s, "c1"), 0)[0]);
    model_init(s.model, 8, &s.pr);
    assert_true(first != model_weight(s.model, layer(&s, "c1"), 0)[0]);
    setup_end(&s);
}

static void frozen_weights_come_last(void **state)
{
    (void)state;
    setup s;
    setup_model(&s, "model:\n  - dense: {units: 5, frozen: true, name: a}\n  - dense: {units: 3, lr_scale: 0.5, decay: 0}\n"
                    "loss: softmax_cross_entropy\n", vector8, label3, 8);
    print_problems(&s);
    assert_non_null(s.model);
    assert_int_equal(s.model->n_trained, 5 * 3 + 3);
    assert_int_equal(s.model->n_weights, 8 * 5 + 5 + 5 * 3 + 3);
    assert_int_equal(layer(&s, "a")->tensor[0].offset, 18);
    assert_false(layer(&s, "a")->differentiated);
    const model_span *spans;
    assert_int_equal(model_spans(s.model, s.memory, &spans), 2);
    assert_true(spans[0].layer->lr_scale == 0.5 && spans[0].layer->decay == 0);
    setup_end(&s);
}

static void lane_rule(void **state)
{
    (void)state;
    static const struct { int64_t batch, floats; size_t weights; int64_t lanes; } cases[] = {
        { 1, 0, 0, 1 }, { 2, 0, 0, 2 }, { 3, 0, 0, 2 }, { 31, 0, 0, 2 }, { 64, 0, 0, 2 }, { 65, 0, 0, 3 }, { 128, 0, 0, 4 }, { 2048, 0, 0, 64 }, { 100000, 0, 0, 64 },
        { 128, 10240, 0, 4 }, { 128, 10241, 0, 8 }, { 128, 32768, 0, 16 }, { 128, 1 << 30, 0, 16 }, { 2048, 1 << 30, 0, 64 },
        { 256, 0, 5 << 16, 8 }, { 256, 0, (5 << 16) + 1, 4 }, { 128, 10240, 1 << 22, 4 }, { 128, 32768, 1 << 22, 16 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t size = model_lane_size(cases[i].batch, cases[i].floats, cases[i].weights), lanes = (cases[i].batch + size - 1) / size;
        if (lanes != cases[i].lanes) fail_msg("batch %d: %d lanes", (int)cases[i].batch, (int)lanes);
    }
}

static void wrong_graphs(void **state)
{
    (void)state;
    static const struct { const char *yaml, *says; int line; } cases[] = {
        { "model: {dense: {units: 3}}\n", "where a list of layers is expected", 1 },
        { "model: []\n", "where a list of layers is expected", 1 },
        { "model:\n  - dens: {units: 3}\n", "dense", 2 },
        { "model:\n  - dense: {units: 0}\n", "units", 2 },
        { "model:\n  - dense: {unit: 3}\n", "did you mean 'units'", 2 },
        { "model:\n  - dense: {units: 3, name: 1x}\n", "cannot name a layer", 2 },
        { "model:\n  - dense: {units: 3, name: a/b}\n", "cannot name a layer", 2 },
        { "model:\n  - dense: {units: 3, name: input}\n", "has a meaning of its own", 2 },
        { "model:\n  - dense: {units: 3, name: a}\n  - dense: {units: 3, name: a}\n", "names are unique", 3 },
        { "model:\n  - dense: {units: 3, name: trunk}\n  - dense: {units: 3, inputs: trunc}\n", "did you mean 'trunk'", 3 },
        { "model:\n  - dense: {units: 3, inputs: later}\n  - dense: {units: 3, name: later}\n", "no earlier layer", 2 },
        { "model:\n  - dense: {units: 3}\n  - dense: {units: 3, inputs: input}\n", "is used by no other", 2 },
        { "model:\n  - dense: {units: 3}\n  - add\n", "takes 2 to", 3 },
        { "model:\n  - dense: {units: 3, inputs: [input, input]}\n", "there are 2", 2 },
        { "model:\n  - conv2d: {filters: 3, kernel: 3}\n", "found [8]", 2 },
        { "model:\n  - dense: {units: 2}\n", "labels reach 2", 0 },
        { "model:\n  - relu\n", "nothing can be trained", 0 },
        { "model:\n  - dense: {units: 3, init: {wieght: ones}}\n", "did you mean 'weight'", 2 },
        { "model:\n  - dense: {units: 3, init: ones}\n", "init takes a mapping", 2 },
        { "model:\n  - dense: {units: 3, init: {weight: onez}}\n", "ones", 2 },
        { "model:\n  - dense: {units: 3, lr_scale: -1}\n", "lr_scale", 2 },
        { "model:\n  - dense: {units: 3, frozen: maybe}\n", "frozen", 2 },
        { "model:\n  - dense: {units: 3, activation: rellu}\n", "relu", 2 },
        { "model:\n  - dense: {units: 3}\nmetrics:\n  - accuracy: {name: val_loss}\n", "'val_loss' cannot name a metric", 4 },
        { "model:\n  - dense: {units: 3}\nmetrics:\n  - accuracy: {name: test_x}\n", "'test_x' cannot name a metric", 4 },
        { "model:\n  - dense: {units: 3}\nmetrics:\n  - accuracy: {name: seconds}\n", "'seconds' cannot name a metric", 4 },
        { "model:\n  - dense: {units: 3}\nmetrics: {accuracy: {name: samples_per_s}}\n", "'samples_per_s' cannot name a metric", 3 },
        { "model:\n  - dense: {units: 3}\nmetrics:\n  - accuracy: {name: lr}\n", "has a meaning of its own", 4 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setup s;
        arena *a = arena_new();
        setup_model(&s, with_tail(a, cases[i].yaml), vector8, label3, 8);
        if (s.model) fail_msg("accepted:\n%s", cases[i].yaml);
        bool said = false;
        for (size_t k = 0; k < s.pr.n; k++)
            said |= strstr(s.pr.item[k].text, cases[i].says) && (!cases[i].line || s.pr.item[k].at.line == cases[i].line);
        if (!said) {
            print_problems(&s);
            fail_msg("'%s' was not said at line %d of:\n%s", cases[i].says, cases[i].line, cases[i].yaml);
        }
        setup_end(&s);
        arena_free(a);
    }
}

static void all_mistakes_in_one_go(void **state)
{
    (void)state;
    setup s;
    setup_model(&s, "model:\n  - dense: {units: 0}\n  - conv2d: {filtrs: 3, kernel: 3}\n  - dense: {units: 4, inputs: nowhere}\n"
                    "loss: mean_squared_errr\nmetrics: [acuracy]\n", vector8, label3, 8);
    assert_null(s.model);
    bool line[7] = { 0 };
    for (size_t k = 0; k < s.pr.n; k++)
        if (s.pr.item[k].at.line < 7) line[s.pr.item[k].at.line] = true;
    for (int i = 2; i <= 6; i++)
        if (!line[i]) fail_msg("nothing was said of line %d", i);
    setup_end(&s);
}

static void losses_are_told_from_layers(void **state)
{
    (void)state;
    static const struct { const char *yaml, *says; } cases[] = {
        { "model: [{dense: {units: 3}}]\nloss: dense\n", "required" },
        { "model: [{dense: {units: 3}}]\nloss: {dense: {units: 4}}\n", "not a loss" },
        { "model: [{dense: {units: 3}}]\nloss: add\n", "" },
        { "model: [{dense: {units: 3}}]\nloss: accuracy\n", "has no backward" },
        { "model: [{dense: {units: 3}}]\nloss: softmax_cross_entropy\nmetrics: [relu]\n", "not a loss or a metric" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setup s;
        setup_model(&s, cases[i].yaml, vector8, label3, 8);
        if (s.model) fail_msg("accepted: %s", cases[i].yaml);
        bool said = false;
        for (size_t k = 0; k < s.pr.n; k++) said |= strstr(s.pr.item[k].text, cases[i].says) != NULL;
        if (!said) {
            print_problems(&s);
            fail_msg("'%s' was not said of: %s", cases[i].says, cases[i].yaml);
        }
        setup_end(&s);
    }
}

static void doubts(void **state)
{
    (void)state;
    static const heft_shape yes3 = { HEFT_F32, 1, { 3 }, 0 };
    static const struct { const char *yaml, *says; bool binary; } cases[] = {
        { "model: [{dense: {units: 3, activation: softmax, name: out}}]\nloss: softmax_cross_entropy\n",
          "loss: softmax_cross_entropy takes logits and has a softmax of its own; behind that of layer 'out_softmax' it trains", false },
        { "model: [{dense: {units: 3}}, softmax]\nloss: focal\n", "focal takes logits and has a softmax of its own", false },
        { "model: [{dense: {units: 3, activation: sigmoid}}]\nloss: binary_cross_entropy\n", "has a sigmoid of its own", true },
        { "model: [{dense: {units: 3}}]\nloss: softmax_cross_entropy\n", NULL, false },
        { "model: [{dense: {units: 3, activation: sigmoid}}]\nloss: mean_squared_error\n", NULL, true },
        { "model: [{dense: {units: 3, activation: softmax}}, {dense: {units: 3}}]\nloss: softmax_cross_entropy\n", NULL, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setup s;
        text said = { 0 };
        setup_model(&s, cases[i].yaml, vector8, cases[i].binary ? yes3 : label3, 8);
        if (!s.model) print_problems(&s);
        assert_non_null(s.model);
        const bool doubted = model_doubt(s.model, &said);
        if (doubted != !!cases[i].says || (doubted && !strstr(said.s, cases[i].says))) fail_msg("'%s' was said of: %s", said.s, cases[i].yaml);
        setup_end(&s);
        text_free(&said);
    }
}

int main(void)
{
    compute_init(2, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_inputs), cmocka_unit_test(automatic_initializers), cmocka_unit_test(frozen_weights_come_last),
        cmocka_unit_test(lane_rule), cmocka_unit_test(wrong_graphs), cmocka_unit_test(all_mistakes_in_one_go),
        cmocka_unit_test(losses_are_told_from_layers), cmocka_unit_test(doubts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
