/* scratch.h -- what the tests of this room share: a directory, problems expected, a count of what HDF5 has open */
#ifndef HEFT_TESTS_HDF_SCRATCH_H
#define HEFT_TESTS_HDF_SCRATCH_H

#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <dirent.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "hdf/hdf.h"
#include "hdf/table.h"

/* HDF5's own count of what is open; its headers belong to the hdf room. */
extern ssize_t H5Fget_obj_count(int64_t file, unsigned types);

enum { EVERYTHING = 0x1f };          /* H5F_OBJ_ALL of H5Fpublic.h: all files, all types */

#define FORMAT "heft-test 2"
#define GOLDEN SOURCE_DIR "/tests/golden/"

static char dir[] = "/tmp/heft-hdf-XXXXXX";

static char *in_dir(const char *name)
{
    static char path[8][512];
    static int next;
    char *p = path[next++ % 8];
    snprintf(p, 512, "%s/%s", dir, name);
    return p;
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));) remove(in_dir(e->d_name));
    closedir(d);
    return rmdir(dir);
}

/* After every test: nothing is left open in HDF5. */
static int nothing_open(void **state)
{
    (void)state;
    const ssize_t open = H5Fget_obj_count(EVERYTHING, EVERYTHING);
    if (open) fprintf(stderr, "%zd HDF5 objects are left open\n", open);
    return open ? -1 : 0;
}

/* The problems hold `part`; print them all if not.  Frees them. */
static void expect_problem(problems *pr, const char *name, const char *part)
{
    for (size_t i = 0; i < pr->n; i++) {
        char line[2048];
        snprintf(line, sizeof line, "%s: %s", pr->item[i].at.file ? pr->item[i].at.file : "", pr->item[i].text);
        if (strstr(line, part)) {
            assert_null(strchr(pr->item[i].text, '\n'));
            problems_free(pr);
            return;
        }
    }
    problems_print(pr, stderr);
    fail_msg("%s: no problem with '%s' among %zu", name, part, pr->n);
}

static void expect_none(problems *pr, const char *name)
{
    if (!pr->n) return;
    problems_print(pr, stderr);
    fail_msg("%s: %zu problems", name, pr->n);
}

#define TEST(f) cmocka_unit_test_teardown(f, nothing_open)

#endif
