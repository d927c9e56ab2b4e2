/* space.c -- the section `sweep`, read by tables; parameters are in parameters.c */
#include "sweep/space.h"

#include <string.h>

#include "config/options.h"
#include "sweep/read.h"

typedef struct sweep_keys { int method; int64_t trials, seeds, lag, patience, retry; } sweep_keys;

static const heft_option sweep_table[] = {
    HEFT_OPT_ENUM(sweep_keys, method, HEFT_REQUIRED, "grid|random|sobol|tpe", "how points are chosen"),
    HEFT_OPT_INT_OR(sweep_keys, trials, "all", 0, 1, MOST_TRIALS, "points to try; all: of a grid"),
    HEFT_OPT_INT(sweep_keys, seeds, 1, 1, 1000, "runs of each point, with seeds seed, seed + 1, ..."),
    HEFT_OPT_INT(sweep_keys, lag, 8, 1, 4096, "points under way at once, as decisions see it; see docs/sweeps.md"),
    HEFT_OPT_INT(sweep_keys, patience, 0, 0, 1e6, "no new points after so many without a better one; 0: all are tried"),
    HEFT_OPT_INT(sweep_keys, retry, 0, 0, 10, "times a failed trial is tried again"),
    HEFT_OPT_END
};
static const char *const sweep_others[] = { "metric", "parameters", "constraints", "early_terminate", "limits", NULL };

typedef struct metric_keys { const char *name; int goal, of; } metric_keys;

static const heft_option metric_table[] = {
    HEFT_OPT_STRING(metric_keys, name, NULL, "the column of the epochs' table that trials are judged by"),
    HEFT_OPT_ENUM(metric_keys, goal, GOAL_AUTO, "auto|minimize|maximize", "which way is better; auto: the metric knows"),
    HEFT_OPT_ENUM(metric_keys, of, 0, "last|best", "the epoch that counts"),
    HEFT_OPT_END
};

typedef struct early_keys { int type; int64_t min_epochs, max_epochs, eta; } early_keys;

static const heft_option early_table[] = {
    HEFT_OPT_ENUM(early_keys, type, HEFT_REQUIRED, "none|asha|hyperband|median", "the rule that ends trials"),
    HEFT_OPT_INT(early_keys, min_epochs, 1, 1, 1e9, "epochs of every trial before the first decision"),
    HEFT_OPT_INT_OR(early_keys, max_epochs, "all", 0, 1, 1e9, "no decisions from this epoch on"),
    HEFT_OPT_INT(early_keys, eta, 3, 2, 100, "one in so many goes on, for so many times the epochs"),
    HEFT_OPT_END
};

typedef struct limit_keys { double seconds; const char *memory; } limit_keys;

static const heft_option limit_table[] = {
    HEFT_OPT_REAL(limit_keys, seconds, 0, 0, 1e9, "wall-clock time of one trial; 0: no limit"),
    HEFT_OPT_STRING(limit_keys, memory, "", "memory of one trial: 512 MiB, 2 GiB"),
    HEFT_OPT_END
};

static int64_t read_memory(const node *section, const char *s, problems *pr)
{
    static const struct { const char *unit; double factor; } units[] = {
        { "", 1 }, { "KiB", 1024 }, { "MiB", 1048576 }, { "GiB", 1073741824 }, { "TiB", 1099511627776.0 },
        { "kB", 1e3 }, { "MB", 1e6 }, { "GB", 1e9 }, { "TB", 1e12 } };
    char number[32];
    const size_t n = strspn(s, "0123456789.");
    double v = 0;
    snprintf(number, sizeof number, "%.*s", (int)n, s);
    const char *unit = s + n + strspn(s + n, " ");
    if (!*s) return 0;
    for (size_t i = 0; text_real(number, &v) && i < sizeof units / sizeof *units; i++)
        if (!strcmp(unit, units[i].unit) && v * units[i].factor >= 1048576 && v * units[i].factor < 1e18)
            return (int64_t)(v * units[i].factor);
    problems_add(pr, node_get(section, "memory")->at, "limits.memory: '%s' is no amount of memory; it is a number with "
                 "KiB, MiB, GiB, kB, MB or GB, at least 1 MiB", s);
    return 0;
}

