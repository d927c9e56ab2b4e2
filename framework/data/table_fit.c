#include <stdlib.h>
#include <string.h>

#include "data/frame.h"

/* More different texts than this in a column are names or numbers that identify a row, not categories. */
enum { CATEGORIES_MOST = 1000 };

static table_source *table_of(const dataset *s) { return (table_source *)s->from; }

static place key_place(const opening *o, const char *key)
{
    const node *n = node_get(o->section, key);
    return n ? n->at : o->at;
}

static bool among(const char *name, int64_t n, const char *const *names)
{
    for (int64_t i = 0; i < n; i++)
        if (!strcmp(name, names[i])) return true;
    return false;
}

static int check_columns(opening *o, const frame *f, const char *key, int64_t n, const char *const *names,
                         problems *pr)
{
    int rc = 0;
    for (int64_t i = 0; i < n; i++) {
        if (among(names[i], i, names)) {
            problems_add(pr, key_place(o, key), "%s: %s is named twice", key, names[i]);
            rc = -1;
        }
        if (frame_column(f, names[i]) >= 0) continue;
        text t = { 0 };
        frame_columns_text(f, names[i], &t);
        problems_add(pr, key_place(o, key), "%s: %s has no column %s%s", key, f->name, names[i], t.s);
        text_free(&t);
        rc = -1;
    }
    return rc;
}

/* Which columns are inputs: those listed, or all that are neither targets nor dropped. */
static int choose_fields(opening *o, const frame *f, const table_options *opt, problems *pr)
{
    data_fit *fit = o->fit;
    int rc = check_columns(o, f, "target", opt->n_targets, opt->target, pr);
    if (check_columns(o, f, "drop", opt->n_drop, opt->drop, pr) < 0) rc = -1;
    if (check_columns(o, f, "inputs", opt->n_inputs, opt->inputs, pr) < 0) rc = -1;
    if (check_columns(o, f, "one_hot", opt->n_one_hot, opt->one_hot, pr) < 0) rc = -1;
    if (opt->weight && check_columns(o, f, "weight", 1, &opt->weight, pr) < 0) rc = -1;
    if (rc < 0) return rc;
    if (opt->weight && among(opt->weight, opt->n_targets, opt->target)) {
        problems_add(pr, key_place(o, "weight"), "weight: %s is also the target", opt->weight);
        return -1;
    }
    fit->target_name = opt->target;
    fit->n_targets = opt->n_targets;
    fit->field = arena_alloc(o->a, (size_t)f->n_columns, sizeof *fit->field);
    const int64_t n = opt->n_inputs ? opt->n_inputs : f->n_columns;
    for (int64_t i = 0; i < n; i++) {
        const char *name = opt->n_inputs ? opt->inputs[i] : f->column[i];
        const bool target = among(name, opt->n_targets, opt->target),
            weight = opt->weight && !strcmp(name, opt->weight), dropped = among(name, opt->n_drop, opt->drop);
        if (opt->n_inputs && (target || weight || dropped)) {
            problems_add(pr, key_place(o, "inputs"), "inputs: %s is also %s", name, target ? "the target"
                         : weight ? "the weight" : "dropped");
            rc = -1;
        }
        if (!target && !weight && !dropped) fit->field[fit->n_fields++].name = name;
    }
    if (rc == 0 && !fit->n_fields) {
        problems_add(pr, o->at, "no column of %s is left as an input", f->name);
        rc = -1;
    }
    return rc;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a,
                                                                  *(const char *const *)b); }
static int by_category(const void *a, const void *b) { return category_order(*(const char *const *)a,
                                                                             *(const char *const *)b); }

/* The distinct ones of n strings, copied and in category_order; the array is used up. */
static const char **distinct(arena *a, int64_t n, const char **s, int64_t *count)
{
    qsort(s, (size_t)n, sizeof *s, by_bytes);
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++)
        if (!m || strcmp(s[i], s[m - 1])) s[m++] = s[i];
    const char **out = arena_alloc(a, (size_t)m, sizeof *out);
    for (int64_t i = 0; i < m; i++) out[i] = arena_strdup(a, s[i]);
    qsort(out, (size_t)m, sizeof *out, by_category);
    *count = m;
    return out;
}

