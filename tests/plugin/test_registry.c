/* Where plugins are searched, what is said of a name that is not found, and the recipe for one file outside the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "plugin/registry.h"

static arena *memory;
static char   folder[] = "/tmp/heft-registry-XXXXXX";
static const place here = { "experiment.yaml", 7, 5 };

static const char *in_folder(const char *name) { return path_join(memory, folder, name); }

/* The one line of plugin.h's head comment, for a layer that doubles its input. */
static void compile(const char *name, const char *out)
{
    const char *source = in_folder(arena_printf(memory, "%s.c", name));
    FILE *f = fopen(source, "w");
    assert_non_null(f);
    fprintf(f,
        "#include <heft/plugin.h>\n"
        "static int plan(void *self, heft_layer_plan *p) { (void)self; p->out = p->in[0]; return 0; }\n"
        "static void forward(const void *self, const heft_forward *p)\n"
        "{ (void)self; for (int64_t i = 0; i < p->n; i++) p->out[i] = 2 * p->in[0][i]; }\n"
        "HEFT_EXPORT const heft_layer heft_plugin = {\n"
        "    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, \"%s\", \"twice its input\", 0, NULL),\n"
        "    .min_in = 1, .max_in = 1, .plan = plan, .forward = forward };\n", name);
    assert_int_equal(fclose(f), 0);
    const char *command = arena_printf(memory,
        "%s -std=c17 -O3 -fPIC -shared -fvisibility=hidden -Wall -Wextra -Wpedantic -Werror "
        "-I %s/framework/include %s -o %s", TEST_CC, SOURCE_DIR, source, out);
    if (system(command)) fail_msg("failed: %s", command);
}

static int setup(void **state)
{
    (void)state;
    memory = arena_new();
    unsetenv("HEFT_PLUGIN_PATH");
    if (!mkdtemp(folder)) return -1;
    problems pr = { 0 };
    if (file_mkdirs(in_folder("a/layers"), &pr) < 0 || file_mkdirs(in_folder("b/layers"), &pr) < 0
        || file_mkdirs(in_folder("b/optimizers"), &pr) < 0) return -1;
    compile("twice", in_folder("a/twice.so"));
    compile("double_it", in_folder("b/layers/double_it.so"));
    return symlink(in_folder("a/twice.so"), in_folder("b/layers/twice.so"));
}

static int teardown(void **state)
{
    (void)state;
    const char *command = arena_printf(memory, "rm -r %s", folder);
    const int rc = system(command);
    arena_free(memory);
    return rc;
}

static registry *over(const char *first, const char *second)
{
    const char *dirs[2] = { first ? in_folder(first) : NULL, second ? in_folder(second) : NULL };
    return registry_new(first ? second ? 2 : 1 : 0, dirs);
}

static void run_twice(const plugin *p)
{
    const float x[2] = { 1.5f, -2 };
    float y[2];
    p->layer.forward(NULL, &(heft_forward){ .n = 2, .in = (const float *const[]){ x }, .out = y });
    assert_true(y[0] == 3 && y[1] == -4);
}

static void out_of_tree(void **state)
{
    (void)state;
    problems pr = { 0 };
    registry *r = over("a", "b");
    const plugin *flat = registry_find(r, HEFT_LAYER, "twice", here, &pr);
    const plugin *in_kind = registry_find(r, HEFT_LAYER, "double_it", here, &pr);
    assert_int_equal(pr.n, 0);
    assert_non_null(flat);
    assert_non_null(in_kind);
    run_twice(flat);
    run_twice(in_kind);
    assert_string_equal(flat->path, in_folder("a/twice.so"));
    assert_string_equal(in_kind->path, in_folder("b/layers/double_it.so"));
    assert_ptr_equal(registry_find(r, HEFT_LAYER, "twice", here, &pr), flat);

    const plugin *const *used;
    assert_int_equal(registry_used(r, &used), 2);
    assert_ptr_equal(used[0], flat);
    assert_ptr_equal(used[1], in_kind);
    registry_free(r);
}

static void first_directory_wins(void **state)
{
    (void)state;
    registry *r = over("a", "b");
    assert_string_equal(registry_path(r, HEFT_LAYER, "twice"), in_folder("a/twice.so"));
    registry_free(r);
    r = over("b", "a");
    assert_string_equal(registry_path(r, HEFT_LAYER, "twice"), in_folder("b/layers/twice.so"));
    assert_null(registry_path(r, HEFT_INITIALIZER, "double_it"));
    assert_null(registry_path(r, HEFT_LAYER, "../layers/double_it"));
    assert_null(registry_path(r, HEFT_LAYER, ""));
    registry_free(r);
}

