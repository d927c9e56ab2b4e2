#include "config/check.h"
#include "config/options.h"

typedef struct layer {
    int64_t units, threads, seed;
    bool    bias;
    double  rate, scale, clip;
    int     padding;
    const char *label;
    heft_int_list  kernel, axes;
    heft_real_list weights;
} layer;

static const heft_option table[] = {
    HEFT_OPT_INT(layer, units, HEFT_REQUIRED, 1, 1 << 20, "outputs per sample"),
    HEFT_OPT_INT_OR(layer, threads, "auto", 0, 1, 1024, "threads to use"),
    HEFT_OPT_INT(layer, seed, 7, -0x1p63, 0x1p63, "any integer"),
    HEFT_OPT_BOOL(layer, bias, true, "add a bias"),
    HEFT_OPT_REAL(layer, rate, 0.5, 0, 0.99, "probability"),
    HEFT_OPT_REAL(layer, scale, -1, -1e300, 1e300, "a factor"),
    { "clip", "largest norm", HEFT_REAL, HEFT_FIELD(layer, clip, double), -1, 0, 100, "none", NULL },
    HEFT_OPT_ENUM(layer, padding, 1, "same|valid|full", "what is around"),
    HEFT_OPT_STRING(layer, label, "", "a text"),
    HEFT_OPT_INTS(layer, kernel, "all|one", "[1, 2]", 1, 100, "sizes"),
    HEFT_OPT_INTS(layer, axes, NULL, "[]", -4, 4, "axes"),
    HEFT_OPT_REALS(layer, weights, NULL, "1", 0, 10, "per class"),
    HEFT_OPT_END
};

static const char *const others[] = { "name", "inputs", NULL };

static void read(const char *yaml, layer *out, arena *a, problems *pr)
{
    const node *n = must_parse(a, yaml);
    memset(out, 0xA5, sizeof *out);
    const size_t before = pr->n;
    const int rc = options_read(table, n, n->at, "dense", others, out, a, pr);
    assert_int_equal(rc, pr->n == before ? 0 : -1);
}

static void defaults(void **state)
{
    (void)state;
    arena *a = arena_new();
    problems pr = { 0 };
    layer l;
    read("{units: 3, name: x, inputs: [a]}", &l, a, &pr);
    expect_problems(&pr, "", "defaults");
    assert_int_equal(l.units, 3);
    assert_int_equal(l.threads, 0);
    assert_int_equal(l.seed, 7);
    assert_true(l.bias && l.rate == 0.5 && l.scale == -1 && l.padding == 1);
    assert_string_equal(l.label, "");
    assert_true(l.kernel.n == 2 && l.kernel.word == -1 && l.kernel.v[0] == 1 && l.kernel.v[1] == 2);
    assert_true(l.axes.n == 0 && l.axes.word == -1);
    assert_true(l.weights.n == 1 && l.weights.word == -1 && l.weights.v[0] == 1);
    memset(&l, 0, sizeof l);
    const place at = { "x.yaml", 4, 2 };
    assert_int_equal(options_read(table, NULL, at, "dense", NULL, &l, a, &pr), -1);
    expect_problems(&pr, "x.yaml:4:2: dense: required key 'units' is missing: integer 1 to 1048576 (outputs per sample)", "NULL");
    assert_true(l.bias);
    assert_int_equal(options_read(table + 1, NULL, at, "dense", NULL, &l, a, &pr), 0);
    assert_int_equal(options_read(table + 1, must_parse(a, "{a: }")->pair[0].value, at, "dense", NULL, &l, a, &pr), 0);
    assert_int_equal(options_read(NULL, must_parse(a, "{name: 1}"), at, "dense", others, &l, a, &pr), 0);
    assert_int_equal(pr.n, 0);
    arena_free(a);
}

