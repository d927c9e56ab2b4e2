/* restore.c -- a checkpoint opened, into a model or a whole trainer */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "run/inside.h"

struct checkpoint {
    hdf_file   *file;
    arena      *memory;
    const char *path, *experiment, *fingerprint;
};

checkpoint *checkpoint_open(const char *path, problems *pr)
{
    hdf_file *f = hdf_open_published(path, CHECKPOINT_FORMAT, pr);
    if (!f) return NULL;
    arena *a = arena_new();
    checkpoint *c = arena_alloc(a, 1, sizeof *c);
    *c = (checkpoint){ .file = f, .memory = a, .path = arena_strdup(a, path) };
    c->experiment = hdf_read_text(f, "/experiment", a, pr);
    c->fingerprint = hdf_get_text(f, "/data", "fingerprint", a, pr);
    if (c->experiment && c->fingerprint) return c;
    checkpoint_close(c);
    return NULL;
}

void checkpoint_close(checkpoint *c)
{
    if (!c) return;
    hdf_close(c->file);
    arena_free(c->memory);
}

const char *checkpoint_experiment(const checkpoint *c, size_t *n)
{
    *n = strlen(c->experiment);
    return c->experiment;
}

struct data_fit *checkpoint_data_fit(checkpoint *c, arena *a, problems *pr) { return data_fit_read(c->file, a, pr); }
const char *checkpoint_fingerprint(const checkpoint *c) { return c->fingerprint; }
hdf_file *checkpoint_file(checkpoint *c) { return c->file; }

/* ---- the model ---- */

static void load_layer(checkpoint *c, const model *m, const model_layer *l, const char *group, arena *a, problems *pr)
{
    const char *type = hdf_get_text(c->file, group, "type", a, pr);
    if (type && strcmp(type, l->type)) {
        problems_add(pr, hdf_place(c->file, group, a), "is of type %s, and the model's layer '%s' is of type %s",
                     type, l->name, l->type);
        return;
    }
    for (int k = 0; k < l->n_tensors; k++) {
        const heft_tensor *t = l->tensor[k].decl;
        float *values = (float *)checkpoint_values(m, l, &l->tensor[k]);
        if (values)
            hdf_read(c->file, arena_printf(a, "%s/%s", group, t->name), HDF_F32, t->shape.rank, t->shape.dim,
                     values, pr);
    }
}

static bool has_values(const model *m, const model_layer *l)
{
    for (int k = 0; k < l->n_tensors; k++)
        if (checkpoint_values(m, l, &l->tensor[k])) return true;
    return false;
}

/* Layers of the file that the model does not have; losses and metrics without values may come and go. */
static void find_strangers(checkpoint *c, const model *m, arena *a, problems *pr)
{
    int64_t n, inner;
    char **name, **inside;
    if (hdf_members(c->file, "/layers", a, &n, &name, pr) < 0) return;
    const char **known = arena_alloc(a, (size_t)m->n_layers + 1, sizeof *known);
    for (int i = 0; i < m->n_layers; i++) known[i] = m->layer[i].name;
    for (int64_t i = 0; i < n; i++) {
        bool found = false;
        for (int k = 0; k < m->n_layers; k++) found |= !strcmp(known[k], name[i]);
        const char *group = arena_printf(a, "/layers/%s", name[i]);
        if (found || hdf_members(c->file, group, a, &inner, &inside, pr) < 0) continue;
        const char *role = hdf_get_text(c->file, group, "role", a, pr);
        if (role && (inner || !strcmp(role, "layer")))
            problems_add(pr, hdf_place(c->file, group, a), "the model has no layer '%s'%s", name[i], text_hint(name[i], known).s);
    }
}

int checkpoint_load_model(checkpoint *c, model *m, problems *pr)
{
    const size_t before = pr->n;
    arena *a = arena_new();
    for (int i = 0; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        const char *group = arena_printf(a, "/layers/%s", l->name);
        if (i < m->loss || has_values(m, l)) load_layer(c, m, l, group, a, pr);
    }
    find_strangers(c, m, a, pr);
    arena_free(a);
    return pr->n == before ? 0 : -1;
}

/* ---- the rest of a trainer ---- */