/* One column of the training split, cell by cell. */
typedef struct column {
    const frame *frame;
    int64_t at, rows;
    const int64_t *row;              /* NULL: all */
    int64_t n_numbers, n_texts;
    int64_t first_text;              /* row */
    double *number;                  /* [n_numbers]; [rows] of room */
    const char **value;              /* [n_numbers + n_texts] what is not missing */
} column;

static int64_t row_at(const column *c, int64_t i) { return c->row ? c->row[i] : i; }

static void read_column(column *c, const cell_words *words)
{
    c->n_numbers = c->n_texts = 0;
    for (int64_t i = 0; i < c->rows; i++) {
        const char *s = frame_cell(c->frame, row_at(c, i), c->at);
        double v;
        const cell_kind kind = cell_read(s, words, &v);
        if (kind == CELL_MISSING) continue;
        c->value[c->n_numbers + c->n_texts] = s;
        if (kind == CELL_TEXT) {
            if (!c->n_texts++) c->first_text = row_at(c, i);
        } else c->number[c->n_numbers++] = kind == CELL_NUMBER ? v : 0;    /* infinite: refused when encoded */
    }
}

static void learn_categories(opening *o, field *fd, column *c)
{
    const int64_t n = c->n_numbers + c->n_texts;
    fd->one_hot = true;
    fd->category = distinct(o->a, n, c->value, &fd->n_categories);
    int64_t *count = arena_alloc(o->a, (size_t)fd->n_categories, sizeof *count);
    const lookup l = lookup_new(o->a, fd->n_categories, fd->category);
    for (int64_t i = 0; i < c->rows; i++) {
        const int64_t k = lookup_find(&l, frame_cell(c->frame, row_at(c, i), c->at));
        if (k >= 0) count[k]++;
    }
    for (int64_t k = 1; k < fd->n_categories; k++)
        if (count[k] > count[fd->fill_category]) fd->fill_category = k;
}

static double middle(column *c)
{
    qsort(c->number, (size_t)c->n_numbers, sizeof *c->number, by_value);
    const int64_t h = c->n_numbers / 2;
    return c->n_numbers % 2 ? c->number[h] : 0.5 * (c->number[h - 1] + c->number[h]);
}

static double mean_of(const column *c)
{
    double sum = 0;
    for (int64_t i = 0; i < c->n_numbers; i++) sum += c->number[i] - c->number[0];
    return c->number[0] + sum / (double)c->n_numbers;
}

static const char *first_text(const column *c) { return frame_cell(c->frame, c->first_text, c->at); }

static int learn_field(opening *o, field *fd, column *c, const table_options *opt, moments *m, problems *pr)
{
    c->at = frame_column(c->frame, fd->name);
    read_column(c, &opt->words);
    const char *file = c->frame->name;
    if (!c->n_numbers && !c->n_texts) {
        problems_add(pr, (place){ file, 0, 0 },
                     "column %s: no value in the training split; drop: [%s] leaves it out", fd->name, fd->name);
        return -1;
    }
    const bool listed = among(fd->name, opt->n_one_hot, opt->one_hot);
    if (c->n_texts && !listed && cell_has_comma(first_text(c))) {
        problems_add(pr, frame_place(c->frame, c->first_text, c->at), "column %s: '%s' has a decimal comma; decimal: comma reads such numbers, "
                     "one_hot: [%s] takes the column as categories", fd->name, first_text(c), fd->name);
        return -1;
    }
    if (c->n_texts && !listed && (c->n_numbers || opt->one_hot_none)) {
        problems_add(pr, frame_place(c->frame, c->first_text, c->at),
                     "column %s: '%s' is no number%s; correct it, add it to missing_values, "
                     "or one_hot: [%s] takes the column as categories", fd->name, first_text(c),
                     c->n_numbers ? ", but other rows hold numbers" : ", and one_hot is none", fd->name);
        return -1;
    }
    if (c->n_texts || listed) {
        learn_categories(o, fd, c);
        if (fd->n_categories <= CATEGORIES_MOST || listed) return 0;
        problems_add(pr, (place){ file, 0, 0 },
                     "column %s: %lld different texts, each of which would be an input; drop: [%s] leaves it out, "
                     "one_hot: [%s] takes it all the same", fd->name, (long long)fd->n_categories, fd->name,
                         fd->name);
        return -1;
    }
    const int64_t missing = c->rows - c->n_numbers;
    for (int64_t i = 0; i < c->n_numbers; i++) moments_add(m, c->number[i]);
    fd->fill = opt->missing == MISSING_MEAN ? mean_of(c) : middle(c);
    for (int64_t i = 0; i < missing; i++) moments_add(m, fd->fill);
    return 0;
}

