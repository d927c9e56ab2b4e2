/* rank.c -- points from runs, their order, and what matters */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/board.h"

static bool is_repeat(const char *path) { return !strcmp(path, "seed") || !strcmp(path, "name") || !strcmp(path, "train.threads"); }

static bool differs(const board *b, const char *path)
{
    const char *first = b->n ? run_setting(&b->run[0], path) : NULL;
    for (size_t i = 1; i < b->n; i++) {
        const char *s = run_setting(&b->run[i], path);
        if (!s != !first || (s && strcmp(s, first))) return true;
    }
    return false;
}

static void find_varied(board *b)
{
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->run[i].settings.n; k++) {
            const char *path = b->run[i].settings.item[k].path;
            bool known = is_repeat(path);
            for (size_t v = 0; v < b->n_varied && !known; v++) known = !strcmp(b->varied[v], path);
            if (known || !differs(b, path)) continue;
            b->varied = arena_grow(b->memory, b->varied, b->n_varied, b->n_varied + 1, sizeof *b->varied);
            b->varied[b->n_varied++] = path;
        }
}

static bool same_point(const board *b, const board_run *x, const board_run *y)
{
    for (size_t v = 0; v < b->n_varied; v++) {
        const char *s = run_setting(x, b->varied[v]), *t = run_setting(y, b->varied[v]);
        if (!s != !t || (s && strcmp(s, t))) return false;
    }
    return true;
}

static void make_points(board *b)
{
    b->point = arena_alloc(b->memory, b->n, sizeof *b->point);
    for (size_t i = 0; i < b->n; i++) {
        size_t p = 0;
        while (p < b->n_points && !same_point(b, &b->run[b->point[p].run[0]], &b->run[i])) p++;
        if (p == b->n_points) b->point[b->n_points++] = (board_point){ .n = 0 };
        board_point *q = &b->point[p];
        q->run = arena_grow(b->memory, q->run, q->n, q->n + 1, sizeof *q->run);
        q->run[q->n++] = i;
    }
    double *v = arena_alloc(b->memory, b->n, sizeof *v);
    for (size_t p = 0; p < b->n_points; p++) {
        size_t n = 0;
        for (size_t k = 0; k < b->point[p].n; k++)
            if (isfinite(b->run[b->point[p].run[k]].value)) v[n++] = b->run[b->point[p].run[k]].value;
        b->point[p].mean = mean_of(n, v);
        b->point[p].interval = mean_interval(&b->point[p].mean);
        b->point[p].welch = NAN;
    }
}

/* ---- order ---- */

typedef struct keyed { double number; const char *word; size_t at; board_point point; } keyed;

/* What is missing comes last, words behind numbers. */
static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (isnan(x->number) != isnan(y->number)) return isnan(x->number) ? 1 : -1;
    if (!isnan(x->number) && x->number != y->number) return x->number < y->number ? -1 : 1;
    if (!x->word != !y->word) return x->word ? -1 : 1;
    const int words = x->word && isnan(x->number) ? strcmp(x->word, y->word) : 0;
    return words ? words : x->at < y->at ? -1 : 1;
}

static void sort_points(board *b, const char *by)
{
    keyed *k = arena_alloc(b->memory, b->n_points, sizeof *k);
    for (size_t p = 0; p < b->n_points; p++) {
        const board_run *r = &b->run[b->point[p].run[0]];
        const double mean = b->point[p].mean.mean;
        k[p] = (keyed){ b->maximize ? -mean : mean, NULL, p, b->point[p] };
        if (!by) continue;
        k[p].word = run_setting(r, by);
        if (!k[p].word) k[p].number = run_metric(b, r, by);
        else if (!text_real(k[p].word, &k[p].number)) k[p].number = NAN;
    }
    qsort(k, b->n_points, sizeof *k, by_key);
    for (size_t p = 0; p < b->n_points; p++) b->point[p] = k[p].point;
}

int board_rank(board *b, const char *by, problems *pr)
{
    bool known = !by;
    for (size_t i = 0; i < b->n && !known; i++)
        known = run_setting(&b->run[i], by) || (b->run[i].epochs && table_find(b->run[i].epochs, by) >= 0);
    if (!known) {
        problems_add(pr, (place){ 0 }, "--sort %s: no run has such a setting or metric", by);
        return -1;
    }
    find_varied(b);
    make_points(b);
    sort_points(b, NULL);
    for (size_t p = 0; p < b->n_points; p++) {
        board_point *q = &b->point[p];
        q->welch = p ? mean_welch(&b->point[0].mean, &q->mean) : NAN;
        q->tied = p && q->welch >= 0.05;
    }
    if (by && strcmp(by, b->metric)) sort_points(b, by);
    for (size_t p = 0; p < b->n_points; p++)
        for (size_t k = 0; k < b->point[p].n; k++) b->run[b->point[p].run[k]].point = p;
    return 0;
}

/* ---- importance ---- */

enum { MOST_VALUES = 6, GROUPS = 4 };

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double board_importance(const board *b, const char *path)
{
    arena *a = arena_new();
    double *y = arena_alloc(a, b->n, sizeof *y), *x = arena_alloc(a, b->n, sizeof *x), *sorted = arena_alloc(a, b->n, sizeof *sorted);
    int *group = arena_alloc(a, b->n, sizeof *group), k = 0;
    const char **word = arena_alloc(a, b->n, sizeof *word);
    bool numbers = true;
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const char *s = run_setting(&b->run[i], path);
        if (!s || !isfinite(b->run[i].value)) continue;
        y[n] = b->run[i].value;
        numbers &= text_real(s, &x[n]);
        int g = 0;
        while (g < k && strcmp(word[g], s)) g++;
        if (g == k) word[k++] = s;
        group[n++] = g;
    }
    if (numbers && k > MOST_VALUES) {
        memcpy(sorted, x, n * sizeof *x);
        qsort(sorted, n, sizeof *sorted, ascending);
        k = GROUPS;
        for (size_t i = 0; i < n; i++)
            for (group[i] = 0; group[i] + 1 < GROUPS && x[i] >= sorted[n * (size_t)(group[i] + 1) / GROUPS];) group[i]++;
    }
    const double effect = rank_effect(n, y, group, k);
    arena_free(a);
    return effect;
}
