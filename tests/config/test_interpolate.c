#include "config/check.h"

static int environment(void **state)
{
    (void)state;
    setenv("HEFT_TEST_LR", "1e-3", 1);
    setenv("HEFT_TEST_TEXT", "a: [${x}] \xc3\xa9", 1);
    setenv("HEFT_TEST_EMPTY", "", 1);
    setenv("HEFT_TEST_BAD", "\xff", 1);
    unsetenv("HEFT_TEST_NONE");
    return 0;
}

static void replaced(void **state)
{
    (void)state;
    static const struct { const char *yaml, *tree; } cases[] = {
        { "{a: 1, b: '${a}'}", "{a: 1, b: 1}" },                                   /* a whole reference has the target's quotes */
        { "a: 1\nb: ${a}\n", "{a: 1, b: 1}" }, { "{a: 'x', b: \"${a}\"}", "{a: \"x\", b: \"x\"}" },
        { "b: ${a}\na: 1\n", "{b: 1, a: 1}" },                                     /* order does not matter */
        { "a: 1\nb: x-${a}-${a}y\n", "{a: 1, b: x-1-1y}" }, { "a: 1\nb: '${a}0'\n", "{a: 1, b: \"10\"}" },
        { "a: {x: [1, {y: 2}]}\nb: ${a}\nc: ${a.x.1.y}\n", "{a: {x: [1, {y: 2}]}, b: {x: [1, {y: 2}]}, c: 2}" },
        { "a: ${b}\nb: ${c}\nc: 3\n", "{a: 3, b: 3, c: 3}" },
        { "a: ${b.x}\nb: ${c}\nc:\n  x: ${d}\nd: 4\n", "{a: 4, b: {x: 4}, c: {x: 4}, d: 4}" },
        { "m: [{dense: {units: 3, name: hidden}}]\na: ${m.hidden.units}\nb: ${m.0.dense.name}\n",
          "{m: [{dense: {units: 3, name: hidden}}], a: 3, b: hidden}" },
        { "a: [1, 2]\nb:\n  - ${a}\n  - ${a.1}\n", "{a: [1, 2], b: [[1, 2], 2]}" },
        { "a: $${x}\n", "{a: ${x}}" }, { "a: '$$${x}$'\n", "{a: \"$${x}$\"}" }, { "a: $5 {x}\n", "{a: $5 {x}}" },
        { "a: '$${b}-${b}'\nb: 2\n", "{a: \"${b}-2\", b: 2}" }, { "a: $${b}\nb: 2\nc: ${a}\nd: ${c}\n", "{a: ${b}, b: 2, c: ${b}, d: ${b}}" },
        { "a: ${env:HEFT_TEST_LR}\n", "{a: 1e-3}" }, { "{a: '${env:HEFT_TEST_LR}'}\n", "{a: 1e-3}" },
        { "a: '${env:HEFT_TEST_LR}0'\n", "{a: \"1e-30\"}" }, { "a: ${env:HEFT_TEST_NONE,7}\n", "{a: 7}" },
        { "a: x${env:HEFT_TEST_NONE,}y\n", "{a: xy}" }, { "a: ${env:HEFT_TEST_NONE,a,b:c}\n", "{a: a,b:c}" },
        { "a: ${env:HEFT_TEST_LR,7}\n", "{a: 1e-3}" }, { "a: ${env:HEFT_TEST_EMPTY}x\n", "{a: x}" },
        { "a: ${env:HEFT_TEST_TEXT}\nx: 1\n", "{a: a: [${x}] \xc3\xa9, x: 1}" },   /* what comes from outside is not read again */
        { "a: ${e}\ne: ''\n", "{a: \"\", e: \"\"}" }, { "a: x${e}y\ne:\n", "{a: xy, e: }" },
        { "a: {optimizer.lr: 1}\nb: ${a.optimizer.lr}\n", "{a: {optimizer.lr: 1}, b: 1}" },
        { "a: |\n  ${b}\nb: 1\n", "{a: \"1\n\", b: 1}" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        node *root = must_parse(a, cases[i].yaml);
        const int rc = node_interpolate(a, root, &pr);
        expect_problems(&pr, "", cases[i].yaml);
        assert_int_equal(rc, 0);
        expect_tree(root, cases[i].tree, cases[i].yaml);
        assert_int_equal(node_interpolate(a, root, &pr), 0);                      /* literal ${ stays */
        expect_tree(root, cases[i].tree, cases[i].yaml);
        arena_free(a);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct { const char *yaml, *problems; } cases[] = {
        { "a: ${other}\n", "f:1:4: ${other}: there is no 'other' (known: a)" },
        { "name: x\na: ${nmae}\n", "f:2:4: ${nmae}: there is no 'nmae' (did you mean 'name'?)" },
        { "o: {adam: {lr: 1}}\na: ${o.adam.l}\n", "f:2:4: ${o.adam.l}: o.adam has no key 'l' (did you mean 'lr'?)" },
        { "o: [1, 2]\na: ${o.2}\n", "f:2:4: ${o.2}: o has 2 elements, 0 to 1" },
        { "o: 5\na: ${o.x}\n", "f:2:4: ${o.x}: o is '5', which has nothing below it" },
        { "a: ${a}\n", "f:1:4: references go round in a circle: ${a} -> ${a}" },
        { "a: ${b}\nb: x${c}\nc: ${a}\n", "f:1:4: references go round in a circle: ${b} -> ${c} -> ${a} -> ${b}" },
        { "x: ${a}\na: ${b}\nb: ${a}\n", "f:2:4: references go round in a circle: ${b} -> ${a} -> ${b}" },
        { "a:\n  b: ${a}\n", "f:2:6: references go round in a circle: ${a} -> ${a}" },
        { "a:\n  - 1\n  - ${b}\nb: ${a}\n", "f:3:5: references go round in a circle: ${b} -> ${a} -> ${b}" },
        { "a: {x: 1}\nb: y${a}\n", "f:2:4: ${a} is a mapping, which cannot stand inside a text" },
        { "a: [1]\nb: ${a}${a}\n", "f:2:4: ${a} is a list, which cannot stand inside a text" },
        { "a: x${b\nb: 1\n", "f:1:4: '${' without a '}' behind it; $${ stands for the characters themselves" },
        { "a: ${}\n", "f:1:4: ${}: the path is missing" },
        { "a: ${b${c}}\nb: 1\n", "f:1:4: ${b${c}: a reference inside a reference is not supported" },
        { "a: ${env:HEFT_TEST_NONE}\n", "f:1:4: ${env:HEFT_TEST_NONE}: the environment has no variable 'HEFT_TEST_NONE'; "
                                        "${env:HEFT_TEST_NONE,value} would give it a default" },
        { "a: ${env:}\n", "f:1:4: ${env:}: the variable's name is missing; write ${env:NAME} or ${env:NAME,default}" },
        { "a: ${env:,x}\n", "f:1:4: ${env:,x}: the variable's name is missing; write ${env:NAME} or ${env:NAME,default}" },
        { "a: ${env:HEFT_TEST_BAD}\n", "f:1:4: ${env:HEFT_TEST_BAD}: its value is not valid UTF-8" },
        { "a: ${xxx}\nb: ${yyy}\nc: ${a}\n",
          "f:1:4: ${xxx}: there is no 'xxx' (known: a, b, c)\nf:2:4: ${yyy}: there is no 'yyy' (known: a, b, c)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        assert_int_equal(node_interpolate(a, must_parse(a, cases[i].yaml), &pr), -1);
        expect_problems(&pr, cases[i].problems, cases[i].yaml);
        arena_free(a);
    }
}

/* Each line ten of the line before: a million million values, if nobody counted. */
static void growth_is_bounded(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        arena *a = arena_new();
        problems pr = { 0 };
        text t = { 0 };
        text_add(&t, "a0: xxxxxxxxxx\n");
        for (int i = 1; i < 13; i++) {
            text_printf(&t, "a%d:%s", i, whole ? "\n" : " ");
            for (int k = 0; k < 10; k++) text_printf(&t, whole ? "  - ${a%d}\n" : "${a%d}", i - 1);
            if (!whole) text_add(&t, "\n");
        }
        assert_int_equal(node_interpolate(a, must_parse(a, t.s), &pr), -1);
        assert_int_equal(pr.n, 1);
        assert_string_equal(pr.item[0].text, "references make too much: more than 32768 values or 16 MiB of text");
        problems_free(&pr);
        text_free(&t);
        arena_free(a);
    }
}

static void chains_are_bounded(void **state)
{
    (void)state;
    for (int n = 60; n < 10000; n = n == 60 ? 70 : 10 * n) {
        arena *a = arena_new();
        problems pr = { 0 };
        text t = { 0 };
        for (int i = 0; i < n; i++) text_printf(&t, "a%d: ${a%d}\n", i, i + 1);
        text_printf(&t, "a%d: end\n", n);
        const int rc = node_interpolate(a, must_parse(a, t.s), &pr);
        if (n == 60) expect_problems(&pr, "", "a chain");
        else assert_true(rc == -1 && strstr(pr.item[0].text, "more than 64 references lead from one to the next"));
        problems_free(&pr);
        text_free(&t);
        arena_free(a);
    }
}

static void places(void **state)
{
    (void)state;
    arena *a = arena_new();
    problems pr = { 0 };
    node *root = must_parse(a, "a: {x: 1}\nb: ${a}\nc: ${a.x}\n");
    assert_int_equal(node_interpolate(a, root, &pr), 0);
    assert_int_equal(node_find(root, "b")->at.line, 2);          /* where it is used ... */
    assert_int_equal(node_find(root, "b.x")->at.line, 1);        /* ... and, inside, where it is written */
    assert_int_equal(node_find(root, "c")->at.line, 3);
    node_find(root, "b.x")->text = "2";                          /* a copy of its own */
    assert_string_equal(node_find(root, "a.x")->text, "1");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaced), cmocka_unit_test(refused), cmocka_unit_test(growth_is_bounded),
        cmocka_unit_test(chains_are_bounded), cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, environment, NULL);
}
