#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "hdf/matrices.h"
#include "report/html.h"
#include "report/shown.h"

enum { MOST_CURVES = 60, MOST_AXES = 14, MOST_CLASSES = 40 };

static const char head[] =
    "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
    "<style>\n"
    ":root{color-scheme:light dark;--bg:#fff;--ink:#1c1f24;--soft:#667080;--line:#dfe3e8;--s1:#2a78c8;--s2:#e0590f;--s3:#3a9a4a}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#15181c;--ink:#e4e7eb;--soft:#98a2b0;--line:#31373f;--s1:#69a9ec;--s2:#f5914f;--s3:#74c482}}\n"
    "body{margin:0 auto;padding:1.2em;max-width:76em;background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,sans-serif}\n"
    "h1{font-size:1.5em;margin:0}h2{font-size:1.15em;margin:1.8em 0 .5em;border-bottom:1px solid var(--line)}p{margin:.4em 0}\n"
    ".soft,figcaption{color:var(--soft)}.wide{overflow-x:auto}.curves{display:grid;gap:.8em 1.6em;grid-template-columns:repeat(auto-fill,minmax(min(100%,22em),1fr))}\n"
    "figure{margin:0}svg{width:100%;display:block}svg.bins{width:auto}svg text{fill:var(--soft);font-size:11px;paint-order:stroke;stroke:var(--bg);stroke-width:3px}.m{text-anchor:middle}.r{text-anchor:end}\n"
    "path{fill:none;stroke-width:1.6}.grid{stroke:var(--line)}.axis{stroke:var(--soft)}.dot{stroke-width:5;stroke-linecap:round}\n"
    ".s1{stroke:var(--s1)}.s2{stroke:var(--s2)}.s3{stroke:var(--s3)}.parallel path{stroke-width:1.3;opacity:.6}.many path{stroke-width:1;opacity:.3}g:hover>path{stroke-width:5;opacity:1}\n"
    "rect,.bar{fill:var(--s1);background:var(--s1)}.bar{display:inline-block;height:.7em}.shades{display:inline-block;width:8em;height:.6em;background:linear-gradient(90deg,rgb(120,142,172),rgb(150,100,180),rgb(235,95,20))}\n"
    "table{border-collapse:collapse;font-size:.92em}th,td{padding:.15em .7em .15em 0;text-align:left;white-space:nowrap;vertical-align:top}\n"
    "th{color:var(--soft);font-weight:600}tbody tr:hover{background:var(--line)}.n{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".sort th{cursor:pointer}.matrix td,.matrix th{text-align:right;padding:.15em .5em}\n"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.9em;border:1px solid var(--line);padding:.7em}\n"
    "</style>\n<title>";

static const char legend[] = "<p class=soft>the worst <span class=shades></span> the best</p>\n";

/* A click on a heading sorts by it, another the other way; cells that are no numbers come last. */
static const char tail[] =
    "<script>\n"
    "document.querySelectorAll('.sort th').forEach(h=>h.onclick=()=>{const b=h.closest('table').tBodies[0],i=h.cellIndex,d=h.d=-(h.d||-1),\n"
    "v=r=>{const t=r.cells[i].textContent,n=parseFloat(t);return[isNaN(n),n,t]};\n"
    "[...b.rows].map(r=>[v(r),r]).sort(([x],[y])=>x[0]-y[0]||(x[0]?d*x[2].localeCompare(y[2]):d*(x[1]-y[1]))).forEach(([,r])=>b.append(r))})\n"
    "</script></body></html>\n";

static void heading(text *o, const char *s)
{
    text_add(o, "<h2>");
    html_text(o, s);
    text_add(o, "</h2>\n");
}

static void note(text *o, const char *s)
{
    text_add(o, "<p class=soft>");
    html_text(o, s);
    text_add(o, "</p>\n");
}

/* Why something is missing: the first problem. */
static void excuse(text *o, const char *what, problems *pr)
{
    text t = { 0 };
    text_printf(&t, "%s: %s", what, pr->n ? pr->item[0].text : "nothing was measured");
    note(o, t.s);
    text_free(&t);
    problems_free(pr);
}

/* ---- curves ---- */

