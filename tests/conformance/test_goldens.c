/* Everything that is shipped has a golden case: a row of a table under tests/golden/ that some test includes.
 *
 * A row begins with the name, { "dense", or, of what is written as a value of YAML, with the text, { "{cosine: or { "swa".
 * Initializers have no path to compare with: a row of theirs is one of tests/initializers/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fts.h>

#include "base/file.h"
#include "plugin/registry.h"
#include "train/average.h"
#include "train/schedule_kinds.h"

/* All files below dir whose names end so, one behind the other. */
static void read_all(const char *dir, const char *end, text *out)
{
    char *top[] = { (char *)(uintptr_t)dir, NULL };
    FTS *tree = fts_open(top, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    assert_non_null(tree);
    text_add(out, "");
    for (FTSENT *e; (e = fts_read(tree));) {
        const size_t n = strlen(e->fts_name), m = strlen(end);
        if (e->fts_info != FTS_F || n < m || strcmp(e->fts_name + n - m, end)) continue;
        problems pr = { 0 };
        size_t size;
        char *bytes = file_read(e->fts_path, 1 << 24, &size, &pr);
        assert_non_null(bytes);
        text_add_n(out, bytes, size);
        block_free(bytes);
    }
    fts_close(tree);
}

/* The tables that tests include. */
static void read_tables(text *out)
{
    text tests = { 0 };
    read_all(SOURCE_DIR "/tests", ".c", &tests);
    text_add(out, "");
    static const char mark[] = "#include \"golden/";
    for (const char *at = tests.s; (at = strstr(at, mark)); at++) {
        arena *a = arena_new();
        const char *name = arena_strndup(a, at + strlen(mark), strcspn(at + strlen(mark), "\""));
        read_all(arena_printf(a, SOURCE_DIR "/tests/golden/%s", name), ".inc", out);
        arena_free(a);
    }
    text_free(&tests);
}

static bool has_row(const char *tables, const char *name)
{
    char row[3][96];
    snprintf(row[0], sizeof row[0], "{ \"%s\"", name);
    snprintf(row[1], sizeof row[1], "{ \"{%s:", name);
    snprintf(row[2], sizeof row[2], "{ .name = \"%s\"", name);
    return strstr(tables, row[0]) || strstr(tables, row[1]) || strstr(tables, row[2]);
}

static void needs_row(const char *tables, const char *kind, const char *name, text *found)
{
    if (!has_row(tables, name)) text_printf(found, "%s %s has no golden case\n", kind, name);
}

static void everything_has_a_golden(void **state)
{
    (void)state;
    text tables = { 0 }, initializers = { 0 }, found = { 0 };
    read_tables(&tables);
    read_all(SOURCE_DIR "/tests/initializers", ".c", &initializers);
    text_add(&found, "");
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const plugin_file *file;
    const size_t n = registry_files(r, &file);
    int seen = 0;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(file[i].path, PLUGIN_DIR "/", sizeof PLUGIN_DIR)) continue;
        needs_row(file[i].kind == HEFT_INITIALIZER ? initializers.s : tables.s, kind_name(file[i].kind), file[i].name, &found);
        seen++;
    }
    assert_true(seen > 100);
    for (int i = 0; i < SCHEDULE_KINDS; i++) needs_row(tables.s, "schedule", schedule_kinds[i].name, &found);
    const char *name;
    for (int i = 0; average_table(i, &name); i++) needs_row(tables.s, "average", name, &found);
    if (*found.s) fail_msg("\n%s", found.s);
    registry_free(r);
    text_free(&tables);
    text_free(&initializers);
    text_free(&found);
}

static void what_has_none_is_found(void **state)
{
    (void)state;
    static const struct { const char *tables, *name; bool has; } rows[] = {
        { "{ \"dense\", \"\", 1 }", "dense", true }, { "{ \"dense\", \"\", 1 }", "dens", false }, { "/* dense */", "dense", false },
        { "{ \"{cosine: {peak: 1}}\", 3 }", "cosine", true }, { "{ \"{cosine_restarts: {peak: 1}}\", 3 }", "cosine", false },
        { "{ \"conv2d\", \"{dense: 1}\" }", "dense", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (has_row(rows[i].tables, rows[i].name) != rows[i].has) fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(everything_has_a_golden), cmocka_unit_test(what_has_none_is_found) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
