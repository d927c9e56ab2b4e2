#include "model/recompute.h"

#include <limits.h>

#include "model/memory.h"
#include "model/program.h"

static bool takes(const model_layer *l, int value)
{
    for (int k = 0; k < l->n_in; k++)
        if (l->in[k] == value) return true;
    return false;
}

bool read_back(const model *m, int i, int *first, int *last)
{
    *first = *last = -1;
    for (int j = m->loss; j >= i; j--) {
        const model_layer *l = &m->layer[j];
        if (!l->differentiated || (j == i ? l->layer->unread & HEFT_UNREAD_OUT : l->layer->unread & HEFT_UNREAD_IN || !takes(l, i))) continue;
        if (*first < 0) *first = j;
        *last = j;
    }
    return *first >= 0;
}

/* Where they do not, a thread's area holds one lane at a time, and nothing is gained. */
static bool lanes_wait(const model *m, const recomputation *none, arena *a) { return program_make(m, true, true, none, a).n_phases > 1; }

const recomputation *recompute_plan(const model *m, arena *a)
{
    const size_t n = (size_t)m->n_layers;
    recomputation *r = arena_alloc(a, n, sizeof *r);
    int *here = arena_alloc(a, n, sizeof *here);     /* the last layer, as backward goes, in front of which the value can be had */
    bool *kept = arena_alloc(a, n, sizeof *kept);
    for (int i = 0; i < m->n_layers; i++) r[i] = (recomputation){ -1, INT_MAX };
    if (!lanes_wait(m, r, a)) return r;

    for (int i = 0; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        int first, last, inputs = 0;
        for (int k = 0; k < l->n_in; k++)
            if (l->in[k] >= 0 && here[l->in[k]] > inputs) inputs = here[l->in[k]];
        const bool again = i < m->loss && l->layer->recomputable, read = read_back(m, i, &first, &last), batch = is_of_batch(m, i, true);
        kept[i] = batch || (read && (!again || inputs > first));
        if (read && !kept[i]) r[i] = (recomputation){ first, last };
        here[i] = batch ? 0 : kept[i] ? last : read || !again ? INT_MAX : inputs;
    }
    for (int i = m->n_layers - 1; i >= 0; i--)       /* and what no backward reads, but what is recomputed is computed from */
        for (int k = 0; r[i].before >= 0 && k < m->layer[i].n_in; k++) {
            const int from = m->layer[i].in[k];
            if (from < 0 || kept[from]) continue;
            if (r[i].before > r[from].before) r[from].before = r[i].before;
            if (r[i].before < r[from].until) r[from].until = r[i].before;
        }
    return r;
}
