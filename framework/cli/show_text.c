#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/show.h"
#include "report/columns.h"

static const char *shape(arena *a, int64_t rank, const int64_t *dim)
{
    text t = { 0 };
    text_dims(&t, rank, dim);
    const char *s = arena_strndup(a, t.s, t.n);
    text_free(&t);
    return s;
}

static const char *count(arena *a, int64_t n)
{
    char s[32];
    text_count(n, s);
    return arena_strdup(a, s);
}

static const char *number(arena *a, double v) { return isnan(v) ? "-" : arena_printf(a, "%.5g", v); }

static void print_columns(columns *c, const char *title)
{
    printf("\n%s\n", title);
    columns_print(c);
}

static void print_saved(const shown *w)
{
    columns *c = columns_new(3, (const char *const[]){ "checkpoint", "", "state" }, "lll");
    for (int64_t i = 0; i < w->n_saved; i++) {
        const saved *s = &w->saved[i];
        const char *mark = s->latest && s->best ? "latest, best" : s->latest ? "latest" : s->best ? "best" : "";
        columns_add(c, (const char *const[]){ path_base(s->path), mark, s->fault ? s->fault : "valid" });
    }
    if (w->n_saved) print_columns(c, "Checkpoints");
    else columns_free(c);
}

static void print_layers(const shown *w)
{
    arena *a = w->memory;
    columns *c = columns_new(5, (const char *const[]){ "layer", "type", "inputs", "output", "parameters" }, "llllr");
    for (int64_t i = 0; i < w->n_layers; i++) {
        const layer *l = &w->layer[i];
        const char *type = strcmp(l->role, "layer") ? arena_printf(a, "%s (%s)", l->type, l->role) : l->type;
        columns_add(
            c,
            (const char *const[]){ l->name, type, l->inputs, shape(a, l->n_out, l->out), count(a, l->parameters) });
    }
    columns_rule(c);
    columns_add(c, (const char *const[]){ "", "", "", "", count(a, w->parameters) });
    print_columns(c, "Layers");
}

static void print_tensors(const shown *w)
{
    arena *a = w->memory;
    static const char *const heading[] = { "tensor", "shape", "min",   "max",       "mean",
                                           "std",    "norm",  "zeros", "not finite" };
    columns *c = columns_new(9, heading, "llrrrrrrr");
    for (int64_t i = 0; i < w->n_layers; i++)
        for (int64_t k = 0; k < w->layer[i].n_tensors; k++) {
            const tensor *t = &w->layer[i].tensor[k];
            const statistics *s = &t->s;
            const char *name =
                arena_printf(a, "%s/%s%s", w->layer[i].name, t->name, strcmp(t->role, "weight") ? " (state)" : "");
            const char *const cell[] = { name,
                                         shape(a, t->rank, t->dim),
                                         number(a, s->min),
                                         number(a, s->max),
                                         number(a, s->mean),
                                         number(a, s->std),
                                         number(a, s->norm),
                                         count(a, s->zeros),
                                         count(a, s->non_finite) };
            columns_add(c, cell);
        }
    print_columns(c, "Weights and states");
}

static void print_small(const shown *w)
{
    columns *c = columns_new(2, NULL, "ll");
    bool any = false;
    for (int64_t i = 0; i < w->n_layers; i++)
        for (int64_t k = 0; k < w->layer[i].n_tensors; k++) {
            const tensor *t = &w->layer[i].tensor[k];
            text values = { 0 };
            if (t->count < 1 || t->count > SHOW_LISTED) continue;
            for (int64_t j = 0; j < t->count; j++) text_printf(&values, "%s%.6g", j ? "  " : "", (double)t->value[j]);
            const char *name = arena_printf(w->memory, "%s/%s", w->layer[i].name, t->name);
            columns_add(c, (const char *const[]){ name, values.s });
            text_free(&values);
            any = true;
        }
    if (any) print_columns(c, "Values");
    else columns_free(c);
}

static void print_state(const shown *w)
{
    columns *c = columns_new(2, NULL, "ll");
    columns_add(c, (const char *const[]){ "optimizer", w->optimizer });
    for (const trainer_field *f = trainer_fields; f->name; f++) {
        const char *at = (const char *)&w->state + f->offset;
        const char *value = f->real ? number(w->memory, *(const double *)(const void *)at)
                                    : count(w->memory, *(const int64_t *)(const void *)at);
        columns_add(c, (const char *const[]){ f->name, value });
    }
    columns_add(c, (const char *const[]){ "data input", shape(w->memory, w->n_input, w->input) });
    text names = { 0 };
    text_printf(&names, "%" PRId64, w->n_classes);
    for (int64_t i = 0; i < w->n_names && i < SHOW_LISTED; i++)
        text_printf(&names, "%s%s", i ? ", " : ": ", w->class_name[i]);
    if (w->n_names > SHOW_LISTED) text_add(&names, ", ...");
    if (w->n_classes) columns_add(c, (const char *const[]){ "data classes", names.s });
    columns_add(c, (const char *const[]){ "data fingerprint", w->fingerprint });
    text_free(&names);
    print_columns(c, "Training");
}

static void print_metrics(const shown *w)
{
    const table *t = w->epochs;
    arena *a = w->memory;
    const char **cell = arena_alloc(a, (size_t)t->n_columns, sizeof *cell);
    char *align = arena_alloc(a, (size_t)t->n_columns + 1, 1);
    for (int i = 0; i < t->n_columns; i++) cell[i] = t->column[i].name, align[i] = 'r';
    columns *c = columns_new(t->n_columns, cell, align);
    for (int64_t r = t->n_rows > SHOW_ROWS ? t->n_rows - SHOW_ROWS : 0; r < t->n_rows; r++) {
        for (int i = 0; i < t->n_columns; i++)
            cell[i] = t->column[i].whole ? count(a, (int64_t)table_row(t, r)[i]) : number(a, table_row(t, r)[i]);
        columns_add(c, cell);
    }
    if (t->n_rows) print_columns(c, t->n_rows > SHOW_ROWS ? "Metrics (the last epochs)" : "Metrics");
    else columns_free(c);
}

static void print_experiment(const shown *w)
{
    size_t n;
    puts("\nExperiment");
    for (const char *s = checkpoint_experiment(w->checkpoint, &n); *s;) {
        const size_t line = strcspn(s, "\n");
        printf("  %.*s\n", (int)line, s);
        s += line + (s[line] == '\n');
    }
}

void show_text(const shown *w)
{
    printf("%s\n", w->path);
    if (w->average) printf("The weights are %s.\n", w->average);
    print_saved(w);
    print_layers(w);
    print_tensors(w);
    print_small(w);
    print_state(w);
    print_metrics(w);
    print_experiment(w);
}
