/* Every way a file can be refused, each by its own message, and that the process outlives them all. */
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
#include "plugin/load.h"

enum { SOON_MS = 300 };

/* ThreadSanitizer takes an exit while a library is being loaded for a fault of its own. */
#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define EXITS "66"
#endif
#endif
#ifndef EXITS
#define EXITS "3"
#endif

static arena *memory;
static char   folder[] = "/tmp/heft-loader-XXXXXX";

static int setup(void **state)
{
    (void)state;
    memory = arena_new();
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(memory);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static const char *bad(const char *name) { return arena_printf(memory, "%s/tests/bad/%s.so", BUILD_DIR, name); }

static const char *write_file(const char *name, const void *bytes, size_t n)
{
    const char *path = path_join(memory, folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* Refused as the path's only problem, whose text holds what is said. */
static void refuses(heft_kind kind, const char *path, int limit_ms, const char *says)
{
    problems pr = { 0 };
    const plugin *p = plugin_load(memory, kind, path, limit_ms, &pr);
    if (p || pr.n != 1 || !strstr(pr.item[0].text, says) || strchr(pr.item[0].text, '\n')
        || strcmp(pr.item[0].at.file, path))
        fail_msg("%s: %s: '%s' instead of '%s'", path, p ? "accepted" : "refused", pr.n ? pr.item[0].text : "", says);
    problems_free(&pr);
}

static const plugin *accepts(heft_kind kind, const char *path)
{
    problems pr = { 0 };
    const plugin *p = plugin_load(memory, kind, path, PROBE_LIMIT_MS, &pr);
    if (!p) fail_msg("%s: %s", path, pr.n ? pr.item[0].text : "no reason");
    return p;
}

static void descriptors(void **state)
{
    (void)state;
    static const struct { const char *file; heft_kind kind; const char *says; } cases[] = {
        { "no_symbol", HEFT_LAYER, "not a heft plugin: it exports no symbol heft_plugin" },
        { "function_symbol", HEFT_LAYER, "not a heft plugin: its symbol heft_plugin is no constant" },
        { "small_symbol", HEFT_LAYER, "not a heft plugin: its symbol heft_plugin has 4 bytes" },
        { "wrong_magic", HEFT_LAYER, "magic is 0x12345678, expected 0x68656674" },
        { "wrong_abi", HEFT_LAYER, "built for plugin abi 2, this program has abi 1" },
        { "wrong_kind", HEFT_LAYER, "expected a layer, found an optimizer" },
        { "sound", HEFT_OPTIMIZER, "expected an optimizer, found a layer" },
        { "unknown_kind", 0, "kind is 9, expected 1 (layer), 2 (optimizer) or 3 (initializer)" },
        { "short_size", HEFT_LAYER, "a layer has at least" },
        { "size_beyond", HEFT_LAYER, "size is 100000, but the descriptor has" },
        { "tail", HEFT_LAYER, "is not zero" },
        { "name_mismatch", HEFT_LAYER, "its name is 'another', the file's is 'name_mismatch'" },
        { "no_name", HEFT_LAYER, "its name is '', the file's is 'no_name'" },
        { "no_doc", HEFT_LAYER, "doc is empty" },
        { "long_doc", HEFT_LAYER, "doc has several lines" },
        { "default_range", HEFT_LAYER, "units" },
        { "no_plan", HEFT_LAYER, "a layer without plan" },
        { "no_forward", HEFT_LAYER, "a layer without forward" },
        { "survey_back", HEFT_LAYER, "survey_back without survey" },
        { "gradient", HEFT_LAYER, "gradient without a weight in gradient_of" },
        { "unread", HEFT_LAYER, "unread is 0x4, expected HEFT_UNREAD_IN (0x1)" },
        { "recomputable", HEFT_LAYER, "recomputable is 2, expected 0 or 1" },
        { "gradient_of", HEFT_LAYER, "gradient_of is 0x1, but there is no gradient" },
        { "too_few_inputs", HEFT_LAYER, "min_in is 2 and max_in 1, expected 1 <= min_in <= max_in <= 16" },
        { "too_many_inputs", HEFT_LAYER, "min_in is 1 and max_in 17" },
        { "step_and_iterate", HEFT_OPTIMIZER, "both step and iterate" },
        { "no_step", HEFT_OPTIMIZER, "neither step nor iterate" },
        { "no_lr", HEFT_OPTIMIZER, "default_lr is 0, expected a finite number above 0" },
        { "infinite_lr", HEFT_OPTIMIZER, "default_lr is inf" },
        { "no_fill", HEFT_INITIALIZER, "an initializer without fill" },
        { "unresolved", HEFT_LAYER, "cannot be loaded: undefined symbol: defined_nowhere" },
        { "aborts", HEFT_LAYER, "loading it kills the process with SIGABRT (a constructor aborts)" },
        { "bus_error", HEFT_LAYER, "loading it kills the process with SIGBUS (the file may be damaged)" },
        { "wild_pointer", HEFT_LAYER, "loading it kills the process with SIGSEGV" },
        { "exits", HEFT_LAYER, "loading it ends the process with status " EXITS },
#ifdef __SSE__
        { "flushes_subnormals", HEFT_LAYER, "switches subnormal numbers off" },
#endif
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses(cases[i].kind, bad(cases[i].file), PROBE_LIMIT_MS, cases[i].says);
}

/* The default must be named with the range it is outside of. */
static void option_table_message(void **state)
{
    (void)state;
    problems pr = { 0 };
    assert_null(plugin_load(memory, HEFT_LAYER, bad("default_range"), PROBE_LIMIT_MS, &pr));
    assert_non_null(strstr(pr.item[0].text, "7"));
    assert_non_null(strstr(pr.item[0].text, "5"));
    problems_free(&pr);
}

static void sizes(void **state)
{
    (void)state;
    const plugin *p = accepts(HEFT_LAYER, bad("sound"));
    assert_non_null(p->layer.backward);
    assert_int_equal(p->kind, HEFT_LAYER);
    assert_string_equal(p->name, "sound");
    assert_string_equal(p->path, bad("sound"));
    char hex[DIGEST_HEX];
    problems pr = { 0 };
    assert_int_equal(digest_file(p->path, hex, &pr), 0);
    assert_string_equal(p->digest, hex);

    p = accepts(0, bad("older"));
    assert_non_null(p->layer.forward);
    assert_null(p->layer.backward);              /* beyond what its size says, though it is there */
    p = accepts(HEFT_LAYER, bad("newer"));
    assert_non_null(p->layer.forward);
}

static void hanging(void **state)
{
    (void)state;
    refuses(HEFT_LAYER, bad("hangs"), SOON_MS, "did not end within 0.3 s");        /* asleep: by the clock */
    refuses(HEFT_LAYER, bad("spins"), SOON_MS, "did not end within 0.3 s");        /* by its processor time */
}

/* Whatever is missing at the end, the process lives and the message says so. */
static void truncated(void **state)
{
    (void)state;
    problems pr = { 0 };
    size_t n;
    char *whole = file_read(bad("sound"), 1 << 24, &n, &pr);
    assert_non_null(whole);
    for (int i = 0; i < 16; i++) {
        const size_t kept = i == 0 ? n - 1 : i == 15 ? 100 : n - n * (size_t)i / 16;
        const char *path = write_file(arena_printf(memory, "cut%d.so", i), whole, kept);
        refuses(HEFT_LAYER, path, PROBE_LIMIT_MS, "truncated: ");
    }
    static const size_t heads[] = { 0, 1, 4, 30, 63 };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const char *path = write_file(arena_printf(memory, "head%zu.so", heads[i]), whole, heads[i]);
        refuses(HEFT_LAYER, path, PROBE_LIMIT_MS, "not a shared object");
    }
    block_free(whole);
}

/* One bit of the file wrong at many places: any verdict but the end of this process. */
static void damaged(void **state)
{
    (void)state;
    problems pr = { 0 };
    size_t n;
    char *whole = file_read(bad("sound"), 1 << 24, &n, &pr);
    assert_non_null(whole);
    int refused = 0;
    for (int i = 0; i < 60; i++) {
        const size_t at = i < 30 ? (size_t)i * 20 : (size_t)i * (n / 60);
        whole[at] ^= 0x40;
        const char *path = write_file(arena_printf(memory, "bit%d.so", i), whole, n);
        whole[at] ^= 0x40;
        /* In the child alone: a damaged file that passes is not wanted in this process. */
        problems said = { 0 };
        if (elf_check(path, &said) < 0 || probe(0, path, SOON_MS, &said) < 0) {
            assert_true(said.n > 0);
            refused++;
        }
        problems_free(&said);
    }
    assert_true(refused > 5);
    block_free(whole);
}

static void other_files(void **state)
{
    (void)state;
    refuses(HEFT_LAYER, write_file("text.so", "int main(void) { return 0; }\n", 29), PROBE_LIMIT_MS,
            "not a shared object: 29 bytes that do not begin with an ELF header");
    const char *dir = path_join(memory, folder, "directory.so");
    assert_int_equal(mkdir(dir, 0777), 0);
    refuses(HEFT_LAYER, dir, PROBE_LIMIT_MS, "a directory, not a regular file");
    const char *fifo = path_join(memory, folder, "fifo.so");
    assert_int_equal(mkfifo(fifo, 0666), 0);
    refuses(HEFT_LAYER, fifo, PROBE_LIMIT_MS, "not a regular file");
    refuses(HEFT_LAYER, path_join(memory, folder, "absent.so"), PROBE_LIMIT_MS, "cannot be opened: No such file");

    problems pr = { 0 };
    size_t n;
    char *whole = file_read(bad("sound"), 1 << 24, &n, &pr);
    assert_non_null(whole);
    whole[18] = 40, whole[19] = 0;               /* e_machine: EM_ARM */
    refuses(HEFT_LAYER, write_file("machine.so", whole, n), PROBE_LIMIT_MS,
            "built for 32-bit ARM (40), this program is for");
    block_free(whole);
    const char *object = file_read("/proc/self/exe", 1 << 28, &n, &pr);
    assert_non_null(object);
    ((char *)object)[16] = 1;                    /* e_type: ET_REL */
    refuses(HEFT_LAYER, write_file("object.so", object, n), PROBE_LIMIT_MS, "ELF type 1, not a shared object (3)");
    block_free((char *)object);
}

static void unreadable(void **state)
{
    (void)state;
    const char *path = write_file("secret.so", "x", 1);
    assert_int_equal(chmod(path, 0), 0);
    const bool root = geteuid() == 0;
    if (root) {
        assert_int_equal(chmod(folder, 0755), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    problems pr = { 0 };
    const plugin *p = plugin_load(memory, HEFT_LAYER, path, PROBE_LIMIT_MS, &pr);
    if (root) assert_int_equal(seteuid(0), 0);
    assert_null(p);
    assert_int_equal(pr.n, 1);
    assert_string_equal(pr.item[0].text, "cannot be opened: Permission denied");
    problems_free(&pr);
}

/* The child's output, its death and its files are its own. */
static void child_leaves_nothing(void **state)
{
    (void)state;
    char said[256] = "";
    FILE *out = tmpfile();
    assert_non_null(out);
    fflush(stdout);
    const int kept = dup(1);
    assert_true(dup2(fileno(out), 1) == 1);
    problems pr = { 0 };
    FILE *log = tmpfile();
    assert_non_null(log);
    fprintf(log, "logged");
    printf("half a line");
    probe(0, bad("exits"), PROBE_LIMIT_MS, &pr);
    fflush(stdout);
    dup2(kept, 1);
    close(kept);
    rewind(out);
    assert_non_null(fgets(said, sizeof said, out));
    fclose(out);
    /* Once each: exit() in the child wrote its copies of the buffers to nowhere. */
    assert_string_equal(said, "half a line");
    fflush(log);
    assert_int_equal(ftell(log), 6);
    rewind(log);
    assert_non_null(fgets(said, sizeof said, log));
    assert_string_equal(said, "logged");
    fclose(log);
    problems_free(&pr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors), cmocka_unit_test(option_table_message), cmocka_unit_test(sizes),
        cmocka_unit_test(hanging), cmocka_unit_test(truncated), cmocka_unit_test(damaged),
        cmocka_unit_test(other_files), cmocka_unit_test(unreadable), cmocka_unit_test(child_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