static double *column_of(const table *t, int c, arena *a)
{
    double *v = arena_alloc(a, (size_t)t->n_rows + 1, sizeof *v);
    for (int64_t i = 0; i < t->n_rows; i++) v[i] = table_row(t, i)[c];
    return v;
}

static curve curve_of(const table *t, const char *metric, const char *name, double shade, arena *a)
{
    const int e = table_find(t, "epoch"), c = table_find(t, metric);
    return (curve){ name, shade, e < 0 || c < 0 ? 0 : t->n_rows, e < 0 || c < 0 ? NULL : column_of(t, e, a), c < 0 ? NULL : column_of(t, c, a) };
}

static const char *title_of(const table_column *c, arena *a) { return *c->unit ? arena_printf(a, "%s (%s)", c->name, c->unit) : c->name; }

/* One run: what is measured on several splits in one drawing. */
static void put_own_curves(text *o, const table *t, arena *a)
{
    static const char *const split[] = { "val_", "test_" };
    text_add(o, "<div class=curves>\n");
    for (int c = 0; c < t->n_columns; c++) {
        const char *name = t->column[c].name;
        bool other = t->column[c].whole;
        for (int k = 0; k < 2; k++) other |= !strncmp(name, split[k], strlen(split[k])) && table_find(t, name + strlen(split[k])) >= 0;
        if (other) continue;
        curve x[3] = { curve_of(t, name, "training", -1, a) };
        size_t n = 1;
        for (int k = 0; k < 2; k++) {
            const char *also = arena_printf(a, "%s%s", split[k], name);
            if (table_find(t, also) >= 0) x[n++] = curve_of(t, also, k ? "test" : "validation", -2 - k, a);
        }
        html_curves(o, title_of(&t->column[c], a), n, x);
    }
    text_add(o, "</div>\n");
}

/* Of the p-th of the best n. */
static double shade_of(size_t p, size_t n) { return n > 1 ? 1 - (double)p / (double)(n - 1) : 1; }

static const board_run *run_of(const board *b, size_t p) { return &b->run[b->point[p].run[0]]; }

/* The best last, so that it is on top. */
static void put_all_curves(text *o, const board *b, arena *a)
{
    const size_t n = b->n_points < MOST_CURVES ? b->n_points : MOST_CURVES;
    curve *x = arena_alloc(a, n + 1, sizeof *x);
    const char *done[256];
    int n_done = 0;
    text_add(o, "<div class=curves>\n");
    for (size_t p = 0; p < n; p++) {
        const table *t = run_of(b, p)->epochs;
        for (int c = 0; t && c < t->n_columns && n_done < 256; c++) {
            const char *name = t->column[c].name;
            bool seen = t->column[c].whole;
            for (int i = 0; i < n_done && !seen; i++) seen = !strcmp(done[i], name);
            if (seen) continue;
            done[n_done++] = name;
            size_t m = 0;
            for (size_t i = n; i-- > 0;)
                if (run_of(b, i)->epochs) x[m++] = curve_of(run_of(b, i)->epochs, name, run_of(b, i)->name, shade_of(i, n), a);
            html_curves(o, title_of(&t->column[c], a), m, x);
        }
    }
    text_add(o, "</div>\n");
}

/* ---- many runs ---- */

static void put_board(text *o, const board *b, arena *a)
{
    const char **name = arena_alloc(a, b->n_varied + 9, sizeof *name);
    size_t n = 0;
    name[n++] = "rank";
    name[n++] = b->metric;
    name[n++] = "\xc2\xb1";
    name[n++] = "runs";
    name[n++] = "epochs";
    for (size_t v = 0; v < b->n_varied; v++) name[n++] = path_short(b->n_varied, b->varied, b->varied[v]);
    name[n++] = "state";
    name[n++] = "run";
    text_add(o, "<div class=wide><table class=sort>");
    html_heading(o, name);
    text_add(o, "<tbody>\n");
    for (size_t p = 0; p < b->n_points; p++) {
        const board_point *q = &b->point[p];
        const board_run *r = run_of(b, p);
        text_printf(o, "<tr><td class=n>%zu%s</td>", q->rank, q->tied ? "=" : "");
        html_cell_number(o, q->mean.mean);
        html_cell_number(o, q->interval);
        html_cell_number(o, (double)q->n);
        html_cell_number(o, (double)r->n_epochs);
        for (size_t v = 0; v < b->n_varied; v++) html_cell(o, run_setting(r, b->varied[v]));
        html_cell(o, *r->reason ? arena_printf(a, "%s: %s", r->state, r->reason) : r->state);
        html_cell(o, r->name);
        text_add(o, "</tr>\n");
    }
    text_add(o, "</tbody></table></div>\n");
    bool tied = false, several = false;
    for (size_t p = 0; p < b->n_points; p++) tied |= b->point[p].tied, several |= b->point[p].n > 1;
    if (several) note(o, "\xc2\xb1 is half the 95 % confidence interval of the mean over seeds.");
    if (tied) note(o, "= cannot be told from the best (Welch's test, p >= 0.05).");
}

