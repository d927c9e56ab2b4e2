#include "train/evaluate.h"

#include <string.h>

int evaluate_suits(const model *m, const dataset *s, problems *pr)
{
    int rc = 0;
    for (int i = m->loss; s && dataset_weighted(s) && i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        if (!l->n_tallies || l->layer->weighted) continue;
        problems_add(pr, l->at, "%s counts every sample once (the plugin says of no weights that it takes them), and the data have weights; leave out "
                     "one of the two", l->type);
        rc = -1;
    }
    return rc;
}

int evaluate_run(const model *m, pass *p, const data *d, dataset *s, meter *sums, problems *pr)
{
    const size_t before = pr->n;
    if (evaluate_suits(m, s, pr) < 0) return -1;
    loader *l = loader_open(s, d, m->batch, false, false, 0, pr);
    if (!l) return -1;
    loader_start(l, 0, 0);
    for (const batch *b; (b = loader_next(l, pr));) {
        pass_run(p, &(pass_input){ .n = b->n, .inputs = b->inputs, .targets = b->targets, .weights = b->weights, .metrics = true }, false);
        meter_add(sums, m, p);
    }
    loader_close(l);
    return pr->n == before ? 0 : -1;
}

/* The first matrix among a metric's states. */
static const model_tensor *matrix_of(const model_layer *l)
{
    for (int k = 0; k < l->n_tensors && l->layer->fold; k++)
        if (l->tensor[k].decl->role == HEFT_STATE && l->tensor[k].decl->shape.rank == 2) return &l->tensor[k];
    return NULL;
}

static const char *name_of(arena *a, const model_layer *l, const char *split) { return arena_printf(a, "%s/%s", l->name, split); }

matrices *evaluate_matrices(const model *m, const data *d)
{
    matrices *all = matrices_new();
    for (int i = m->first_metric; i < m->n_layers; i++) {
        const model_tensor *t = matrix_of(&m->layer[i]);
        const int64_t *dim = t ? t->decl->shape.dim : NULL;
        if (t && d->validation) matrices_add(all, name_of(all->memory, &m->layer[i], "validation"), dim[0], dim[1]);
        if (t && d->test) matrices_add(all, name_of(all->memory, &m->layer[i], "test"), dim[0], dim[1]);
    }
    if (d->class_name) all->n_names = d->n_classes, all->class_name = d->class_name;
    return all;
}

void evaluate_fill(matrices *to, const model *m, const meter *sums, const char *split, int64_t epoch)
{
    arena *a = arena_new();
    for (int i = m->first_metric; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        const model_tensor *t = matrix_of(l);
        matrix *x = t ? matrices_find(to, name_of(a, l, split)) : NULL;
        if (!x) continue;
        memcpy(x->value, meter_states(sums, l, a)[t->role_index], t->count * sizeof *x->value);
        x->epoch = epoch;
    }
    arena_free(a);
}
