/* build.c -- experiments of trials, and checking them before the first starts */
#include <math.h>
#include <string.h>

#include "base/digest.h"
#include "sweep/inside.h"
#include "sweep/sweep.h"
#include "train/trainer.h"

/* ---- the base: the experiment without what no trial depends on ---- */

static void drop(node *map, const char *key)
{
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
        if (!strcmp(map->pair[i].key, key)) {
            memmove(&map->pair[i], &map->pair[i + 1], (map->n - i - 1) * sizeof *map->pair);
            map->n--;
            return;
        }
}

void base_write(const experiment *e, text *out)
{
    arena *a = arena_new();
    experiment copy = *e;
    copy.root = node_copy(a, e->root);
    drop(copy.root, "sweep");
    node *train = node_get(copy.root, "train");
    drop(train, "threads");
    if (train && train->kind == NODE_MAP && !train->n) drop(copy.root, "train");
    experiment_write(&copy, out);
    arena_free(a);
}

/* ---- one trial ---- */

static char *setting(const space *s, int i, const point *p, arena *a)
{
    return arena_printf(a, "%s=%s", s->parameter[i].path, p->value[i]);
}

/* Problems of a trial in the user's terms: at the parameter they name, else at the section. */
static void pass_on(const space *s, const point *p, const problems *from, problems *to)
{
    text what = { 0 };
    point_text(s, p, &what);
    for (size_t k = 0; k < from->n; k++) {
        place at = s->at;
        static const char line[] = "command line: ";
        const char *file = from->item[k].at.file;
        for (int i = 0; file && i < s->n; i++) {
            const size_t n = strlen(s->parameter[i].path);
            if (!strncmp(file, line, sizeof line - 1) && !strncmp(file + sizeof line - 1, s->parameter[i].path, n) &&
                file[sizeof line - 1 + n] == '=')
                at = s->parameter[i].at;
        }
        problems_add(to, at, "%s (in the trial %s)", from->item[k].text, what.s);
    }
    text_free(&what);
}

static experiment *build(const sweep *w, const point *p, int64_t repeat, problems *pr)
{
    const space *s = w->space;
    arena *a = arena_new();
    char **over = arena_alloc(a, (size_t)s->n + 1, sizeof *over);
    int n = 0;
    for (int i = 0; i < s->n; i++)
        if (p->value[i]) over[n++] = setting(s, i, p, a);
    if (s->seeds > 1) over[n++] = arena_printf(a, "seed=%llu", (unsigned long long)(s->seed + (uint64_t)repeat));
    experiment *e = experiment_parse(w->experiment->path, w->experiment->dir, w->base.s, w->base.n, n, over, pr);
    arena_free(a);
    return e;
}

experiment *sweep_experiment(const sweep *w, const point *p, int64_t repeat, problems *pr)
{
    problems own = { 0 };
    experiment *e = build(w, p, repeat, &own);
    pass_on(w->space, p, &own, pr);
    problems_free(&own);
    return e;
}

void experiment_id(const experiment *e, char id[TRIAL_ID])
{
    experiment nameless = *e;
    text yaml = { 0 };
    char hex[DIGEST_HEX];
    nameless.name = "trial";
    base_write(&nameless, &yaml);
    digest_bytes(yaml.s, yaml.n, hex);
    text_free(&yaml);
    snprintf(id, TRIAL_ID, "%.16s", hex);
}

/* ---- references ---- */