static void put_importance(text *o, board *b)
{
    heading(o, arena_printf(b->memory, "Importance for %s", b->metric));
    text_add(o, "<table>\n");
    for (size_t v = 0; v < b->n_varied; v++) {
        text_add(o, "<tr>");
        html_cell(o, b->varied[v]);
        html_bar(o, board_importance(b, b->varied[v]));
        text_add(o, "</tr>\n");
    }
    text_add(o, "</table>\n");
    note(o, "eta squared of the Kruskal-Wallis test, 0 to 1: the share of the metric's ranks that a setting explains by itself.");
}

/* Points, the worst first; the last axis is the metric. */
static void put_parallel(text *o, const board *b, arena *a)
{
    const size_t n_axes = b->n_varied < MOST_AXES ? b->n_varied : MOST_AXES, n = b->n_points;
    axis *x = arena_alloc(a, n_axes + 1, sizeof *x);
    const char **name = arena_alloc(a, n, sizeof *name);
    double *shade = arena_alloc(a, n, sizeof *shade);
    for (size_t k = 0; k <= n_axes; k++) {
        const char **word = arena_alloc(a, n, sizeof *word);
        double *number = arena_alloc(a, n, sizeof *number);
        for (size_t i = 0; i < n; i++) {
            const size_t p = n - 1 - i;
            const double mean = b->point[p].mean.mean;
            word[i] = k < n_axes ? run_setting(run_of(b, p), b->varied[k]) : isfinite(mean) ? "" : NULL;
            number[i] = k < n_axes ? NAN : mean;
            if (k < n_axes && word[i] && !text_real(word[i], &number[i])) number[i] = NAN;
            name[i] = run_of(b, p)->name;
            shade[i] = shade_of(p, n);
        }
        x[k] = (axis){ k < n_axes ? path_short(b->n_varied, b->varied, b->varied[k]) : b->metric, word, number };
    }
    heading(o, "Settings side by side");
    text_add(o, legend);
    html_parallel(o, n_axes + 1, x, n, name, shade);
    if (b->n_varied > n_axes) note(o, arena_printf(a, "The first %zu of %zu settings that differ.", n_axes, b->n_varied));
    note(o, "A line that ends at the foot of an axis has no such setting, or no value.");
}

/* ---- one run ---- */

static void put_matrices(text *o, const char *dir, arena *a)
{
    problems pr = { 0 };
    hdf_file *f = hdf_open_published(path_join(a, dir, "metrics.h5"), METRICS_FORMAT, &pr);
    matrices *m = f ? matrices_read(f, "/matrices", &pr) : NULL;
    for (int64_t i = 0; m && i < m->n; i++) {
        const matrix *x = &m->item[i];
        const bool named = m->n_names >= x->dim[0] && m->n_names >= x->dim[1];
        heading(o, arena_printf(a, "%s, epoch %lld", x->name, (long long)x->epoch));
        if (x->dim[0] > MOST_CLASSES || x->dim[1] > MOST_CLASSES)
            note(o, arena_printf(a, "%lld rows and %lld columns; only up to %d are shown", (long long)x->dim[0], (long long)x->dim[1], MOST_CLASSES));
        else html_matrix(o, x->dim[0], x->dim[1], x->value, named ? m->class_name : NULL);
    }
    if (pr.n) excuse(o, "Matrices", &pr);
    matrices_free(m);
    hdf_close(f);
}

