/* support.h -- for the tests of the data room: files written by the test, sections from text, problems by their words */
#ifndef TESTS_DATA_SUPPORT_H
#define TESTS_DATA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "data/data.h"

typedef struct scratch { char dir[64]; } scratch;

static scratch here;

static inline int scratch_begin(void **state)
{
    (void)state;
    unsetenv("HEFT_DATA");
    snprintf(here.dir, sizeof here.dir, "/tmp/heft-data-XXXXXX");
    return mkdtemp(here.dir) ? 0 : -1;
}

static inline int scratch_end(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", here.dir);
    return system(command);
}

static inline const char *path_of(const char *name)
{
    static char path[4][256];
    static int turn;
    char *p = path[turn++ & 3];
    snprintf(p, 256, "%s/%s", here.dir, name);
    return p;
}

static inline void write_bytes(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(path_of(name), "wb");
    assert_non_null(f);
    if (n) assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline void write_text(const char *name, const char *s) { write_bytes(name, s, strlen(s)); }

/* What data_open makes of a section; the problems stay in pr. */
static inline data *open_seed(const char *yaml, uint64_t seed, problems *pr)
{
    arena *a = arena_new();
    const node *section = node_parse(a, "test.yaml", yaml, strlen(yaml), pr);
    data *d = section ? data_open(section, here.dir, seed, pr) : NULL;
    arena_free(a);
    return d;
}

static inline data *open_good(const char *yaml)
{
    problems pr = { 0 };
    data *d = open_seed(yaml, 1, &pr);
    if (!d || pr.n) {
        problems_print(&pr, stderr);
        fail_msg("did not open:\n%s", yaml);
    }
    return d;
}

static inline bool problem_says(const problems *pr, const char *words)
{
    for (size_t i = 0; i < pr->n; i++) {
        char at[32] = "", whole[4096];
        if (pr->item[i].at.line) snprintf(at, sizeof at, ":%d:%d", pr->item[i].at.line, pr->item[i].at.column);
        snprintf(whole, sizeof whole, "%s%s: %s", pr->item[i].at.file ? pr->item[i].at.file : "", at, pr->item[i].text);
        if (strstr(whole, words)) return true;
    }
    return false;
}

/* `words` are separated by "|"; each must be in one of the problems. */
static inline void expect_problems(problems *pr, const char *name, const char *words)
{
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", words);
    for (char *save = NULL, *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save)) {
        if (pr->n && problem_says(pr, w)) continue;
        problems_print(pr, stderr);
        fail_msg("%s: no problem says '%s'", name, w);
    }
    problems_free(pr);
}

static inline void refuse(const char *name, const char *yaml, const char *words)
{
    problems pr = { 0 };
    data *d = open_seed(yaml, 1, &pr);
    if (d) fail_msg("%s: opened, though it should say '%s'", name, words);
    expect_problems(&pr, name, words);
}

static inline void fetch_all(dataset *s, int64_t n, float *x, float *y)
{
    problems pr = { 0 };
    assert_int_equal(dataset_count(s), n);
    int64_t *index = malloc((size_t)n * sizeof *index);
    for (int64_t i = 0; i < n; i++) index[i] = i;
    const int rc = dataset_fetch(s, index, n, x, y, &pr);
    free(index);
    if (rc < 0) problems_print(&pr, stderr);
    assert_int_equal(rc, 0);
}

static inline void assert_shape(const heft_shape *s, heft_dtype type, int rank, int64_t a, int64_t b, int64_t c, int64_t limit)
{
    const int64_t want[] = { a, b, c };
    assert_int_equal(s->dtype, type);
    assert_int_equal(s->rank, rank);
    for (int i = 0; i < rank; i++) assert_int_equal(s->dim[i], want[i]);
    if (type == HEFT_I32) assert_int_equal(s->limit, limit);
}

#endif
