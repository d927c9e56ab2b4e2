/* save.c -- files of a run: their names, metrics.h5, what is found again, what is repaired */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "run/inside.h"

/* ---- names ---- */

char *checkpoint_path(arena *a, const char *run_dir, int64_t step)
{
    return arena_printf(a, "%s/checkpoints/step-%09lld.h5", run_dir, (long long)step);
}

char *metrics_path(arena *a, const char *run_dir) { return path_join(a, run_dir, "metrics.h5"); }

int64_t checkpoint_step(const char *name)
{
    int64_t step = 0;
    if (strncmp(name, "step-", 5)) return -1;
    const size_t n = strspn(name + 5, "0123456789");
    if (n < 9 || n > 18 || strcmp(name + 5 + n, ".h5")) return -1;
    for (const char *p = name + 5; *p != '.'; p++) step = 10 * step + (*p - '0');
    return step;
}

static int by_step(const void *a, const void *b)
{
    const int64_t x = checkpoint_step(path_base(*(char *const *)a)), y = checkpoint_step(path_base(*(char *const *)b));
    return (x > y) - (x < y);
}

int run_checkpoints(const char *dir, arena *a, int64_t *n, char ***paths, problems *pr)
{
    const char *folder = path_join(a, dir, "checkpoints");
    DIR *d = opendir(folder);
    *n = 0;
    *paths = arena_alloc(a, 1, sizeof **paths);
    if (!d) {
        if (errno == ENOENT && file_is_dir(dir)) return 0;
        problems_system(pr, folder, "cannot be read", errno);
        return -1;
    }
    int64_t room = 1;
    for (struct dirent *e; (e = readdir(d));) {
        if (checkpoint_step(e->d_name) < 0) continue;
        if (*n == room) *paths = arena_grow(a, *paths, (size_t)*n, (size_t)(room *= 2), sizeof **paths);
        (*paths)[(*n)++] = path_join(a, folder, e->d_name);
    }
    closedir(d);
    qsort(*paths, (size_t)*n, sizeof **paths, by_step);
    return 0;
}

char *run_named(const char *run_dir, const char *which, arena *a, problems *pr)
{
    size_t n = 0;
    char *folder = path_join(a, run_dir, "checkpoints"), *path = path_join(a, folder, which), *out = NULL;
    char *name = file_exists(path) ? file_read(path, 256, &n, pr) : NULL;
    if (name) {
        name[strcspn(name, "\n")] = 0;
        if (checkpoint_step(name) >= 0) out = path_join(a, folder, name);
        if (out && !file_exists(out)) out = NULL;
    }
    block_free(name);
    return out;
}

bool run_is_saved(const char *dir)
{
    problems none = { 0 };
    arena *a = arena_new();
    int64_t n;
    char **path;
    const char *latest = run_named(dir, "latest", a, &none);
    const bool saved = run_checkpoints(dir, a, &n, &path, &none) == 0 && (!n || (latest && !strcmp(latest, path[n - 1])));
    problems_free(&none);
    arena_free(a);
    return saved;
}

bool run_pointer(arena *a, const char *run_dir, const char *which, const char *target, file_part *out)
{
    problems none = { 0 };
    const char *before = run_named(run_dir, which, a, &none);
    problems_free(&none);                        /* one that cannot be read is written anew */
    if (before && !strcmp(path_base(before), path_base(target))) return false;
    const char *line = arena_printf(a, "%s\n", path_base(target));
    *out = (file_part){ arena_printf(a, "%s/checkpoints/%s", run_dir, which), line, strlen(line) };
    return true;
}

int run_point(arena *a, const char *run_dir, const char *which, const char *target, problems *pr)
{
    file_part p;
    return run_pointer(a, run_dir, which, target, &p) ? file_publish(p.path, p.bytes, p.n, pr) : 0;
}

/* ---- metrics.h5 ---- */