static void put_layers(text *o, const char *dir, arena *a)
{
    static const char *const names[] = { "tensor", "type", "shape", "values", "mean", "deviation", "least", "greatest", "zeros", "not finite", NULL };
    problems pr = { 0 };
    shown w = { 0 };
    heading(o, "Weights");
    if (show_read(&w, dir, &pr) < 0) excuse(o, "They cannot be shown", &pr);
    else {
        note(o, arena_printf(a, "%s: %lld parameters%s%s", path_base(w.path), (long long)w.parameters, w.average ? ", " : "", w.average ? w.average : ""));
        text_add(o, "<div class=wide><table>");
        html_heading(o, names);
        text_add(o, "<tbody>\n");
        for (int64_t i = 0; i < w.n_layers; i++)
            for (int64_t k = 0; k < w.layer[i].n_tensors; k++) {
                const tensor *t = &w.layer[i].tensor[k];
                text shape = { 0 };
                text_dims(&shape, t->rank, t->dim);
                text_add(o, "<tr>");
                html_cell(o, arena_printf(a, "%s/%s", w.layer[i].name, t->name));
                html_cell(o, w.layer[i].type);
                html_cell(o, shape.s);
                html_histogram(o, SHOW_BINS, t->s.bin, t->s.min, t->s.max);
                const double number[] = { t->s.mean, t->s.std, t->s.min, t->s.max, (double)t->s.zeros, (double)t->s.non_finite };
                for (size_t x = 0; x < sizeof number / sizeof *number; x++) html_cell_number(o, number[x]);
                text_add(o, "</tr>\n");
                text_free(&shape);
            }
        text_add(o, "</tbody></table></div>\n");
    }
    show_close(&w);
    problems_free(&pr);
}

static void put_file(text *o, const char *title, const char *dir, const char *name, arena *a)
{
    enum { MOST = 1 << 20 };
    problems pr = { 0 };
    size_t n;
    char *bytes = file_read(path_join(a, dir, name), MOST, &n, &pr);
    heading(o, title);
    if (bytes) {
        text_add(o, "<pre>");
        html_text(o, bytes);
        text_add(o, "</pre>\n");
    } else excuse(o, "It cannot be shown", &pr);
    block_free(bytes);
}

static void put_run(text *o, const board_run *r, arena *a)
{
    problems none = { 0 };
    heading(o, "Curves, over epochs");
    if (r->epochs && r->epochs->n_rows) put_own_curves(o, r->epochs, a);
    else excuse(o, "There are none", &none);
    put_matrices(o, r->dir, a);
    put_layers(o, r->dir, a);
    put_file(o, "Provenance", r->dir, "provenance.json", a);
    put_file(o, "Experiment", r->dir, "experiment.yaml", a);
}

void page_write(board *b, const char *title, text *o)
{
    arena *a = arena_new();
    text_add(o, head);
    html_text(o, title);
    text_add(o, "</title></head><body>\n<h1>");
    html_text(o, title);
    text_add(o, "</h1>\n");
    const board_run *best = b->n_points ? run_of(b, 0) : NULL;
    if (b->n > 1) {
        note(o, arena_printf(a, "%zu runs, %zu points, by %s (%s is better)", b->n, b->n_points, b->metric, b->maximize ? "more" : "less"));
        put_board(o, b, a);
        heading(o, "Curves of all, over epochs");
        text_add(o, legend);
        if (b->n_points > MOST_CURVES) note(o, arena_printf(a, "The best %d of %zu points.", MOST_CURVES, b->n_points));
        put_all_curves(o, b, a);
        if (b->n_varied) put_parallel(o, b, a);
        if (b->n_varied > 1 && b->n_points > 2) put_importance(o, b);
        text_add(o, "<h1 style=\"margin-top:1.6em\">The best: ");
        html_text(o, best->name);
        text_add(o, "</h1>\n");
    }
    if (best) put_run(o, best, a);
    text_printf(o, "<p class=soft>heft %s</p>\n", HEFT_VERSION);
    text_add(o, tail);
    arena_free(a);
}
