/* runs.c -- heft runs: a leaderboard, and two runs side by side */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "report/board.h"
#include "report/columns.h"
#include "report/json.h"

static char *number(arena *a, double v) { return isfinite(v) ? arena_printf(a, "%.6g", v) : "-"; }

/* The shortest end of a path that no other varied path has: "lr" of "optimizer.adam.lr". */
static const char *short_name(const board *b, const char *path)
{
    for (const char *s = path + strlen(path); s > path;) {
        while (s > path && s[-1] != '.') s--;
        bool alone = true;
        for (size_t v = 0; v < b->n_varied && alone; v++) {
            const size_t n = strlen(b->varied[v]), m = strlen(s);
            alone = b->varied[v] == path || n < m || strcmp(b->varied[v] + n - m, s) || (n > m && b->varied[v][n - m - 1] != '.');
        }
        if (alone) return s;
        if (s > path) s--;
    }
    return path;
}

static const char *setting_or_dash(const board_run *r, const char *path)
{
    const char *s = run_setting(r, path);
    return s ? s : "-";
}

static void print_importance(board *b)
{
    if (b->n_varied < 2 || b->n_points < 3) return;
    columns *c = columns_new(2, (const char *const[]){ "parameter", "importance" }, "lr");
    for (size_t v = 0; v < b->n_varied; v++) {
        const double x = board_importance(b, b->varied[v]);
        columns_add(c, (const char *const[]){ b->varied[v], isnan(x) ? "-" : arena_printf(b->memory, "%.2f", x) });
    }
    printf("\nImportance for %s (eta squared of the Kruskal-Wallis test, 0 to 1):\n", b->metric);
    columns_print(c);
}

static void print_board(board *b, size_t most)
{
    const size_t n = 6 + b->n_varied;
    arena *a = b->memory;
    const char **cell = arena_alloc(a, n, sizeof *cell);
    char *align = arena_alloc(a, n + 1, 1);
    static const char *const fixed[] = { "rank", "", "+-", "runs", "epochs", "best run" };
    for (size_t i = 0; i < 5; i++) cell[i] = fixed[i], align[i] = 'r';
    cell[1] = b->metric;
    for (size_t v = 0; v < b->n_varied; v++) cell[5 + v] = short_name(b, b->varied[v]), align[5 + v] = 'l';
    cell[n - 1] = "run", align[n - 1] = 'l';
    columns *c = columns_new((int)n, cell, align);
    for (size_t p = 0; p < b->n_points && p < most; p++) {
        const board_point *q = &b->point[p];
        const board_run *r = &b->run[q->run[0]];
        cell[0] = arena_printf(a, "%zu%s", p + 1, q->tied ? "=" : "");
        cell[1] = number(a, q->mean.mean);
        cell[2] = number(a, q->interval);
        cell[3] = arena_printf(a, "%zu", q->mean.n);
        cell[4] = arena_printf(a, "%lld", (long long)r->n_epochs);
        for (size_t v = 0; v < b->n_varied; v++) cell[5 + v] = setting_or_dash(r, b->varied[v]);
        cell[n - 1] = *r->reason ? arena_printf(a, "%s: %s", r->name, r->reason) : r->name;
        columns_add(c, cell);
    }
    printf("%zu runs, %zu points, by %s (%s is better)\n", b->n, b->n_points, b->metric, b->maximize ? "more" : "less");
    columns_print(c);
    if (b->n_points > most) printf("  ... and %zu more (--top N)\n", b->n_points - most);
    bool tied = false;
    for (size_t p = 0; p < b->n_points; p++) tied |= b->point[p].tied;
    if (tied) printf("  = cannot be told from the best (Welch's test, p >= 0.05); +- is the 95 %% interval of the mean\n");
    print_importance(b);
}

/* ---- for machines: a row a run ---- */

static bool is_metric(const table_column *c) { return !c->whole; }

static void print_json(const board *b)
{
    for (size_t p = 0; p < b->n_points; p++)
        for (size_t k = 0; k < b->point[p].n; k++) {
            const board_point *q = &b->point[p];
            const board_run *r = &b->run[q->run[k]];
            text o = { 0 };
            json_open(&o, NULL, '{');
            json_int(&o, "rank", (int64_t)p + 1);
            json_string(&o, "run", r->dir);
            json_string(&o, "state", r->state);
            json_string(&o, "reason", r->reason);
            json_int(&o, "epochs", r->n_epochs);
            json_real(&o, b->metric, r->value);
            json_real(&o, "mean", q->mean.mean);
            json_real(&o, "interval", q->interval);
            json_bool(&o, "tied", q->tied);
            json_open(&o, "settings", '{');
            for (size_t v = 0; v < b->n_varied; v++) json_string(&o, b->varied[v], run_setting(r, b->varied[v]));
            json_string(&o, "seed", run_setting(r, "seed"));
            json_close(&o, '}');
            json_open(&o, "metrics", '{');
            for (int m = 0; r->epochs && m < r->epochs->n_columns; m++)
                if (is_metric(&r->epochs->column[m])) json_real(&o, r->epochs->column[m].name, run_metric(b, r, r->epochs->column[m].name));
            json_close(&o, '}');
            json_close(&o, '}');
            json_end(&o, stdout);
        }
}

static void csv_cell(const char *s, bool first)
{
    if (!first) putchar(',');
    if (!strpbrk(s, ",\"\n")) fputs(s, stdout);
    else {
        putchar('"');
        for (; *s; s++) printf(*s == '"' ? "\"\"" : "%c", *s);
        putchar('"');
    }
}

