/* directory.c -- a sweep's directory and its trials */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "run/run.h"
#include "sweep/inside.h"

enum { MOST_YAML = 4 << 20 };

bool sweep_is(const char *dir)
{
    arena *a = arena_new();
    const bool is = file_exists(path_join(a, dir, "sweep.yaml"));
    arena_free(a);
    return is;
}

static int take_lock(sweep *w, problems *pr)
{
    const char *path = path_join(w->memory, w->dir, "lock");
    w->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (w->lock_fd < 0) problems_system(pr, path, "cannot be opened", errno);
    else if (flock(w->lock_fd, LOCK_EX | LOCK_NB) == 0) return 0;
    else if (errno == EWOULDBLOCK) problems_add(pr, (place){ w->dir, 0, 0 }, "another process works on the sweep");
    else problems_system(pr, path, "cannot be locked", errno);
    return -1;
}

void sweep_close(sweep *w)
{
    if (w->lock_fd >= 0) close(w->lock_fd);
    w->lock_fd = -1;
}

/* runs/NAME-NNNN, beyond the highest number there. */
static const char *make_numbered(sweep *w, problems *pr)
{
    if (file_mkdirs("runs", pr) < 0) return NULL;
    const char *stem = arena_printf(w->memory, "%s-", w->experiment->name);
    int64_t highest = 0, k;
    DIR *d = opendir("runs");
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, stem, strlen(stem))) continue;
        const char *digits = e->d_name + strlen(stem);
        digits += strspn(digits, "0");
        if (text_int(digits, &k) && k > highest && k < 1000000000) highest = k;
    }
    if (d) closedir(d);
    for (;;) {
        const char *dir = arena_printf(w->memory, "runs/%s%04lld", stem, (long long)++highest);
        if (mkdir(dir, 0777) == 0) return dir;
        if (errno == EEXIST) continue;
        problems_system(pr, dir, "cannot be made a directory", errno);
        return NULL;
    }
}

static int begin(sweep *w, const char *share, problems *pr)
{
    share_find(w, share);
    if (take_lock(w, pr) < 0 || file_mkdirs(path_join(w->memory, w->dir, "trials"), pr) < 0) return -1;
    w->steer = steer_new(w->space, w->sampler, w->epochs ? w->epochs : 1);
    return 0;
}

int sweep_create(sweep *w, const char *dir, const char *share, problems *pr)
{
    if (dir && file_exists(dir)) {
        static const char *const begun[] = { ".", "..", "lock", "trials" };
        DIR *d = opendir(dir);
        char other[256] = "";
        for (struct dirent *e; d && (e = readdir(d));) {
            bool ours = false;
            for (size_t i = 0; i < sizeof begun / sizeof *begun; i++) ours |= !strcmp(e->d_name, begun[i]);
            if (!ours && !strstr(e->d_name, ".tmp")) snprintf(other, sizeof other, "%s", e->d_name);
        }
        if (d) closedir(d);
        if (!d || *other) {
            problems_add(pr, (place){ dir, 0, 0 }, !d ? "a file, where the directory of a new sweep was expected" : sweep_is(dir)
                         ? "holds a sweep already; --resume goes on with it" : "a new sweep wants an empty directory, and this one holds '%s'", other);
            return -1;
        }
    }
    if (dir && file_mkdirs(dir, pr) < 0) return -1;
    w->dir = dir ? arena_strdup(w->memory, dir) : make_numbered(w, pr);
    if (!w->dir || begin(w, share, pr) < 0) return -1;
    text yaml = { 0 };
    experiment_write(w->experiment, &yaml);
    const int rc = file_publish(path_join(w->memory, w->dir, "sweep.yaml"), yaml.s, yaml.n, pr);
    text_free(&yaml);
    return rc;
}

/* The sweep in the directory must be this one. */
static int check_same(const sweep *w, problems *pr)
{
    size_t n;
    const char *path = path_join(w->memory, w->dir, "sweep.yaml");
    char *there = file_read(path, MOST_YAML, &n, pr);
    if (!there) return -1;
    text yaml = { 0 };
    experiment_write(w->experiment, &yaml);
    size_t line = 1, at = 0;
    while (at < n && at < yaml.n && there[at] == yaml.s[at]) line += there[at++] == '\n';
    const bool same = at == n && n == yaml.n;
    if (!same) problems_add(pr, (place){ path, (int)line, 0 }, "holds another sweep than %s: from this line on they differ; "
                            "`heft sweep --resume %s` goes on with what is there", w->experiment->path, w->dir);
    text_free(&yaml);
    block_free(there);
    return same ? 0 : -1;
}

int sweep_open(sweep *w, const char *dir, const char *share, problems *pr)
{
    w->dir = arena_strdup(w->memory, dir);
    if (check_same(w, pr) < 0) return -1;
    return begin(w, share, pr);
}

/* ---- trials ---- */

trial *trial_real(trial *t) { return t->same ? t->same : t; }