static void read_metric(space *s, const node *section, arena *a, problems *pr)
{
    const node *n = node_get(section, "metric");
    metric_keys k = { 0 };
    if (!n || node_is_null(n)) problems_add(pr, section->at, "sweep: the key 'metric' is missing; such as metric: {name: val_loss}");
    else if (options_read(metric_table, n, n->at, "sweep.metric", NULL, &k, a, pr) == 0) {
        s->metric = k.name;
        s->goal = (sweep_goal)k.goal;
        s->of_best = k.of == 1;
    }
}

static void read_early(space *s, const node *section, arena *a, problems *pr)
{
    const node *n = node_get(section, "early_terminate");
    early_keys k = { 0 };
    if (!n || node_is_null(n)) return;
    if (options_read(early_table, n, n->at, "sweep.early_terminate", NULL, &k, a, pr) < 0) return;
    s->early = (early_kind)k.type;
    s->min_epochs = k.min_epochs;
    s->max_epochs = k.max_epochs;
    s->eta = k.eta;
    if (k.max_epochs && k.max_epochs < k.min_epochs)
        problems_add(pr, node_get(n, "max_epochs")->at, "early_terminate.max_epochs: %lld is below min_epochs, %lld",
                     (long long)k.max_epochs, (long long)k.min_epochs);
}

static void read_limits(space *s, const node *section, arena *a, problems *pr)
{
    const node *n = node_get(section, "limits");
    limit_keys k = { 0 };
    if (!n || node_is_null(n)) return;
    if (options_read(limit_table, n, n->at, "sweep.limits", NULL, &k, a, pr) < 0) return;
    s->seconds = k.seconds;
    s->memory = read_memory(n, k.memory, pr);
}

/* What no section can know alone. */
static void check_whole(const space *s, problems *pr)
{
    if (s->method != SWEEP_GRID && !s->trials)
        problems_add(pr, s->at, "sweep: the key 'trials' is missing; only a grid has an end of its own");
    for (int i = 0; i < s->n; i++) {
        const parameter *p = &s->parameter[i];
        if (s->method == SWEEP_GRID && !parameter_count(p))
            problems_add(pr, p->at, "%s: a grid needs values that can be counted: value, values, int_uniform, or uniform "
                         "with q; at most 1,000,000", p->path);
        if (s->seeds > 1 && !strcmp(p->path, "seed"))
            problems_add(pr, p->at, "seed is varied by 'seeds: %lld' already", (long long)s->seeds);
    }
    if (s->method == SWEEP_SOBOL && s->n > SOBOL_DIMENSIONS)
        problems_add(pr, s->at, "sobol has %d dimensions; found %d parameters (random has no such limit)", SOBOL_DIMENSIONS, s->n);
}

space *space_read(const experiment *e, arena *a, problems *pr)
{
    const node *section = e->sweep;
    const size_t before = pr->n;
    if (!section) {
        problems_add(pr, (place){ e->path, 0, 0 }, "there is no section 'sweep'; 'heft help sweep' and docs/sweeps.md say what is in it");
        return NULL;
    }
    space *s = arena_alloc(a, 1, sizeof *s);
    sweep_keys k = { 0 };
    options_read(sweep_table, section, section->at, "sweep", sweep_others, &k, a, pr);
    *s = (space){ .method = (sweep_method)k.method, .trials = k.trials, .seeds = k.seeds, .lag = k.lag, .patience = k.patience,
                  .retry = k.retry, .seed = e->seed, .at = section->at };
    read_metric(s, section, a, pr);
    read_early(s, section, a, pr);
    read_limits(s, section, a, pr);
    read_parameters(s, section, a, pr);
    read_constraints(s, section, a, pr);
    if (pr->n == before) check_whole(s, pr);
    return pr->n == before ? s : NULL;
}

const heft_option *sweep_section_table(const char *section)
{
    return !strcmp(section, "sweep") ? sweep_table : !strcmp(section, "metric") ? metric_table
         : !strcmp(section, "early_terminate") ? early_table : !strcmp(section, "limits") ? limit_table
         : !strcmp(section, "parameters") ? sweep_parameter_table() : NULL;
}
