#include "report/shown.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"

static void count_bins(statistics *s, const float *x, int64_t n)
{
    const double per = s->max > s->min ? SHOW_BINS / (s->max - s->min) : 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) continue;
        const int k = (int)(((double)x[i] - s->min) * per);
        s->bin[k < SHOW_BINS ? k : SHOW_BINS - 1]++;
    }
}

/* In one pass for the range and sum, others for the spread and the histogram; doubles. */
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
    if (finite) count_bins(&s, x, n);
    else s.min = s.max = NAN;
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
    if (rc == 0 && t->count <= SHOW_LISTED) memcpy(t->value, x, (size_t)t->count * sizeof *x);
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

const layer *show_layer(const shown *w, const char *name)
{
    for (int64_t i = 0; i < w->n_layers; i++)
        if (!strcmp(w->layer[i].name, name)) return &w->layer[i];
    return NULL;
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

static void read_average(shown *w, problems *pr)
{
    int64_t averaged;
    size_t n;
    if (!hdf_exists(w->file, "/trainer/weights") || hdf_get_int(w->file, "/trainer/weights", "averaged", &averaged, pr) < 0) return;
    const char *yaml = checkpoint_experiment(w->checkpoint, &n), *name = arena_printf(w->memory, "%s:/experiment", w->path);
    experiment *e = experiment_parse(name, path_dir(w->memory, w->path), yaml, n, 0, NULL, pr);
    if (!e) return;
    w->average = average_text(e->train, averaged, w->memory, pr);
    experiment_free(e);
}

static int read_checkpoint(shown *w, problems *pr)
{
    const size_t before = pr->n;
    if (!(w->checkpoint = checkpoint_open(w->path, pr))) return -1;
    w->file = checkpoint_file(w->checkpoint);
    read_layers(w, pr);
    read_state(w, pr);
    read_data(w, pr);
    read_average(w, pr);
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

int show_read(shown *w, const char *path, problems *pr)
{
    w->memory = arena_new();
    if (!file_is_dir(path)) w->path = path;
    else {
        w->run = path;
        if (read_run(w, pr) < 0) return -1;
    }
    return read_checkpoint(w, pr);
}

void show_close(shown *w)
{
    table_free(w->epochs);
    checkpoint_close(w->checkpoint);
    arena_free(w->memory);
}
