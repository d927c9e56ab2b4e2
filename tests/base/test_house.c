/* The house's rules, held against the sources, and against scratch trees that break each of them. */
#include <fts.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"

enum { LINES = 500 };

static const char *const rooms[] = { "base", "config", "compute", "hdf", "data", "plugin", "model", "train", "run", "predict",
                                     "sweep", "report", "export", "cli" };
enum { ROOMS = sizeof rooms / sizeof *rooms };

/* A library has one door.  header: as <...> begins. */
static const struct { const char *header, *room; } doors[] = {
    { "yaml.h", "config" }, { "omp.h", "compute" }, { "immintrin.h", "compute" }, { "dnnl", "compute" }, { "oneapi/", "compute" },
    { "hdf5", "hdf" }, { "H5", "hdf" }, { "dlfcn.h", "plugin" }, { "link.h", "plugin" },
};

static const char *const c_library[] = {
    "assert.h", "complex.h", "ctype.h", "errno.h", "fenv.h", "float.h", "inttypes.h", "iso646.h", "limits.h", "locale.h",
    "math.h", "setjmp.h", "signal.h", "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h",
    "stdnoreturn.h", "string.h", "tgmath.h", "time.h", "uchar.h", "wchar.h", "wctype.h",
};

static int room_index(const char *name, size_t n)
{
    for (int i = 0; i < ROOMS; i++)
        if (strlen(rooms[i]) == n && !memcmp(rooms[i], name, n)) return i;
    return -1;
}

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* path: below the root, "framework/base/text.c".  name: what is between the quotes or angles. */
static void check_include(const char *path, int line, const char *name, bool quoted, text *found)
{
    if (begins(path, "plugins/")) {
        bool good = begins(name, "heft/") && strcmp(name, "heft/heft.h");
        for (size_t i = 0; !good && i < sizeof c_library / sizeof *c_library; i++) good = !strcmp(name, c_library[i]);
        if (!good || quoted)
            text_printf(found, "%s:%d: a plugin includes plugin.h, the headers beside it and the C library, not %s\n", path, line, name);
        return;
    }
    if (!begins(path, "framework/") || begins(path, "framework/include/")) {
        if (quoted && begins(path, "framework/include/"))
            text_printf(found, "%s:%d: a public header includes \"%s\"\n", path, line, name);
        return;
    }
    const char *own = path + strlen("framework/");
    const int room = room_index(own, strcspn(own, "/"));
    if (quoted) {
        const int other = room_index(name, strcspn(name, "/"));
        if (!strchr(name, '/') || other < 0) text_printf(found, "%s:%d: \"%s\" is not room/header.h\n", path, line, name);
        else if (other > room) text_printf(found, "%s:%d: %s/ may not include %s/\n", path, line, rooms[room], rooms[other]);
        return;
    }
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
        if (begins(name, doors[i].header) && strcmp(doors[i].room, rooms[room]))
            text_printf(found, "%s:%d: only %s/ may include <%s>\n", path, line, doors[i].room, name);
}

static void check_line(const char *path, int line, const char *s, text *found)
{
    if (strstr(s, "did you mean") && !begins(path, "tests/") && !begins(path, "framework/base/text."))
        text_printf(found, "%s:%d: the nearest name is text_hint's to say\n", path, line);
    s += strspn(s, " \t");
    if (*s++ != '#') return;
    s += strspn(s, " \t");
    if (begins(s, "pragma") && strstr(s, "omp") && strstr(s, "parallel") && !begins(path, "framework/compute/") &&
        !begins(path, "tests/"))
        text_printf(found, "%s:%d: only compute/ starts parallel regions\n", path, line);
    if (!begins(s, "include")) return;
    s += strlen("include");
    s += strspn(s, " \t");
    if (*s != '"' && *s != '<') return;
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(s + 1, "\">"), s + 1);
    check_include(path, line, name, *s == '"', found);
}