static void print_csv(const board *b)
{
    const char *metric[256];
    int n = 0;
    for (size_t i = 0; i < b->n; i++)
        for (int m = 0; b->run[i].epochs && m < b->run[i].epochs->n_columns; m++) {
            const table_column *c = &b->run[i].epochs->column[m];
            bool known = !is_metric(c) || n == 256;
            for (int k = 0; k < n && !known; k++) known = !strcmp(metric[k], c->name);
            if (!known) metric[n++] = c->name;
        }
    csv_cell("rank", true);
    static const char *const fixed[] = { "run", "state", "epochs", "seed" };
    for (int i = 0; i < 4; i++) csv_cell(fixed[i], false);
    for (size_t v = 0; v < b->n_varied; v++) csv_cell(b->varied[v], false);
    for (int m = 0; m < n; m++) csv_cell(metric[m], false);
    putchar('\n');
    for (size_t p = 0; p < b->n_points; p++)
        for (size_t k = 0; k < b->point[p].n; k++) {
            const board_run *r = &b->run[b->point[p].run[k]];
            const char *seed = run_setting(r, "seed");
            char digits[32];
            printf("%zu", p + 1);
            csv_cell(r->dir, false);
            csv_cell(r->state, false);
            snprintf(digits, sizeof digits, "%lld", (long long)r->n_epochs);
            csv_cell(digits, false);
            csv_cell(seed ? seed : "", false);
            for (size_t v = 0; v < b->n_varied; v++) csv_cell(run_setting(r, b->varied[v]) ? run_setting(r, b->varied[v]) : "", false);
            for (int m = 0; m < n; m++) {
                const double x = run_metric(b, r, metric[m]);
                text_double(x, digits);
                csv_cell(isfinite(x) ? digits : "", false);
            }
            putchar('\n');
        }
}

/* ---- two runs ---- */

static int compare(char *const *dir, problems *pr)
{
    board *b[2] = { board_read(dir[0], NULL, pr), board_read(dir[1], NULL, pr) };
    if (b[0] && b[1] && (b[0]->n != 1 || b[1]->n != 1))
        problems_add(pr, (place){ dir[b[0]->n == 1], 0, 0 }, "--compare wants two runs, and this is a folder of them");
    else if (b[0] && b[1]) {
        const board_run *x = &b[0]->run[0], *y = &b[1]->run[0];
        columns *c = columns_new(3, (const char *const[]){ "", x->name, y->name }, "lll");
        setting_change *k;
        const size_t n = settings_changes(&x->settings, &y->settings, b[0]->memory, &k);
        for (size_t i = 0; i < n; i++) columns_add(c, (const char *const[]){ k[i].path, k[i].was, k[i].is });
        columns_rule(c);
        for (int side = 0; side < 2; side++) {
            const table *t = side ? y->epochs : x->epochs;
            for (int m = 0; t && m < t->n_columns; m++) {
                const char *name = t->column[m].name;
                if (side && x->epochs && table_find(x->epochs, name) >= 0) continue;
                columns_add(c, (const char *const[]){ name, number(b[0]->memory, run_metric(b[0], x, name)), number(b[0]->memory, run_metric(b[1], y, name)) });
            }
        }
        columns_print(c);
    }
    const int code = pr->n ? cli_fail(pr, EXIT_USAGE) : EXIT_DONE;
    board_free(b[0]);
    board_free(b[1]);
    return code;
}

/* ---- the verb ---- */

static const char usage[] = "heft runs DIR [--metric NAME] [--sort NAME] [--filter PATH=VALUE,...] [--top N] [--csv | --json]\n"
                            "       heft runs --compare RUN RUN";

int verb_runs(int argc, char **argv)
{
    const char *metric = NULL, *by = NULL, *filter = NULL, *top = "20";
    bool csv = false, json = false, two = false;
    const cli_option options[] = {
        { "--metric", &metric, NULL, "NAME  judge by this column (default: the sweep's, or val_loss)" },
        { "--sort", &by, NULL, "NAME  order by a setting or a metric" },
        { "--filter", &filter, NULL, "CONDITIONS  only runs with path=value (or != < <= > >=); several with commas" },
        { "--top", &top, NULL, "N  points shown (default: 20)" },
        { "--csv", NULL, &csv, "a row for each run" },
        { "--json", NULL, &json, "an object for each run" },
        { "--compare", NULL, &two, "two runs, key by key" },
        { 0 }
    };
    cli_args args;
    int64_t most;
    if (cli_read(argc, argv, options, 1, 2, usage, &args) < 0) return EXIT_USAGE;
    if (args.n != (two ? 2 : 1) || (csv && json) || !text_int(top, &most) || most < 1) {
        fprintf(stderr, "heft runs: error: %s\n", csv && json ? "--csv or --json, not both" : args.n != (two ? 2 : 1) ?
                (two ? "--compare wants two runs" : "one directory was expected; --compare takes two") : "--top wants a number, 1 or more");
        return EXIT_USAGE;
    }
    problems pr = { 0 };
    if (two) {
        const int code = compare(args.arg, &pr);
        problems_free(&pr);
        return code;
    }
    int code = EXIT_DONE;
    board *b = board_read(args.arg[0], metric, &pr);
    if (!b || (filter && board_filter(b, filter, &pr) < 0) || board_rank(b, by, &pr) < 0) code = cli_fail(&pr, EXIT_USAGE);
    else if (csv) print_csv(b);
    else if (json) print_json(b);
    else print_board(b, (size_t)most);
    board_free(b);
    problems_free(&pr);
    return code;
}
