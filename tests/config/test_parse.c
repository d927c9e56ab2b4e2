#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "config/check.h"

#define CASE(yaml, ...) { yaml, sizeof yaml - 1, __VA_ARGS__ }

static void accepted(void **state)
{
    (void)state;
    static const struct { const char *yaml; size_t n; const char *tree; } cases[] = {
        CASE("a: 1", "{a: 1}"),
        CASE("a: 1\n", "{a: 1}"),
        CASE("\xef\xbb\xbf" "a: 1\n", "{a: 1}"),
        CASE("a: 1\r\nb: [x,\r\n  y]\r\n", "{a: 1, b: [x, y]}"),
        CASE("# only\n---\na: 1 # one\n...\n", "{a: 1}"),
        CASE("%YAML 1.2\n---\na: 1\n", "{a: 1}"),
        CASE("a:\nb: ~\nc: null\nd: ''\n", "{a: , b: ~, c: null, d: \"\"}"),
        CASE("a: no\nb: 0x10\nc: 1e-3\nd: 017\ne: 12:30:45\nf: 1_000\ng: .nan\n",
             "{a: no, b: 0x10, c: 1e-3, d: 017, e: 12:30:45, f: 1_000, g: .nan}"),
        CASE("a: '1'\nb: \"2\"\nc: |\n  x\n  y\nd: >\n  x\n  y\n", "{a: \"1\", b: \"2\", c: \"x\ny\n\", d: \"x y\n\"}"),
        CASE("a: \"t\\tn\\nu\\u00e9\"\n", "{a: \"t\tn\nu\xc3\xa9\"}"),
        CASE("- dense: {units: 3}\n- flatten\n", "[{dense: {units: 3}}, flatten]"),
        CASE("a: {}\nb: []\n", "{a: {}, b: []}"),
        CASE("\xc3\xa9: \xe2\x82\xac\n", "{\xc3\xa9: \"\xe2\x82\xac\"}"),     /* beyond ASCII: a string for certain */
        CASE("a: x\n  y\n", "{a: x y}"),
        CASE("? a\n: 1\n", "{a: 1}"),
        CASE("just text", "just text"),
        CASE("a: ---x\n", "{a: \"---x\"}"),
        CASE("a: x:y\nb: x#y\n", "{a: x:y, b: x#y}"),
        CASE("\"a b\": 1\n'c': 2\n", "{a b: 1, c: 2}"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        const node *n = node_parse(a, "f", cases[i].yaml, cases[i].n, &pr);
        expect_problems(&pr, "", cases[i].yaml);
        expect_tree(n, cases[i].tree, cases[i].yaml);
        arena_free(a);
    }
}

#define COLON "(a value with ': ' in it must be in quotes; keys of one mapping are indented alike, each with its ':')"

/* What YAML files get wrong, by what is said of it. */
static void refused(void **state)
{
    (void)state;
    static const struct { const char *yaml; size_t n; const char *problems; } cases[] = {
        CASE("", "f: the file is empty"),
        CASE("  \n\n# nothing\n", "f: the file is empty"),
        CASE("---\n", "f:2:1: the document is empty"),
        CASE("a: 1\n---\nb: 2\n", "f:2:1: a second document begins here; a file holds one"),
        CASE("a: 1\nb: 2\na: 3\n", "f:3:1: the key 'a' is given twice; the first is at 1:1"),
        CASE("a: {b: 1, c: 2, b: 3, b: 4}\n", "f:1:17: the key 'b' is given twice; the first is at 1:5\n"
                                              "f:1:23: the key 'b' is given twice; the first is at 1:17"),
        CASE("a: 1\n\"a\": 2\n", "f:2:1: the key 'a' is given twice; the first is at 1:1"),
        CASE("a: &x 1\nb: *x\n", "f:1:4: the anchor '&x' is not supported; ${path.to.key} refers to another value\n"
                                 "f:2:4: the alias '*x' is not supported; ${path.to.key} refers to another value"),
        CASE("&a [*a]\n", "f:1:1: the anchor '&a' is not supported; ${path.to.key} refers to another value\n"
                          "f:1:5: the alias '*a' is not supported; ${path.to.key} refers to another value"),
        CASE("a: &x {b: 1}\n", "f:1:4: the anchor '&x' is not supported; ${path.to.key} refers to another value"),
        CASE("b: *x\n", "f:1:4: the alias '*x' is not supported; ${path.to.key} refers to another value"),
        CASE("<<: {a: 1}\n", "f:1:1: the merge key '<<' is not supported; base: other.yaml merges onto another file"),
        CASE("a: !!int 3\n", "f:1:4: the tag 'tag:yaml.org,2002:int' is not supported; a value's type comes from the option "
                             "it is for"),
        CASE("a: !mine {b: 1}\n", "f:1:4: the tag '!mine' is not supported; a value's type comes from the option it is for"),
        CASE("a: ! x\n", "f:1:4: the tag '!' is not supported; a value's type comes from the option it is for"),
        CASE("a: !l [1]\n", "f:1:4: the tag '!l' is not supported; a value's type comes from the option it is for"),
        CASE("a: \"x\\0y\"\n", "f:1:4: a NUL character cannot stand in a value"),
        CASE("\"a\\0b\": 1\n", "f:1:1: a NUL character cannot stand in a value"),
        CASE("a: 1\nb: x\0y\n", "f:2:5: a NUL byte; this is not a text file"),
        CASE("a: 1\n\xc3\xa9: x\xff\n", "f:2:5: the byte 0xff here is not valid UTF-8; save the file as UTF-8"),
        CASE("\xef\xbb\xbf" "a: \xc3\n", "f:1:4: the byte 0xc3 here is not valid UTF-8; save the file as UTF-8"),
        CASE("a: \xe9t\xe9\n", "f:1:4: the byte 0xe9 here is not valid UTF-8; save the file as UTF-8"),
        CASE("a: \xed\xa0\x80\n", "f:1:4: the byte 0xed here is not valid UTF-8; save the file as UTF-8"),
        CASE("a: \x07\n", "f:1:4: the control character U+0007 cannot stand in YAML; write it as an escape in double quotes"),
        CASE("\xff\xfe" "a\0", "f: the text is UTF-16; save the file as UTF-8"),
        CASE("\xfe\xff\0a", "f: the text is UTF-16; save the file as UTF-8"),
        CASE("train:\n\tepochs: 3\n", "f:2:1: not valid YAML: found character that cannot start any token while scanning for the "
                                      "next token (indent with spaces, not tabs)"),
        CASE("train:\n  epochs: 3\n\tbatch: 4\n", "f:3:1: not valid YAML: found a tab character that violates indentation while "
             "scanning a plain scalar that begins at 2:11 (indent with spaces, not tabs)"),
        CASE("\t\t", "f:1:1: not valid YAML: found character that cannot start any token while scanning for the next token (indent "
                     "with spaces, not tabs)"),
        CASE("model:\n  -\tdense:\n\t    units: 3\n", "f:2:4: not valid YAML: found character that cannot start any token while "
             "scanning for the next token (indent with spaces, not tabs)"),
        CASE("a: [1, 2\nb: 3\n", "f:2:2: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence that "
                                 "begins at 1:4"),
        CASE("a: {b: 1\n", "f:2:1: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping that begins at 1:4"),
        CASE("a: b: c\n", "f:1:5: not valid YAML: mapping values are not allowed in this context " COLON),
        CASE("a: 1\n  b: 2\n", "f:2:4: not valid YAML: mapping values are not allowed in this context " COLON),
        CASE("a:\n  b = 1\n  c: 2\n", "f:3:4: not valid YAML: mapping values are not allowed in this context " COLON),
        CASE("a:\n    b: 1\n  c: 2\n", "f:3:3: not valid YAML: did not find expected key while parsing a block mapping that begins "
                                       "at 1:1 (keys of one mapping must be indented alike)"),
        CASE("a: 1\nb\n", "f:2:1: not valid YAML: this line is not 'key: value'"),
        CASE("a: \"x\nb: 1\n", "f:1:4: not valid YAML: the quote that opens here is not closed"),
        CASE("a: 'x\nb: 1\n", "f:1:4: not valid YAML: the quote that opens here is not closed"),
        CASE("a: @x\n", "f:1:4: not valid YAML: found character that cannot start any token while scanning for the next token (a "
                        "value that begins with this character must be in quotes)"),
        CASE("a: {lr: ${b}}\n", "f:1:10: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping (inside "
                                "{ } and [ ], write \"${...}\" in quotes)"),
        CASE("a: - 1\n", "f:1:4: not valid YAML: block sequence entries are not allowed in this context (a list begins on the "
                         "line after its key)"),
        CASE("? [a, b]\n: 1\n", "f:1:3: a key must be a word, not a list"),
        CASE("{a: 1}: 2\n", "f:1:1: a key must be a word, not a mapping"),
        CASE(": 1\n", "f:1:1: not valid YAML: did not find expected key while parsing a block mapping (keys of one mapping must "
                      "be indented alike)"),
        CASE("{\"\": 1}\n", "f:1:2: a key is missing before ':'"),
        CASE("?\n: 1\n", "f:1:2: a key is missing before ':'"),
        CASE("a: }\n", "f:1:4: not valid YAML: did not find expected node content while parsing a block node"),
        CASE("a: \"\\q\"\n", "f:1:5: not valid YAML: found unknown escape character while parsing a quoted scalar"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        char *bytes = malloc(cases[i].n ? cases[i].n : 1);    /* of its exact size, for AddressSanitizer */
        memcpy(bytes, cases[i].yaml, cases[i].n);
        assert_null(node_parse(a, "f", bytes, cases[i].n, &pr));
        free(bytes);
        expect_problems(&pr, cases[i].problems, cases[i].yaml);
        arena_free(a);
    }
}

static void places(void **state)
{
    (void)state;
    arena *a = arena_new();
    const node *n = must_parse(a, "a: 1\nmodel:\n  - dense: {units: 3, init: }\n  - \xc3\xa9\xc3\xa9: x\n");
    const node *model = node_get(n, "model"), *dense = node_get(model->item[0], "dense"), *e = model->item[1];
    const struct { place at; int line, column; } cases[] = {
        { n->at, 1, 1 }, { n->pair[0].key_at, 1, 1 }, { n->pair[0].value->at, 1, 4 }, { n->pair[1].key_at, 2, 1 },
        { model->at, 3, 3 }, { model->item[0]->at, 3, 5 }, { dense->at, 3, 12 }, { dense->pair[0].key_at, 3, 13 },
        { dense->pair[0].value->at, 3, 20 }, { dense->pair[1].value->at, 3, 29 }, { e->pair[0].value->at, 4, 9 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cases[i].at.line != cases[i].line || cases[i].at.column != cases[i].column || strcmp(cases[i].at.file, "f"))
            fail_msg("place %zu is %d:%d", i, cases[i].at.line, cases[i].at.column);
    arena_free(a);
}

/* Of this process: others may have the machine. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* libyaml alone needs minutes for some of these; far from any bound here. */
static void nesting_and_size_are_bounded(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    static const struct { const char *opening, *closing; int times; bool good; const char *problems; } cases[] = {
        { "[", "]", 64, true, "" },
        { "[", "]", 65, false, "f:1:65: nested more than 64 levels deep" },
        { "[", "", 100000, false, "f:1:65: nested more than 64 levels deep" },
        { "{a: ", "}", 64, true, "" },
        { "{a: ", "", 100000, false, "f:1:257: nested more than 64 levels deep" },
        { "- ", "", 100000, false, "f:1:129: nested more than 64 levels deep" },
        { "? ", "", 100000, false, "f:1:129: nested more than 64 levels deep" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        text t = { 0 };
        for (int k = 0; k < cases[i].times; k++) text_add(&t, cases[i].opening);
        for (int k = 0; k < cases[i].times; k++) text_add(&t, cases[i].closing);
        const double start = seconds();
        const bool good = node_parse(a, "f", t.s, t.n, &pr);
        assert_true(seconds() - start < 5);
        expect_problems(&pr, cases[i].problems, cases[i].opening);
        assert_int_equal(good, cases[i].good);
        text_free(&t);
        arena_free(a);
    }
    arena *a = arena_new();
    problems pr = { 0 };
    char *big = block_alloc(N + 1, 1);
    assert_non_null(big);
    memset(big, 'x', N + 1);
    assert_non_null(node_parse(a, "f", big, N, &pr));
    assert_null(node_parse(a, "f", big, N + 1, &pr));
    expect_problems(&pr, "f: 1048577 bytes; at most 1048576 are read", "xxx...");

    enum { KEYS = (1 << 14) - 1, LINE = 8 };     /* with their values and the mapping: 32,767 */
    for (size_t i = 0; i <= KEYS; i++) snprintf(big + LINE * i, LINE + 1, "%06zu:\n", i);
    const node *keys = node_parse(a, "f", big, LINE * KEYS, &pr);
    assert_true(keys && keys->n == KEYS);
    assert_null(node_parse(a, "f", big, LINE * (KEYS + 1), &pr));
    expect_problems(&pr, "f:16384:8: more keys and values than the 32768 that are read", "016383:");
    memcpy(big + LINE * (KEYS - 1), "000000:", 7);
    assert_null(node_parse(a, "f", big, LINE * KEYS, &pr));
    expect_problems(&pr, "f:16383:1: the key '000000' is given twice; the first is at 1:1", "000000:...");
    block_free(big);
    arena_free(a);
}

static void files(void **state)
{
    (void)state;
    arena *a = arena_new();
    problems pr = { 0 };
    char name[] = "/tmp/heft-parse-XXXXXX";
    const int fd = mkstemp(name);
    assert_true(fd >= 0 && write(fd, "a: 1\n", 5) == 5);
    close(fd);
    const node *n = node_load(a, name, &pr);
    expect_tree(n, "{a: 1}", name);
    assert_string_equal(n->at.file, name);
    assert_null(node_load(a, "/nowhere/x.yaml", &pr));
    expect_problems(&pr, "/nowhere/x.yaml: cannot be opened: No such file or directory", "/nowhere/x.yaml");
    unlink(name);
    arena_free(a);
}

/* Every cut and every changed byte of a good file: refused with a place or read, never worse. */
static void damaged_files(void **state)
{
    (void)state;
    static const char good[] = "name: \"a\\u00e9\"\nmodel:\n  - dense: {units: 3, init: [1, 'x']}\n  - flatten\nlong: |\n  a\n  b\n"
                               "\xc3\xa9: &x !t ${y}\n...\n";
    for (size_t i = 0; i < sizeof good; i++)
        for (int c = -1; c < 256; c += c < 0 ? 1 : 5) {
            arena *a = arena_new();
            problems pr = { 0 };
            const size_t n = c < 0 ? i : sizeof good - 1;
            char *bytes = malloc(n + 1);
            memcpy(bytes, good, n);
            if (c >= 0 && i < n) bytes[i] = (char)c;
            char *exact = malloc(n ? n : 1);
            memcpy(exact, bytes, n);
            const node *tree = node_parse(a, "f", exact, n, &pr);
            assert_true(!tree == (pr.n > 0));
            for (size_t k = 0; k < pr.n; k++) assert_true(pr.item[k].at.line >= 0 && pr.item[k].at.line < 12);
            problems_free(&pr);
            arena_free(a);
            free(exact);
            free(bytes);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted), cmocka_unit_test(refused), cmocka_unit_test(places),
        cmocka_unit_test(nesting_and_size_are_bounded), cmocka_unit_test(files), cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