static void check_file(const char *whole, const char *path, text *found)
{
    problems pr = { 0 };
    size_t n;
    char *bytes = file_read(whole, 1 << 22, &n, &pr);
    assert_non_null(bytes);
    int lines = 0;
    for (char *s = bytes; *s; lines++) {
        char *end = s + strcspn(s, "\n");
        const bool last = !*end;
        *end = 0;
        check_line(path, lines + 1, s, found);
        s = last ? end : end + 1;
    }
    if (lines > LINES) text_printf(found, "%s: %d lines; at most %d\n", path, lines, LINES);
    block_free(bytes);
}

/* What breaks the rules below root, a line each.  Returns the number of files seen. */
static int check_house(const char *root, text *found)
{
    arena *a = arena_new();
    char *top[] = { path_join(a, root, "framework"), path_join(a, root, "plugins"), path_join(a, root, "tests"), NULL };
    int files = 0;
    FTS *tree = fts_open(top, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    assert_non_null(tree);
    text_add(found, "");
    for (FTSENT *e; (e = fts_read(tree));) {
        const char *path = e->fts_path + strlen(root) + 1, *dot = strrchr(e->fts_name, '.');
        if (e->fts_info == FTS_D && e->fts_level == 1 && begins(path, "framework/") && strcmp(e->fts_name, "include") &&
            room_index(e->fts_name, strlen(e->fts_name)) < 0) {
            text_printf(found, "%s: not a room of the house\n", path);
            fts_set(tree, e, FTS_SKIP);
        }
        if (e->fts_info != FTS_F || !dot || (strcmp(dot, ".c") && strcmp(dot, ".h"))) continue;
        if (begins(path, "framework/") && e->fts_level == 1) text_printf(found, "%s: outside of the rooms\n", path);
        else check_file(e->fts_path, path, found);
        files++;
    }
    fts_close(tree);
    arena_free(a);
    return files;
}

static void the_sources_keep_the_rules(void **state)
{
    (void)state;
    text found = { 0 };
    const int files = check_house(SOURCE_DIR, &found);
    if (*found.s) fail_msg("\n%s", found.s);
    assert_true(files > 40);
    text_free(&found);
}

static void every_violation_is_found(void **state)
{
    (void)state;
    static const struct { const char *path, *content, *found; } cases[] = {
        { "framework/base/a.c", "#include \"base/text.h\"\n#include <heft/plugin.h>\n#include <stdio.h>\n", "" },
        { "framework/cli/a.c", "#include \"base/text.h\"\n#include \"run/run.h\"\n", "" },
        { "framework/base/a.c", "#include \"config/node.h\"\n", "framework/base/a.c:1: base/ may not include config/\n" },
        { "framework/plugin/a.h", "\n  #  include \"model/model.h\"\n", "framework/plugin/a.h:2: plugin/ may not include model/\n" },
        { "framework/base/a.c", "#include \"text.h\"\n", "framework/base/a.c:1: \"text.h\" is not room/header.h\n" },
        { "framework/base/a.c", "#include \"../cli/cli.h\"\n", "framework/base/a.c:1: \"../cli/cli.h\" is not room/header.h\n" },
        { "framework/config/a.c", "#include <yaml.h>\n", "" },
        { "framework/data/a.c", "#include <yaml.h>\n", "framework/data/a.c:1: only config/ may include <yaml.h>\n" },
        { "framework/model/a.c", "#include <omp.h>\n", "framework/model/a.c:1: only compute/ may include <omp.h>\n" },
        { "framework/model/a.c", "#include <dnnl.h>\n", "framework/model/a.c:1: only compute/ may include <dnnl.h>\n" },
        { "framework/compute/a.c", "#include <dnnl_types.h>\n#include <omp.h>\n#pragma omp parallel for\n", "" },
        { "framework/model/a.c", "#pragma omp simd\n", "" },
        { "framework/model/a.c", "#pragma omp parallel\n", "framework/model/a.c:1: only compute/ starts parallel regions\n" },
        { "plugins/layers/a.c", "#pragma omp parallel for\n", "plugins/layers/a.c:1: only compute/ starts parallel regions\n" },
        { "framework/run/a.c", "printf(\"%s; did you mean %s?\", a, b);\n", "framework/run/a.c:1: the nearest name is text_hint's to say\n" },
        { "framework/base/text.c", "/* did you mean */\n", "" },
        { "framework/run/a.c", "#include <hdf5.h>\n", "framework/run/a.c:1: only hdf/ may include <hdf5.h>\n" },
        { "framework/run/a.c", "#include <hdf5_hl.h>\n", "framework/run/a.c:1: only hdf/ may include <hdf5_hl.h>\n" },
        { "framework/cli/a.c", "#include <dlfcn.h>\n", "framework/cli/a.c:1: only plugin/ may include <dlfcn.h>\n" },
        { "plugins/layers/a.c", "#include <heft/plugin.h>\n#include <heft/window.h>\n#include <string.h>\n", "" },
        { "plugins/layers/a.c", "#include <heft/heft.h>\n",
          "plugins/layers/a.c:1: a plugin includes plugin.h, the headers beside it and the C library, not heft/heft.h\n" },
        { "plugins/layers/a.c", "#include \"base/text.h\"\n",
          "plugins/layers/a.c:1: a plugin includes plugin.h, the headers beside it and the C library, not base/text.h\n" },
        { "plugins/layers/a.c", "#include <unistd.h>\n",
          "plugins/layers/a.c:1: a plugin includes plugin.h, the headers beside it and the C library, not unistd.h\n" },
        { "framework/include/heft/a.h", "#include \"base/text.h\"\n",
          "framework/include/heft/a.h:1: a public header includes \"base/text.h\"\n" },
        { "framework/helpers/a.c", "", "framework/helpers: not a room of the house\n" },
        { "framework/a.c", "", "framework/a.c: outside of the rooms\n" },
        { "tests/base/a.c", "#include <yaml.h>\n#include <dlfcn.h>\n", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char root[] = "/tmp/heft-house-XXXXXX";
        assert_non_null(mkdtemp(root));
        arena *a = arena_new();
        problems pr = { 0 };
        text found = { 0 };
        file_mkdirs(path_join(a, root, "framework"), &pr);
        file_mkdirs(path_join(a, root, "plugins"), &pr);
        file_mkdirs(path_join(a, root, "tests"), &pr);
        const char *path = path_join(a, root, cases[i].path);
        file_mkdirs(path_dir(a, path), &pr);
        assert_int_equal(file_publish(path, cases[i].content, strlen(cases[i].content), &pr), 0);
        check_house(root, &found);
        if (strcmp(found.s, cases[i].found)) fail_msg("case %zu: found \"%s\", not \"%s\"", i, found.s, cases[i].found);
        text_free(&found);
        assert_int_equal(system(arena_printf(a, "rm -rf '%s'", root)), 0);
        arena_free(a);
    }
}

static void long_files_are_found(void **state)
{
    (void)state;
    char root[] = "/tmp/heft-house-XXXXXX";
    assert_non_null(mkdtemp(root));
    arena *a = arena_new();
    problems pr = { 0 };
    text lines = { 0 }, found = { 0 };
    for (int i = 0; i < LINES; i++) text_add(&lines, "\n");
    file_mkdirs(path_join(a, root, "framework"), &pr);
    file_mkdirs(path_join(a, root, "plugins/layers"), &pr);
    file_mkdirs(path_join(a, root, "tests/x"), &pr);
    assert_int_equal(file_publish(path_join(a, root, "plugins/layers/fits.c"), lines.s, lines.n, &pr), 0);
    text_add(&lines, "x");
    assert_int_equal(file_publish(path_join(a, root, "tests/x/long.h"), lines.s, lines.n, &pr), 0);
    check_house(root, &found);
    assert_string_equal(found.s, "tests/x/long.h: 501 lines; at most 500\n");
    text_free(&found);
    text_free(&lines);
    assert_int_equal(system(arena_printf(a, "rm -rf '%s'", root)), 0);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sources_keep_the_rules), cmocka_unit_test(every_violation_is_found),
        cmocka_unit_test(long_files_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
