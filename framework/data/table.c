#include <stdlib.h>
#include <string.h>

#include "data/frame.h"

struct named { const char *name; int64_t at; };

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

lookup lookup_new(arena *a, int64_t n, const char *const *names)
{
    lookup l = { n, arena_alloc(a, (size_t)n, sizeof *l.sorted) };
    for (int64_t i = 0; i < n; i++) l.sorted[i] = (struct named){ names[i], i };
    qsort(l.sorted, (size_t)n, sizeof *l.sorted, by_name);
    return l;
}

int64_t lookup_find(const lookup *l, const char *s)
{
    const struct named key = { s, 0 }, *found = l->n ? bsearch(&key, l->sorted, (size_t)l->n, sizeof key, by_name)
        : NULL;
    return found ? found->at : -1;
}

static int fetch(source *s, const int64_t *row, int64_t n, float *inputs, float *targets, problems *pr)
{
    (void)pr;
    const table_source *t = (const table_source *)s;
    const size_t nx = (size_t)heft_count(&s->input), ny = (size_t)heft_count(&s->target);
    for (int64_t i = 0; i < n; i++) {
        if (inputs) memcpy(inputs + (size_t)i * nx, t->x + (size_t)row[i] * nx, nx * sizeof *inputs);
        if (targets) memcpy(targets + (size_t)i * ny, t->y + (size_t)row[i] * ny, ny * sizeof *targets);
    }
    return 0;
}

static void table_close(source *s)
{
    table_source *t = (table_source *)s;
    frame_free(t->frame);
    block_free(t->x);
    block_free(t->y);
    block_free(s->weight);
    t->frame = NULL;
    t->x = t->y = s->weight = NULL;
}

source *table_source_new(arena *a, frame *f, const table_options *options)
{
    table_source *t = arena_alloc(a, 1, sizeof *t);
    t->base = (source){ .name = f->name, .count = f->n_rows, .has_target = true, .fetch = fetch,
                        .close = table_close };
    t->frame = f;
    t->options = options;
    return &t->base;
}

/* ---- encoding ---- */

typedef struct encoder {
    const data_fit *fit;
    table_source *t;
    int64_t *column;                 /* [n_fields] of the frame */
    int64_t *target;                 /* [n_targets]; -1: absent */
    int64_t weight;                  /* of the frame; -1: none */
    lookup  *category;               /* [n_fields]; n 0 for numbers */
    lookup   classes;
    int64_t *gaps, *first_gap;       /* [n_fields] missing cells that may not be, and the row of the first */
    int      problems;
    problems *pr;
} encoder;

/* A problem of one cell; false once there are enough of them. */
static bool cell_problem(encoder *e, int64_t row, int64_t column, const char *fact)
{
    problems_add(e->pr, frame_place(e->t->frame, row, column), "row %lld, column %s: %s", (long long)row + 1,
                 e->t->frame->column[column], fact);
    return ++e->problems < MOST_PROBLEMS;
}

static void list_names(text *t, int64_t n, const char *const *names)
{
    for (int64_t i = 0; i < n && i < 12; i++) text_printf(t, "%s%s", i ? ", " : "", names[i]);
    if (n > 12) text_printf(t, " and %lld more", (long long)n - 12);
}

static bool not_among(encoder *e, int64_t row, int64_t column, const char *value, int64_t n,
                      const char *const *names, const char *hint)
{
    text t = { 0 };
    text_printf(&t, "'%s' did not occur in training; known are ", value);
    list_names(&t, n, names);
    text_add(&t, hint);
    const bool go_on = cell_problem(e, row, column, t.s);
    text_free(&t);
    return go_on;
}

static bool note_gap(encoder *e, int64_t f, int64_t row)
{
    if (!e->gaps[f]++) e->first_gap[f] = row;
    return true;
}

/* One problem a column: gaps come in hundreds. */
static void report_gaps(encoder *e)
{
    for (int64_t f = 0; f < e->fit->n_fields && e->problems < MOST_PROBLEMS; f++) {
        if (!e->gaps[f]) continue;
        text t = { 0 };
        text_add(&t, "is missing");
        if (e->gaps[f] > 1) text_printf(&t, ", as in %lld more rows", (long long)e->gaps[f] - 1);
        text_printf(&t, "; missing: median (or mean) fills in %s", e->fit->field[f].one_hot
                    ? "the most frequent category" : "the column's");
        cell_problem(e, e->first_gap[f], e->column[f], t.s);
        text_free(&t);
    }
}

static bool encode_category(encoder *e, int64_t f, int64_t row, float *x)
{
    const field *fd = &e->fit->field[f];
    const char *s = frame_cell(e->t->frame, row, e->column[f]);
    double number;
    int64_t at;
    if (cell_read(s, &e->t->options->words, &number) == CELL_MISSING) {
        if (e->fit->missing == MISSING_REFUSE) return note_gap(e, f, row);
        at = fd->fill_category;
    } else at = lookup_find(&e->category[f], s);
    if (at < 0 && e->fit->unseen == UNSEEN_REFUSE)
        return not_among(e, row, e->column[f], s, fd->n_categories, fd->category,
                         " (unseen: zeros lets it pass as none of them)");
    if (at >= 0) x[fd->first + at] = 1;
    return true;
}

