/* show.c -- heft show: what is in a checkpoint, read from the HDF5 file alone; no plugin is opened */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "report/columns.h"
#include "report/json.h"
#include "run/run.h"

enum { LISTED = 16, ROWS = 5 };      /* values of a tensor that are printed; rows of the metrics */

typedef struct statistics { double min, max, mean, std, norm; int64_t zeros, non_finite; } statistics;

typedef struct tensor {
    const char *name, *role;
    int         rank;
    int64_t     dim[HDF_MAX_RANK], count;
    statistics  s;
    float       value[LISTED];       /* if count <= LISTED */
} tensor;

typedef struct layer {
    const char *name, *type, *role, *inputs;
    int64_t     n_out, out[HDF_MAX_RANK], n_tensors, parameters;
    tensor     *tensor;
} layer;

typedef struct saved { const char *path, *fault; bool latest, best; } saved;     /* fault NULL: valid */

typedef struct shown {
    arena      *memory;
    const char *path, *run;          /* run NULL: a checkpoint was named */
    checkpoint *checkpoint;
    hdf_file   *file;
    int64_t     n_layers, n_saved, parameters;
    layer      *layer;
    saved      *saved;
    table      *epochs;
    const char *optimizer, *fingerprint;
    int64_t     n_input, input[HDF_MAX_RANK], n_classes, n_names;
    char      **class_name;
    trainer_state state;
} shown;

/* ---- reading ---- */

/* In one pass for the range and sum, another for the spread; doubles. */
static statistics measure(const float *x, int64_t n)
{
    statistics s = { .min = INFINITY, .max = -INFINITY };
    double sum = 0, squares = 0, spread = 0;
    int64_t finite = 0;
    for (int64_t i = 0; i < n; i++) {
        const double v = (double)x[i];
        if (!isfinite(v)) {
            s.non_finite++;
            continue;
        }
        finite++;
        sum += v;
        squares += v * v;
        s.zeros += v == 0;
        if (v < s.min) s.min = v;
        if (v > s.max) s.max = v;
    }
    s.mean = sum / (double)finite;               /* NaN if there are none */
    s.norm = sqrt(squares);
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i])) spread += ((double)x[i] - s.mean) * ((double)x[i] - s.mean);
    s.std = sqrt(spread / (double)finite);
    if (!finite) s.min = s.max = NAN;
    return s;
}

static int read_tensor(shown *w, const char *group, const char *name, tensor *t, problems *pr)
{
    hdf_type type;
    const char *path = arena_printf(w->memory, "%s/%s", group, name);
    if (hdf_shape(w->file, path, &type, &t->rank, t->dim, pr) < 0) return -1;
    t->name = name;
    t->count = 1;
    for (int i = 0; i < t->rank; i++) t->count *= t->dim[i];
    float *x = block_alloc((size_t)t->count, sizeof *x);
    if (!x) {
        problems_add(pr, hdf_place(w->file, path, w->memory), "no memory for %" PRId64 " numbers", t->count);
        return -1;
    }
    const int rc = hdf_read(w->file, path, HDF_F32, t->rank, t->dim, x, pr);
    if (rc == 0) t->s = measure(x, t->count);
    if (rc == 0 && t->count <= LISTED) memcpy(t->value, x, (size_t)t->count * sizeof *x);
    block_free(x);
    t->role = hdf_get_text(w->file, path, "role", w->memory, pr);
    return rc == 0 && t->role ? 0 : -1;
}

static int read_layer(shown *w, const char *name, layer *l, problems *pr)
{
    const char *group = arena_printf(w->memory, "/layers/%s", name);
    char **tensors;
    l->name = name;
    l->type = hdf_get_text(w->file, group, "type", w->memory, pr);
    l->role = hdf_get_text(w->file, group, "role", w->memory, pr);
    l->inputs = hdf_get_text(w->file, group, "inputs", w->memory, pr);
    int rc = hdf_get_ints(w->file, group, "output_shape", HDF_MAX_RANK, &l->n_out, l->out, pr);
    if (hdf_members(w->file, group, w->memory, &l->n_tensors, &tensors, pr) < 0) rc = -1;
    l->tensor = arena_alloc(w->memory, (size_t)l->n_tensors, sizeof *l->tensor);
    for (int64_t i = 0; i < l->n_tensors && rc == 0; i++) {
        rc = read_tensor(w, group, tensors[i], &l->tensor[i], pr);
        if (rc == 0 && !strcmp(l->tensor[i].role, "weight")) l->parameters += l->tensor[i].count;
    }
    return rc == 0 && l->type && l->role && l->inputs ? 0 : -1;
}

static int read_layers(shown *w, problems *pr)
{
    char **name;
    int rc = hdf_members(w->file, "/layers", w->memory, &w->n_layers, &name, pr);
    w->layer = arena_alloc(w->memory, (size_t)w->n_layers, sizeof *w->layer);
    for (int64_t i = 0; i < w->n_layers; i++) {
        if (read_layer(w, name[i], &w->layer[i], pr) < 0) rc = -1;
        w->parameters += w->layer[i].parameters;
    }
    return rc;
}

