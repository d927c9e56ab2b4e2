/* fuzz.h -- what the fuzz targets share
 *
 * A target is fuzz_NAME.c with LLVMFuzzerTestOneInput; corpus/NAME/ holds inputs that reach its corners and all that was ever found.
 * The suite replays them through corpus.c; fuzz.sh builds the targets with clang and looks for more.
 */
#ifndef HEFT_TESTS_FAULT_FUZZ_H
#define HEFT_TESTS_FAULT_FUZZ_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "config/experiment.h"
#include "data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static char fuzz_dir[64];

static inline void fuzz_leave(void)
{
    char line[128];
    snprintf(line, sizeof line, "rm -rf '%s'", fuzz_dir);
    if (system(line)) perror(line);
}

/* A directory of this process, in memory where there is one. */
static inline const char *fuzz_enter(void)
{
    if (*fuzz_dir) return fuzz_dir;
    snprintf(fuzz_dir, sizeof fuzz_dir, "%s/heft-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(fuzz_dir)) abort();
    atexit(fuzz_leave);
    return fuzz_dir;
}

static inline void fuzz_put(const char *name, const uint8_t *bytes, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", fuzz_enter(), name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || close(fd) < 0) abort();
}

/* Refused input is refused with a message that prints. */
static inline void fuzz_print(problems *pr)
{
    static FILE *nowhere;
    if (!nowhere && !(nowhere = fopen("/dev/null", "w"))) abort();
    problems_print(pr, nowhere);
    problems_free(pr);
}

/* Opens the data of a section written in flow style, and reads every sample of it. */
static inline void fuzz_data(const char *section)
{
    char yaml[1024];
    problems pr = { 0 };
    const int n = snprintf(yaml, sizeof yaml, "data: %s\nmodel: [flatten]\nloss: mean_squared_error\noptimizer: sgd\n", section);
    experiment *e = experiment_parse("fuzz.yaml", fuzz_enter(), yaml, (size_t)n, 0, NULL, &pr);
    if (!e || pr.n) abort();
    data *d = data_open(e->data, e->dir, 1, &pr);
    if (!d != (pr.n > 0)) abort();
    if (d) {
        const int64_t count = dataset_count(d->train);
        const size_t in = (size_t)heft_count(&d->input), out = (size_t)heft_count(&d->target);
        float *x = block_alloc(in ? in : 1, sizeof *x), *y = block_alloc(out ? out : 1, sizeof *y);
        for (int64_t i = 0; x && y && i < count && i < 300; i++)
            if (dataset_fetch(d->train, &i, 1, x, y, &pr) < 0) break;
        block_free(x);
        block_free(y);
        data_free(d);
    }
    fuzz_print(&pr);
    experiment_free(e);
}

#endif