static void environment(void **state)
{
    (void)state;
    const char *both = arena_printf(memory, ":%s::%s/", in_folder("b"), in_folder("a"));
    setenv("HEFT_PLUGIN_PATH", both, 1);
    registry *r = over(NULL, NULL);
    assert_string_equal(registry_path(r, HEFT_LAYER, "twice"), in_folder("b/layers/twice.so"));
    registry_free(r);
    r = over("a", NULL);                         /* the experiment's come first */
    assert_string_equal(registry_path(r, HEFT_LAYER, "twice"), in_folder("a/twice.so"));
    registry_free(r);
    unsetenv("HEFT_PLUGIN_PATH");
}

static size_t files_in(registry *r)
{
    const plugin_file *file;
    size_t n = registry_files(r, &file), mine = 0;
    for (size_t i = 0; i < n; i++) mine += !strncmp(file[i].path, folder, strlen(folder));
    return mine;
}

static void named_twice(void **state)
{
    (void)state;
    registry *r = over("a", "a/../a");
    assert_int_equal(files_in(r), 1);
    registry_free(r);
    assert_int_equal(symlink(in_folder("a"), in_folder("link")), 0);
    r = over("link", "a");
    assert_int_equal(files_in(r), 1);
    registry_free(r);
    r = over("a", "b");
    assert_int_equal(files_in(r), 3);
    registry_free(r);
}

static void names(void **state)
{
    (void)state;
    static const char *const junk[] = { "b/layers/.hidden.so", "b/layers/notes.txt", "b/layers/.so", "b/layers/broken.so",
                                        "b/optimizers/other.so" };
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        FILE *f = fopen(in_folder(junk[i]), "w");
        assert_non_null(f);
        fclose(f);
    }
    registry *r = over("a", "b");
    const char *const *name = registry_names(r, HEFT_LAYER);
    assert_string_equal(name[0], "broken");
    assert_string_equal(name[1], "double_it");
    assert_string_equal(name[2], "twice");       /* once, though there are two */
    assert_null(name[3]);
    name = registry_names(r, HEFT_OPTIMIZER);
    assert_string_equal(name[0], "other");
    registry_free(r);
}

static const char *only(const problems *pr)
{
    assert_int_equal(pr->n, 1);
    assert_string_equal(pr->item[0].at.file, here.file);
    assert_int_equal(pr->item[0].at.line, here.line);
    return pr->item[0].text;
}

static void says(const char *said, const char *part)
{
    if (!strstr(said, part)) fail_msg("'%s' does not say '%s'", said, part);
}

static void not_found(void **state)
{
    (void)state;
    problems pr = { 0 };
    registry *r = over("a", "no-such-directory");
    assert_null(registry_find(r, HEFT_LAYER, "twize", here, &pr));
    const char *said = only(&pr);
    says(said, "there is no layer 'twize' (did you mean 'twice'?)");
    says(said, "; searched: ");
    assert_null(strstr(said, "; layers: "));
    says(said, in_folder("a"));
    says(said, arena_printf(memory, "%s (not there)", in_folder("no-such-directory")));
    problems_free(&pr);
    assert_null(registry_find(r, HEFT_LAYER, "something_else", here, &pr));
    says(only(&pr), "; layers: twice");
    problems_free(&pr);
    registry_free(r);

    r = over("b", NULL);
    assert_null(registry_find(r, HEFT_OPTIMIZER, "double_it", here, &pr));
    says(only(&pr), "there is no optimizer 'double_it' (there is a layer of that name); searched: ");
    problems_free(&pr);
    registry_free(r);
}

static void refused(void **state)
{
    (void)state;
    problems pr = { 0 };
    registry *r = over("a", BUILD_DIR);
    assert_null(registry_find(r, HEFT_OPTIMIZER, "twice", here, &pr));
    const char *want = arena_printf(memory, "optimizer 'twice' (%s): expected an optimizer, found a layer",
                                    in_folder("a/twice.so"));
    assert_string_equal(only(&pr), want);
    assert_null(registry_find(r, HEFT_OPTIMIZER, "twice", here, &pr));       /* again, from memory */
    assert_int_equal(pr.n, 2);
    assert_string_equal(pr.item[1].text, want);
    problems_free(&pr);

    const plugin *const *used;
    assert_int_equal(registry_used(r, &used), 0);
    const plugin *p = registry_open(r, 0, in_folder("a/twice.so"), &pr);
    assert_non_null(p);
    assert_ptr_equal(registry_find(r, HEFT_LAYER, "twice", here, &pr), p);
    assert_int_equal(registry_used(r, &used), 1);

    assert_null(registry_open(r, HEFT_INITIALIZER, in_folder("a/twice.so"), &pr));
    assert_int_equal(pr.n, 1);
    assert_string_equal(pr.item[0].at.file, in_folder("a/twice.so"));
    assert_string_equal(pr.item[0].text, "expected an initializer, found a layer");
    problems_free(&pr);
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_tree), cmocka_unit_test(first_directory_wins), cmocka_unit_test(environment),
        cmocka_unit_test(named_twice), cmocka_unit_test(not_found), cmocka_unit_test(refused), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
