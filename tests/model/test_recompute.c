/* What a training step computes a second time, when, and that no bit depends on it. */
#include "base/text.h"
#include "model/program.h"
#include "setup.h"

/* ---- what, and when ---- */

#define HEAD "model:\n  - conv2d: {filters: 4, kernel: 3, padding: same, name: z}\n"
#define TAIL "  - avg_pool2d: {size: 8}\n  - flatten\n  - dense: {units: 3}\nloss: softmax_cross_entropy\nmetrics: [accuracy]\n"
#define CONV(name) "  - conv2d: {filters: 4, kernel: 3, padding: same, name: " name "}\n"
#define BLOCK(name, from) \
    "  - conv2d: {filters: 4, kernel: 3, padding: same, inputs: " from ", name: " name "_in}\n  - batch_norm: {name: " name "_norm, activation: relu}\n" \
    CONV(name "_z") "  - batch_norm: {name: " name "_main}\n  - add: {inputs: [" name "_main, " from "], name: " name "_sum}\n  - relu: {name: " name "}\n"

/* "value before..until": the layers of whose backward passes it is computed in front, and that read it last. */
static const struct { const char *name, *yaml, *recomputed; } plans[] = {
    { "from what batch_norm's backward reads", HEAD "  - batch_norm: {name: n}\n  - relu: {name: y}\n" CONV("c") TAIL,
      "n c..c, y c..y" },
    { "where lanes do not wait", "model:\n  - hard_tanh: {name: y}\n" CONV("c") TAIL, "" },
    { "a convolution's output that no backward reads", HEAD "  - relu: {name: y}\n" CONV("c") "  - batch_norm: {name: n}\n" TAIL, "" },
    { "from the data", "model:\n  - conv2d: {filters: 4, kernel: 3, padding: same, frozen: true, inputs: input, name: unused}\n"
      "  - hard_tanh: {inputs: input, name: y}\n" CONV("c") "  - add: {inputs: [unused, c]}\n  - batch_norm: {name: n}\n" TAIL, "y c..c" },
    { "a residual net: every second sum is kept, since the next is computed from it",
      HEAD "  - batch_norm: {name: n}\n  - relu: {name: start}\n" BLOCK("a", "start") BLOCK("b", "a") BLOCK("c", "b") CONV("end") TAIL,
      "n a_in..a_in, start a_in..start, a_norm a_z..a_z, a_norm_relu a_z..a_norm_relu, b_norm b_z..b_z, b_norm_relu b_z..b_norm_relu, "
      "b_main c_in..c_in, b_sum c_in..c_in, b c_in..b, c_norm c_z..c_z, c_norm_relu c_z..c_norm_relu" },
    { "two norms on the way to a sum", HEAD "  - batch_norm: {name: n}\n" "  - conv2d: {filters: 4, kernel: 1, inputs: input, name: w}\n"
      "  - batch_norm: {name: m}\n  - add: {inputs: [n, m], name: sum}\n  - relu: {name: y}\n" CONV("c") TAIL,
      "n c..c, m c..c, sum c..c, y c..y" },
    { "one step to two values: it stays from the first to the last", HEAD "  - batch_norm: {name: n}\n  - relu: {name: y}\n" CONV("c")
      "  - tanh: {inputs: n, name: t}\n" CONV("d") "  - add: {inputs: [c, d]}\n  - batch_norm: {name: far}\n" TAIL,
      "n d..c, y c..y, t d..t" },
    { "of an input that is gone by then", HEAD "  - add: {inputs: [z, z], name: y}\n" CONV("c") "  - batch_norm: {inputs: z, name: n}\n"
      "  - add: {inputs: [c, n]}\n" TAIL, "" },
    { "of an input that is there still", HEAD "  - batch_norm: {name: n}\n  - add: {inputs: [z, z], name: y}\n" CONV("c")
      "  - add: {inputs: [c, n]}\n" TAIL, "y c..c" },
    { "the output of the model and what tiles read are kept for the minibatch",
      HEAD "  - batch_norm\n  - flatten\n  - relu: {name: y}\n  - dense: {units: 100, name: wide}\n  - batch_norm: {name: n}\n  - relu: {name: x}\n"
      "  - dense: {units: 3, name: few}\n  - batch_norm\n  - relu\nloss: mean_squared_error\n", "n few..few, x few..x" },
};

static const heft_shape real3 = { HEFT_F32, 1, { 3 }, 0 };

static void what_is_recomputed_and_when(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        setup s;
        text found = { 0 };
        setup_model(&s, plans[i].yaml, image, strstr(plans[i].yaml, "mean_squared") ? real3 : label3, 24);
        print_problems(&s);
        assert_non_null(s.model);
        const recomputation *r = recompute_plan(s.model, s.memory);
        const model_layer *l = s.model->layer;
        text_add(&found, "");
        for (int k = 0; k < s.model->n_layers; k++)
            if (r[k].before >= 0)
                text_printf(&found, "%s%s %s..%s", found.n ? ", " : "", l[k].name, l[r[k].before].name, l[r[k].until].name);
        if (strcmp(found.s, plans[i].recomputed)) fail_msg("%s: %s; expected %s", plans[i].name, found.s, plans[i].recomputed);
        text_free(&found);
        setup_end(&s);
    }
}