static bool encode_number(encoder *e, int64_t f, int64_t row, float *x)
{
    const data_fit *fit = e->fit;
    const field *fd = &fit->field[f];
    const char *s = frame_cell(e->t->frame, row, e->column[f]);
    double v;
    char fact[256];
    switch (cell_read(s, &e->t->options->words, &v)) {
    case CELL_MISSING:
        if (fit->missing == MISSING_REFUSE) return note_gap(e, f, row);
        v = fd->fill;
        break;
    case CELL_TEXT:
        snprintf(fact, sizeof fact, "'%.200s' is no number", s);
        return cell_problem(e, row, e->column[f], fact);
    case CELL_INFINITE:
        snprintf(fact, sizeof fact, "'%.200s' is no finite number of single precision", s);
        return cell_problem(e, row, e->column[f], fact);
    case CELL_NUMBER: break;
    }
    if (fit->n_channels) {
        const int64_t c = fit->n_channels > 1 ? fd->first : 0;
        v = (v - fit->mean[c]) * fit->factor[c];
    }
    x[fd->first] = (float)v;
    return true;
}

static bool encode_class(encoder *e, int64_t row, int32_t *label)
{
    const data_fit *fit = e->fit;
    const char *s = frame_cell(e->t->frame, row, e->target[0]);
    char fact[160];
    double number;
    int64_t at;
    if (cell_read(s, &e->t->options->words, &number) == CELL_MISSING)
        return cell_problem(e, row, e->target[0], "the target is missing");
    if (fit->class_name) at = lookup_find(&e->classes, s);
    else if (!text_int(s, &at) || at >= fit->n_classes) at = -1;
    *label = (int32_t)at;
    if (at >= 0) return true;
    if (fit->class_name) return not_among(e, row, e->target[0], s, fit->n_classes, fit->class_name, "");
    snprintf(fact, sizeof fact, "'%.80s' is no class; they are 0 to %lld", s, (long long)fit->n_classes - 1);
    return cell_problem(e, row, e->target[0], fact);
}

static bool encode_target(encoder *e, int64_t j, int64_t row, float *y)
{
    const data_fit *fit = e->fit;
    const char *s = frame_cell(e->t->frame, row, e->target[j]);
    double v;
    char fact[256];
    switch (cell_read(s, &e->t->options->words, &v)) {
    case CELL_MISSING: return cell_problem(e, row, e->target[j], "the target is missing");
    case CELL_NUMBER: break;
    default:
        snprintf(fact, sizeof fact, "'%.200s' is no finite number; the target must be one", s);
        return cell_problem(e, row, e->target[j], fact);
    }
    y[j] = (float)(fit->n_scaled ? (v - fit->target_mean[j]) / fit->target_scale[j] : v);
    return true;
}

static bool encode_weight(encoder *e, int64_t row, float *weight)
{
    const char *s = frame_cell(e->t->frame, row, e->weight);
    char fact[256];
    double v = 0;
    const bool number = cell_read(s, &e->t->options->words, &v) == CELL_NUMBER && v >= 0;
    *weight = (float)v;
    if (number) return true;
    snprintf(fact, sizeof fact, "'%.200s' is no weight; it must be a number, 0 or more", s);
    return cell_problem(e, row, e->weight, fact);
}

static int encode_rows(encoder *e)
{
    const data_fit *fit = e->fit;
    table_source *t = e->t;
    const bool labels = fit->target.dtype == HEFT_I32;
    for (int64_t row = 0; row < t->base.count; row++) {
        float *x = t->x + row * fit->n_columns;
        for (int64_t f = 0; f < fit->n_fields; f++)
            if (!(fit->field[f].one_hot ? encode_category : encode_number)(e, f, row, x)) return -1;
        for (int64_t j = 0; t->y && j < fit->n_targets; j++)
            if (!(labels ? encode_class(e, row, (int32_t *)(void *)t->y + row)
                  : encode_target(e, j, row, t->y + row * fit->n_targets)))
                return -1;
        if (t->base.weight && !encode_weight(e, row, t->base.weight + row)) return -1;
    }
    report_gaps(e);
    if (e->problems) return -1;
    return t->base.weight ? weights_check(t->base.name, t->base.count, t->base.weight, e->pr) : 0;
}