/* Columns after one-hot: names and scaling. */
static void lay_out(opening *o, const moments *m)
{
    data_fit *fit = o->fit;
    for (int64_t i = 0; i < fit->n_fields; i++) {
        fit->field[i].first = fit->n_columns;
        fit->n_columns += fit->field[i].one_hot ? fit->field[i].n_categories : 1;
    }
    fit->column_name = arena_alloc(o->a, (size_t)fit->n_columns, sizeof *fit->column_name);
    const bool scaled = o->common->normalize || o->common->scale != 1;
    if (scaled) {
        fit->n_channels = fit->n_columns;
        fit->mean = arena_alloc(o->a, (size_t)fit->n_columns, sizeof *fit->mean);
        fit->factor = arena_alloc(o->a, (size_t)fit->n_columns, sizeof *fit->factor);
    }
    for (int64_t i = 0; i < fit->n_fields; i++) {
        const field *fd = &fit->field[i];
        const int64_t c = fd->first;
        for (int64_t k = 0; k < fd->n_categories; k++) {
            fit->column_name[c + k] = arena_printf(o->a, "%s=%s", fd->name, fd->category[k]);
            if (scaled) fit->factor[c + k] = 1;
        }
        if (fd->one_hot) continue;
        fit->column_name[c] = fd->name;
        if (o->common->normalize) moments_scale(&m[i], o->common->normalize, &fit->mean[c], &fit->factor[c]);
        else if (scaled) fit->factor[c] = o->common->scale;
    }
    fit->input = (heft_shape){ HEFT_F32, 1, { fit->n_columns }, 0 };
}

/* Classes are all that occur in any split, as labels of other formats are. */
static int learn_classes(opening *o, bool ask, problems *pr)
{
    data_fit *fit = o->fit;
    int64_t rows = 0, n = 0;
    for (split s = TRAIN; s <= TEST; s++)
        if (o->set[s]) rows += o->set[s]->from->count;
    const char **value = block_alloc((size_t)rows, sizeof *value);
    if (!value) memory_exhausted((size_t)rows * sizeof *value);
    for (split s = TRAIN; s <= TEST; s++) {
        if (!o->set[s] || (s != TRAIN && o->set[s]->from == o->set[TRAIN]->from)) continue;
        const table_source *t = table_of(o->set[s]);
        const int64_t at = frame_column(t->frame, fit->target_name[0]);
        double v;
        for (int64_t row = 0; at >= 0 && row < t->frame->n_rows; row++) {
            const char *cell = frame_cell(t->frame, row, at);
            if (cell_read(cell, &t->options->words, &v) != CELL_MISSING) value[n++] = cell;
        }
    }
    fit->class_name = distinct(o->a, n, value, &fit->n_classes);
    block_free(value);
    fit->target = (heft_shape){ .dtype = HEFT_I32, .limit = fit->n_classes };
    if (fit->n_classes <= CATEGORIES_MOST || !ask) return 0;
    problems_add(pr, key_place(o, "target"),
                 "target: %s holds %lld different texts; if they are classes, say task: classification",
                 fit->target_name[0], (long long)fit->n_classes);
    return -1;
}