static int get_slot(void *file, const slot_part *p, problems *pr)
{
    if (p->pieces == 1) return hdf_read(file, p->path, HDF_F32, p->rank, p->dim, p->at, pr);
    float *whole = block_alloc(p->pieces, p->count * sizeof *whole);
    if (!whole) memory_exhausted(p->pieces * p->count * sizeof *whole);
    const int rc = hdf_read(file, p->path, HDF_F32, p->rank, p->dim, whole, pr);
    for (size_t r = 0; rc == 0 && r < p->pieces; r++)
        memcpy(p->at + r * p->stride, whole + r * p->count, p->count * sizeof *whole);
    block_free(whole);
    return rc;
}

static void get_optimizer(checkpoint *c, trainer *t, bool shapes_fit, problems *pr)
{
    const char *type = hdf_get_text(c->file, "/optimizer", "type", c->memory, pr), *now = t->optimizer->plugin->name;
    if (!type) return;
    if (!strcmp(type, now) && shapes_fit) checkpoint_slots(t, get_slot, c->file, pr);
    else if (strcmp(type, now))
        problems_add(pr, hdf_place(c->file, "/optimizer", c->memory),
                     "the run was trained by %s and cannot go on with %s", type, now);
}

/* /layers holds the average then, and /trainer/weights what training goes on from. */
static void get_trained(checkpoint *c, trainer *t, problems *pr)
{
    model *m = t->model;
    average *v = t->average;
    if (!hdf_exists(c->file, "/trainer/weights")) return;
    if (v) {
        memcpy(v->view.x, m->x, m->n_weights * sizeof *m->x);
        if (m->n_state) memcpy(v->view.state, m->state, m->n_state * sizeof *m->state);
        hdf_get_int(c->file, "/trainer/weights", "averaged", &v->n, pr);
        if (v->n < 1)
            problems_add(pr, hdf_place(c->file, "/trainer/weights", c->memory), "an average of %lld; 1 or more are needed", (long long)v->n);
    }
    for (int i = 0; i < m->n_layers; i++)
        for (int k = 0; k < m->layer[i].n_tensors; k++) {
            const model_tensor *x = &m->layer[i].tensor[k];
            float *values = (float *)checkpoint_values(m, &m->layer[i], x);
            const char *path = arena_printf(c->memory, "/trainer/weights/%s/%s", m->layer[i].name, x->decl->name);
            if (values) hdf_read(c->file, path, HDF_F32, x->decl->shape.rank, x->decl->shape.dim, values, pr);
        }
}

/* A run that goes on needs no file that it began with. */
static void get_initial(checkpoint *c, model *m, problems *pr)
{
    int64_t n, sums;
    char **tensor, **sum;
    if (!hdf_exists(c->file, "/initial/tensor")) return;
    if (hdf_read_texts(c->file, "/initial/tensor", c->memory, &n, &tensor, pr) < 0 ||
        hdf_read_texts(c->file, "/initial/sha256", c->memory, &sums, &sum, pr) < 0) return;
    for (int i = 0; i < m->n_layers; i++)
        for (int k = 0; k < m->layer[i].n_tensors; k++) {
            init_file *from = m->layer[i].tensor[k].init_file;
            const char *name = arena_printf(c->memory, "%s/%s", m->layer[i].name, m->layer[i].tensor[k].decl->name);
            for (int64_t j = 0; from && j < n && j < sums; j++)
                if (!strcmp(tensor[j], name)) snprintf(from->digest, sizeof from->digest, "%s", sum[j]);
        }
}

static void get_matrices(checkpoint *c, trainer *t, problems *pr)
{
    matrices *old = matrices_read(c->file, "/metrics/matrices", pr);
    for (int64_t i = 0; old && i < old->n; i++) {
        const matrix *from = &old->item[i];
        matrix *to = matrices_find(t->matrices, from->name);
        if (!to || to->dim[0] != from->dim[0] || to->dim[1] != from->dim[1]) continue;       /* other metrics may be chosen */
        memcpy(to->value, from->value, (size_t)(to->dim[0] * to->dim[1]) * sizeof *to->value);
        to->epoch = from->epoch;
    }
    matrices_free(old);
}

