#include "config/check.h"
#include "config/internal.h"

static const char tree[] =
    "name: x\n"
    "data: {format: idx, train: [a, b]}\n"
    "model:\n"
    "  - dense: {units: 3, name: hidden}\n"
    "  - flatten\n"
    "  - dense: {units: 10, name: out}\n"
    "  - relu:\n"
    "loss: mse\n"
    "optimizer: {adam: {lr: 1e-3}}\n"
    "train:\n"
    "sweep: {parameters: {optimizer.adam.lr: {min: 1}, optimizer: {x: 2}}}\n"
    "list: []\n";

static void finding(void **state)
{
    (void)state;
    static const struct { const char *path, *value; } cases[] = {
        { "name", "x" }, { "data.format", "idx" }, { "data.train.1", "b" }, { "data.train", "[a, b]" },
        { "model.0.dense.units", "3" }, { "model.hidden.units", "3" }, { "model.hidden", "{units: 3, name: hidden}" },
        { "model.out.units", "10" }, { "model.1", "flatten" }, { "optimizer.adam.lr", "1e-3" }, { "train", "" },
        { "sweep.parameters.optimizer.adam.lr.min", "1" }, { "sweep.parameters.optimizer.x", "2" }, { "model.3.relu", "" },
        { "", NULL }, { "none", NULL }, { "data.none", NULL }, { "data.train.2", NULL }, { "data.train.-1", NULL },
        { "data.train.18446744073709551616", NULL }, { "model.dense", NULL }, { "model.hidden.none", NULL }, { "name.x", NULL },
        { "model.1.flatten", NULL }, { "list.0", NULL }, { "data..format", NULL }, { ".data", NULL }, { "sweep.parameters.optimizer.adam", NULL },
    };
    arena *a = arena_new();
    const node *root = must_parse(a, tree);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const node *n = node_find(root, cases[i].path);
        if (!n != !cases[i].value) fail_msg("%s", cases[i].path);
        if (n) expect_tree(n, cases[i].value, cases[i].path);
    }
    arena_free(a);
}

