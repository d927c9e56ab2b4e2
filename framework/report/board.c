#include "report/board.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "plugin/registry.h"
#include "run/run.h"
#include "sweep/sweep.h"

const char *run_setting(const board_run *r, const char *path) { return settings_get(&r->settings, path); }

/* ---- reading ---- */

static table *read_epochs(board *b, const char *dir, problems *pr)
{
    const char *path = path_join(b->memory, dir, "metrics.h5");
    hdf_file *f = file_exists(path) ? hdf_open_published(path, METRICS_FORMAT, pr) : NULL;
    table *t = f ? table_read(f, "/epochs", pr) : NULL;
    hdf_close(f);
    return t;
}

/* yaml: its experiment.  A damaged run is named and passed over. */
static void add_run(board *b, const char *dir, const char *yaml, const char *state, const char *reason)
{
    problems own = { 0 };
    const node *root = node_load(b->memory, yaml, &own);
    if (root) {
        if (b->n == b->room) {
            b->room = b->room ? 2 * b->room : 64;
            b->run = arena_grow(b->memory, b->run, b->n, b->room, sizeof *b->run);
        }
        board_run *r = &b->run[b->n++];
        *r = (board_run){ .name = path_base(dir), .dir = dir, .state = state, .reason = reason, .value = NAN,
                          .settings = settings_of(root, b->memory) };
        r->epochs = read_epochs(b, dir, &own);
    }
    problems_print(&own, stderr);
    problems_free(&own);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* Runs in dir and, if depth allows, below it. */
static void add_folder(board *b, const char *dir, int depth)
{
    const char *yaml = path_join(b->memory, dir, "experiment.yaml");
    if (file_exists(yaml)) {
        add_run(b, dir, yaml, "", "");
        return;
    }
    struct dirent **list;
    const int n = depth ? scandir(dir, &list, NULL, by_name) : -1;
    for (int i = 0; i < n; i++) {
        const char *below = path_join(b->memory, dir, list[i]->d_name);
        if (list[i]->d_name[0] != '.' && file_is_dir(below)) add_folder(b, below, depth - 1);
        free(list[i]);
    }
    if (n >= 0) free(list);
}

static int add_sweep(board *b, const char *dir, problems *pr)
{
    hdf_file *f = hdf_open_published(path_join(b->memory, dir, "sweep.h5"), SWEEP_FORMAT, pr);
    int64_t n = 0, n_state = 0, n_reason = 0;
    char **id, **state, **reason, *goal, *of;
    int rc = -1;
    if (f && hdf_read_texts(f, "/run", b->memory, &n, &id, pr) == 0 && hdf_read_texts(f, "/state", b->memory, &n_state, &state, pr) == 0 &&
        hdf_read_texts(f, "/reason", b->memory, &n_reason, &reason, pr) == 0 && n == n_state && n == n_reason &&
        (goal = hdf_get_text(f, "/trials", "goal", b->memory, pr)) && (of = hdf_get_text(f, "/trials", "of", b->memory, pr))) {
        char *metric = hdf_get_text(f, "/trials", "metric", b->memory, pr);
        if (!b->metric) b->metric = metric;
        if (metric && !strcmp(metric, b->metric)) b->maximize = !strcmp(goal, "maximize"), b->of_best = !strcmp(of, "best");
        for (int64_t i = 0; i < n; i++) {
            const char *of_trial = arena_printf(b->memory, "%s/trials/%s", dir, id[i]);
            add_run(b, of_trial, arena_printf(b->memory, "%s.yaml", of_trial), state[i], reason[i]);
        }
        rc = 0;
    }
    hdf_close(f);
    return rc;
}

/* Which way is better: the metric's plugin knows. */
static bool goal_of(const char *metric)
{
    const char *bare = !strncmp(metric, "val_", 4) ? metric + 4 : !strncmp(metric, "test_", 5) ? metric + 5 : metric;
    problems none = { 0 };
    registry *r = registry_new(0, NULL);
    const plugin *p = strcmp(bare, "loss") ? registry_find(r, HEFT_LAYER, bare, (place){ 0 }, &none) : NULL;
    const bool maximize = p && p->layer.goal == HEFT_MAXIMIZE;
    registry_free(r);
    problems_free(&none);
    return maximize;
}

static bool has_metric(const board *b, const char *name)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->run[i].epochs && table_find(b->run[i].epochs, name) >= 0) return true;
    return false;
}