int metrics_image(const char *run_dir, const table *epochs, const table *timing, const table *steps,
                  const matrices *m, const char *yaml, hdf_image *out, problems *pr)
{
    const int n = epochs->n_columns, more = timing->n_columns - 1;
    arena *a = arena_new();
    table_column *column = arena_alloc(a, (size_t)(n + more), sizeof *column);
    memcpy(column, epochs->column, (size_t)n * sizeof *column);
    memcpy(column + n, timing->column + 1, (size_t)more * sizeof *column);
    table *joined = table_new(n + more, column);
    for (int64_t r = 0; r < epochs->n_rows; r++) {
        double *row = table_add_row(joined);
        memcpy(row, table_row(epochs, r), (size_t)n * sizeof *row);
        if (r < timing->n_rows) memcpy(row + n, table_row(timing, r) + 1, (size_t)more * sizeof *row);
    }
    hdf_file *f = hdf_create(pr);
    int rc = -1;
    *out = (hdf_image){ 0 };
    if (f && table_write(joined, f, "/epochs", pr) == 0 && table_write(steps, f, "/steps", pr) == 0
        && matrices_write(m, f, "/matrices", pr) == 0
        && hdf_write_text(f, "/experiment", yaml, pr) == 0)
        rc = hdf_complete(f, metrics_path(a, run_dir), out, pr);
    else hdf_discard(f);
    table_free(joined);
    arena_free(a);
    return rc;
}

/* ---- room ---- */

int run_check_space(const char *dir, size_t bytes, problems *pr)
{
    enum { COPIES = 3 };
    struct statvfs v;
    char has[32], wants[32], one[32];
    if (statvfs(dir, &v) < 0) {
        problems_system(pr, dir, "its file system cannot be examined", errno);
        return -1;
    }
    const double there = (double)v.f_bavail * (double)v.f_frsize, wanted = COPIES * (double)bytes;
    if (there >= wanted) return 0;
    text_bytes(there, has);
    text_bytes(wanted, wants);
    text_bytes((double)bytes, one);
    problems_add(pr, (place){ dir, 0, 0 },
                 "%s are free on its disk, and this run wants %s: %d times a checkpoint of %s", has, wants, COPIES,
                 one);
    return -1;
}

int run_ready(run *r, const trainer *t, problems *pr)
{
    const size_t bytes = checkpoint_bytes(t, pr);
    return bytes ? run_check_space(r->dir, bytes, pr) : -1;
}

/* ---- finding ---- */

static bool is_valid(const char *path, problems *pr)
{
    checkpoint *c = checkpoint_open(path, pr);
    checkpoint_close(c);
    return c != NULL;
}

char *run_latest(const char *dir, arena *a, problems *damaged, problems *pr)
{
    int64_t n;
    char **path;
    if (run_checkpoints(dir, a, &n, &path, pr) < 0) return NULL;
    for (int64_t i = n - 1; i >= 0; i--)
        if (is_valid(path[i], damaged)) return path[i];
    if (n)
        problems_add(pr, (place){ dir, 0, 0 },
                     "none of its checkpoints can be read; where they are removed, the run starts anew");
    return NULL;
}

static char *resolve_latest(const char *dir, arena *a, problems *pr)
{
    problems damaged = { 0 };
    char *found = run_latest(dir, a, &damaged, pr);
    const bool good = found && !damaged.n;
    problems_append(pr, &damaged);
    if (found && !good) problems_add(pr, (place){ dir, 0, 0 }, "the newest checkpoint that can be read is %s", found);
    problems_free(&damaged);
    return good ? found : NULL;
}

/* The best checkpoint as c knows it; NULL where it has none, or that one is gone. */
static char *best_known(const char *run_dir, checkpoint *c, arena *a, problems *pr)
{
    double value;
    int64_t step;
    if (hdf_get_real(checkpoint_file(c), "/trainer", "best_value", &value, pr) < 0) return NULL;
    if (hdf_get_int(checkpoint_file(c), "/trainer", "best_step", &step, pr) < 0) return NULL;
    char *path = checkpoint_path(a, run_dir, step);
    return isnan(value) || !file_exists(path) ? NULL : path;
}

