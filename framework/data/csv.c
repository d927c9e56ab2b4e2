/* csv: a row a sample, a column an input; see frame.h for the grammar and table_fit.c for what is learnt from it. */
#include <string.h>

#include "base/file.h"
#include "data/frame.h"

typedef struct csv_options {
    const char *separator;
    int missing, unseen, task, decimal;
} csv_options;

static const heft_option csv_options_table[] = {
    HEFT_OPT_STRING(csv_options, separator, "auto",
                    "one character, or comma, semicolon, tab; auto: tab in .tsv, else comma"),
    HEFT_OPT_ENUM(csv_options, decimal, 0, "point|comma", "what stands in numbers before their fraction"),
    HEFT_OPT_ENUM(csv_options, missing, MISSING_REFUSE, "refuse|median|mean",
                  "empty, NA and nan cells: a problem, or filled from the training split (text: most frequent)"),
    HEFT_OPT_ENUM(csv_options, unseen, UNSEEN_REFUSE, "refuse|zeros",
                  "a category that training did not have: a problem, or none of the known"),
    HEFT_OPT_ENUM(csv_options, task, TASK_AUTO, "auto|classification|regression",
                  "auto: numbers are a regression, texts are classes"),
    HEFT_OPT_END
};

static const char *const csv_others[] = { "target", "weight", "drop", "inputs", "columns", "missing_values", "one_hot",
                                          NULL };

static int read_separator(const opening *o, const char *s, const char *path, char *out, problems *pr)
{
    const size_t n = path ? strlen(path) : 0;
    if (!strcmp(s, "auto")) s = n > 4 && !strcmp(path + n - 4, ".tsv") ? "\t" : ",";
    else if (!strcmp(s, "comma")) s = ",";
    else if (!strcmp(s, "semicolon")) s = ";";
    else if (!strcmp(s, "tab") || !strcmp(s, "\\t")) s = "\t";
    *out = s[0];
    if (strlen(s) == 1 && !strchr("\"\r\n", s[0])) return 0;
    const node *at = node_get(o->section, "separator");
    problems_add(pr, at ? at->at : o->at,
                 "separator: '%s'; one character is needed (no quote or line end), or comma, semicolon, tab", s);
    return -1;
}

/* one_hot: auto | none | [names of columns to take as categories besides those of text]. */
static int read_one_hot(opening *o, const node *n, table_options *to, problems *pr)
{
    if (!n || (n->kind == NODE_SCALAR && !strcmp(n->text, "auto"))) return 0;
    to->one_hot_none = n->kind == NODE_SCALAR && !strcmp(n->text, "none");
    return to->one_hot_none ? 0 : strings_read(n, "one_hot", o->a, &to->n_one_hot, &to->one_hot, pr);
}

/* own: the csv options of the section, or their defaults.  section NULL: no lists of columns. */
static table_options *read_options(opening *o, const csv_options *own, const node *section, const char *path,
                                   problems *pr)
{
    table_options *to = arena_alloc(o->a, 1, sizeof *to);
    to->missing = own->missing;
    to->unseen = own->unseen;
    to->task = own->task;
    to->words.comma = own->decimal;
    int rc = read_separator(o, own->separator, path, &to->separator, pr);
    const struct { const char *key; int64_t *n; const char ***names; } list[] = {
        { "target", &to->n_targets, &to->target },   { "drop", &to->n_drop, &to->drop },
        { "inputs", &to->n_inputs, &to->inputs },    { "columns", &to->n_columns, &to->columns },
        { "missing_values", &to->words.n, &to->words.word },
    };
    for (size_t i = 0; section && i < sizeof list / sizeof *list; i++)
        if (strings_read(node_get(section, list[i].key), list[i].key, o->a, list[i].n, list[i].names, pr) < 0)
            rc = -1;
    const node *weight = section ? node_get(section, "weight") : NULL;
    if (weight && !node_is_null(weight) && node_read_string(weight, "data: weight", &to->weight, pr) < 0) rc = -1;
    else if (to->weight) to->weight = arena_strdup(o->a, to->weight);
    if (section && read_one_hot(o, node_get(section, "one_hot"), to, pr) < 0) rc = -1;
    if (section && !o->predict && !to->n_targets) {
        problems_add(pr, o->at, "data: target is missing; it names the column to learn (or a list of columns)");
        rc = -1;
    }
    return rc < 0 ? NULL : to;
}

static table_source *read_file(opening *o, const char *path, const table_options *to, problems *pr)
{
    size_t n;
    char *bytes = file_read(path, INT64_MAX / 2, &n, pr);
    if (!bytes) return NULL;
    if (print_file(o, "file", path, pr) < 0) {
        block_free(bytes);
        return NULL;
    }
    frame *f = frame_parse(o->a, path, bytes, n, to->separator, to->n_columns, to->columns, pr);
    return f ? (table_source *)table_source_new(o->a, f, to) : NULL;
}

static source *csv_open(opening *o, const node *files, split which, problems *pr)
{
    const char *path = section_single_file(o, files, which, pr);
    if (!path) return NULL;
    const table_options *to = read_options(o, o->own, o->section, path, pr);
    return to ? (source *)read_file(o, path, to, pr) : NULL;
}

static source *csv_open_file(opening *o, const char *path, problems *pr)
{
    if (check_file((place){ 0 }, "data", path, "", pr) < 0) return NULL;
    const bool own = o->format == &csv_format;
    const csv_options *options = own ? o->own : format_defaults(&csv_format, o->a, pr);
    const table_options *to = options ? read_options(o, options, own ? o->section : NULL, path, pr) : NULL;
    table_source *t = to ? read_file(o, path, to, pr) : NULL;
    if (!t) return NULL;
    const int rc = o->fit->n_fields ? table_encode(o->fit, t, true, o->a, pr) : table_encode_plain(o, t, pr);
    if (rc == 0) return &t->base;
    t->base.close(&t->base);
    return NULL;
}

const format csv_format = { .name = "csv", .options = csv_options_table, .options_size = sizeof(csv_options),
                            .others = csv_others,
                            .open = csv_open, .open_file = csv_open_file, .fit = table_fit };