double run_metric(const board *b, const board_run *r, const char *name)
{
    const int c = r->epochs ? table_find(r->epochs, name) : -1;
    double best = NAN;
    for (int64_t i = 0; c >= 0 && i < r->epochs->n_rows; i++) {
        const double v = table_row(r->epochs, i)[c];
        const bool better = isnan(best) || (b->maximize ? v > best : v < best);
        if (!b->of_best || strcmp(name, b->metric) || better) best = v;
    }
    return best;
}

static int set_values(board *b, bool given, problems *pr)
{
    if (!b->metric) b->metric = has_metric(b, "val_loss") ? "val_loss" : "loss";
    if (given && b->n && !has_metric(b, b->metric)) {
        problems_add(pr, (place){ 0 }, "no run has the metric '%s'", b->metric);
        return -1;
    }
    for (size_t i = 0; i < b->n; i++) {
        board_run *r = &b->run[i];
        const int e = r->epochs ? table_find(r->epochs, "epoch") : -1;
        if (e >= 0 && r->epochs->n_rows) r->n_epochs = (int64_t)table_row(r->epochs, r->epochs->n_rows - 1)[e];
        r->value = strcmp(r->state, "failed") ? run_metric(b, r, b->metric) : NAN;
    }
    return 0;
}

board *board_read(const char *dir, const char *metric, problems *pr)
{
    arena *a = arena_new();
    board *b = arena_alloc(a, 1, sizeof *b);
    *b = (board){ .memory = a, .metric = metric ? arena_strdup(a, metric) : NULL };
    const char *given = dir;
    size_t end = strlen(dir);
    while (end > 1 && dir[end - 1] == '/') end--;                    /* names are what stands behind the last slash */
    dir = arena_strndup(a, dir, end);
    const bool is_sweep = file_exists(path_join(a, dir, "sweep.h5"));
    bool good = file_is_dir(dir);
    if (!good) problems_add(pr, (place){ given, 0, 0 }, "there is no such directory");
    else if (is_sweep) good = add_sweep(b, dir, pr) == 0;
    else {
        add_folder(b, dir, 3);
        if (!(good = b->n > 0)) problems_add(pr, (place){ given, 0, 0 }, "there is no run in it (a folder with an experiment.yaml)");
    }
    if (good && (!is_sweep || metric)) {
        if (!b->metric) b->metric = has_metric(b, "val_loss") ? "val_loss" : "loss";
        if (!is_sweep) b->maximize = goal_of(b->metric);
    }
    if (good && set_values(b, metric != NULL, pr) == 0) return b;
    board_free(b);
    return NULL;
}

void board_free(board *b)
{
    if (!b) return;
    for (size_t i = 0; i < b->n; i++) table_free(b->run[i].epochs);
    arena_free(b->memory);
}

/* ---- filters ---- */

static bool holds(const board *b, const board_run *r, const char *path, const char *how, const char *value)
{
    const char *s = run_setting(r, path);
    double x = s ? NAN : run_metric(b, r, path), y;
    const bool numbers = (s ? text_real(s, &x) : !isnan(x)) && text_real(value, &y);
    if (!strcmp(how, "=")) return numbers ? x == y : s && !strcmp(s, value);
    if (!strcmp(how, "!=")) return numbers ? x != y : s && strcmp(s, value);
    if (!numbers) return false;
    return how[0] == '<' ? (how[1] ? x <= y : x < y) : how[1] ? x >= y : x > y;
}

static int filter_one(board *b, char *word, problems *pr)
{
    const size_t n = strcspn(word, "=<>!");
    const char *found = word + n, *how = NULL;
    static const char *const relations[] = { "!=", "<=", ">=", "=", "<", ">" };
    for (int i = 5; i >= 0; i--)
        if (!strncmp(found, relations[i], strlen(relations[i]))) how = relations[i];
    const char *path = arena_strndup(b->memory, word, n);
    bool known = n && how && has_metric(b, path);
    for (size_t i = 0; i < b->n && n; i++) known |= run_setting(&b->run[i], path) != NULL;
    if (!how || !known) {
        problems_add(pr, (place){ 0 }, how ? "--filter %s: no run has such a setting or metric" :
                     "--filter %s: expected path=value, or with != < <= > >=", word);
        return -1;
    }
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (holds(b, &b->run[i], path, how, found + strlen(how))) b->run[kept++] = b->run[i];
        else table_free(b->run[i].epochs);
    }
    b->n = kept;
    return 0;
}

int board_filter(board *b, const char *conditions, problems *pr)
{
    char *copy = arena_strdup(b->memory, conditions), *save = NULL;
    for (char *c = strtok_r(copy, ",", &save); c; c = strtok_r(NULL, ",", &save))
        if (filter_one(b, c + strspn(c, " "), pr) < 0) return -1;
    return 0;
}
