#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

typedef struct scratch { arena *a; char dir[32]; } scratch;

static int make_scratch(void **state)
{
    scratch *s = calloc(1, sizeof *s);
    strcpy(s->dir, "/tmp/heft-file-XXXXXX");
    s->a = arena_new();
    *state = s;
    return mkdtemp(s->dir) ? 0 : -1;
}

static int drop_scratch(void **state)
{
    scratch *s = *state;
    const int rc = system(arena_printf(s->a, "rm -rf '%s'", s->dir));
    arena_free(s->a);
    free(s);
    return rc;
}

static const char *in(const scratch *s, const char *name) { return path_join(s->a, s->dir, name); }

static size_t entries(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static void expect_content(const char *path, const char *content)
{
    problems pr = { 0 };
    size_t n;
    char *bytes = file_read(path, 1 << 20, &n, &pr);
    assert_non_null(bytes);
    assert_int_equal(n, strlen(content));
    assert_string_equal(bytes, content);
    block_free(bytes);
}

static void expect_problem(problems *pr, const char *path, const char *fact)
{
    if (pr->n != 1 || strcmp(pr->item[0].at.file, path) || strcmp(pr->item[0].text, fact)) {
        problems_print(pr, stderr);
        fail_msg("expected %s: %s", path, fact);
    }
    problems_free(pr);
}

static void publishing_replaces(void **state)
{
    const scratch *s = *state;
    problems pr = { 0 };
    const char *path = in(s, "a");
    assert_int_equal(file_publish(path, "old", 3, &pr), 0);
    expect_content(path, "old");
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(file_publish(path, "newer", 5, &pr), 0);
    expect_content(path, "newer");
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino != after.st_ino);           /* a reader of the old one keeps it whole */
    assert_int_equal(file_publish(path, "", 0, &pr), 0);
    expect_content(path, "");
    assert_int_equal(entries(s->dir), 1);
    assert_int_equal(pr.n, 0);
}

static void publishing_fails_cleanly(void **state)
{
    const scratch *s = *state;
    problems pr = { 0 };
    assert_int_equal(file_publish(in(s, "file"), "x", 1, &pr), 0);
    assert_int_equal(mkdir(in(s, "dir"), 0777), 0);
    const struct { const char *name, *fact; } cases[] = {
        { "dir", "cannot be renamed into place: Is a directory" },
        { "missing/a", "cannot be created: No such file or directory" },
        { "file/a", "cannot be created: Not a directory" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(file_publish(in(s, cases[i].name), "new", 3, &pr), -1);
        expect_problem(&pr, in(s, cases[i].name), cases[i].fact);
    }
    assert_int_equal(entries(s->dir), 2);
    assert_int_equal(entries(in(s, "dir")), 0);
    expect_content(in(s, "file"), "x");
}

/* In a child, whose limit it is. */
#define MISSING "cannot be created: No such file or directory"
#define TAKEN "cannot be renamed into place: Is a directory"

/* Of three files, number `bad` cannot be made (its directory is missing) or cannot take its place (a directory has it). */
static void several_in_their_order(void **state)
{
    scratch *s = *state;
    static const struct { int bad; bool taken; const char *fact; } rows[] = {
        { -1, false, NULL }, { 0, false, MISSING }, { 1, false, MISSING }, { 2, false, MISSING },
        { 0, true, TAKEN }, { 1, true, TAKEN }, { 2, true, TAKEN },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        problems pr = { 0 };
        const char *dir = in(s, arena_printf(s->a, "row%zu", i));
        file_part part[3];
        assert_int_equal(mkdir(dir, 0777), 0);
        for (int k = 0; k < 3; k++) {
            const bool bad = k == rows[i].bad;
            part[k] = (file_part){ path_join(s->a, dir, arena_printf(s->a, "%s%d", bad && !rows[i].taken ? "none/" : "", k)), "new", 3 };
            if (bad && rows[i].taken) assert_int_equal(file_mkdir(part[k].path), 0);
        }
        assert_int_equal(file_publish_all(3, (int)i % 4, part, &pr), rows[i].bad < 0 ? 0 : -1);
        const int placed = rows[i].bad < 0 ? 3 : rows[i].taken ? rows[i].bad : 0;
        if (rows[i].bad >= 0) expect_problem(&pr, part[rows[i].bad].path, rows[i].fact);
        for (int k = 0; k < placed; k++) expect_content(part[k].path, "new");
        assert_int_equal(entries(dir), placed + rows[i].taken);              /* nothing aside, nothing behind the bad one */
        problems_free(&pr);
    }
}

static void a_full_disk_keeps_the_old_file(void **state)
{
    const scratch *s = *state;
    problems pr = { 0 };
    const char *path = in(s, "a");
    assert_int_equal(file_publish(path, "old", 3, &pr), 0);
    const pid_t child = fork();
    if (!child) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 100000, 100000 });
        char *big = block_alloc(1 << 20, 1);
        const int rc = big ? file_publish(path, big, 1 << 20, &pr) : 0;
        _exit(rc == -1 && pr.n == 1 && !strcmp(pr.item[0].text, "cannot be written: File too large") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    expect_content(path, "old");
    assert_int_equal(entries(s->dir), 1);
}