/* A loss of power may keep the new name in `best` and lose that of the checkpoint. */
static bool best_dangles(const char *run_dir, arena *a)
{
    problems none = { 0 };
    const bool dangles = !run_named(run_dir, "best", a, &none) && !none.n && file_exists(arena_printf(a, "%s/checkpoints/best", run_dir));
    problems_free(&none);
    return dangles;
}

char *run_resolve(const char *path, arena *a, problems *pr)
{
    if (!file_is_dir(path)) {
        if (file_exists(path)) return arena_strdup(a, path);
        problems_add(pr, (place){ path, 0, 0 }, "there is no such checkpoint or run");
        return NULL;
    }
    if (!file_exists(path_join(a, path, "experiment.yaml"))) {
        problems_add(pr, (place){ path, 0, 0 }, "not a run: there is no experiment.yaml in it");
        return NULL;
    }
    const size_t before = pr->n;
    char *found = run_named(path, "best", a, pr);
    if (!found && pr->n == before && (found = resolve_latest(path, a, pr)) && best_dangles(path, a)) {
        checkpoint *c = checkpoint_open(found, pr);
        char *best = c ? best_known(path, c, a, pr) : NULL;
        if (best) found = best;
        checkpoint_close(c);
    }
    if (!found && pr->n == before) problems_add(pr, (place){ path, 0, 0 }, "the run has no checkpoint yet");
    return found;
}

/* ---- repair ---- */

/* metrics.h5 as it would be behind this checkpoint. */
static int metrics_from(const char *run_dir, checkpoint *c, problems *pr)
{
    static const table_column figures[] = { { "epoch", "", true },
                                            { "seconds", "s", false },
                                            { "samples_per_s", "1/s", false } };
    size_t n;
    int rc = -1;
    table *timing = table_new(3, figures);
    table *epochs = table_read(checkpoint_file(c), "/metrics/epochs", pr),
          *steps = table_read(checkpoint_file(c), "/metrics/steps", pr);
    matrices *m = matrices_read(checkpoint_file(c), "/metrics/matrices", pr);
    if (epochs && steps && m) {
        timing_read(run_dir, epochs, timing);
        hdf_image i;
        arena *a = arena_new();
        if (metrics_image(run_dir, epochs, timing, steps, m, checkpoint_experiment(c, &n), &i, pr) == 0)
            rc = hdf_image_publish(&i, METRICS_FORMAT, metrics_path(a, run_dir), pr);
        arena_free(a);
    }
    matrices_free(m);
    table_free(timing);
    table_free(epochs);
    table_free(steps);
    return rc;
}

static int best_from(const char *run_dir, checkpoint *c, arena *a, problems *pr)
{
    const size_t before = pr->n;
    const char *best = best_known(run_dir, c, a, pr);
    if (pr->n > before) return -1;
    return best ? run_point(a, run_dir, "best", best, pr) : 0;
}

int run_repair(run *r, problems *pr)
{
    problems damaged = { 0 }, none = { 0 };
    arena *a = arena_new();
    const char *newest = run_latest(r->dir, a, &damaged, &none), *latest = run_named(r->dir, "latest", a, &none);
    int rc = 0;
    if (newest && (!latest || strcmp(newest, latest) || best_dangles(r->dir, a))) {
        checkpoint *c = checkpoint_open(newest, pr);
        rc = c && best_from(r->dir, c, a, pr) == 0 && metrics_from(r->dir, c, pr) == 0
            ? run_point(a, r->dir, "latest", newest, pr)
            : -1;
        checkpoint_close(c);
    }
    problems_free(&damaged);
    problems_free(&none);
    arena_free(a);
    return rc;
}
