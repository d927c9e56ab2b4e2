#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/text.h"

static void growing(void **state)
{
    (void)state;
    text t = { 0 };
    for (int i = 0; i < 1000; i++) text_printf(&t, "%d,", i);
    assert_int_equal(t.n, strlen(t.s));
    assert_int_equal(t.n, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(memcmp(t.s, "0,1,2,", 6), 0);
    text_add_n(&t, "a\0b", 3);
    assert_int_equal(t.s[t.n - 2], 0);
    assert_int_equal(t.s[t.n], 0);
    text_free(&t);
    assert_null(t.s);
    text_add(&t, "");
    assert_string_equal(t.s, "");
    text_free(&t);
}

static void nearest_names(void **state)
{
    (void)state;
    static const char *const names[] = { "units", "bias", "activation", "kernel", "kernel_size", "lr", NULL };
    static const struct { const char *word, *nearest; } cases[] = {
        { "unit", "units" }, { "untis", "units" }, { "unitss", "units" }, { "Units", "units" },
        { "activaton", "activation" }, { "actviation", "activation" }, { "acitvatoin", "activation" },
        { "kernal", "kernel" }, { "kernelsize", "kernel_size" }, { "l", "lr" }, { "rl", "lr" }, { "ls", "lr" },
        { "bias", "bias" }, { "units", "units" },
        { "UNITS", "units" }, { "Kernel-Size", "kernel_size" }, { "out_features", "units" }, { "learning_rate", "lr" }, { "use_bias", "bias" },
        { "poolSize", NULL }, { "_", NULL },
        { "", NULL }, { "xyz", NULL }, { "momentum", NULL }, { "un", NULL }, { "stinu", NULL },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = text_nearest(cases[i].word, names);
        if (!found != !cases[i].nearest || (found && strcmp(found, cases[i].nearest)))
            fail_msg("'%s': found %s, not %s", cases[i].word, found ? found : "none", cases[i].nearest ? cases[i].nearest : "none");
        char words[64] = "";
        if (found) snprintf(words, sizeof words, " (did you mean '%s'?)", found);
        assert_string_equal(text_hint(cases[i].word, names).s, words);
    }
    char longest[TEXT_LONGEST + 1] = { 0 };
    memset(longest, 'x', TEXT_LONGEST);
    const suggestion whole = text_hint(longest, (const char *const[]){ longest, NULL });
    assert_string_equal(whole.s + strlen(whole.s) - 5, "xx'?)");
    text t = { 0 };
    text_names(&t, names);
    assert_string_equal(t.s, "units, bias, activation, kernel, kernel_size, lr");
    text_free(&t);
    assert_null(text_nearest("units", (const char *const[]){ NULL }));
}

static void words(void **state)
{
    (void)state;
    static const struct { const char *word, *words; int index; } cases[] = {
        { "same", "same|valid", 0 }, { "valid", "same|valid", 1 }, { "val", "same|valid", -1 }, { "validx", "same|valid", -1 },
        { "", "same|valid", -1 }, { "same|valid", "same|valid", -1 }, { "a", "a", 0 }, { "a", NULL, -1 }, { "a", "", -1 },
        { "c", "a|b|c", 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (text_word(cases[i].word, strlen(cases[i].word), cases[i].words) != cases[i].index)
            fail_msg("'%s' in '%s'", cases[i].word, cases[i].words ? cases[i].words : "NULL");
}

static void integers(void **state)
{
    (void)state;
    static const struct { const char *s; bool good; int64_t v; } cases[] = {
        { "0", true, 0 }, { "-0", true, 0 }, { "7", true, 7 }, { "+7", true, 7 }, { "-12", true, -12 }, { "0x10", true, 16 },
        { "0XfF", true, 255 }, { "-0x1", true, -1 }, { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN }, { "9223372036854775808", false, 0 }, { "0x8000000000000000", false, 0 },
        { "", false, 0 }, { "-", false, 0 }, { "017", false, 0 }, { "00", false, 0 }, { "0x", false, 0 }, { "0xg", false, 0 },
        { "1_000", false, 0 }, { "1e3", false, 0 }, { "1.0", false, 0 }, { " 1", false, 0 }, { "1 ", false, 0 }, { "--1", false, 0 },
        { "12:30", false, 0 }, { "0b1", false, 0 }, { "0o7", false, 0 }, { "\xd9\xa1", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t v = 0;
        if (text_int(cases[i].s, &v) != cases[i].good || (cases[i].good && v != cases[i].v))
            fail_msg("'%s' gives %lld", cases[i].s, (long long)v);
    }
}

static void reals(void **state)
{
    (void)state;
    static const struct { const char *s; bool good; double v; } cases[] = {
        { "0", true, 0 }, { "1e-3", true, 1e-3 }, { "1E+3", true, 1000 }, { "0.5", true, 0.5 }, { "-2.25", true, -2.25 },
        { "+0.1", true, 0.1 }, { "0x10", true, 16 }, { "1e308", true, 1e308 }, { "5e-324", true, 5e-324 }, { "1e-999", true, 0 },
        { "123456789012345678901234567890", true, 123456789012345678901234567890.0 }, { "0e5", true, 0 },
        { "", false, 0 }, { ".5", false, 0 }, { "5.", false, 0 }, { "1e", false, 0 }, { "1e+", false, 0 }, { "01.5", false, 0 },
        { "1e999", false, 0 }, { "-1e999", false, 0 }, { "nan", false, 0 }, { ".nan", false, 0 }, { "inf", false, 0 },
        { "-.inf", false, 0 }, { "0x1p3", false, 0 }, { "1,5", false, 0 }, { "1.5f", false, 0 }, { " 1", false, 0 }, { "1 ", false, 0 },
        { "1_0.0", false, 0 }, { "--1.5", false, 0 }, { "e5", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double v = 0;
        if (text_real(cases[i].s, &v) != cases[i].good || (cases[i].good && v != cases[i].v))
            fail_msg("'%s' gives %.17g", cases[i].s, v);
    }
}

static void shortest_forms(void **state)
{
    (void)state;
    static const struct { double v; const char *s; } cases[] = {
        { 0.1, "0.1" }, { 1e-3, "0.001" }, { 1e-5, "1e-05" }, { 1.0 / 3, "0.3333333333333333" }, { 100, "100" }, { -2.5, "-2.5" },
        { 0, "0" }, { -1048576, "-1048576" }, { 1e14, "100000000000000" }, { 1e15, "1e+15" }, { 12345.5, "12345.5" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" }, { 5e-324, "5e-324" },
    };
    char out[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double v;
        text_double(cases[i].v, out);
        if (strcmp(out, cases[i].s) || !text_real(out, &v) || v != cases[i].v)
            fail_msg("%.17g as '%s', not '%s'", cases[i].v, out, cases[i].s);
    }
    text_float(16777216, out);
    assert_string_equal(out, "16777216");
    text_float(0.1f, out);
    assert_string_equal(out, "0.1");
    text_float(1.0f / 3, out);
    assert_string_equal(out, "0.33333334");
}

static void counts(void **state)
{
    (void)state;
    static const struct { int64_t v; const char *s; } cases[] = {
        { 0, "0" }, { 999, "999" }, { 1000, "1,000" }, { 1234567, "1,234,567" }, { -1, "-1" }, { -1000, "-1,000" },
        { -123456, "-123,456" }, { INT64_MAX, "9,223,372,036,854,775,807" }, { INT64_MIN, "-9,223,372,036,854,775,808" },
    };
    char out[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_count(cases[i].v, out);
        assert_string_equal(out, cases[i].s);
    }
    static const struct { double v; const char *s; } sizes[] = {
        { 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" }, { 1258291.2, "1.2 MiB" }, { 3221225472.0, "3.0 GiB" },
        { 1e15, "909.5 TiB" },
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        text_bytes(sizes[i].v, out);
        assert_string_equal(out, sizes[i].s);
    }
}

static void dims(void **state)
{
    (void)state;
    static const int64_t dim[] = { 28, -1, INT64_MAX };
    static const char *const texts[] = { "[]", "[28]", "[28, -1]", "[28, -1, 9223372036854775807]" };
    for (int n = 0; n < 4; n++) {
        text t = { 0 };
        text_dims(&t, n, dim);
        assert_string_equal(t.s, texts[n]);
        text_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing), cmocka_unit_test(nearest_names), cmocka_unit_test(words), cmocka_unit_test(integers),
        cmocka_unit_test(reals), cmocka_unit_test(shortest_forms), cmocka_unit_test(counts), cmocka_unit_test(dims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
