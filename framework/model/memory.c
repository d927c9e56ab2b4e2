#include "model/memory.h"

#include <stdlib.h>

/* Forward of layer i happens at time i, backward at time_back, and just before that what is recomputed for it. */
typedef struct life { int from, to; } life;
typedef struct interval { buffer *b; size_t size; life life[2]; int order; } interval;

static const life never = { 0, -1 };

typedef struct plan_state {
    const model *m;
    const recomputation *again;          /* NULL without training */
    memory_plan *plan;
    interval *item;
    int       n;
} plan_state;

static size_t round_up(size_t n) { return (n + 15) / 16 * 16; }      /* 64 bytes of floats */

bool flows_back(const model *m, int i, int k)
{
    const model_layer *l = &m->layer[i];
    return l->differentiated && l->in[k] >= 0 && m->layer[l->in[k]].differentiated &&
           m->layer[l->in[k]].plan.out.dtype == HEFT_F32;
}

static bool has_whole(const model_layer *l)
{
    bool whole = false;
    for (int k = 0; k < l->n_tensors; k++) whole |= l->tensor[k].whole && !l->frozen;
    return whole;
}

static int time_back(const model *m, int i) { return 3 * m->n_layers - 1 - 2 * i; }
static int time_again(const model *m, int i) { return time_back(m, i) - 1; }

bool is_of_batch(const model *m, int i, bool train)
{
    bool batch = i == m->output || i >= m->loss;
    for (int j = i + 1; j < m->n_layers && train; j++)
        for (int k = 0; k < m->layer[j].n_in; k++) batch |= m->layer[j].in[k] == i && has_whole(&m->layer[j]);
    return batch;
}

static void add(plan_state *s, buffer *b, size_t count, bool per_sample, bool batch, life first, life second)
{
    *b = (buffer){ .used = true, .batch = batch, .count = count, .per_sample = per_sample };
    const int64_t samples = batch ? s->m->batch : s->m->lane_size;
    const size_t size = round_up(count * (per_sample ? (size_t)samples : 1));
    if (!batch) {
        s->item[s->n] = (interval){ b, size, { first, second }, s->n };
        s->n++;
        return;
    }
    b->offset = s->plan->batch_floats;
    s->plan->batch_floats += size;
}

static void add_layer(plan_state *s, int i, bool train, size_t *scratch_most)
{
    const model *m = s->m;
    const model_layer *l = &m->layer[i];
    layer_memory *mem = &s->plan->layer[i];
    const int end = time_back(m, i);
    int near = i, last_use = i, first, last;         /* near: the nearest consumer whose gradient flows in */
    for (int j = i + 1; j < m->n_layers; j++)
        for (int k = 0; k < m->layer[j].n_in; k++) {
            if (m->layer[j].in[k] != i) continue;
            last_use = j;
            if (flows_back(m, j, k)) near = j;
        }
    life forward = { i, last_use }, second = never;
    const recomputation *again = train && s->again[i].before >= 0 ? &s->again[i] : NULL;
    const bool read = train && read_back(m, i, &first, &last);
    if (again) second = (life){ time_again(m, again->before), read ? time_back(m, again->until) : time_again(m, again->until) };
    else if (read) forward.to = time_back(m, last);
    add(s, &mem->out, (size_t)heft_count(&l->plan.out), true, is_of_batch(m, i, train), forward, second);
    if (train && l->differentiated && i <= m->loss)
        add(s, &mem->dout, (size_t)heft_count(&l->plan.out), true, has_whole(l), (life){ time_back(m, near), end }, never);

    size_t scratch = 0;
    for (int k = 0; k < l->n_tensors; k++) {
        const heft_tensor *t = l->tensor[k].decl;
        if (t->role == HEFT_SAVED && train) add(s, &mem->tensor[k], l->tensor[k].count, t->per_sample, false, (life){ i, end }, never);
        if (t->role != HEFT_SCRATCH) continue;
        mem->tensor[k] = (buffer){ .used = true, .count = l->tensor[k].count, .per_sample = t->per_sample, .offset = scratch };
        scratch += round_up(l->tensor[k].count * (t->per_sample ? (size_t)m->lane_size : 1));
    }
    if (scratch > *scratch_most) *scratch_most = scratch;
}

/* Backward runs from the last layer to the first: of several consumers of a value the last writes its gradient, the others add to it. */
static void add_summands(plan_state *s, bool train)
{
    const model *m = s->m;
    bool *written = arena_alloc(m->memory, (size_t)m->n_layers, sizeof *written);
    for (int i = m->loss; train && i >= 0; i--)
        for (int k = 0; k < m->layer[i].n_in; k++) {
            if (!flows_back(m, i, k)) continue;
            const int from = m->layer[i].in[k], at = time_back(m, i);
            if (written[from])
                add(s, &s->plan->layer[i].din[k], (size_t)heft_count(&m->layer[from].plan.out), true, false, (life){ at, at }, never);
            written[from] = true;
        }
}

static int by_size(const void *a, const void *b)
{
    const interval *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return x->order - y->order;
}

static bool meet(const interval *x, const interval *y)
{
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (x->life[i].from <= y->life[j].to && y->life[j].from <= x->life[i].to) return true;
    return false;
}

/* Greedy by size: each buffer at the lowest offset where no buffer alive at the same time lies. */
static void place_all(plan_state *s)
{
    qsort(s->item, (size_t)s->n, sizeof *s->item, by_size);
    for (int i = 0; i < s->n; i++) {
        interval *x = &s->item[i];
        size_t at = 0;
        for (bool moved = true; moved;) {
            moved = false;
            for (int j = 0; j < i; j++) {
                const interval *y = &s->item[j];
                if (!meet(x, y) || at >= y->b->offset + y->size || y->b->offset >= at + x->size) continue;
                at = y->b->offset + y->size;
                moved = true;
            }
        }
        x->b->offset = at;
        if (at + x->size > s->plan->lane_floats) s->plan->lane_floats = at + x->size;
    }
}

void memory_make(const model *m, bool train, const recomputation *again, arena *a, memory_plan *out)
{
    const size_t n = (size_t)m->n_layers;
    *out = (memory_plan){ .layer = arena_alloc(a, n, sizeof *out->layer) };
    plan_state s = { m, again, out, arena_alloc(a, n * (2 + HEFT_MAX_INPUTS + HEFT_MAX_TENSORS), sizeof *s.item), 0 };
    size_t scratch = 0;
    for (int i = 0; i < m->n_layers; i++) add_layer(&s, i, train, &scratch);
    add_summands(&s, train);
    place_all(&s);
    for (int i = 0; i < m->n_layers; i++)            /* one scratch area serves all layers in turn */
        for (int k = 0; k < m->layer[i].n_tensors; k++)
            if (m->layer[i].tensor[k].decl->role == HEFT_SCRATCH) out->layer[i].tensor[k].offset += out->lane_floats;
    out->lane_floats += scratch;
}
