#include "model/model.h"

#include <string.h>

#include "model/build.h"

int64_t model_lane_size(int64_t batch, int64_t most_floats, size_t most_weights)
{
    enum { SIZE = 32, LEAST_SIZE = 8, MOST = 64, LEAST = 2, CACHED = 5 << 16 };      /* CACHED: floats, 1.25 MiB */
    int64_t size = most_weights > CACHED ? 2 * SIZE : SIZE;
    while (size > LEAST_SIZE && most_floats > CACHED / size) size /= 2;
    int64_t lanes = (batch + size - 1) / size;
    if (lanes > MOST) lanes = MOST;              /* every lane holds gradients and activations of its own */
    if (lanes < LEAST) lanes = LEAST;            /* so that a small batch still feeds two threads */
    return (batch + lanes - 1) / lanes;
}

model *model_build(const node *layers, const node *loss, const node *metrics, registry *r,
                   const heft_shape *input, const heft_shape *target, int64_t batch, problems *pr)
{
    arena *a = arena_new();
    model *m = arena_alloc(a, 1, sizeof *m);
    *m = (model){ .memory = a, .input = *input, .target = *target, .batch = batch, .lane_size = model_lane_size(batch, 0, SIZE_MAX) };
    builder b = { .m = m, .registry = r, .pr = pr };
    const size_t before = pr->n;
    build_graph(&b, layers, loss, metrics);
    /* Layers that could be read are planned even if others could not: all mistakes in one go (R3). */
    if (m->n_metrics || m->loss < m->n_layers) build_plan(&b);
    if (pr->n == before) build_initializers(&b);
    if (pr->n == before) build_layout(&b);
    if (pr->n == before) return m;
    model_free(m);
    return NULL;
}

void model_free(model *m)
{
    if (!m) return;
    block_free(m->x);
    block_free(m->state);
    arena_free(m->memory);
}

static const model_tensor *of_role(const model_layer *l, heft_role role, int i)
{
    for (int k = 0; k < l->n_tensors; k++)
        if (l->tensor[k].decl->role == role && l->tensor[k].role_index == i) return &l->tensor[k];
    return NULL;
}

const model_tensor *model_tally_weight(const model_layer *l)
{
    for (int k = 0; k < l->n_tensors; k++)
        if (l->tensor[k].decl->role == HEFT_TALLY && !strcmp(l->tensor[k].decl->name, "weight")) return &l->tensor[k];
    return NULL;
}

float *model_weight(const model *m, const model_layer *l, int i) { return m->x + of_role(l, HEFT_WEIGHT, i)->offset; }
float *model_state(const model *m, const model_layer *l, int i) { return m->state + of_role(l, HEFT_STATE, i)->offset; }

size_t model_spans(const model *m, arena *a, const model_span **out)
{
    size_t n = 0;
    for (int i = 0; i < m->n_layers; i++)
        if (!m->layer[i].frozen) n += (size_t)m->layer[i].n_weights;
    model_span *spans = arena_alloc(a, n, sizeof *spans);
    n = 0;
    for (int i = 0; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        for (int k = 0; k < l->n_tensors && !l->frozen; k++) {
            const model_tensor *t = &l->tensor[k];
            if (t->decl->role != HEFT_WEIGHT) continue;
            spans[n++] = (model_span){ { l->name, t->decl->name, t->offset, t->offset + t->count, t->decl->shape }, l, t };
        }
    }
    *out = spans;
    return n;
}

const char *model_metric_name(const model *m, int i)
{
    return i ? m->layer[m->first_metric + i - 1].name : "loss";
}

heft_goal model_metric_goal(const model *m, int i)
{
    return i ? m->layer[m->first_metric + i - 1].layer->goal : HEFT_MINIMIZE;
}