/* Every value that is accepted, as the field has it. */
static void values(void **state)
{
    (void)state;
    enum { UNITS, THREADS, SEED, BIAS, RATE, SCALE, PADDING, CLIP };
    static const struct { const char *yaml; int field; double v; } cases[] = {
        { "{units: 1}", UNITS, 1 }, { "{units: 1048576}", UNITS, 1048576 }, { "{units: 0x10}", UNITS, 16 }, { "{units: +5}", UNITS, 5 },
        { "{units: 1e3}", UNITS, 1000 }, { "{units: 2.50e1}", UNITS, 25 }, { "{units: 64.0}", UNITS, 64 },
        { "{units: 1, threads: auto}", THREADS, 0 }, { "{units: 1, threads: 8}", THREADS, 8 }, { "{units: 1, threads: 'auto'}", THREADS, 0 },
        { "{units: 1, seed: -9223372036854775808}", SEED, -0x1p63 }, { "{units: 1, seed: -0}", SEED, 0 },
        { "{units: 1, bias: true}", BIAS, 1 }, { "{units: 1, bias: false}", BIAS, 0 },
        { "{units: 1, rate: 0}", RATE, 0 }, { "{units: 1, rate: 0.99}", RATE, 0.99 }, { "{units: 1, rate: 1e-3}", RATE, 1e-3 },
        { "{units: 1, scale: -1E+3}", SCALE, -1000 }, { "{units: 1, scale: 12}", SCALE, 12 }, { "{units: 1, scale: 0x10}", SCALE, 16 },
        { "{units: 1, clip: none}", CLIP, -1 }, { "{units: 1, clip: 100}", CLIP, 100 }, { "{units: 1}", CLIP, -1 },
        { "{units: 1, padding: full}", PADDING, 2 }, { "{units: 1, padding: \"same\"}", PADDING, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        layer l;
        read(cases[i].yaml, &l, a, &pr);
        expect_problems(&pr, "", cases[i].yaml);
        const double got[] = { (double)l.units, (double)l.threads, (double)l.seed, l.bias, l.rate, l.scale, l.padding, l.clip };
        if (got[cases[i].field] != cases[i].v) fail_msg("%s gives %g", cases[i].yaml, got[cases[i].field]);
        arena_free(a);
    }
}

static void large_integers_are_exact(void **state)
{
    (void)state;
    arena *a = arena_new();
    problems pr = { 0 };
    layer l;
    read("{units: 1, seed: 9223372036854775807}", &l, a, &pr);
    assert_true(l.seed == INT64_MAX);
    read("{units: 1, seed: 9007199254740993}", &l, a, &pr);
    assert_true(l.seed == INT64_C(9007199254740993));
    read("{units: 1, seed: 9223372036854775808}", &l, a, &pr);
    expect_problems(&pr, "f:1:18: dense.seed: 9223372036854775808 is above 9223372036854775807 (any integer)", "2^63");
    read("{units: 1, seed: -1e19}", &l, a, &pr);
    expect_problems(&pr, "f:1:18: dense.seed: -1e19 is below -9223372036854775808 (any integer)", "-1e19");
    arena_free(a);
}

static void lists(void **state)
{
    (void)state;
    static const struct { const char *yaml; int n, word; double sum; } cases[] = {
        { "{units: 1, kernel: 3}", 1, -1, 3 }, { "{units: 1, kernel: [3]}", 1, -1, 3 }, { "{units: 1, kernel: [3, 5]}", 2, -1, 8 },
        { "{units: 1, kernel: [1e1, 0x10, 100]}", 3, -1, 126 }, { "{units: 1, kernel: all}", 0, 0, 0 },
        { "{units: 1, kernel: one}", 0, 1, 0 }, { "{units: 1, kernel:\n  [4,\n 4]}", 2, -1, 8 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        layer l;
        read(cases[i].yaml, &l, a, &pr);
        expect_problems(&pr, "", cases[i].yaml);
        double sum = 0;
        for (int k = 0; k < l.kernel.n; k++) sum += (double)l.kernel.v[k];
        if (l.kernel.n != cases[i].n || l.kernel.word != cases[i].word || sum != cases[i].sum) fail_msg("%s", cases[i].yaml);
        arena_free(a);
    }
    arena *a = arena_new();
    problems pr = { 0 };
    layer l;
    read("{units: 1, axes: [], weights: [0.5, 1, 10], label: \"no\"}", &l, a, &pr);
    expect_problems(&pr, "", "lists");
    assert_true(l.axes.n == 0 && l.axes.word == -1);
    assert_true(l.weights.n == 3 && l.weights.v[0] == 0.5 && l.weights.v[2] == 10);
    assert_string_equal(l.label, "no");
    arena_free(a);
}

static void refused(void **state)
{
    (void)state;
    static const struct { const char *yaml, *problems; } cases[] = {
        { "3", "f:1:1: dense: expected a mapping of options, {key: value}, found '3'" },
        { "[1]", "f:1:1: dense: expected a mapping of options, {key: value}, found a list" },
        { "{}", "f:1:1: dense: required key 'units' is missing: integer 1 to 1048576 (outputs per sample)" },
        { "{unit: 3}", "f:1:2: dense: unknown key 'unit' (did you mean 'units'?)\n"
                       "f:1:1: dense: required key 'units' is missing: integer 1 to 1048576 (outputs per sample)" },
        { "{units: 3, nmae: x}", "f:1:12: dense: unknown key 'nmae' (did you mean 'name'?)" },
        { "{units: 3, nothing_like_it: x}", "f:1:12: dense: unknown key 'nothing_like_it' (known: units, threads, seed, bias, rate, "
                                            "scale, clip, padding, label, kernel, axes, weights)" },
        { "{units: 0}", "f:1:9: dense.units: 0 is below 1 (outputs per sample)" },
        { "{units: -3}", "f:1:9: dense.units: -3 is below 1 (outputs per sample)" },
        { "{units: 1048577}", "f:1:9: dense.units: 1048577 is above 1048576 (outputs per sample)" },
        { "{units: 1e30}", "f:1:9: dense.units: 1e30 is above 1048576 (outputs per sample)" },
        { "{units: 99999999999999999999}", "f:1:9: dense.units: 99999999999999999999 is above 1048576 (outputs per sample)" },
        { "{units: 1.5}", "f:1:9: dense.units: 1.5 is not a whole number; expected integer 1 to 1048576 (outputs per sample)" },
        { "{units: '64'}", "f:1:9: dense.units: \"64\" is a string because of its quotes; write 64 without them (outputs per sample)" },
        { "{units: abc}", "f:1:9: dense.units: expected integer 1 to 1048576, found 'abc' (outputs per sample)" },
        { "{units: \"abc\"}", "f:1:9: dense.units: expected integer 1 to 1048576, found \"abc\" (outputs per sample)" },
        { "{units: }", "f:1:9: dense.units: expected integer 1 to 1048576, found nothing (outputs per sample)" },
        { "{units: ~}", "f:1:9: dense.units: expected integer 1 to 1048576, found '~' (outputs per sample)" },
        { "{units: [1]}", "f:1:9: dense.units: expected integer 1 to 1048576, found a list (outputs per sample)" },
        { "{units: {a: 1}}", "f:1:9: dense.units: expected integer 1 to 1048576, found a mapping (outputs per sample)" },
        { "{units: 017}", "f:1:9: dense.units: '017' has a leading zero; write 17 (outputs per sample)" },
        { "{units: -08}", "f:1:9: dense.units: '-08' has a leading zero; write -8 (outputs per sample)" },
        { "{units: 1_000}", "f:1:9: dense.units: expected integer 1 to 1048576, found '1_000' (outputs per sample)" },
        { "{units: 0o17}", "f:1:9: dense.units: expected integer 1 to 1048576, found '0o17' (outputs per sample)" },
        { "{units: 12:30}", "f:1:9: dense.units: expected integer 1 to 1048576, found '12:30' (outputs per sample)" },
        { "{units: inf}", "f:1:9: dense.units: 'inf' is not a finite number; expected integer 1 to 1048576 (outputs per sample)" },
        { "{units: true}", "f:1:9: dense.units: expected integer 1 to 1048576, found 'true' (outputs per sample)" },
        { "{units: 1, threads: 0}", "f:1:21: dense.threads: 0 is below 1 (threads to use)" },
        { "{units: 1, threads: aut}", "f:1:21: dense.threads: expected integer 1 to 1024, or auto, found 'aut' (threads to use)" },
        { "{units: 1, seed: x}", "f:1:18: dense.seed: expected integer, found 'x' (any integer)" },
        { "{units: 1, bias: yes}", "f:1:18: dense.bias: 'yes' is not true or false; write true (add a bias)" },
        { "{units: 1, bias: Off}", "f:1:18: dense.bias: 'Off' is not true or false; write false (add a bias)" },
        { "{units: 1, bias: on}", "f:1:18: dense.bias: 'on' is not true or false; write true (add a bias)" },
        { "{units: 1, bias: no}", "f:1:18: dense.bias: 'no' is not true or false; write false (add a bias)" },
        { "{units: 1, bias: True}", "f:1:18: dense.bias: 'True' is not true or false; write true (add a bias)" },
        { "{units: 1, bias: 0}", "f:1:18: dense.bias: '0' is not true or false; write false (add a bias)" },
        { "{units: 1, bias: 'true'}", "f:1:18: dense.bias: \"true\" is not true or false; write true without quotes (add a bias)" },
        { "{units: 1, bias: maybe}", "f:1:18: dense.bias: expected true | false, found 'maybe' (add a bias)" },
        { "{units: 1, bias: []}", "f:1:18: dense.bias: expected true | false, found a list (add a bias)" },
        { "{units: 1, rate: 1}", "f:1:18: dense.rate: 1 is above 0.99 (probability)" },
        { "{units: 1, rate: -1e-9}", "f:1:18: dense.rate: -1e-9 is below 0 (probability)" },
        { "{units: 1, rate: .5}", "f:1:18: dense.rate: '.5' is not how a number is written here; write 0.5 (probability)" },
        { "{units: 1, rate: 5.}", "f:1:18: dense.rate: '5.' is not how a number is written here; write 5 (probability)" },
        { "{units: 1, rate: 00.5}", "f:1:18: dense.rate: '00.5' has a leading zero; write 0.5 (probability)" },
        { "{units: 1, rate: .nan}", "f:1:18: dense.rate: '.nan' is not a finite number; expected number 0 to 0.99 (probability)" },
        { "{units: 1, rate: NaN}", "f:1:18: dense.rate: 'NaN' is not a finite number; expected number 0 to 0.99 (probability)" },
        { "{units: 1, rate: -.inf}", "f:1:18: dense.rate: '-.inf' is not a finite number; expected number 0 to 0.99 (probability)" },
        { "{units: 1, rate: 1e999}", "f:1:18: dense.rate: '1e999' is beyond the range of numbers; expected number 0 to 0.99 (probability)" },
        { "{units: 1, rate: 0,5}", "f:1:20: dense: unknown key '5' (known: units, threads, seed, bias, rate, scale, clip, padding, label, "
                                   "kernel, axes, weights)" },
        { "{units: 1, rate: half}", "f:1:18: dense.rate: expected number 0 to 0.99, found 'half' (probability)" },
        { "{units: 1, rate: '0.5'}", "f:1:18: dense.rate: \"0.5\" is a string because of its quotes; write 0.5 without them (probability)" },
        { "{units: 1, scale: x}", "f:1:19: dense.scale: expected number, found 'x' (a factor)" },
        { "{units: 1, padding: vald}", "f:1:21: dense.padding: expected same | valid | full, found 'vald' (did you mean 'valid'?) "
                                       "(what is around)" },
        { "{units: 1, padding: 0}", "f:1:21: dense.padding: expected same | valid | full, found '0' (what is around)" },
        { "{units: 1, padding: same|valid}", "f:1:21: dense.padding: expected same | valid | full, found 'same|valid' (what is around)" },
        { "{units: 1, padding: }", "f:1:21: dense.padding: expected same | valid | full, found nothing (what is around)" },
        { "{units: 1, padding: [same]}", "f:1:21: dense.padding: expected same | valid | full, found a list (what is around)" },
        { "{units: 1, label: [x]}", "f:1:19: dense.label: expected text, found a list (a text)" },
        { "{units: 1, label: }", "f:1:19: dense.label: expected text, found nothing (a text)" },
        { "{units: 1, kernel: 0}", "f:1:20: dense.kernel: 0 is below 1 (sizes)" },
        { "{units: 1, kernel: [1, 0, 101, x]}", "f:1:24: dense.kernel[1]: 0 is below 1 (sizes)\n"
                                                "f:1:27: dense.kernel[2]: 101 is above 100 (sizes)\n"
                                                "f:1:32: dense.kernel[3]: expected integer 1 to 100, found 'x' (sizes)" },
        { "{units: 1, kernel: al}", "f:1:20: dense.kernel: expected integers 1 to 100, one or a list, or all | one, found 'al' "
                                    "(did you mean 'all'?) (sizes)" },
        { "{units: 1, kernel: [all]}", "f:1:21: dense.kernel[0]: expected integer 1 to 100, found 'all' (sizes)" },
        { "{units: 1, kernel: [[1]]}", "f:1:21: dense.kernel[0]: expected integer 1 to 100, found a list (sizes)" },
        { "{units: 1, kernel: []}", "f:1:20: dense.kernel: expected integers 1 to 100, one or a list, or all | one, found an empty "
                                    "list (sizes)" },
        { "{units: 1, kernel: {a: 1}}", "f:1:20: dense.kernel: expected integers 1 to 100, one or a list, or all | one, found a "
                                        "mapping (sizes)" },
        { "{units: 1, weights: ['1', 2]}", "f:1:22: dense.weights[0]: \"1\" is a string because of its quotes; write 1 without them "
                                           "(per class)" },
        { "{units: 0, bias: no, rat: 1}", "f:1:22: dense: unknown key 'rat' (did you mean 'rate'?)\n"
                                          "f:1:9: dense.units: 0 is below 1 (outputs per sample)\n"
                                          "f:1:18: dense.bias: 'no' is not true or false; write false (add a bias)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        layer l;
        read(cases[i].yaml, &l, a, &pr);
        expect_problems(&pr, cases[i].problems, cases[i].yaml);
        arena_free(a);
    }
}

static void typed_scalars(void **state)
{
    (void)state;
    arena *a = arena_new();
    problems pr = { 0 };
    const node *n = must_parse(a, "{i: 3, r: 0.5, b: true, s: 'x', l: [1], e: }");
    int64_t i = 0;
    double r = 0;
    bool b = false;
    const char *s = "";
    assert_int_equal(node_read_int(node_get(n, "i"), "train.i", 0, 5, &i, &pr), 0);
    assert_int_equal(node_read_real(node_get(n, "r"), "train.r", 0, 5, &r, &pr), 0);
    assert_int_equal(node_read_bool(node_get(n, "b"), "train.b", &b, &pr), 0);
    assert_int_equal(node_read_string(node_get(n, "s"), "train.s", &s, &pr), 0);
    assert_true(i == 3 && r == 0.5 && b);
    assert_string_equal(s, "x");
    expect_problems(&pr, "", "typed");
    assert_int_equal(node_read_int(node_get(n, "i"), "train.i", 4, 5, &i, &pr), -1);
    assert_int_equal(node_read_int(node_get(n, "s"), "train.s", 0, INT64_MAX, &i, &pr), -1);
    assert_int_equal(node_read_real(node_get(n, "r"), "train.r", 0, 0.25, &r, &pr), -1);
    assert_int_equal(node_read_real(node_get(n, "l"), "train.l", -1e300, 0.25, &r, &pr), -1);
    assert_int_equal(node_read_bool(node_get(n, "i"), "train.i", &b, &pr), -1);
    assert_int_equal(node_read_string(node_get(n, "l"), "train.l", &s, &pr), -1);
    assert_int_equal(node_read_string(node_get(n, "e"), "train.e", &s, &pr), -1);
    assert_true(i == 3 && r == 0.5 && b);
    expect_problems(&pr, "f:1:5: train.i: 3 is below 4\n"
                         "f:1:28: train.s: expected an integer of at least 0, found \"x\"\n"
                         "f:1:11: train.r: 0.5 is above 0.25\n"
                         "f:1:36: train.l: expected a number of at most 0.25, found a list\n"
                         "f:1:5: train.i: expected true or false, found '3'\n"
                         "f:1:36: train.l: expected text, found a list\n"
                         "f:1:44: train.e: expected text, found nothing", "typed");
    arena_free(a);
}

static void types_with_options(void **state)
{
    (void)state;
    static const struct { const char *yaml, *type, *options, *problems; } cases[] = {
        { "x: adam", "adam", NULL, "" }, { "x: 'adam'", "adam", NULL, "" }, { "x: {adam: }", "adam", NULL, "" },
        { "x: {adam: {}}", "adam", "{}", "" }, { "x: {adam: {lr: 1}}", "adam", "{lr: 1}", "" }, { "x: {adam: ~}", "adam", NULL, "" },
        { "x: ", NULL, NULL, "f:1:3: x: expected a type, or one type with its options, {type: {key: value}}, found nothing" },
        { "x: ''", NULL, NULL, "f:1:4: x: expected a type, or one type with its options, {type: {key: value}}, found \"\"" },
        { "x: {}", NULL, NULL, "f:1:4: x: expected a type, or one type with its options, {type: {key: value}}, found an empty mapping" },
        { "x: [adam]", NULL, NULL, "f:1:4: x: expected a type, or one type with its options, {type: {key: value}}, found a list" },
        { "x: {adam: {}, sgd: {}}", NULL, NULL, "f:1:15: x: expected one type, found a second, 'sgd', beside 'adam'" },
        { "x: {adam: , lr: 1}", NULL, NULL, "f:1:13: x: 'lr' must be indented deeper than 'adam:' to be one of its options" },
        { "x: {adam: 1e-3}", NULL, NULL, "f:1:11: x: the options of 'adam' must be a mapping, {key: value}, found '1e-3'" },
        { "x: {adam: [1]}", NULL, NULL, "f:1:11: x: the options of 'adam' must be a mapping, {key: value}, found a list" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        const char *type = "?";
        place at;
        const node *options = NULL;
        const node *x = node_get(must_parse(a, cases[i].yaml), "x");
        const int rc = node_read_typed(x, "x", &type, &at, &options, &pr);
        assert_int_equal(rc, pr.n ? -1 : 0);
        expect_problems(&pr, cases[i].problems, cases[i].yaml);
        if (!type != !cases[i].type || (type && strcmp(type, cases[i].type))) fail_msg("%s: %s", cases[i].yaml, type);
        if (cases[i].options) expect_tree(options, cases[i].options, cases[i].yaml);
        else assert_null(options);
        if (type) assert_int_equal(at.column, x->kind == NODE_MAP ? 5 : 4);
        arena_free(a);
    }
}

static void keys(void **state)
{
    (void)state;
    arena *a = arena_new();
    problems pr = { 0 };
    static const char *const known[] = { "every", "keep", NULL };
    assert_int_equal(node_check_keys(must_parse(a, "{keep: 1, every: 2}"), "checkpoint", known, &pr), 0);
    assert_int_equal(node_check_keys(must_parse(a, "{kep: 1, x: 2}"), "checkpoint", known, &pr), -1);
    assert_int_equal(node_check_keys(must_parse(a, "[kep]"), "checkpoint", known, &pr), -1);
    assert_int_equal(node_check_keys(must_parse(a, "{kep: 1}"), "", known, &pr), -1);
    expect_problems(&pr, "f:1:2: checkpoint: unknown key 'kep' (did you mean 'keep'?)\n"
                         "f:1:10: checkpoint: unknown key 'x' (known: every, keep)\n"
                         "f:1:1: checkpoint: expected a mapping, {key: value}, found a list\n"
                         "f:1:2: unknown key 'kep' (did you mean 'keep'?)", "keys");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults), cmocka_unit_test(values), cmocka_unit_test(large_integers_are_exact), cmocka_unit_test(lists),
        cmocka_unit_test(refused), cmocka_unit_test(typed_scalars), cmocka_unit_test(types_with_options), cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
