#include "base/rng.h"
#include "config/check.h"

/* Written, read and compared. */
/* What was written and read is written as before. */
static void expect_settled(const node *back, const char *before)
{
    text t = { 0 };
    node_write(back, &t);
    if (strcmp(t.s, before)) fail_msg("written as\n%s\nand, when that was read, as\n%s", before, t.s);
    text_free(&t);
}

static void round_trip(const node *n)
{
    arena *a = arena_new();
    problems pr = { 0 };
    text t = { 0 };
    node_write(n, &t);
    const node *back = node_parse(a, "written", t.s, t.n, &pr);
    if (pr.n || !trees_equal(n, back)) {
        text p = { 0 }, found = { 0 }, before = { 0 };
        problems_text(&pr, &p);
        tree_text(n, &before);
        if (back) tree_text(back, &found);
        fail_msg("%s\nwritten as\n%s\nfrom %s\nread as %s", p.s, t.s, before.s, found.s ? found.s : "nothing");
    }
    expect_settled(back, t.s);
    text_free(&t);
    arena_free(a);
}

/* Strings that mean something to YAML, or to some reader of it. */
static const char *const nasty[] = {
    "", " ", "  x", "x ", "a b", "a  b", "no", "yes", "on", "true", "false", "null", "~", "1", "-1", "0x10", "017", "1e3", "1_000", ".5", "5.",
    ".inf", ".nan", "12:30", "2020-01-01", "=", "<<x", "- a", "-", "--", "---", "--- a", "...", "... a", "? a", "?", "?x", ": a", ":", ":x", "a:",
    "a: b", "a:b", "a #b", "a#b", "#", "# a", "&a", "*a", "!a", "!!int", "|", ">", "|x", "'", "\"", "'a'", "\"a\"", "it's", "a\"b", "%a", "@a", "`a",
    "[", "]", "{", "}", "[a]", "{a: b}", "a, b", ",", "a\nb", "a\n", "\na", "\n", "a\n\nb", " a\n b", "a\n  b\nc", "a\tb", "\ta", "a\t", "\t",
    "a\rb", "\r\n", "\\", "\\n", "a\\", "\x01", "\x1b[0m", "\x7f", "\xc2\x80", "\xc2\x85", "\xc2\xa0", "\xc3\xa9", "\xe2\x82\xac", "\xe2\x80\xa8",
    "\xe2\x80\xa9", "a\xe2\x80\xa8" "b", "\xef\xbb\xbf", "\xef\xbf\xbd", "\xf0\x9f\x98\x80", "x\xf0\x9f\x98\x80y", "${a}", "$${a}", "$", "a=b", "/a/b",
    "C:\\x", "http://x/y?z#w", "a very long text that goes on beyond eighty columns, so that an emitter with a width would fold it somewhere, "
    "and then goes on a little more than one hundred and twenty-eight characters, where keys stop being simple",
};
enum { NASTY = sizeof nasty / sizeof *nasty };

static node *quoted(arena *a, const char *s)
{
    node *n = node_scalar(a, s, (place){ 0 });
    n->quoted = true;
    return n;
}

static void every_string_as_value_item_and_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < NASTY; i++) {
        arena *a = arena_new();
        node *root = node_map(a, (place){ 0 }), *list = node_scalar(a, "", (place){ 0 });
        *list = (node){ .kind = NODE_LIST, .n = 2, .item = arena_alloc(a, 2, sizeof *list->item) };
        list->item[0] = quoted(a, nasty[i]);
        list->item[1] = quoted(a, nasty[i]);
        node_set(a, root, "value", root->at, quoted(a, nasty[i]));
        node_set(a, root, "list", root->at, list);
        if (*nasty[i]) node_set(a, root, nasty[i], root->at, quoted(a, "x"));
        if (*nasty[i]) node_set(a, root, nasty[(i + 1) % NASTY], root->at, node_map(a, root->at));
        if (!*nasty[(i + 1) % NASTY]) root->n--;
        round_trip(root);
        round_trip(list->item[0]);
        arena_free(a);
    }
}

/* Plain in brackets, but not where it is written: it gets the quotes that it has when it is read again. */
static void cannot_be_plain(void **state)
{
    (void)state;
    static const char *const files[] = { "{a: -,-3: 1}", "{a: [-,b]}", "{a: [---x,b]}", "{a: [...,b]}" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        arena *a = arena_new();
        text t = { 0 };
        problems pr = { 0 };
        node_write(must_parse(a, files[i]), &t);
        expect_settled(node_parse(a, "written", t.s, t.n, &pr), t.s);
        text_free(&t);
        arena_free(a);
    }
}

