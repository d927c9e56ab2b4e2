#include "report/board.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
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

/* A run that was taken from another sweep may have gone further than it counts here. */
static void cut_epochs(table *t, int64_t most)
{
    const int c = t ? table_find(t, "epoch") : -1;
    while (c >= 0 && t->n_rows && table_row(t, t->n_rows - 1)[c] > (double)most) t->n_rows--;
}

/* yaml: its experiment; known: what a sweep's table says of it.  A damaged run is named and passed over. */
static void add_run(board *b, const char *dir, const char *yaml, board_run known)
{
    problems own = { 0 };
    const node *root = node_load(b->memory, yaml, &own);
    if (root) {
        if (b->n == b->room) {
            b->room = b->room ? 2 * b->room : 64;
            b->run = arena_grow(b->memory, b->run, b->n, b->room, sizeof *b->run);
        }
        board_run *r = &b->run[b->n++];
        *r = (board_run){ .name = path_base(dir), .dir = dir, .state = known.state, .reason = known.reason, .origin = known.origin, .value = NAN,
                          .settings = settings_of(root, b->memory) };
        r->epochs = read_epochs(b, dir, &own);
        if (known.n_epochs) cut_epochs(r->epochs, known.n_epochs);
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
        add_run(b, dir, yaml, (board_run){ .state = "", .reason = "", .origin = "" });
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
    int64_t n = 0, n_state = 0, n_reason = 0, n_origin = 0;
    char **id, **state, **reason, **origin, *goal, *of;
    table *rows = NULL;
    int rc = -1;
    if (f && hdf_read_texts(f, "/run", b->memory, &n, &id, pr) == 0 && hdf_read_texts(f, "/state", b->memory, &n_state, &state, pr) == 0 &&
        hdf_read_texts(f, "/reason", b->memory, &n_reason, &reason, pr) == 0 && hdf_read_texts(f, "/origin", b->memory, &n_origin, &origin, pr) == 0 &&
        (rows = table_read(f, "/trials", pr)) && n == n_state && n == n_reason && n == n_origin && n == rows->n_rows &&
        (goal = hdf_get_text(f, "/trials", "goal", b->memory, pr)) && (of = hdf_get_text(f, "/trials", "of", b->memory, pr))) {
        char *metric = hdf_get_text(f, "/trials", "metric", b->memory, pr);
        if (!b->metric) b->metric = metric;
        if (metric && !strcmp(metric, b->metric)) b->maximize = !strcmp(goal, "maximize"), b->of_best = !strcmp(of, "best");
        for (int64_t i = 0; i < n; i++) {
            const char *of_trial = arena_printf(b->memory, "%s/trials/%s", dir, id[i]);
            const int epochs = table_find(rows, "epochs");
            const bool over = !strcmp(state[i], "finished") || !strcmp(state[i], "stopped");
            add_run(b, of_trial, arena_printf(b->memory, "%s.yaml", of_trial), (board_run){ .state = state[i], .reason = reason[i], .origin = origin[i],
                    .n_epochs = over && epochs >= 0 ? (int64_t)table_row(rows, i)[epochs] : 0 });
        }
        rc = 0;
    }
    table_free(rows);
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

/* ---- names ---- */

typedef struct names { arena *memory; size_t n, room; const char **name; } names;

static void add_name(names *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->name[i], name)) return;
    if (s->n + 1 >= s->room) s->name = arena_grow(s->memory, s->name, s->n, s->room = s->room ? 2 * s->room : 64, sizeof *s->name);
    s->name[s->n++] = name;
    s->name[s->n] = NULL;
}

static bool ends_with(const char *path, const char *end)
{
    const size_t n = strlen(path), m = strlen(end);
    return n > m && path[n - m - 1] == '.' && !strcmp(path + n - m, end);
}

const char *board_name(board *b, const char *word, const char *what_for, problems *pr)
{
    names all = { .memory = b->memory }, last = all, ends = all, differ = all;
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->run[i].settings.n; k++) add_name(&all, b->run[i].settings.item[k].path);
    const size_t n_settings = all.n;
    for (size_t i = 0; i < b->n; i++)
        for (int k = 0; b->run[i].epochs && k < b->run[i].epochs->n_columns; k++) add_name(&all, b->run[i].epochs->column[k].name);
    const char *metric = NULL;
    for (size_t i = 0; i < all.n; i++) {
        const char *dot = strrchr(all.name[i], '.');
        const bool exactly = !strcmp(all.name[i], word);
        if (exactly && i < n_settings) return all.name[i];
        if (exactly) metric = all.name[i];
        add_name(&last, dot ? dot + 1 : all.name[i]);
        if (!ends_with(all.name[i], word)) continue;
        add_name(&ends, all.name[i]);
        if (board_differs(b, all.name[i])) add_name(&differ, all.name[i]);
    }
    if (differ.n == 1) return differ.name[0];
    if (metric) return metric;
    if (ends.n == 1) return ends.name[0];
    const names *several = differ.n ? &differ : &ends;
    suggestion hint = { "" };
    if (all.n && !*(hint = text_hint(word, all.name)).s) hint = text_hint(word, last.name);
    if (ends.n) problems_add(pr, (place){ 0 }, "%s: '%s' may be %s or %s; more of the path tells them apart", what_for, word, several->name[0], several->name[1]);
    else problems_add(pr, (place){ 0 }, "%s: no run has a setting or metric '%s'%s", what_for, word, *hint.s ? hint.s : "; --json shows all there are");
    return NULL;
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
    if (!n || !how) {
        problems_add(pr, (place){ 0 }, "--filter %s: expected path=value, or with != < <= > >=", word);
        return -1;
    }
    const char *path = board_name(b, arena_strndup(b->memory, word, n), "--filter", pr);
    if (!path) return -1;
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
