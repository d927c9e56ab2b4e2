#include "config/check.h"
#include "config/options.h"

typedef struct thing {
    int64_t n;
    double  x;
    bool    b;
    int     e;
    const char *s;
    heft_int_list  i;
    heft_real_list r;
} thing;

#define AT(f) offsetof(thing, f)

/* One row (and a second, if the case is about two), and what is said of it. */
static void mistakes(void **state)
{
    (void)state;
    static const struct { heft_option row[3]; const char *problems; } cases[] = {
        { { HEFT_OPT_INT(thing, n, 3, 1, 8, "doc"), HEFT_OPT_REAL(thing, x, 0.5, 0, 1, "doc"), HEFT_OPT_END }, "" },
        { { HEFT_OPT_INT(thing, n, HEFT_REQUIRED, 1, 8, "doc") }, "" },
        { { HEFT_OPT_INT_OR(thing, n, "auto", 0, 1, 8, "doc") }, "" },      /* the word stands for what no number can */
        { { HEFT_OPT_INTS(thing, i, "same", "same", 1, 8, "doc") }, "" },
        { { HEFT_OPT_INTS(thing, i, NULL, "[]", 1, 8, "doc") }, "" },
        { { HEFT_OPT_INTS(thing, i, NULL, NULL, 1, 8, "doc") }, "" },
        { { HEFT_OPT_STRING(thing, s, "[1", "doc") }, "" },
        { { HEFT_OPT_ENUM(thing, e, HEFT_REQUIRED, "a|b", "doc") }, "" },
        { { { "n", "doc", HEFT_INT, AT(n), 3, 1, 8, NULL, NULL }, { "n", "doc", HEFT_INT, AT(n), 3, 1, 8, NULL, NULL } },
          "x.so: t.n: there are two options of this name" },
        { { { "", "doc", HEFT_INT, AT(n), 3, 1, 8, NULL, NULL } }, "x.so: t: option 1 has the name '', which is not that of a field" },
        { { { NULL, "doc", HEFT_INT, AT(n), 3, 1, 8, NULL, NULL } }, "x.so: t: option 1 has the name '', which is not that of a field" },
        { { { "a-b", "doc", HEFT_INT, AT(n), 3, 1, 8, NULL, NULL } }, "x.so: t: option 1 has the name 'a-b', which is not that of a field" },
        { { { "n", "", HEFT_INT, AT(n), 3, 1, 8, NULL, NULL } }, "x.so: t.n: its doc is empty" },
        { { { "n", NULL, HEFT_INT, AT(n), 3, 1, 8, NULL, NULL } }, "x.so: t.n: its doc is empty" },
        { { { "n", "a\nb", HEFT_INT, AT(n), 3, 1, 8, NULL, NULL } }, "x.so: t.n: its doc is more than one line" },
        { { { "n", "doc", HEFT_INT, AT(n), 9, 1, 8, NULL, NULL } }, "x.so: t.n: its default 9 is outside of 1 to 8" },
        { { { "n", "doc", HEFT_INT, AT(n), 1.5, 1, 8, NULL, NULL } }, "x.so: t.n: its default 1.5 is not an integer" },
        { { { "x", "doc", HEFT_REAL, AT(x), -1, 0, 8, NULL, NULL } }, "x.so: t.x: its default -1 is outside of 0 to 8" },
        { { { "x", "doc", HEFT_REAL, AT(x), 1, 8, 0, NULL, NULL } }, "x.so: t.x: its bounds 8 to 0 hold nothing" },
        { { { "x", "doc", HEFT_REAL, AT(x), 1, 0, HEFT_REQUIRED, NULL, NULL } }, "x.so: t.x: its bounds 0 to nan hold nothing" },
        { { { "n", "doc", HEFT_INT, AT(n), HEFT_REQUIRED, 1, 8, "auto", NULL } },
          "x.so: t.n: \"auto\" stands for the default, but the option is required" },
        { { { "n", "doc", HEFT_INT, AT(n), 3, 1, 8, "12", NULL } }, "x.so: t.n: \"12\" is not a word to write instead of a number" },
        { { { "i", "doc", HEFT_INTS, AT(i), 0, 1, 8, "a||b", "1" } }, "x.so: t.i: \"a||b\" is not a word to write instead of a number" },
        { { { "b", "doc", HEFT_BOOL, AT(b), 2, 0, 1, NULL, NULL } }, "x.so: t.b: its default 2 is not 0 or 1" },
        { { { "e", "doc", HEFT_ENUM, AT(e), 2, 0, 0, "a|b", NULL } }, "x.so: t.e: its default 2 is not the index of one of 2 words" },
        { { { "e", "doc", HEFT_ENUM, AT(e), -1, 0, 0, "a|b", NULL } }, "x.so: t.e: its default -1 is not the index of one of 2 words" },
        { { { "e", "doc", HEFT_ENUM, AT(e), 0, 0, 0, NULL, NULL } }, "x.so: t.e: its words \"\" are not words with | between them" },
        { { { "e", "doc", HEFT_ENUM, AT(e), 0, 0, 0, "a|", NULL } }, "x.so: t.e: its words \"a|\" are not words with | between them" },
        { { { "i", "doc", HEFT_INTS, AT(i), 0, 1, 8, NULL, "9" } }, "x.so: t.i: its default '9' is refused: i: 9 is above 8 (doc)" },
        { { { "i", "doc", HEFT_INTS, AT(i), 0, 1, 8, NULL, "[1" } },
          "x.so: t.i: its default '[1' is refused: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence" },
        { { { "r", "doc", HEFT_REALS, AT(r), 0, 1, 8, "all", "al" } },
          "x.so: t.r: its default 'al' is refused: r: expected numbers 1 to 8, one or a list, or all, found 'al' (did you mean 'all'?) (doc)" },
        { { { "n", "doc", HEFT_INT, sizeof(thing) - 4, 3, 1, 8, NULL, NULL } },
          "x.so: t.n: its field at bytes 60 to 68 is beyond the instance of 64 bytes" },
        { { { "n", "doc", HEFT_INT, SIZE_MAX, 3, 1, 8, NULL, NULL } },
          "x.so: t.n: its field at bytes 18446744073709551615 to 7 is beyond the instance of 64 bytes" },
        { { { "n", "doc", HEFT_INT, 4, 3, 1, 8, NULL, NULL } }, "x.so: t.n: its field at byte 4 is not aligned" },
        { { { "n", "doc", (heft_type)77, 0, 3, 1, 8, NULL, NULL } },
          "x.so: t: option 1 has an unknown type 77; does the table end with HEFT_OPT_END?" },
        { { { "n", "", HEFT_INT, 0, 9, 1, 8, NULL, NULL }, { "x", "doc", HEFT_REAL, 8, 9, 1, 8, NULL, NULL } },
          "x.so: t.n: its doc is empty\nx.so: t.n: its default 9 is outside of 1 to 8\nx.so: t.x: its default 9 is outside of 1 to 8" },
    };
    assert_int_equal(sizeof(thing), 64);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problems pr = { 0 };
        char label[32];
        snprintf(label, sizeof label, "case %zu", i);
        const int rc = options_check_table(cases[i].row, sizeof(thing), "t", (place){ "x.so", 0, 0 }, &pr);
        assert_int_equal(rc, *cases[i].problems ? -1 : 0);
        expect_problems(&pr, cases[i].problems, label);
    }
    problems pr = { 0 };
    assert_int_equal(options_check_table(NULL, 0, "t", (place){ 0 }, &pr), 0);
}

