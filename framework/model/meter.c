#include <string.h>

#include "base/arena.h"
#include "model/pass.h"

meter *meter_new(const model *m)
{
    meter *t = block_alloc(1, sizeof *t);
    if (!t) memory_exhausted(sizeof *t);
    t->n = 1 + m->n_metrics;
    t->n_tally = m->n_tally;
    t->sum = block_alloc((size_t)t->n, sizeof *t->sum);
    t->tally = block_alloc(t->n_tally, sizeof *t->tally);
    if (!t->sum || !t->tally) memory_exhausted(t->n_tally * sizeof *t->tally);
    return t;
}

void meter_free(meter *t)
{
    if (!t) return;
    block_free(t->sum);
    block_free(t->tally);
    block_free(t);
}

void meter_reset(meter *t)
{
    t->samples = t->weight = 0;
    memset(t->sum, 0, (size_t)t->n * sizeof *t->sum);
    if (t->n_tally) memset(t->tally, 0, t->n_tally * sizeof *t->tally);
}

void meter_add(meter *t, const model *m, const pass *p)
{
    t->samples += (double)pass_samples(p);
    t->weight += pass_sample_weight(p);
    for (int i = 0; i < t->n; i++) {
        const int layer = i ? m->first_metric + i - 1 : m->loss;
        const model_layer *l = &m->layer[layer];
        if (!l->layer->fold) {
            const model_tensor *weight = model_tally_weight(l);
            t->sum[i] += pass_weight(p, layer) * pass_mean(p, layer);
            if (weight) t->tally[weight->offset] += pass_weight(p, layer);
            continue;
        }
        for (int k = 0; k < l->n_tensors; k++)
            if (l->tensor[k].decl->role == HEFT_TALLY)
                for (size_t j = 0; j < l->tensor[k].count; j++)
                    t->tally[l->tensor[k].offset + j] += pass_totals(p)[l->tensor[k].offset + j];
    }
}

float *const *meter_states(const meter *t, const model_layer *l, arena *a)
{
    const double *total[HEFT_MAX_TENSORS];
    float **state = arena_alloc(a, (size_t)l->n_states, sizeof *state);
    for (int k = 0; k < l->n_tensors; k++) {
        const model_tensor *x = &l->tensor[k];
        if (x->decl->role == HEFT_TALLY) total[x->role_index] = t->tally + x->offset;
        if (x->decl->role == HEFT_STATE) state[x->role_index] = arena_alloc(a, x->count, sizeof(float));
    }
    l->layer->fold(l->self, &(heft_fold){ .total = total, .state = state, .n = (int64_t)t->samples, .weight = t->weight });
    return state;
}

void meter_read(const meter *t, const model *m, double *value)
{
    arena *a = arena_new();
    for (int i = 0; i < t->n; i++) {
        const model_layer *l = &m->layer[i ? m->first_metric + i - 1 : m->loss];
        const model_tensor *weight = model_tally_weight(l);
        if (l->layer->fold) value[i] = (double)meter_states(t, l, a)[0][0];
        else value[i] = t->sum[i] / (weight ? t->tally[weight->offset] : t->weight);
    }
    arena_free(a);
}