static void reading(void **state)
{
    const scratch *s = *state;
    problems pr = { 0 };
    size_t n = 99;
    const char *path = in(s, "a");
    assert_int_equal(file_publish(path, "12\0" "45", 5, &pr), 0);
    char *bytes = file_read(path, 5, &n, &pr);
    assert_non_null(bytes);
    assert_int_equal(n, 5);
    assert_memory_equal(bytes, "12\0" "45\0", 6);
    block_free(bytes);
    assert_null(file_read(path, 4, &n, &pr));
    expect_problem(&pr, path, "5 bytes; at most 4 are read");
    assert_null(file_read(in(s, "b"), 4, &n, &pr));
    expect_problem(&pr, in(s, "b"), "cannot be opened: No such file or directory");
    assert_null(file_read(s->dir, 1 << 20, &n, &pr));
    expect_problem(&pr, s->dir, "not a regular file");
    assert_null(file_read("/dev/zero", 1 << 20, &n, &pr));
    expect_problem(&pr, "/dev/zero", "not a regular file");
}

/* Opening a fifo would wait for a writer that never comes. */
static void a_fifo_does_not_hang(void **state)
{
    const scratch *s = *state;
    problems pr = { 0 };
    size_t n;
    assert_int_equal(mkfifo(in(s, "fifo"), 0600), 0);
    alarm(10);
    assert_null(file_read(in(s, "fifo"), 1 << 20, &n, &pr));
    alarm(0);
    expect_problem(&pr, in(s, "fifo"), "not a regular file");
}

static void directories(void **state)
{
    const scratch *s = *state;
    problems pr = { 0 };
    assert_int_equal(file_mkdirs(in(s, "a/b//c/"), &pr), 0);
    assert_true(file_is_dir(in(s, "a/b/c")));
    assert_int_equal(file_mkdirs(in(s, "a/b/c"), &pr), 0);
    assert_int_equal(file_publish(in(s, "a/file"), "x", 1, &pr), 0);
    assert_true(file_exists(in(s, "a/file")));
    assert_false(file_is_dir(in(s, "a/file")));
    assert_false(file_exists(in(s, "a/none")));
    assert_int_equal(pr.n, 0);
    assert_int_equal(file_mkdirs(in(s, "a/file"), &pr), -1);
    expect_problem(&pr, in(s, "a/file"), "not a directory");
    assert_int_equal(file_mkdirs(in(s, "a/file/b"), &pr), -1);
    expect_problem(&pr, in(s, "a/file/b"), "cannot be made a directory: Not a directory");
}

static void paths(void **state)
{
    arena *a = ((scratch *)*state)->a;
    static const struct { const char *path, *dir, *base; } parts[] = {
        { "a", ".", "a" }, { "a/b", "a", "b" }, { "/a", "/", "a" }, { "/a/b.c", "/a", "b.c" }, { "/", "/", "" }, { "a/", "a", "" },
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_string_equal(path_dir(a, parts[i].path), parts[i].dir);
        assert_string_equal(path_base(parts[i].path), parts[i].base);
    }
    static const struct { const char *dir, *name, *whole; } joins[] = {
        { "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "/", "b", "/b" }, { "a", "/b", "/b" }, { "", "b", "b" }, { NULL, "b", "b" },
        { ".", "b", "./b" },
    };
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++)
        assert_string_equal(path_join(a, joins[i].dir, joins[i].name), joins[i].whole);
    static const struct { const char *path, *whole; } absolute[] = {
        { "/a/b", "/a/b" }, { "/", "/" }, { "//a///b/", "/a/b" }, { "/a/./b/.", "/a/b" }, { "/a/../b", "/b" }, { "/../..", "/" },
        { "/a/b/../../c", "/c" }, { "/..a/b..", "/..a/b.." }, { "/a/...", "/a/..." }, { "/a/b/..", "/a" },
    };
    for (size_t i = 0; i < sizeof absolute / sizeof *absolute; i++)
        assert_string_equal(path_absolute(a, absolute[i].path), absolute[i].whole);
    char *cwd = getcwd(NULL, 0);
    assert_string_equal(path_absolute(a, "x/../y"), path_absolute(a, path_join(a, cwd, "y")));
    assert_string_equal(path_absolute(a, "."), cwd);
    free(cwd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(publishing_replaces, make_scratch, drop_scratch),
        cmocka_unit_test_setup_teardown(publishing_fails_cleanly, make_scratch, drop_scratch),
        cmocka_unit_test_setup_teardown(a_full_disk_keeps_the_old_file, make_scratch, drop_scratch),
        cmocka_unit_test_setup_teardown(several_in_their_order, make_scratch, drop_scratch),
        cmocka_unit_test_setup_teardown(reading, make_scratch, drop_scratch),
        cmocka_unit_test_setup_teardown(a_fifo_does_not_hang, make_scratch, drop_scratch),
        cmocka_unit_test_setup_teardown(directories, make_scratch, drop_scratch),
        cmocka_unit_test_setup_teardown(paths, make_scratch, drop_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