static void a_table_without_an_end(void **state)
{
    (void)state;
    static heft_option rows[300];
    static char names[300][8];
    problems pr = { 0 };
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        rows[i] = (heft_option){ names[i], "doc", HEFT_INT, AT(n), 3, 1, 8, NULL, NULL };
    }
    assert_int_equal(options_check_table(rows, sizeof(thing), "t", (place){ "x.so", 0, 0 }, &pr), -1);
    expect_problems(&pr, "x.so: t: option 257 has an unknown type 2; does the table end with HEFT_OPT_END?", "300 rows");
}

static void manuals(void **state)
{
    (void)state;
    static const struct { heft_option row; const char *type, *def; } cases[] = {
        { HEFT_OPT_INT(thing, n, HEFT_REQUIRED, 1, 1 << 20, "doc"), "integer 1 to 1048576", "required" },
        { HEFT_OPT_INT(thing, n, 100, 1, 1e18, "doc"), "integer of at least 1", "100" },
        { HEFT_OPT_INT(thing, n, -3, -1e18, 0, "doc"), "integer of at most 0", "-3" },
        { HEFT_OPT_INT(thing, n, 3, -1e18, 1e18, "doc"), "integer", "3" },
        { HEFT_OPT_INT_OR(thing, n, "auto", 0, 1, 8, "doc"), "integer 1 to 8, or auto", "auto" },
        { HEFT_OPT_REAL(thing, x, 0.9, 0, 1, "doc"), "number 0 to 1", "0.9" },
        { HEFT_OPT_REAL(thing, x, 1000, 0, INFINITY, "doc"), "number of at least 0", "1000" },
        { HEFT_OPT_BOOL(thing, b, true, "doc"), "true | false", "true" },
        { HEFT_OPT_BOOL(thing, b, HEFT_REQUIRED, "doc"), "true | false", "required" },
        { HEFT_OPT_ENUM(thing, e, 1, "same|valid", "doc"), "same | valid", "valid" },
        { HEFT_OPT_ENUM(thing, e, HEFT_REQUIRED, "same", "doc"), "same", "required" },
        { HEFT_OPT_STRING(thing, s, NULL, "doc"), "text", "required" },
        { HEFT_OPT_STRING(thing, s, "", "doc"), "text", "\"\"" },
        { HEFT_OPT_STRING(thing, s, "a b", "doc"), "text", "a b" },
        { HEFT_OPT_STRING(thing, s, "required", "doc"), "text", "required" },
        { HEFT_OPT_INTS(thing, i, "same|valid", "same", 0, 64, "doc"), "integers 0 to 64, one or a list, or same | valid", "same" },
        { HEFT_OPT_REALS(thing, r, NULL, "[1, 2]", 0, 64, "doc"), "numbers 0 to 64, one or a list", "[1, 2]" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text type = { 0 }, def = { 0 };
        options_type_text(&cases[i].row, &type);
        options_default_text(&cases[i].row, &def);
        assert_string_equal(type.s, cases[i].type);
        assert_string_equal(def.s, cases[i].def);
        text_free(&type);
        text_free(&def);
    }
    arena *a = arena_new();
    problems pr = { 0 };
    thing t;                                     /* a default that reads like the word for none */
    const heft_option table[] = { HEFT_OPT_STRING(thing, s, "required", "doc"), HEFT_OPT_END };
    assert_int_equal(options_read(table, NULL, (place){ 0 }, "t", NULL, &t, a, &pr), 0);
    assert_string_equal(t.s, "required");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes), cmocka_unit_test(a_table_without_an_end), cmocka_unit_test(manuals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