/* In front of the backward that reads first, and of its survey. */
static void recomputed_in_front_of_backward(void **state)
{
    (void)state;
    setup s;
    setup_model(&s, HEAD "  - batch_norm: {name: n}\n  - relu: {name: y}\n  - batch_norm: {name: m}\n  - add: {inputs: [m, y]}\n" TAIL, image, label3, 24);
    print_problems(&s);
    assert_non_null(s.model);
    const program g = program_make(s.model, true, true, recompute_plan(s.model, s.memory), s.memory);
    static const struct { op_kind kind; const char *layer; } expected[] = {
        { RECOMPUTE, "n" }, { RECOMPUTE, "y" }, { SURVEY_BACK, "m" }, { BACKWARD, "m" }, { BACKWARD, "y" }, { SURVEY_BACK, "n" }, { BACKWARD, "n" },
    };
    int at = 0;
    while (at < g.n_ops && g.op[at].kind != RECOMPUTE) at++;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(at + (int)i < g.n_ops);
        assert_int_equal(g.op[at + (int)i].kind, expected[i].kind);
        assert_string_equal(s.model->layer[g.op[at + (int)i].layer].name, expected[i].layer);
    }
    setup_end(&s);
}

/* ---- what comes of it ---- */

static const char net[] =
    HEAD "  - batch_norm\n  - relu: {name: start}\n" BLOCK("a", "start") BLOCK("b", "a")
    "  - dropout: {rate: 0.25}\n" CONV("c") "  - batch_norm: {name: n}\n  - dropout: {rate: 0.5}\n  - prelu\n" CONV("d")
    "  - conv2d: {filters: 4, kernel: 1, inputs: b, name: short}\n  - batch_norm: {name: m}\n  - silu: {inputs: n, name: t}\n"
    "  - multiply: {inputs: [t, m]}\n" CONV("e") "  - add: {inputs: [d, e]}\n  - batch_norm\n" TAIL;

/* The layers as they were without the field. */
static void keep_all(setup *s)
{
    for (int i = 0; i < s->model->n_layers; i++) {
        heft_layer *l = arena_alloc(s->memory, 1, sizeof *l);
        *l = *s->model->layer[i].layer;
        l->recomputable = 0;
        s->model->layer[i].layer = l;
    }
}

static void digest_of_training(int threads, bool kept, char hex[DIGEST_HEX])
{
    compute_init(threads, COMPUTE_F32);
    setup s;
    setup_model(&s, net, image, label3, 80);
    print_problems(&s);
    assert_non_null(s.model);
    if (kept) keep_all(&s);
    digest_of_descent(&s, 80, hex);
    setup_end(&s);
}

static void same_bits_as_if_kept(void **state)
{
    (void)state;
    char kept[DIGEST_HEX], hex[DIGEST_HEX];
    digest_of_training(1, true, kept);
    for (int threads = 1; threads <= 4; threads *= 2) {
        digest_of_training(threads, false, hex);
        if (strcmp(kept, hex)) fail_msg("other bits on %d threads", threads);
    }
    compute_init(2, COMPUTE_F32);
}

/* Kept are the outputs of 7 convolutions and of `a` and `c`; without, of all 7 relus. */
static void memory_is_less(void **state)
{
    (void)state;
    size_t bytes[2];
    for (int kept = 0; kept < 2; kept++) {
        setup s;
        setup_model(&s, HEAD "  - batch_norm\n  - relu: {name: start}\n" BLOCK("a", "start") BLOCK("b", "a") BLOCK("c", "b") TAIL, image, label3, 80);
        print_problems(&s);
        assert_non_null(s.model);
        if (kept) keep_all(&s);
        bytes[kept] = pass_bytes(s.model, true);
        setup_end(&s);
    }
    assert_true(bytes[0] + 4 * 80 * 8 * 8 * 4 * sizeof(float) <= bytes[1]);
}

/* A forward that adds to tallies would count twice. */
static void tallies_of_forward_are_refused(void **state)
{
    (void)state;
    static const char *const dirs[] = { BUILD_DIR "/tests/planted/faulty", PLUGIN_DIR };
    static const char yaml[] = "model: [{dense: {units: 1}}]\nloss: mean_squared_error\nmetrics: [recompute_counted]\n";
    problems pr = { 0 };
    arena *a = arena_new();
    registry *r = registry_new(2, dirs);
    const node *root = node_parse(a, "test.yaml", yaml, strlen(yaml), &pr);
    assert_null(model_build(node_get(root, "model"), node_get(root, "loss"), node_get(root, "metrics"), r, &vector8, &real1, 8, &pr));
    assert_int_equal(pr.n, 1);
    assert_non_null(strstr(pr.item[0].text, "is faulty: a recomputable layer's forward adds to a tally"));
    problems_free(&pr);
    registry_free(r);
    arena_free(a);
}

int main(void)
{
    compute_init(2, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_recomputed_and_when), cmocka_unit_test(recomputed_in_front_of_backward), cmocka_unit_test(same_bits_as_if_kept),
        cmocka_unit_test(memory_is_less), cmocka_unit_test(tallies_of_forward_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