static void overrides(void **state)
{
    (void)state;
    static const struct { const char *argument, *path, *value; } cases[] = {
        { "name=y", "name", "y" }, { "name=", "name", "" }, { "name='1'", "name", "\"1\"" }, { "name=a=b", "name", "a=b" },
        { "data.train=[1, {a: b}]", "data.train", "[1, {a: b}]" }, { "data.train.1=c", "data.train", "[a, c]" },
        { "data.new=1", "data", "{format: idx, train: [a, b], new: 1}" }, { "data.new.deep=1", "data.new", "{deep: 1}" },
        { "model.0.dense.units=512", "model.0", "{dense: {units: 512, name: hidden}}" },
        { "model.hidden.units=512", "model.0", "{dense: {units: 512, name: hidden}}" },
        { "model.hidden.init.weight=zeros", "model.0.dense.init", "{weight: zeros}" },
        { "model.hidden={units: 1}", "model.0", "{dense: {units: 1}}" },
        { "model.1=relu", "model.1", "relu" }, { "model.1.flatten.name=f", "model.1", "{flatten: {name: f}}" },
        { "model.1.flatten={name: f}", "model.1", "{flatten: {name: f}}" },
        { "model.3.relu.name=r", "model.3", "{relu: {name: r}}" },
        { "model=[a]", "model", "[a]" },
        { "loss.mse.weight=2", "loss", "{mse: {weight: 2}}" }, { "loss=mae", "loss", "mae" },
        { "optimizer.adam.lr=3e-4", "optimizer", "{adam: {lr: 3e-4}}" },
        { "optimizer.adam.beta1=0.8", "optimizer", "{adam: {lr: 1e-3, beta1: 0.8}}" },
        { "optimizer.adam.lr={cosine: {peak: 1}}", "optimizer.adam.lr", "{cosine: {peak: 1}}" },
        { "optimizer=sgd", "optimizer", "sgd" }, { "optimizer={sgd: {lr: 1}}", "optimizer", "{sgd: {lr: 1}}" },
        { "train.epochs=3", "train", "{epochs: 3}" }, { "train.stop.patience=3", "train", "{stop: {patience: 3}}" },
        { "sweep.parameters.optimizer.adam.lr.max=3", "sweep.parameters", "{optimizer.adam.lr: {min: 1, max: 3}, optimizer: {x: 2}}" },
        { "name=\xc3\xa9", "name", "\"\xc3\xa9\"" }, { "name=x # y", "name", "x" }, { "name=  x  ", "name", "x" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        node *root = must_parse(a, tree);
        const int rc = node_override(a, root, cases[i].argument, 1, &pr);
        expect_problems(&pr, "", cases[i].argument);
        assert_int_equal(rc, 0);
        expect_tree(node_find(root, cases[i].path), cases[i].value, cases[i].argument);
        arena_free(a);
    }
}

static void refused_overrides(void **state)
{
    (void)state;
    static const struct { const char *argument, *problem; } cases[] = {
        { "foo", "command line: argument 4, 'foo': expected path=value, such as train.epochs=10" },
        { "=3", "command line: argument 4, '=3': '' is not a path; it has 1 to 64 steps, keys or positions, with one dot between them" },
        { "a..b=3", "command line: argument 4, 'a..b=3': 'a..b' is not a path; it has 1 to 64 steps, keys or positions, with one dot "
                    "between them" },
        { ".a=3", "command line: argument 4, '.a=3': '.a' is not a path; it has 1 to 64 steps, keys or positions, with one dot between "
                  "them" },
        { "a.=3", "command line: argument 4, 'a.=3': 'a.' is not a path; it has 1 to 64 steps, keys or positions, with one dot between "
                  "them" },
        { "a=\xff", "command line: argument 4 is not valid UTF-8" },
        { "name=[1", "command line: name=[1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence" },
        { "name=@x", "command line: name=@x: not valid YAML: found character that cannot start any token while scanning for the next "
                     "token (a value that begins with this character must be in quotes)" },
        { "name={a: 1, a: 2}", "command line: name={a: 1, a: 2}: the key 'a' is given twice" },
        { "name=*x", "command line: name=*x: the alias '*x' is not supported; ${path.to.key} refers to another value" },
        { "model.4=x", "command line: model.4=x: model has 4 elements, 0 to 3" },
        { "model.99999999999999999999.x=1", "command line: model.99999999999999999999.x=1: model has 4 elements, 0 to 3" },
        { "list.0=x", "command line: list.0=x: list is an empty list" },
        { "model.hiden.units=1", "command line: model.hiden.units=1: no element of model is named 'hiden' (did you mean 'hidden'?)" },
        { "model.zzz.units=1", "command line: model.zzz.units=1: no element of model is named 'zzz' (known: hidden, out)" },
        { "data.train.x=1", "command line: data.train.x=1: no element of data.train is named 'x'; by position they are 0 to 1" },
        { "data.format.x=1", "command line: data.format.x=1: data.format is 'idx', which has nothing below it; 'data.format={x: ...}' "
                             "replaces it" },
        { "optimizer.adam.lr.cosine.peak=1", "command line: optimizer.adam.lr.cosine.peak=1: optimizer.adam.lr is '1e-3', which has "
                                             "nothing below it; 'optimizer.adam.lr={cosine: ...}' replaces it" },
        { "optimizer.sgd.lr=1", "command line: optimizer.sgd.lr=1: optimizer is 'adam', so 'sgd' cannot stand beside it; "
                                "optimizer.adam.lr sets an option of 'adam', and 'optimizer={sgd: {lr: 1}}' replaces it" },
        { "optimizer.sgd=", "command line: optimizer.sgd=: optimizer is 'adam', so 'sgd' cannot stand beside it; 'optimizer=sgd' "
                            "replaces it" },
        { "optimizer.lr=1", "command line: optimizer.lr=1: optimizer is 'adam', so 'lr' cannot stand beside it; optimizer.adam.lr "
                            "sets an option of 'adam', and 'optimizer={lr: 1}' replaces it" },
        { "loss.mae.x=1", "command line: loss.mae.x=1: loss is 'mse', which has nothing below it; 'loss={mae: ...}' replaces it" },
        { "model.0.units=4", "command line: model.0.units=4: model.0 is 'dense', so 'units' cannot stand beside it; "
                             "model.0.dense.units sets an option of 'dense', and 'model.0={units: 4}' replaces it" },
        { "model.1.dense.units=4", "command line: model.1.dense.units=4: model.1 is 'flatten', which has nothing below it; "
                                   "'model.1={dense: ...}' replaces it" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        node *root = must_parse(a, tree);
        assert_int_equal(node_override(a, root, cases[i].argument, 4, &pr), -1);
        expect_problems(&pr, cases[i].problem, cases[i].argument);
        arena_free(a);
    }
    /* Deeper than any experiment, and than the stack could bear. */
    arena *a = arena_new();
    problems pr = { 0 };
    text t = { 0 };
    for (int i = 0; i < 65; i++) text_add(&t, i ? ".a" : "a");
    text_add(&t, "=1");
    assert_int_equal(node_override(a, must_parse(a, tree), t.s, 1, &pr), -1);
    assert_int_equal(node_override(a, must_parse(a, tree), t.s + 2, 1, &pr), 0);
    assert_int_equal(pr.n, 1);
    problems_free(&pr);
    text_free(&t);
    arena_free(a);
}

static void places_of_overrides(void **state)
{
    (void)state;
    arena *a = arena_new();
    problems pr = { 0 };
    node *root = must_parse(a, tree);
    assert_int_equal(node_override(a, root, "data.new={a: [1]}", 1, &pr), 0);
    const node *n = node_find(root, "data.new.a.0");
    assert_string_equal(n->at.file, "command line: data.new={a: [1]}");
    assert_int_equal(n->at.line, 0);
    const char *long_one = "data.train=[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]";
    assert_int_equal(node_override(a, root, long_one, 1, &pr), 0);
    assert_string_equal(node_find(root, "data.train")->at.file, "command line: data.train=...");
    arena_free(a);
}

static void merging(void **state)
{
    (void)state;
    static const struct { const char *under, *over, *merged; } cases[] = {
        { "{a: 1}", "{b: 2}", "{a: 1, b: 2}" }, { "{a: 1}", "{a: 2}", "{a: 2}" },
        { "{a: {x: 1, y: 2}}", "{a: {y: 3, z: 4}}", "{a: {x: 1, y: 3, z: 4}}" },
        { "{a: [1, 2]}", "{a: [3]}", "{a: [3]}" }, { "{a: [1]}", "{a: {x: 1}}", "{a: {x: 1}}" }, { "{a: {x: 1}}", "{a: 1}", "{a: 1}" },
        { "{a: {x: {y: {z: 1, w: 2}}}}", "{a: {x: {y: {z: 3}}}}", "{a: {x: {y: {w: 2, z: 3}}}}" },
        { "{optimizer: {adam: {lr: 1, beta1: 2}}}", "{optimizer: {adam: {lr: 3}}}", "{optimizer: {adam: {beta1: 2, lr: 3}}}" },
        { "{optimizer: {adam: {lr: 1}}}", "{optimizer: {sgd: {lr: 3}}}", "{optimizer: {sgd: {lr: 3}}}" },
        { "{optimizer: {adam: {lr: {cosine: {peak: 1}}, b: 1}}}", "{optimizer: {adam: {lr: {step: {every: 2}}}}}",
          "{optimizer: {adam: {b: 1, lr: {step: {every: 2}}}}}" },
        { "{loss: {a: {}}}", "{loss: {b: {}}}", "{loss: {b: {}}}" },
        { "{train: {a: 1}}", "{train: {b: 1}}", "{train: {a: 1, b: 1}}" },
        { "{a: 1}", "{}", "{a: 1}" }, { "{}", "{a: 1}", "{a: 1}" }, { "{a: {b: 1}}", "{a: }", "{a: }" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        node *under = must_parse(a, cases[i].under), *over = must_parse(a, cases[i].over);
        node *merged = node_merge(a, under, over);
        expect_tree(merged, cases[i].merged, cases[i].over);
        expect_tree(under, cases[i].under, "under");
        expect_tree(over, cases[i].over, "over");
        arena_free(a);
    }
}

static void copies_are_deep(void **state)
{
    (void)state;
    arena *a = arena_new(), *b = arena_new();
    const node *n = must_parse(a, "{a: [1, {b: 'x'}], c: }");
    node *copy = node_copy(b, n);
    assert_true(trees_equal(n, copy));
    assert_int_equal(node_find(copy, "a.1.b")->at.column, 13);
    arena_free(a);
    node_set(b, copy, "a", copy->at, node_scalar(b, "new", copy->at));
    node_set(b, copy, "d", copy->at, node_map(b, copy->at));
    expect_tree(copy, "{a: new, c: , d: {}}", "copy");
    arena_free(b);
}

static void utf8(void **state)
{
    (void)state;
    static const struct { const char *s; bool valid; } cases[] = {
        { "", true }, { "a\x7f", true }, { "\xc2\x80", true }, { "\xdf\xbf", true }, { "\xe0\xa0\x80", true }, { "\xed\x9f\xbf", true },
        { "\xee\x80\x80", true }, { "\xf0\x90\x80\x80", true }, { "\xf4\x8f\xbf\xbf", true }, { "a\xe2\x82\xac" "b", true },
        { "\x80", false }, { "\xbf", false }, { "\xc0\x80", false }, { "\xc1\xbf", false }, { "\xc2", false }, { "\xc2x", false },
        { "\xe0\x9f\xbf", false }, { "\xe2\x82", false }, { "\xed\xa0\x80", false }, { "\xed\xbf\xbf", false }, { "\xe2\x82x", false },
        { "\xf0\x8f\xbf\xbf", false }, { "\xf4\x90\x80\x80", false }, { "\xf5\x80\x80\x80", false }, { "\xf0\x90\x80", false },
        { "\xff", false }, { "\xfe", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (utf8_valid(cases[i].s) != cases[i].valid) fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finding), cmocka_unit_test(overrides), cmocka_unit_test(refused_overrides),
        cmocka_unit_test(places_of_overrides), cmocka_unit_test(merging), cmocka_unit_test(copies_are_deep),
        cmocka_unit_test(utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
