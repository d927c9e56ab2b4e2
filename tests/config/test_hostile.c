/* test_hostile.c -- files made to take long: refused after a bounded amount of work, which is counted, not timed
 *
 * The linker puts these in front of libyaml's parser, of the lookup of a path's step and of the comparison with other frameworks' names
 * (see tests/CMakeLists.txt).
 */
#include <time.h>
#include <unistd.h>
#include <yaml.h>

#include "config/check.h"
#include "config/experiment.h"
#include "config/internal.h"

int   __real_yaml_parser_parse(yaml_parser_t *p, yaml_event_t *e);
int   __wrap_yaml_parser_parse(yaml_parser_t *p, yaml_event_t *e);
node *__real_path_child(const node *at, const char **rest, size_t *levels);
node *__wrap_path_child(const node *at, const char **rest, size_t *levels);

const char *__real_text_familiar(const char *word, const char *const *candidates);
const char *__wrap_text_familiar(const char *word, const char *const *candidates);

static struct { size_t events, bytes, keys, names; } work;

const char *__wrap_text_familiar(const char *word, const char *const *candidates)
{
    work.names++;
    return __real_text_familiar(word, candidates);
}

int __wrap_yaml_parser_parse(yaml_parser_t *p, yaml_event_t *e)
{
    const int rc = __real_yaml_parser_parse(p, e);
    work.events++;
    work.bytes = p->offset;
    return rc;
}

node *__wrap_path_child(const node *at, const char **rest, size_t *levels)
{
    work.keys += at->n;
    return __real_path_child(at, rest, levels);
}

typedef void maker(text *t, size_t n);

static void times(text *t, const char *s, size_t n)
{
    while (n--) text_add(t, s);
}

static void lists(text *t, size_t n) { times(t, "[", n); }
static void maps(text *t, size_t n) { times(t, "{a: ", n); }
static void dashes(text *t, size_t n) { times(t, "- ", n); }
static void questions(text *t, size_t n) { times(t, "? ", n); }
static void aliases(text *t, size_t n) { times(t, "- *x\n", n); }
static void tags(text *t, size_t n) { times(t, "- !t x\n", n); }
static void same_keys(text *t, size_t n) { times(t, "a: b\n", n); }
static void values(text *t, size_t n) { text_add(t, "a: ["), times(t, "a,", n); }
static void list_keys(text *t, size_t n) { times(t, "[a]: b\n", n); }
static void documents(text *t, size_t n) { times(t, "--- a\n", n); }
static void tabs(text *t, size_t n) { times(t, "\t", n); }

static void indented(text *t, size_t n)
{
    for (size_t i = 0; i < n; i++) text_printf(t, "%*sa:\n", (int)i, "");
}

static void keys(text *t, size_t n)
{
    for (size_t i = 0; i < n; i++) text_printf(t, "key%zu: %zu\n", i, i);
}

static void directives(text *t, size_t n)
{
    for (size_t i = 0; i < n; i++) text_printf(t, "%%TAG !a%zu! b\n", i);
    text_add(t, "--- a\n");
}

static void late_directives(text *t, size_t n)
{
    text_add(t, "a: 1\n...\n");
    directives(t, n);
}