static trial *find_trial(const sweep *w, int64_t number)
{
    for (int64_t i = 0; i < w->n_trials; i++)
        if (w->trial[i]->number == number) return w->trial[i];
    return NULL;
}

static void add_trial(sweep *w, trial *t)
{
    if (w->n_trials == w->room) {
        w->room = w->room ? 2 * w->room : 64;
        w->trial = arena_grow(w->memory, w->trial, (size_t)w->n_trials, (size_t)w->room, sizeof *w->trial);
    }
    int64_t at = w->n_trials++;
    for (; at && w->trial[at - 1]->number > t->number; at--) w->trial[at] = w->trial[at - 1];
    w->trial[at] = t;
}

trial *sweep_trial(sweep *w, const job *j, int64_t repeat, problems *pr)
{
    const int64_t number = j->number * w->space->seeds + repeat;
    trial *t = number < w->n_trials && w->trial[number]->number == number ? w->trial[number] : find_trial(w, number);
    if (t) return t;
    experiment *e = sweep_experiment(w, j->point, repeat, pr);
    if (!e) return NULL;
    arena *a = w->memory;
    t = arena_alloc(a, 1, sizeof *t);
    *t = (trial){ .number = number, .point_number = j->number, .point = j->point, .seed = e->seed, .reason = "", .origin = "" };
    experiment_id(e, t->id);
    t->dir = arena_printf(a, "%s/trials/%s", w->dir, t->id);
    for (int64_t i = 0; i < w->n_trials && !t->same; i++)
        if (!strcmp(w->trial[i]->id, t->id)) t->same = trial_real(w->trial[i]);
    int rc = 0;
    const char *path = arena_printf(a, "%s.yaml", t->dir);
    if (!t->same && !file_exists(path)) {
        text yaml = { 0 };
        base_write(e, &yaml);
        rc = file_replace(path, yaml.s, yaml.n, pr);       /* lost, it is made again */
        text_free(&yaml);
    }
    if (rc == 0 && !t->same && w->n_sources && !file_exists(t->dir)) share_take(w, t, e);
    experiment_free(e);
    if (rc < 0) return NULL;
    add_trial(w, t);
    if (!t->same) {
        if (!t->taken) trial_recall(w, t);
        t->origin = share_origin(t, a);
        trial_read(t);
        if (t->state == TRIAL_FINISHED && !trial_epochs(t)) t->state = TRIAL_WAITING;      /* its run was removed */
    }
    return t;
}

/* ---- what a run has come to ---- */

void trial_read(trial *t)
{
    arena *a = arena_new();
    problems none = { 0 };
    const char *path = path_join(a, t->dir, "metrics.h5");
    hdf_file *f = file_exists(path) ? hdf_open_published(path, METRICS_FORMAT, &none) : NULL;
    table *rows = f ? table_read(f, "/epochs", &none) : NULL;
    if (rows) {
        table_free(t->epochs);
        t->epochs = rows;
    }
    hdf_close(f);
    t->saved = t->epochs && run_is_saved(t->dir);
    problems_free(&none);
    arena_free(a);
}

int64_t trial_epochs(const trial *t)
{
    const int c = t->epochs ? table_find(t->epochs, "epoch") : -1;
    return c < 0 || !t->epochs->n_rows ? 0 : (int64_t)table_row(t->epochs, t->epochs->n_rows - 1)[c];
}

double trial_value(const sweep *w, const trial *t, int64_t until, int64_t *at)
{
    *at = 0;
    const int e = t->epochs ? table_find(t->epochs, "epoch") : -1, c = t->epochs ? table_find(t->epochs, w->space->metric) : -1;
    double best = NAN;
    if (e < 0) return NAN;
    if (!until && t->wanted != TO_THE_END) until = t->wanted;
    for (int64_t r = 0; r < t->epochs->n_rows; r++) {
        const double *row = table_row(t->epochs, r);
        if (until && row[e] > (double)until) break;
        *at = (int64_t)row[e];
        const double v = c < 0 || !isfinite(row[c]) ? NAN : row[c];
        const bool better = isnan(best) || (w->space->goal == GOAL_MAXIMIZE ? v > best : v < best);
        if (!w->space->of_best || better) best = v;
    }
    return best;
}

int64_t sweep_points(const sweep *w)
{
    const int64_t wanted = w->space->trials, grid = w->sampler->n_grid;
    return w->space->method != SWEEP_GRID ? wanted : wanted && wanted < grid ? wanted : grid;
}

const trial *sweep_best(const sweep *w)
{
    const trial *best = NULL;
    double top = NAN;
    for (int64_t i = 0; i < w->n_trials; i++) {
        int64_t at;
        const double v = w->trial[i]->state == TRIAL_FAILED ? NAN : trial_value(w, trial_real(w->trial[i]), 0, &at);
        if (isnan(v) || (best && !(w->space->goal == GOAL_MAXIMIZE ? v > top : v < top))) continue;
        best = w->trial[i];
        top = v;
    }
    return best;
}