static void get_state(checkpoint *c, trainer *t, problems *pr)
{
    for (const trainer_field *field = trainer_fields; field->name; field++) {
        char *at = (char *)&t->state + field->offset;
        if (field->real) hdf_get_real(c->file, "/trainer", field->name, (double *)(void *)at, pr);
        else hdf_get_int(c->file, "/trainer", field->name, (int64_t *)(void *)at, pr);
    }
    const trainer_state *s = &t->state;
    if (s->epoch < 0 || s->step < 0 || s->position < 0 || s->position > dataset_count(t->data->train))
        problems_add(pr, hdf_place(c->file, "/trainer", c->memory),
                     "epoch %lld, step %lld, position %lld cannot be; there are %lld samples", (long long)s->epoch,
                     (long long)s->step, (long long)s->position, (long long)dataset_count(t->data->train));
    /* Between epochs the sums are empty, so other metrics may be chosen there. */
    if (!s->position) {
        meter_reset(t->meter);
        return;
    }
    const int64_t sums = t->meter->n, tallies = (int64_t)t->meter->n_tally;
    hdf_read(c->file, "/trainer/meter/samples", HDF_F64, 0, NULL, &t->meter->samples, pr);
    t->meter->weight = t->meter->samples;
    if (hdf_exists(c->file, "/trainer/meter/weight"))
        hdf_read(c->file, "/trainer/meter/weight", HDF_F64, 0, NULL, &t->meter->weight, pr);
    hdf_read(c->file, "/trainer/meter/sum", HDF_F64, 1, &sums, t->meter->sum, pr);
    hdf_read(c->file, "/trainer/meter/tally", HDF_F64, 1, &tallies, t->meter->tally, pr);
}

/* Rows of `from` behind those of `to`, columns by name. */
static void add_rows(table *to, const table *from)
{
    for (int64_t r = 0; r < from->n_rows; r++) {
        double *row = table_add_row(to);
        for (int i = 0; i < to->n_columns; i++) {
            const int k = table_find(from, to->column[i].name);
            if (k >= 0) row[i] = table_row(from, r)[k];
        }
    }
}

static void get_table(checkpoint *c, const char *path, table *to, problems *pr)
{
    table *from = table_read(c->file, path, pr);
    if (!from) return;
    to->n_rows = 0;
    add_rows(to, from);
    table_free(from);
}

void timing_read(const char *run_dir, const table *epochs, table *timing)
{
    problems unread = { 0 };
    arena *a = arena_new();
    const char *metrics = path_join(a, run_dir, "metrics.h5");
    hdf_file *f = file_exists(metrics) ? hdf_open_published(metrics, METRICS_FORMAT, &unread) : NULL;
    table *old = f ? table_read(f, "/epochs", &unread) : NULL;
    const int epoch = old ? table_find(old, "epoch") : -1;
    timing->n_rows = 0;
    for (int64_t r = 0, k = 0; r < epochs->n_rows; r++) {
        double *row = table_add_row(timing);
        row[0] = table_row(epochs, r)[table_find(epochs, "epoch")];
        while (epoch >= 0 && k < old->n_rows && table_row(old, k)[epoch] < row[0]) k++;      /* both rise */
        if (epoch < 0 || k == old->n_rows || table_row(old, k)[epoch] != row[0]) continue;
        for (int i = 1; i < timing->n_columns; i++) {
            const int column = table_find(old, timing->column[i].name);
            if (column >= 0) row[i] = table_row(old, k)[column];
        }
    }
    table_free(old);
    hdf_close(f);
    problems_free(&unread);
    arena_free(a);
}

int checkpoint_restore(checkpoint *c, trainer *t, problems *pr)
{
    const size_t before = pr->n;
    if (strcmp(c->fingerprint, t->data->fingerprint))
        problems_add(pr, hdf_place(c->file, "/data", c->memory),
                     "the run was trained on other data: their fingerprint is %s, and that of the "
                     "data now is %s",
                     c->fingerprint, t->data->fingerprint);
    const bool shapes_fit = checkpoint_load_model(c, t->model, pr) == 0;     /* else slots would say it again */
    if (shapes_fit) get_trained(c, t, pr);
    get_optimizer(c, t, shapes_fit, pr);
    get_state(c, t, pr);
    get_matrices(c, t, pr);
    get_initial(c, t->model, pr);
    if (shapes_fit) checkpoint_compare(c, t, pr);
    get_table(c, "/metrics/epochs", t->epochs, pr);
    get_table(c, "/metrics/steps", t->steps, pr);
    if (pr->n > before) return -1;
    timing_read(path_dir(c->memory, path_dir(c->memory, c->path)), t->epochs, t->timing);
    return 0;
}
