/* checkpoint.c -- a trainer's whole state into one file */
#include "run/checkpoint.h"

#include <string.h>

#include "run/inside.h"

/* Everything below goes on after a failure, so that all of them are reported; the file is then not published. */

static const char *role_of(const model *m, int layer)
{
    if (layer == m->loss) return "loss";
    return layer >= m->first_metric && layer < m->first_metric + m->n_metrics ? "metric" : "layer";
}

static const char *input_name(const model *m, int i)
{
    return i == VALUE_INPUT ? "input" : i == VALUE_TARGET ? "target" : m->layer[i].name;
}

static void put_layer_attributes(const model *m, int index, hdf_file *f, const char *group, arena *a, problems *pr)
{
    const model_layer *l = &m->layer[index];
    text inputs = { 0 }, options = { 0 };
    for (int i = 0; i < l->n_in; i++) text_printf(&inputs, "%s%s", i ? ", " : "", input_name(m, l->in[i]));
    hdf_attr_text(f, group, "type", l->type, pr);
    hdf_attr_text(f, group, "role", role_of(m, index), pr);
    hdf_attr_text(f, group, "inputs", inputs.s ? inputs.s : "", pr);
    for (int i = 0; i < l->n_in; i++) {
        const char *name = i ? arena_printf(a, "input_shape_%d", i + 1) : "input_shape";
        hdf_attr_ints(f, group, name, l->in_shape[i].rank, l->in_shape[i].dim, pr);
    }
    hdf_attr_ints(f, group, "output_shape", l->plan.out.rank, l->plan.out.dim, pr);
    if (l->options) {
        node_write(l->options, &options);
        hdf_attr_text(f, group, "options", options.s ? options.s : "", pr);
    }
    if (l->frozen) hdf_attr_int(f, group, "frozen", 1, pr);
    text_free(&inputs);
    text_free(&options);
}

static void put_layers(const model *m, hdf_file *f, arena *a, problems *pr)
{
    hdf_group(f, "/layers", pr);
    for (int i = 0; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        const char *group = arena_printf(a, "/layers/%s", l->name);
        hdf_group(f, group, pr);
        put_layer_attributes(m, i, f, group, a, pr);
        for (int k = 0; k < l->n_tensors; k++) {
            const model_tensor *t = &l->tensor[k];
            const float *values = checkpoint_values(m, l, t);
            const char *path = arena_printf(a, "%s/%s", group, t->decl->name);
            if (!values) continue;
            hdf_write(f, path, HDF_F32, t->decl->shape.rank, t->decl->shape.dim, values, pr);
            hdf_attr_text(f, path, "role", t->decl->role == HEFT_WEIGHT ? "weight" : "state", pr);
        }
    }
}

const float *checkpoint_values(const model *m, const model_layer *l, const model_tensor *t)
{
    const long index = l - m->layer;
    if (index >= m->first_metric && index < m->first_metric + m->n_metrics) return NULL;
    if (t->decl->role == HEFT_WEIGHT) return m->x + t->offset;
    return t->decl->role == HEFT_STATE ? m->state + t->offset : NULL;
}

int checkpoint_slots(const trainer *t, slot_visitor *visit, void *context, problems *pr)
{
    const optimizer *o = t->optimizer;
    arena *a = arena_new();
    const model_span *span;
    const size_t n = model_spans(t->model, a, &span);
    int rc = 0;
    for (int s = 0; s < o->plan.n_slots; s++) {
        const heft_slot *slot = &o->plan.slot[s];
        const int64_t rows = slot->rows;
        if (slot->scalar) {
            const char *path = arena_printf(a, "/optimizer/%s", slot->name);
            const slot_part part = { path, 1, { rows }, o->slot[s], 1, (size_t)rows, 0 };
            if (visit(context, &part, pr) < 0) rc = -1;
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            const heft_span *w = &span[i].span;
            slot_part part = { arena_printf(a, "/optimizer/%s/%s/%s", w->layer, w->name, slot->name), 0, { 0 },
                               o->slot[s] + w->begin, (size_t)rows, w->end - w->begin, o->plan.n };
            if (rows > 1) part.dim[part.rank++] = rows;
            for (int k = 0; k < w->shape.rank; k++) part.dim[part.rank++] = w->shape.dim[k];
            if (visit(context, &part, pr) < 0) rc = -1;
        }
    }
    arena_free(a);
    return rc;
}

static int put_slot(void *file, const slot_part *p, problems *pr)
{
    if (p->pieces == 1) return hdf_write(file, p->path, HDF_F32, p->rank, p->dim, p->at, pr);
    float *whole = block_alloc(p->pieces, p->count * sizeof *whole);
    if (!whole) memory_exhausted(p->pieces * p->count * sizeof *whole);
    for (size_t r = 0; r < p->pieces; r++)
        memcpy(whole + r * p->count, p->at + r * p->stride, p->count * sizeof *whole);
    const int rc = hdf_write(file, p->path, HDF_F32, p->rank, p->dim, whole, pr);
    block_free(whole);
    return rc;
}