/* Points are set after ${} is resolved, so a reference to what is varied would keep the old value: refused. */
static void check_references(const sweep *w, const point *p, int n, char *const *overrides, problems *pr)
{
    const space *s = w->space;
    const experiment *e = w->experiment;
    arena *a = arena_new();
    char **over = arena_alloc(a, (size_t)n + 1, sizeof *over);
    if (n) memcpy(over, overrides, (size_t)n * sizeof *over);
    for (int i = 0; i < s->n; i++) {
        if (!p->value[i]) continue;
        problems ignored = { 0 };
        over[n] = setting(s, i, p, a);
        experiment *before = experiment_load(e->path, n + 1, over, &ignored);
        experiment *after = experiment_parse(e->path, e->dir, w->base.s, w->base.n, 1, &over[n], &ignored);
        char x[TRIAL_ID], y[TRIAL_ID];
        if (before && after) {
            experiment_id(before, x);
            experiment_id(after, y);
            if (strcmp(x, y)) problems_add(pr, s->parameter[i].at, "%s: a reference, ${...}, depends on it, and references are resolved "
                                           "before a sweep sets its values; vary each place, or use YAML's own values there", s->parameter[i].path);
        }
        experiment_free(before);
        experiment_free(after);
        problems_free(&ignored);
    }
    arena_free(a);
}

sweep *sweep_new(const experiment *e, int n_overrides, char *const *overrides, problems *pr)
{
    arena *a = arena_new();
    sweep *w = arena_alloc(a, 1, sizeof *w);
    const size_t before = pr->n;
    *w = (sweep){ .memory = a, .experiment = e, .lock_fd = -1 };
    w->space = space_read(e, a, pr);
    if (w->space && (w->sampler = sampler_new(w->space, pr))) {
        base_write(e, &w->base);
        sampler *probe = sampler_new(w->space, pr);
        const point *p = sampler_next(probe, 0, NULL);
        if (p) check_references(w, p, n_overrides, overrides, pr);
        else problems_add(pr, w->space->at, "sweep: the constraints allow no point that %d draws find", DRAWS);
        sampler_free(probe);
    }
    if (pr->n == before) return w;
    sweep_free(w);
    return NULL;
}

void sweep_free(sweep *w)
{
    if (!w) return;
    for (int64_t i = 0; i < w->n_trials; i++) table_free(w->trial[i]->epochs);
    sweep_close(w);
    steer_free(w->steer);
    sampler_free(w->sampler);
    text_free(&w->base);
    arena_free(w->memory);
}

/* ---- checking ---- */

typedef struct checking {
    sweep    *w;
    arena    *memory;
    registry *registry;
    data     *data;
    char      data_id[DIGEST_HEX];
    int64_t   n, room;
    char    (*seen)[TRIAL_ID];
    problems *pr;
} checking;

static data *open_data(checking *c, const experiment *e, problems *pr)
{
    text t = { 0 };
    char id[DIGEST_HEX];
    node_write(e->data, &t);
    digest_bytes(t.s, t.n, id);
    text_free(&t);
    if (c->data && !strcmp(id, c->data_id)) return c->data;
    if (c->data) data_free(c->data);
    memcpy(c->data_id, id, sizeof id);
    return c->data = data_open(e->data, e->dir, e->seed, pr);
}

/* What the sweep must know of a trial: the metric's column and goal, and the number of epochs. */
static void check_metric(checking *c, const trainer *t, problems *pr)
{
    space *s = c->w->space;
    const char *names[256] = { 0 };
    int n = 0;
    for (int i = 0; i < t->epochs->n_columns && n < 255; i++)
        if (!t->epochs->column[i].whole && strcmp(t->epochs->column[i].name, "lr")) names[n++] = t->epochs->column[i].name;
    if (table_find(t->epochs, s->metric) < 0) {
        text all = { 0 };
        text_names(&all, names);
        problems_add(pr, s->at, "metric.name: trials have no '%s'%s; they have %s", s->metric, text_hint(s->metric, names).s, all.s);
        text_free(&all);
        return;
    }
    const bool test = !strncmp(s->metric, "test_", 5);
    const char *bare = test ? s->metric + 5 : strncmp(s->metric, "val_", 4) ? s->metric : s->metric + 4;
    for (int i = 0; s->goal == GOAL_AUTO && i <= t->model->n_metrics; i++)
        if (!strcmp(model_metric_name(t->model, i), bare))
            s->goal = model_metric_goal(t->model, i) == HEFT_MAXIMIZE ? GOAL_MAXIMIZE : GOAL_MINIMIZE;
    if (s->goal == GOAL_AUTO) s->goal = GOAL_MINIMIZE;
    if (test && s->early != EARLY_NONE)
        problems_add(pr, s->at, "metric.name: '%s' is only known at the end of a trial, so early_terminate cannot go by it", s->metric);
    if (!c->w->epochs) c->w->epochs = t->options.epochs, c->w->samples = t->options.epochs * dataset_count(t->data->train);
    if (s->early != EARLY_NONE && c->w->epochs != t->options.epochs)
        problems_add(pr, s->at, "early_terminate wants one number of epochs for all trials; found %lld and %lld",
                     (long long)c->w->epochs, (long long)t->options.epochs);
}

