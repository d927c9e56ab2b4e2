/* Aligned tables and JSON lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "report/columns.h"
#include "report/json.h"

static void aligned(void **state)
{
    (void)state;
    columns *c = columns_new(3, (const char *const[]){ "layer", "type", "params" }, "llr");
    columns_add(c, (const char *const[]){ "conv1", "conv2d", "1,234,567" });
    columns_add(c, (const char *const[]){ "caf\xc3\xa9", NULL, "0" });
    columns_rule(c);
    columns_add(c, (const char *const[]){ "total", "", "1,234,567" });
    text t = { 0 };
    columns_write(c, &t);
    assert_string_equal(t.s,
        "  layer  type       params\n"
        "  ------------------------\n"
        "  conv1  conv2d  1,234,567\n"
        "  caf\xc3\xa9                   0\n"
        "  ------------------------\n"
        "  total          1,234,567\n");
    text_free(&t);
    columns_free(c);
}

static void many_rows_without_heading(void **state)
{
    (void)state;
    columns *c = columns_new(2, NULL, "rl");
    for (int i = 0; i < 1000; i++) columns_add(c, (const char *const[]){ i == 700 ? "wide" : "x", "y" });
    text t = { 0 };
    columns_write(c, &t);
    int lines = 0;
    for (size_t i = 0; i < t.n; i++) lines += t.s[i] == '\n';
    assert_int_equal(lines, 1000);
    assert_memory_equal(t.s, "     x  y\n", 10);
    text_free(&t);
    columns_free(c);
}

static void no_blanks_at_ends_of_lines(void **state)
{
    (void)state;
    columns *c = columns_new(2, (const char *const[]){ "name", "doc" }, "ll");
    columns_add(c, (const char *const[]){ "a", "" });
    columns_add(c, (const char *const[]){ "", "" });
    text t = { 0 };
    columns_write(c, &t);
    assert_null(strstr(t.s, " \n"));
    text_free(&t);
    columns_free(c);
}

static void json_line(void **state)
{
    (void)state;
    text t = { 0 };
    json_open(&t, NULL, '{');
    json_string(&t, "name", "a[");
    json_open(&t, "shape", '[');
    json_int(&t, NULL, INT64_MIN);
    json_int(&t, NULL, 28);
    json_close(&t, ']');
    json_open(&t, "empty", '{');
    json_close(&t, '}');
    json_real(&t, "loss", 0.1);
    json_real(&t, "lr", 1e-3);
    json_real(&t, "nan", NAN);
    json_real(&t, "inf", -INFINITY);
    json_bool(&t, "done", true);
    json_string(&t, "none", NULL);
    json_close(&t, '}');
    assert_string_equal(t.s, "{\"name\": \"a[\", \"shape\": [-9223372036854775808, 28], \"empty\": {}, \"loss\": 0.1, "
                             "\"lr\": 0.001, \"nan\": null, \"inf\": null, \"done\": true, \"none\": null}");
    json_open(&t, NULL, '{');
    text_free(&t);
}

static void json_strings(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        { "plain", "\"plain\"" }, { "", "\"\"" },
        { "a\"b\\c\n\t\r\x01\x7f", "\"a\\\"b\\\\c\\n\\t\\u000d\\u0001\\u007f\"" },
        { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"" },
        { "\xff", "\"\xef\xbf\xbd\"" },
        { "\xc3", "\"\xef\xbf\xbd\"" },                          /* cut off at the end */
        { "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },          /* overlong */
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },   /* a surrogate */
        { "\xf4\x90\x80\x80" "a", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" "a\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text t = { 0 };
        json_string(&t, NULL, cases[i].in);
        if (strcmp(t.s, cases[i].out)) fail_msg("case %zu: %s, wanted %s", i, t.s, cases[i].out);
        text_free(&t);
    }
}

static void json_lines(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    text t = { 0 };
    for (int i = 0; i < 2; i++) {
        json_open(&t, NULL, '{');
        json_int(&t, "i", i);
        json_close(&t, '}');
        json_end(&t, f);
        assert_null(t.s);
    }
    char got[64];
    rewind(f);
    got[fread(got, 1, sizeof got - 1, f)] = 0;
    fclose(f);
    assert_string_equal(got, "{\"i\": 0}\n{\"i\": 1}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned), cmocka_unit_test(many_rows_without_heading), cmocka_unit_test(no_blanks_at_ends_of_lines),
        cmocka_unit_test(json_line), cmocka_unit_test(json_strings), cmocka_unit_test(json_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