static int read_state(shown *w, problems *pr)
{
    int rc = 0;
    for (const trainer_field *f = trainer_fields; f->name; f++) {
        char *at = (char *)&w->state + f->offset;
        if (f->real ? hdf_get_real(w->file, "/trainer", f->name, (double *)(void *)at, pr)
                    : hdf_get_int(w->file, "/trainer", f->name, (int64_t *)(void *)at, pr)) rc = -1;
    }
    return rc;
}

/* What the data room wrote; names of classes are there only for data that have them. */
static int read_data(shown *w, problems *pr)
{
    hdf_type type;
    int rank;
    int64_t n[HDF_MAX_RANK];
    w->fingerprint = checkpoint_fingerprint(w->checkpoint);
    if (hdf_read(w->file, "/data/n_classes", HDF_I64, 0, NULL, &w->n_classes, pr) < 0) return -1;
    if (hdf_exists(w->file, "/data/class_names")
        && hdf_read_texts(w->file, "/data/class_names", w->memory, &w->n_names, &w->class_name, pr) < 0) return -1;
    if (!hdf_exists(w->file, "/data/input/dims")) return 0;
    if (hdf_shape(w->file, "/data/input/dims", &type, &rank, n, pr) < 0) return -1;
    if (rank != 1 || n[0] > HDF_MAX_RANK) {
        problems_add(pr, hdf_place(w->file, "/data/input/dims", w->memory), "not a list of at most %d numbers",
                     HDF_MAX_RANK);
        return -1;
    }
    w->n_input = n[0];
    return hdf_read(w->file, "/data/input/dims", HDF_I64, 1, &w->n_input, w->input, pr);
}

static int read_checkpoint(shown *w, problems *pr)
{
    const size_t before = pr->n;
    if (!(w->checkpoint = checkpoint_open(w->path, pr))) return -1;
    w->file = checkpoint_file(w->checkpoint);
    read_layers(w, pr);
    read_state(w, pr);
    read_data(w, pr);
    w->optimizer = hdf_get_text(w->file, "/optimizer", "type", w->memory, pr);
    w->epochs = table_read(w->file, "/metrics/epochs", pr);
    return pr->n == before ? 0 : -1;
}

/* Every checkpoint of a run, verified; w->path becomes the best, or else the newest valid one. */
static int read_run(shown *w, problems *pr)
{
    char **path;
    if (!file_exists(path_join(w->memory, w->run, "experiment.yaml"))) {
        problems_add(pr, (place){ w->run, 0, 0 }, "not a run: there is no experiment.yaml in it");
        return -1;
    }
    if (run_checkpoints(w->run, w->memory, &w->n_saved, &path, pr) < 0) return -1;
    const size_t before = pr->n;
    const char *latest = run_named(w->run, "latest", w->memory, pr), *best = run_named(w->run, "best", w->memory, pr);
    if (pr->n > before) return -1;
    w->saved = arena_alloc(w->memory, (size_t)w->n_saved, sizeof *w->saved);
    for (int64_t i = 0; i < w->n_saved; i++) {
        problems damage = { 0 };
        checkpoint *c = checkpoint_open(path[i], &damage);
        saved *s = &w->saved[i];
        *s = (saved){ path[i], c ? NULL : arena_strdup(w->memory, damage.n ? damage.item[0].text : "damaged"),
                      latest && !strcmp(latest, path[i]), best && !strcmp(best, path[i]) };
        if (c && !(w->path && best && !strcmp(w->path, best))) w->path = path[i];
        checkpoint_close(c);
        problems_free(&damage);
    }
    if (!w->path)
        problems_add(pr, (place){ w->run, 0, 0 },
                     w->n_saved ? "none of its checkpoints can be read" : "the run has no checkpoint yet");
    for (int64_t i = 0; i < w->n_saved && !w->path; i++)
        problems_add(pr, (place){ w->saved[i].path, 0, 0 }, "%s", w->saved[i].fault);
    return w->path ? 0 : -1;
}

/* ---- text ---- */

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
    text t = { 0 };
    columns_write(c, &t);
    printf("\n%s\n%s", title, t.s ? t.s : "");
    text_free(&t);
    columns_free(c);
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
            if (t->count < 1 || t->count > LISTED) continue;
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
    for (int64_t i = 0; i < w->n_names && i < LISTED; i++)
        text_printf(&names, "%s%s", i ? ", " : ": ", w->class_name[i]);
    if (w->n_names > LISTED) text_add(&names, ", ...");
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
    for (int64_t r = t->n_rows > ROWS ? t->n_rows - ROWS : 0; r < t->n_rows; r++) {
        for (int i = 0; i < t->n_columns; i++)
            cell[i] = t->column[i].whole ? count(a, (int64_t)table_row(t, r)[i]) : number(a, table_row(t, r)[i]);
        columns_add(c, cell);
    }
    if (t->n_rows) print_columns(c, t->n_rows > ROWS ? "Metrics (the last epochs)" : "Metrics");
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