/* Where /layers holds an average: what training goes on from. */
static void put_trained(const trainer *t, hdf_file *f, arena *a, problems *pr)
{
    const model *m = t->model;
    if (trainer_shown(t) == m) return;
    hdf_group(f, "/trainer/weights", pr);
    hdf_attr_int(f, "/trainer/weights", "averaged", t->average->n, pr);
    for (int i = 0; i < m->n_layers; i++)
        for (int k = 0; k < m->layer[i].n_tensors; k++) {
            const model_tensor *x = &m->layer[i].tensor[k];
            const float *values = checkpoint_values(m, &m->layer[i], x);
            const char *path = arena_printf(a, "/trainer/weights/%s/%s", m->layer[i].name, x->decl->name);
            if (values) hdf_write(f, path, HDF_F32, x->decl->shape.rank, x->decl->shape.dim, values, pr);
        }
}

static void put_trainer(const trainer *t, hdf_file *f, problems *pr)
{
    hdf_group(f, "/trainer", pr);
    for (const trainer_field *field = trainer_fields; field->name; field++) {
        const void *at = (const char *)&t->state + field->offset;
        if (field->real) hdf_attr_real(f, "/trainer", field->name, *(const double *)at, pr);
        else hdf_attr_int(f, "/trainer", field->name, *(const int64_t *)at, pr);
    }
    const int64_t sums = t->meter->n, tallies = (int64_t)t->meter->n_tally;
    hdf_write(f, "/trainer/meter/samples", HDF_F64, 0, NULL, &t->meter->samples, pr);
    if (t->meter->weight != t->meter->samples) hdf_write(f, "/trainer/meter/weight", HDF_F64, 0, NULL, &t->meter->weight, pr);
    hdf_write(f, "/trainer/meter/sum", HDF_F64, 1, &sums, t->meter->sum, pr);
    hdf_write(f, "/trainer/meter/tally", HDF_F64, 1, &tallies, t->meter->tally, pr);
}

/* Where initial weights came from: the digests of their files. */
static void put_initial(const model *m, hdf_file *f, arena *a, problems *pr)
{
    size_t n = 0;
    for (int i = 0; i < m->n_layers; i++) n += (size_t)m->layer[i].n_tensors;
    const char **tensor = arena_alloc(a, n, sizeof *tensor), **sum = arena_alloc(a, n, sizeof *sum);
    n = 0;
    for (int i = 0; i < m->n_layers; i++)
        for (int k = 0; k < m->layer[i].n_tensors; k++) {
            const model_tensor *t = &m->layer[i].tensor[k];
            if (!t->init_file) continue;
            tensor[n] = arena_printf(a, "%s/%s", m->layer[i].name, t->decl->name);
            sum[n++] = t->init_file->digest;
        }
    if (!n) return;
    hdf_write_texts(f, "/initial/tensor", (int64_t)n, tensor, pr);
    hdf_write_texts(f, "/initial/sha256", (int64_t)n, sum, pr);
}

static void put_plugins(const registry *r, hdf_file *f, arena *a, problems *pr)
{
    const plugin *const *list;
    const size_t n = registry_used(r, &list);
    const char **name = arena_alloc(a, n, sizeof *name), **kind = arena_alloc(a, n, sizeof *kind),
               **sum = arena_alloc(a, n, sizeof *sum);
    for (size_t i = 0; i < n; i++)
        name[i] = list[i]->name, kind[i] = kind_name(list[i]->kind), sum[i] = list[i]->digest;
    hdf_write_texts(f, "/plugins/name", (int64_t)n, name, pr);
    hdf_write_texts(f, "/plugins/kind", (int64_t)n, kind, pr);
    hdf_write_texts(f, "/plugins/sha256", (int64_t)n, sum, pr);
}

static int put_all(const trainer *t, hdf_file *f, problems *pr)
{
    const size_t before = pr->n;
    arena *a = arena_new();
    text yaml = { 0 };
    experiment_write(t->experiment, &yaml);
    hdf_attr_text(f, "/", "format", CHECKPOINT_FORMAT, pr);
    hdf_write_text(f, "/experiment", yaml.s ? yaml.s : "", pr);
    text_free(&yaml);
    put_layers(trainer_shown(t), f, a, pr);
    hdf_group(f, "/optimizer", pr);
    hdf_attr_text(f, "/optimizer", "type", t->optimizer->plugin->name, pr);
    checkpoint_slots(t, put_slot, f, pr);
    put_trainer(t, f, pr);
    put_trained(t, f, a, pr);
    table_write(t->epochs, f, "/metrics/epochs", pr);
    table_write(t->steps, f, "/metrics/steps", pr);
    matrices_write(t->matrices, f, "/metrics/matrices", pr);
    if (data_fit_write(t->data, f, pr) == 0) hdf_attr_text(f, "/data", "fingerprint", t->data->fingerprint, pr);
    put_initial(t->model, f, a, pr);
    put_plugins(t->registry, f, a, pr);
    arena_free(a);
    return pr->n == before ? 0 : -1;
}

int checkpoint_image(const trainer *t, const char *name, hdf_image *out, problems *pr)
{
    *out = (hdf_image){ 0 };
    hdf_file *f = hdf_create(pr);
    if (!f) return -1;
    if (put_all(t, f, pr) == 0) return hdf_complete(f, name, out, pr);
    hdf_discard(f);
    return -1;
}

int checkpoint_save(const trainer *t, const char *path, problems *pr)
{
    hdf_image i;
    return checkpoint_image(t, path, &i, pr) == 0 ? hdf_image_publish(&i, CHECKPOINT_FORMAT, path, pr) : -1;
}

size_t checkpoint_bytes(const trainer *t, problems *pr)
{
    hdf_file *f = hdf_create(pr);
    const size_t n = f && put_all(t, f, pr) == 0 ? hdf_bytes(f) : 0;
    hdf_discard(f);
    return n;
}