/* What was read is written so that it reads the same. */
static void every_file_reads_back(void **state)
{
    (void)state;
    static const char *const files[] = {
        "{}", "[]", "a", "'a'", "[[], {}, [[]], [{}]]",  "{a: {b: {c: [1, 2, [3, {d: }]]}}}", "a:\nb: ~\nc: null\nd: ''\ne: \"\"\n",
        "- a\n- \n- ''\n", "a: no\nb: 017\nc: 1e-3\nd: '1'\n", "a: x y z\nb: x:y\nc: x#y\nd: -x\ne: ?x\nf: 'it''s'\n", "a: |\n  x\n   y\n\n  z\n",
        "a: >-\n  x\n  y\n", "a: \"\\x01\\u2028\\U0001F600\"\n", "\xc3\xa9: \xc3\xa9\n\xf0\x9f\x98\x80: \xf0\x9f\x98\x80\n", "a: x\ty\n", "a: ---x\nb: ...\n",
        "? \"a\nb\"\n: 1\n", "a: [1, -1, .5, a b, 'c', ~]\n", "a: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]\n",
        "a: x\n\n  y\n", "a: =\nb: <\nc: x, y\nd: \"x, y\"\n", "- - - a\n  - b\n- - c\n", "- a: 1\n  b: 2\n- - a: 1\n",
        "a: x%y\nb: x@y\nc: x!y\nd: x*y\ne: x&y\nf: x|y\n", "\"1\": 2\ntrue: 3\n~: 4\n",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        arena *a = arena_new();
        problems pr = { 0 };
        const node *n = node_parse(a, "f", files[i], strlen(files[i]), &pr);
        if (n) round_trip(n);                    /* some are no YAML, which is said elsewhere */
        problems_free(&pr);
        arena_free(a);
    }
}

static const char *plain_words[] = { "a", "1", "1e-3", "no", "x y", "-1", "?x", "a:b", "a#b", "x, y", "~", "null", "", "0x1F", "$5", "x[1]", "{" };

static node *random_tree(arena *a, heft_rng *r, int depth)
{
    const uint64_t kind = rng_below(r, depth ? 4 : 2);
    if (kind < 2) {
        char bytes[64];
        text t = { 0 };
        if (rng_below(r, 2)) return node_scalar(a, plain_words[rng_below(r, sizeof plain_words / sizeof *plain_words - 1)], (place){ 0 });
        text_add(&t, nasty[rng_below(r, NASTY)]);
        const size_t n = (size_t)rng_below(r, sizeof bytes);
        for (size_t i = 0; i < n; i++) bytes[i] = " \t\n\r\x01:#-?'\"\\[]{},&*!|>%@`abc012.~$="[rng_below(r, 36)];
        text_add_n(&t, bytes, n);
        node *out = quoted(a, t.s);
        text_free(&t);
        return out;
    }
    const size_t n = (size_t)rng_below(r, 5);
    node *out = node_map(a, (place){ 0 });
    if (kind == 2) {
        *out = (node){ .kind = NODE_LIST, .n = n, .item = arena_alloc(a, n, sizeof *out->item) };
        for (size_t i = 0; i < n; i++) out->item[i] = random_tree(a, r, depth - 1);
    } else
        for (size_t i = 0; i < n; i++) {
            const char *key = nasty[rng_below(r, NASTY)];
            if (*key) node_set(a, out, key, out->at, random_tree(a, r, depth - 1));
        }
    return out;
}

static void random_trees(void **state)
{
    (void)state;
    heft_rng r = rng_key(1, RNG_TEST, 0, 0);
    for (int i = 0; i < 5000; i++) {
        arena *a = arena_new();
        const node *n = random_tree(a, &r, 5);
        if (n->kind != NODE_SCALAR || *n->text || n->quoted) round_trip(n);
        arena_free(a);
    }
}

static void the_look(void **state)
{
    (void)state;
    arena *a = arena_new();
    text t = { 0 };
    node_write(must_parse(a, "{name: x, data: {root: '/d', train: [a.gz, b.gz]}, model: [{dense: {units: 3, init: }}, flatten], e: {}, l: [],"
                             " s: [\"a\", -1], t: \"a text that goes on beyond eighty columns, where the emitter would fold it if it had a width\","
                             " u: [-1, 0.5]}"), &t);
    assert_string_equal(t.s, "name: x\ndata:\n  root: '/d'\n  train: [a.gz, b.gz]\nmodel:\n- dense:\n    units: 3\n    init:\n- flatten\n"
                             "e: {}\nl: []\ns:\n- 'a'\n- -1\nt: 'a text that goes on beyond eighty columns, where the emitter would fold it if it had a "
                        "width'\nu: [-1, 0.5]\n");
    text_free(&t);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_string_as_value_item_and_key), cmocka_unit_test(every_file_reads_back),
        cmocka_unit_test(random_trees), cmocka_unit_test(cannot_be_plain), cmocka_unit_test(the_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