static void print_text(const shown *w)
{
    printf("%s\n", w->path);
    print_saved(w);
    print_layers(w);
    print_tensors(w);
    print_small(w);
    print_state(w);
    print_metrics(w);
    print_experiment(w);
}

/* ---- JSON ---- */

static void json_ints(text *t, const char *key, int64_t n, const int64_t *v)
{
    json_open(t, key, '[');
    for (int64_t i = 0; i < n; i++) json_int(t, NULL, v[i]);
    json_close(t, ']');
}

static void json_tensor(text *o, const tensor *t)
{
    json_open(o, NULL, '{');
    json_string(o, "name", t->name);
    json_string(o, "role", t->role);
    json_ints(o, "shape", t->rank, t->dim);
    json_real(o, "min", t->s.min);
    json_real(o, "max", t->s.max);
    json_real(o, "mean", t->s.mean);
    json_real(o, "std", t->s.std);
    json_real(o, "norm", t->s.norm);
    json_int(o, "zeros", t->s.zeros);
    json_int(o, "non_finite", t->s.non_finite);
    if (t->count <= LISTED) {
        json_open(o, "values", '[');
        for (int64_t i = 0; i < t->count; i++) json_real(o, NULL, (double)t->value[i]);
        json_close(o, ']');
    }
    json_close(o, '}');
}

static void json_layers(text *o, const shown *w)
{
    json_open(o, "layers", '[');
    for (int64_t i = 0; i < w->n_layers; i++) {
        const layer *l = &w->layer[i];
        json_open(o, NULL, '{');
        json_string(o, "name", l->name);
        json_string(o, "type", l->type);
        json_string(o, "role", l->role);
        json_string(o, "inputs", l->inputs);
        json_ints(o, "output_shape", l->n_out, l->out);
        json_int(o, "parameters", l->parameters);
        json_open(o, "tensors", '[');
        for (int64_t k = 0; k < l->n_tensors; k++) json_tensor(o, &l->tensor[k]);
        json_close(o, ']');
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void json_metrics(text *o, const table *t)
{
    json_open(o, "metrics", '[');
    for (int64_t r = t->n_rows > ROWS ? t->n_rows - ROWS : 0; r < t->n_rows; r++) {
        json_open(o, NULL, '{');
        for (int i = 0; i < t->n_columns; i++) json_real(o, t->column[i].name, table_row(t, r)[i]);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void json_saved(text *o, const shown *w)
{
    json_open(o, "checkpoints", '[');
    for (int64_t i = 0; i < w->n_saved; i++) {
        json_open(o, NULL, '{');
        json_string(o, "path", w->saved[i].path);
        json_bool(o, "valid", !w->saved[i].fault);
        json_string(o, "fault", w->saved[i].fault);
        json_bool(o, "latest", w->saved[i].latest);
        json_bool(o, "best", w->saved[i].best);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void print_json(const shown *w)
{
    text o = { 0 };
    size_t n;
    json_open(&o, NULL, '{');
    json_string(&o, "checkpoint", w->path);
    if (w->run) json_saved(&o, w);
    json_int(&o, "parameters", w->parameters);
    json_layers(&o, w);
    json_string(&o, "optimizer", w->optimizer);
    json_open(&o, "trainer", '{');
    for (const trainer_field *f = trainer_fields; f->name; f++) {
        const char *at = (const char *)&w->state + f->offset;
        if (f->real) json_real(&o, f->name, *(const double *)(const void *)at);
        else json_int(&o, f->name, *(const int64_t *)(const void *)at);
    }
    json_close(&o, '}');
    json_metrics(&o, w->epochs);
    json_open(&o, "data", '{');
    json_ints(&o, "input_shape", w->n_input, w->input);
    json_int(&o, "classes", w->n_classes);
    json_string(&o, "fingerprint", w->fingerprint);
    json_close(&o, '}');
    json_string(&o, "experiment", checkpoint_experiment(w->checkpoint, &n));
    json_close(&o, '}');
    json_end(&o, stdout);
}

/* ---- the verb ---- */

int verb_show(int argc, char **argv)
{
    bool as_json = false;
    const cli_option options[] = { { "--json", NULL, &as_json, "one JSON object" }, { 0 } };
    cli_args args;
    if (cli_read(argc, argv, options, 1, 1, "heft show CHECKPOINT|RUN [--json]", &args) < 0) return EXIT_USAGE;
    problems pr = { 0 };
    shown w = { .memory = arena_new() };
    bool good = true;
    if (file_is_dir(args.arg[0])) {
        w.run = args.arg[0];
        good = read_run(&w, &pr) == 0;
    } else w.path = args.arg[0];
    good = good && read_checkpoint(&w, &pr) == 0;
    if (good && as_json) print_json(&w);
    else if (good) print_text(&w);
    const int code = good ? EXIT_DONE : cli_fail(&pr, EXIT_WORK_FAILED);
    table_free(w.epochs);
    checkpoint_close(w.checkpoint);
    arena_free(w.memory);
    problems_free(&pr);
    return code;
}