/* Where the fit's columns stand in this file. */
static int find_columns(encoder *e, bool predict, arena *a)
{
    const data_fit *fit = e->fit;
    const frame *f = e->t->frame;
    int rc = 0;
    e->column = arena_alloc(a, (size_t)fit->n_fields, sizeof *e->column);
    e->category = arena_alloc(a, (size_t)fit->n_fields, sizeof *e->category);
    e->gaps = arena_alloc(a, (size_t)fit->n_fields, sizeof *e->gaps);
    e->first_gap = arena_alloc(a, (size_t)fit->n_fields, sizeof *e->first_gap);
    e->target = arena_alloc(a, (size_t)fit->n_targets, sizeof *e->target);
    for (int64_t i = 0; i < fit->n_fields + fit->n_targets; i++) {
        const bool input = i < fit->n_fields;
        const char *name = input ? fit->field[i].name : fit->target_name[i - fit->n_fields];
        const int64_t at = frame_column(f, name);
        *(input ? &e->column[i] : &e->target[i - fit->n_fields]) = at;
        if (input && fit->field[i].one_hot) e->category[i] = lookup_new(a, fit->field[i].n_categories,
                                                                        fit->field[i].category);
        if (at >= 0) continue;
        if (!input && predict) {
            e->t->base.has_target = false;
            continue;
        }
        text t = { 0 };
        frame_columns_text(f, name, &t);
        problems_add(e->pr, (place){ f->name, 0, 0 }, "has no column %s, which is %s%s", name, input ? "an input"
                     : "the target", t.s);
        text_free(&t);
        rc = -1;
    }
    if (fit->class_name) e->classes = lookup_new(a, fit->n_classes, fit->class_name);
    const char *weight = e->t->options->weight;
    e->weight = weight ? frame_column(f, weight) : -1;
    if (weight && e->weight < 0 && !predict) {
        text t = { 0 };
        frame_columns_text(f, weight, &t);
        problems_add(e->pr, (place){ f->name, 0, 0 }, "has no column %s, which is the weight%s", weight, t.s);
        text_free(&t);
        rc = -1;
    }
    return rc;
}

/* In front of new data a target column may stand empty. */
static bool targets_empty(const encoder *e)
{
    double v;
    for (int64_t j = 0; j < e->fit->n_targets; j++)
        for (int64_t row = 0; row < e->t->frame->n_rows; row++)
            if (cell_read(frame_cell(e->t->frame, row, e->target[j]), &e->t->options->words, &v) != CELL_MISSING)
                return false;
    return true;
}

int table_encode(const data_fit *fit, table_source *t, bool predict, arena *a, problems *pr)
{
    encoder e = { .fit = fit, .t = t, .pr = pr };
    source *s = &t->base;
    s->input = fit->input;
    s->target = fit->target;
    s->fitted = true;
    if (find_columns(&e, predict, a) < 0) return -1;
    if (s->has_target && (!fit->n_targets || (predict && targets_empty(&e)))) s->has_target = false;
    size_t cells = 0;
    if (size_mul((size_t)s->count, (size_t)fit->n_columns, &cells)) t->x = block_alloc(cells, sizeof *t->x);
    if (s->has_target) t->y = block_alloc((size_t)s->count * (size_t)fit->n_targets, sizeof *t->y);
    if (e.weight >= 0) s->weight = block_alloc((size_t)s->count, sizeof *s->weight);
    if (!t->x || (s->has_target && !t->y) || (e.weight >= 0 && !s->weight)) {
        problems_add(pr, (place){ s->name, 0, 0 }, "no memory for %lld rows of %lld columns", (long long)s->count,
                     (long long)fit->n_columns);
        return -1;
    }
    const int rc = encode_rows(&e);
    frame_free(t->frame);
    t->frame = NULL;
    return rc;
}

int table_encode_plain(opening *o, table_source *t, problems *pr)
{
    static const char *const target_names[] = { "label", "target", "class", NULL };
    const frame *f = t->frame;
    const int64_t n = heft_count(&o->fit->input);
    int64_t target = -1;
    for (int i = 0; target_names[i] && target < 0; i++) target = frame_column(f, target_names[i]);
    data_fit plain = *o->fit;
    plain.n_fields = plain.n_columns = n;
    plain.n_channels = plain.n_scaled = 0;
    plain.n_targets = target >= 0 && f->n_columns == n + 1 && heft_count(&plain.target) == 1;
    plain.missing = MISSING_REFUSE;
    if (f->n_columns != n + plain.n_targets || plain.input.dtype != HEFT_F32) {
        problems_add(pr, (place){ f->name, 0, 0 },
                     "%lld columns; the model takes %lld numbers (and a column label, if there is one)",
                     (long long)f->n_columns, (long long)n);
        return -1;
    }
    plain.field = arena_alloc(o->a, (size_t)n, sizeof *plain.field);
    plain.target_name = plain.n_targets ? &f->column[target] : NULL;
    int64_t to = 0;
    for (int64_t i = 0; i < f->n_columns; i++)
        if (!plain.n_targets || i != target) {
            plain.field[to] = (field){ .name = f->column[i], .first = to };
            to++;
        }
    const int rc = table_encode(&plain, t, true, o->a, pr);
    t->base.fitted = false;
    return rc;
}