static int learn_target(opening *o, column *c, const table_options *opt, problems *pr)
{
    data_fit *fit = o->fit;
    int rc = 0;
    bool texts = false;
    moments *m = arena_alloc(o->a, (size_t)fit->n_targets, sizeof *m);
    for (int64_t j = 0; j < fit->n_targets; j++) {
        c->at = frame_column(c->frame, fit->target_name[j]);
        read_column(c, &opt->words);
        for (int64_t i = 0; i < c->n_numbers; i++) moments_add(&m[j], c->number[i]);
        if (!c->n_texts) continue;
        texts = true;
        if (opt->task != TASK_CLASSIFICATION && cell_has_comma(first_text(c))) {
            problems_add(pr, frame_place(c->frame, c->first_text, c->at), "target %s: '%s' has a decimal comma; decimal: comma reads such numbers, "
                         "task: classification takes them as classes", fit->target_name[j], first_text(c));
            rc = -1;
            continue;
        }
        if (opt->task != TASK_REGRESSION && (opt->task == TASK_CLASSIFICATION || !c->n_numbers) &&
            fit->n_targets == 1) continue;
        problems_add(pr, frame_place(c->frame, c->first_text, c->at), "target %s: '%s' is no number%s",
                     fit->target_name[j], first_text(c), opt->task == TASK_REGRESSION
                         ? ", and task is regression" :
                     fit->n_targets > 1 ? "; several targets must be numbers"
                         : ", but other rows hold numbers; correct it, or say task: classification");
        rc = -1;
    }
    if (rc < 0) return -1;
    if (texts || opt->task == TASK_CLASSIFICATION) {
        if (fit->n_targets > 1) {
            problems_add(pr, key_place(o, "target"), "target: a classification has one target column, not %lld",
                         (long long)fit->n_targets);
            return -1;
        }
        if (targets_scaled(o->common)) {
            const char *key = o->common->normalize_target ? "normalize_target" : "scale_target";
            problems_add(pr, key_place(o, key), "%s: the target is a class, no quantity", key);
            return -1;
        }
        return learn_classes(o, opt->task == TASK_AUTO, pr);
    }
    fit->target = (heft_shape){ HEFT_F32, 1, { fit->n_targets }, 0 };
    if (!targets_scaled(o->common)) return 0;
    fit->n_scaled = fit->n_targets;
    fit->target_mean = arena_alloc(o->a, (size_t)fit->n_targets, sizeof *fit->target_mean);
    fit->target_scale = arena_alloc(o->a, (size_t)fit->n_targets, sizeof *fit->target_scale);
    for (int64_t j = 0; j < fit->n_targets; j++)
        target_scale(o->common, &m[j], &fit->target_mean[j], &fit->target_scale[j]);
    return 0;
}

int table_fit(opening *o, problems *pr)
{
    data_fit *fit = o->fit;
    const dataset *train = o->set[TRAIN];
    const table_source *t = table_of(train);
    const table_options *opt = t->options;
    fit->missing = opt->missing;
    fit->unseen = opt->unseen;
    if (choose_fields(o, t->frame, opt, pr) < 0) return -1;

    column c = { .frame = t->frame, .rows = train->count, .row = train->row };
    c.number = block_alloc((size_t)c.rows, sizeof *c.number);
    c.value = block_alloc((size_t)c.rows, sizeof *c.value);
    moments *m = arena_alloc(o->a, (size_t)fit->n_fields, sizeof *m);
    int rc = 0;
    if (!c.number || !c.value) memory_exhausted((size_t)c.rows * sizeof *c.number);
    for (int64_t i = 0; i < fit->n_fields; i++)
        if (learn_field(o, &fit->field[i], &c, opt, &m[i], pr) < 0) rc = -1;
    if (learn_target(o, &c, opt, pr) < 0) rc = -1;
    block_free(c.number);
    block_free(c.value);
    if (rc < 0) return -1;
    lay_out(o, m);
    for (split s = TRAIN; s <= TEST; s++) {
        if (!o->set[s] || (s != TRAIN && o->set[s]->from == train->from)) continue;
        if (table_encode(fit, table_of(o->set[s]), false, o->a, pr) < 0) rc = -1;
    }
    return rc;
}