/* Ten of ten of ten ... */
static void alias_bomb(text *t, size_t n)
{
    text_add(t, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (size_t i = 1; i < n; i++) {
        text_printf(t, "a%zu: &a%zu [", i, i);
        for (int k = 0; k < 10; k++) text_printf(t, "*a%zu,", i - 1);
        text_add(t, "]\n");
    }
}

static void reference_bomb(text *t, size_t n)
{
    text_add(t, "a0: [x, x, x, x, x, x, x, x, x, x]\n");
    for (size_t i = 1; i < n; i++) {
        text_printf(t, "a%zu: [", i);
        for (int k = 0; k < 10; k++) text_printf(t, "\"${a%zu}\",", i - 1);
        text_add(t, "]\n");
    }
}

static void reference_chain(text *t, size_t n)
{
    text_add(t, "a0: x\n");
    for (size_t i = 1; i < n; i++) text_printf(t, "a%zu: ${a%zu}\n", i, i - 1);
}

static void unknown_references(text *t, size_t n)
{
    for (size_t i = 0; i < n; i++) text_printf(t, "a%zu: ${nothing%zu}\n", i, i);
}

#define MANY "more keys and values than the 32768 that are read"

/* Most events, bytes read by libyaml, keys looked at, problems. */
static const struct { const char *name; maker *make; size_t n; const char *says; size_t events, bytes, keys, problems; } cases[] = {
    { "10 MiB of keys", keys, 600000, "bytes; at most 1048576 are read", 0, 0, 0, 1 },
    { "lists 100,000 deep", lists, 100000, "nested more than 64 levels deep", 80, 1 << 15, 0, 1 },
    { "mappings 100,000 deep", maps, 100000, "nested more than 64 levels deep", 150, 1 << 15, 0, 1 },
    { "lists 100,000 deep in a line", dashes, 100000, "nested more than 64 levels deep", 80, 1 << 15, 0, 1 },
    { "keys 100,000 deep", questions, 100000, "nested more than 64 levels deep", 80, 1 << 15, 0, 1 },
    { "1,400 levels of indentation", indented, 1400, "nested more than 64 levels deep", 150, 1 << 15, 0, 1 },
    { "an alias bomb", alias_bomb, 10, "the anchor '&a0' is not supported", 200, 1 << 15, 0, 100 },
    { "200,000 aliases", aliases, 200000, "the alias '*x' is not supported", 120, 1 << 15, 0, 100 },
    { "140,000 tags", tags, 140000, "the tag '!t' is not supported", 120, 1 << 15, 0, 100 },
    { "140,000 keys that are lists", list_keys, 140000, "a key must be a word", 500, 1 << 15, 0, 100 },
    { "200,000 times one key", same_keys, 200000, MANY, 32780, 1 << 17, 0, 1 },
    { "65,000 keys", keys, 65000, MANY, 32780, 1 << 19, 0, 1 },
    { "500,000 values in a list", values, 500000, MANY, 32780, 1 << 17, 0, 1 },
    { "16,000 times one key", same_keys, 16000, "the key 'a' is given twice", 32010, 1 << 17, 0, 100 },
    { "170,000 documents", documents, 170000, "a second document begins here", 10, 1 << 15, 0, 2 },
    { "a million tabs", tabs, 1000000, "indent with spaces, not tabs", 5, 1 << 15, 0, 1 },
    { "50,000 directives", directives, 50000, "the directive '%TAG' is not supported", 0, 0, 0, 1 },
    { "50,000 directives behind a document", late_directives, 50000, "the directive '%TAG' is not supported", 0, 0, 0, 1 },
    { "a reference bomb", reference_bomb, 14, "references make too much: more than 32768 values or 16 MiB of text", 1000, 1 << 15, 4000, 20 },
    { "a chain of 16,000 references", reference_chain, 16000, "too many references among too many keys", 32010, 1 << 19, 3 << 20, 100 },
    { "16,000 references to 16,000 keys", unknown_references, 16000, "too many references among too many keys", 32010, 1 << 19, 3 << 20, 100 },
};

static void bounded(void **state)
{
    (void)state;
    double longest = 0;
    const char *of = "";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text t = { 0 };
        problems pr = { 0 };
        arena *a = arena_new();
        memset(&work, 0, sizeof work);
        cases[i].make(&t, cases[i].n);
        const clock_t from = clock();
        node *root = node_parse(a, "f", t.s, t.n, &pr);
        if (root) node_interpolate(a, root, &pr);
        const double ms = 1e3 * (double)(clock() - from) / CLOCKS_PER_SEC;
        if (ms > longest) longest = ms, of = cases[i].name;
        bool said = false;
        for (size_t k = 0; k < pr.n && !said; k++) said = strstr(pr.item[k].text, cases[i].says);
        if (!said) fail_msg("%s: '%s' is not among %zu problems, the first: %s", cases[i].name, cases[i].says, pr.n, pr.n ? pr.item[0].text : "-");
        if (work.events > cases[i].events || work.bytes > cases[i].bytes || work.keys > cases[i].keys || pr.n > cases[i].problems)
            fail_msg("%s: %zu events, %zu bytes, %zu keys, %zu problems", cases[i].name, work.events, work.bytes, work.keys, pr.n);
        problems_free(&pr);
        text_free(&t);
        arena_free(a);
    }
    printf("%zu files, the longest %.1f ms: %s\n", sizeof cases / sizeof *cases, longest, of);
}

/* A file of any size is refused by its size, before it is read. */
static void not_read(void **state)
{
    (void)state;
    char path[] = "/tmp/heft-hostile-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && ftruncate(fd, (off_t)1 << 40) == 0);
    problems pr = { 0 };
    arena *a = arena_new();
    assert_null(node_load(a, path, &pr));
    assert_int_equal(pr.n, 1);
    assert_string_equal(pr.item[0].text, "1099511627776 bytes; at most 1048576 are read");
    problems_free(&pr);
    arena_free(a);
    close(fd);
    remove(path);
}

/* Each is looked for among the keys of the whole tree, while there are looks. */
static void unknown_keys_in_a_large_tree(void **state)
{
    (void)state;
    enum { LAYERS = 4000, UNKNOWN = 2000 };
    text t = { 0 };
    problems pr = { 0 };
    memset(&work, 0, sizeof work);
    text_add(&t, "data: {format: f}\nloss: l\noptimizer: o\nmodel:\n");
    for (int i = 0; i < LAYERS; i++) text_printf(&t, "- dense: {units: 3, name: n%d}\n", i);
    for (int i = 0; i < UNKNOWN; i++) text_printf(&t, "k%d: 1\n", i);
    assert_null(experiment_parse("f", "/", t.s, t.n, 0, NULL, &pr));
    assert_int_equal(pr.n, UNKNOWN);
    if (work.names > LOOKS_MOST + 2 * UNKNOWN) fail_msg("%zu names compared", work.names);
    problems_free(&pr);
    text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(unknown_keys_in_a_large_tree), cmocka_unit_test(bounded), cmocka_unit_test(not_read) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