static void check_point(checking *c, const point *p)
{
    problems own = { 0 };
    experiment *e = build(c->w, p, 0, &own);
    char id[TRIAL_ID] = "";
    bool known = false;
    if (e) experiment_id(e, id);
    for (int64_t i = 0; i < c->n && *id; i++) known |= !strcmp(c->seen[i], id);
    if (e && !known) {
        if (c->n == c->room) {
            c->room = c->room ? 2 * c->room : 64;
            c->seen = arena_grow(c->memory, c->seen, (size_t)c->n, (size_t)c->room, sizeof *c->seen);
        }
        memcpy(c->seen[c->n++], id, sizeof id);
        data *d = open_data(c, e, &own);
        trainer *t = d ? trainer_new(e, c->registry, d, &own) : NULL;
        if (t) check_metric(c, t, &own);
        trainer_free(t);
    }
    pass_on(c->w->space, p, &own, c->pr);
    problems_free(&own);
    experiment_free(e);
}

/* All combinations of values, with ranges at the quantile u. */
static void check_corners(checking *c, int i, double u, point *p)
{
    const space *s = c->w->space;
    if (c->n >= CHECKED_MOST || c->pr->n) return;
    if (i == s->n) {
        if (point_allowed(s, p)) check_point(c, p);
        return;
    }
    const parameter *q = &s->parameter[i];
    p->value[i] = NULL;
    p->t[i] = p->number[i] = NAN;
    if (!point_active(s, i, p)) check_corners(c, i + 1, u, p);
    else if (q->spread != SPREAD_VALUES) {
        point_draw(s, i, u, p, c->memory);
        check_corners(c, i + 1, u, p);
    } else for (size_t k = 0; k < q->n; k++) {
        point_choose(s, i, k, p);
        check_corners(c, i + 1, u, p);
    }
}

int sweep_check(sweep *w, int64_t *n_checked, problems *pr)
{
    const size_t before = pr->n;
    const experiment *e = w->experiment;
    checking c = { .w = w, .memory = arena_new(), .registry = registry_new(e->n_plugin_dirs, e->plugin_dirs), .pr = pr };
    sampler *s = sampler_new(w->space, pr);
    const int64_t most = w->space->method == SWEEP_TPE ? TPE_STARTUP : CHECKED_MOST;
    for (const point *p; s && s->n < most && pr->n == before && (p = sampler_next(s, 0, NULL));) check_point(&c, p);
    sampler_free(s);
    if (w->space->method == SWEEP_TPE && pr->n == before) {
        check_corners(&c, 0, 0.001, point_new(w->space, c.memory));
        check_corners(&c, 0, 0.999, point_new(w->space, c.memory));
    }
    const space *x = w->space;
    if (x->early != EARLY_NONE && pr->n == before && x->min_epochs >= w->epochs)
        problems_add(pr, x->at, "early_terminate.min_epochs is %lld, and trials have %lld epochs: none would ever end early",
                     (long long)x->min_epochs, (long long)w->epochs);
    *n_checked = c.n;
    if (c.data) data_free(c.data);
    registry_free(c.registry);
    arena_free(c.memory);
    return pr->n == before ? 0 : -1;
}
