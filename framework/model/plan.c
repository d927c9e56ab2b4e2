/* plan.c -- every layer's plan, checked, and where its tensors lie */
#include <string.h>

#include "compute/compute.h"
#include "model/build.h"

static const double most_elements = (double)(INT64_C(1) << 40);

static bool shape_ok(const heft_shape *s)
{
    if (s->rank < 0 || s->rank > HEFT_MAX_RANK) return false;
    double n = 1;
    for (int32_t i = 0; i < s->rank; i++) {
        if (s->dim[i] < 1) return false;
        n *= (double)s->dim[i];
    }
    return n <= most_elements;
}

static const heft_shape *shape_of(const model *m, int value)
{
    if (value == VALUE_INPUT) return &m->input;
    return value == VALUE_TARGET ? &m->target : &m->layer[value].plan.out;
}

static bool is_judge(const model *m, int i) { return i >= m->loss; }

/* What a plugin may have got wrong; the message names the plugin, for its author. */
static const char *plan_fault(const model_layer *l)
{
    const heft_layer_plan *p = &l->plan;
    if (!shape_ok(&p->out)) return "its output shape is impossible";
    if (p->n_tensors < 0 || p->n_tensors > HEFT_MAX_TENSORS) return "the number of its tensors is out of range";
    for (int i = 0; i < p->n_tensors; i++) {
        const heft_tensor *t = &p->tensor[i];
        if (!t->name || !*t->name || strchr(t->name, '/')) return "a tensor has no proper name";
        if (t->role > HEFT_SCRATCH) return "a tensor has no known role";
        if (!shape_ok(&t->shape)) return "the shape of a tensor is impossible";
        if (t->shape.dtype != HEFT_F32 && t->role <= HEFT_STATE) return "a weight or a state is not of type HEFT_F32";
        if (t->role == HEFT_TALLY && l->layer->recomputable && !l->layer->survey) return "a recomputable layer's forward adds to a tally";
        if (t->per_sample && t->role < HEFT_SAVED) return "only saved and scratch tensors can be per sample";
        for (int j = 0; j < i; j++)
            if (!strcmp(p->tensor[j].name, t->name)) return "two tensors have one name";
    }
    return NULL;
}

/* A metric's figure is its first state. */
static bool has_figure(const model_layer *l)
{
    for (int k = 0; k < l->plan.n_tensors; k++)
        if (l->plan.tensor[k].role == HEFT_STATE) return true;
    return false;
}

static void plan_layer(builder *b, int i)
{
    model *m = b->m;
    model_layer *l = &m->layer[i];
    const heft_layer *d = l->layer;
    if (l->n_in < d->min_in || l->n_in > d->max_in) {
        char wanted[64];
        if (d->min_in == d->max_in) snprintf(wanted, sizeof wanted, "%d", (int)d->min_in);
        else snprintf(wanted, sizeof wanted, "%d to %d", (int)d->min_in, (int)d->max_in);
        if (is_judge(m, i)) problems_add(b->pr, l->at, "%s: not a loss or a metric: it takes %s inputs, not (output, target)", l->type, wanted);
        else problems_add(b->pr, l->at, "layer '%s': %s takes %s inputs; there are %d (key: inputs)", l->name, l->type, wanted, l->n_in);
        b->sound[i] = false;
        return;
    }
    for (int k = 0; k < l->n_in; k++) {
        if (l->in[k] >= 0 && !b->sound[l->in[k]]) b->sound[i] = false;
        l->in_shape[k] = *shape_of(m, l->in[k]);
    }
    if (!b->sound[i]) return;
    l->plan = (heft_layer_plan){ .host = compute_host(), .n_in = l->n_in, .in = l->in_shape, .lane_max = m->lane_size };
    const char *fault = NULL;
    if (d->plan(l->self, &l->plan) < 0)
        problems_add(b->pr, l->at, "%s '%s': %s", is_judge(m, i) ? "loss or metric" : "layer", l->name, l->plan.error.text);
    else if ((fault = plan_fault(l)))
        problems_add(b->pr, l->at, "layer '%s': the plugin %s is faulty: %s", l->name, l->plugin->path, fault);
    else return;
    b->sound[i] = false;
}

/* A gradient of every lane's own costs more than reading the minibatch once more: more numbers than what the weight meets in a lane of 32. */
static bool is_large(const model_layer *l, size_t count)
{
    double met = (double)heft_count(&l->plan.out);
    for (int k = 0; k < l->n_in; k++) met += (double)heft_count(&l->in_shape[k]);
    return (double)count > 32 * met;
}

static void count_roles(model *m, model_layer *l)
{
    int *const of_role[] = { &l->n_weights, &l->n_states, &l->n_tallies, &l->n_tallies_back, &l->n_saved, &l->n_scratch };
    l->n_tensors = l->plan.n_tensors;
    l->tensor = arena_alloc(m->memory, (size_t)l->n_tensors, sizeof *l->tensor);
    for (int i = 0; i < l->n_tensors; i++) {
        model_tensor *t = &l->tensor[i];
        t->decl = &l->plan.tensor[i];
        t->count = (size_t)heft_count(&t->decl->shape);
        t->role_index = (*of_role[t->decl->role])++;
        t->whole = t->decl->role == HEFT_WEIGHT && l->layer->gradient && (l->layer->gradient_of >> t->role_index & 1) && is_large(l, t->count);
    }
}

/* Which layers a gradient flows through: those with trained weights and all behind them. */
static void mark_differentiated(builder *b)
{
    model *m = b->m;
    for (int i = 0; i <= m->loss; i++) {
        model_layer *l = &m->layer[i];
        l->differentiated = l->n_weights > 0 && !l->frozen;
        for (int k = 0; k < l->n_in; k++)
            if (l->in[k] >= 0) l->differentiated |= m->layer[l->in[k]].differentiated;
        if (l->differentiated && !l->layer->backward) {
            if (i == m->loss) problems_add(b->pr, l->at, "%s is a metric, not a loss: it has no backward", l->type);
            else problems_add(b->pr, l->at, "layer '%s': %s has no backward and cannot stand behind trained weights", l->name, l->type);
        }
    }
    if (m->loss < m->n_layers && !m->layer[m->loss].differentiated)
        problems_add(b->pr, m->layer[m->loss].at, "nothing can be trained: no layer in front of the loss has weights that are not frozen");
}

void build_plan(builder *b)
{
    model *m = b->m;
    for (int i = 0; i < m->n_layers; i++)
        if (b->sound[i]) plan_layer(b, i);
    bool all = true;
    for (int i = m->loss; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        if (b->sound[i] && l->layer->fold && !has_figure(l))
            problems_add(b->pr, l->at, "the plugin %s is faulty: a metric with a fold needs a state for its figure", l->plugin->path);
        if (b->sound[i] && l->plan.out.rank != 0)
            problems_add(b->pr, l->at, "%s is not a loss or a metric: it does not give one number per sample", l->type);
    }
    for (int i = 0; i < m->n_layers; i++) all &= b->sound[i];
    if (!all) return;
    for (int i = 0; i < m->n_layers; i++) count_roles(m, &m->layer[i]);
    mark_differentiated(b);
}

static void place_weights(model *m, bool frozen)
{
    for (int i = 0; i < m->n_layers; i++) {
        model_layer *l = &m->layer[i];
        if (l->frozen != frozen) continue;
        for (int k = 0; k < l->n_tensors; k++) {
            model_tensor *t = &l->tensor[k];
            if (t->decl->role != HEFT_WEIGHT) continue;
            t->offset = m->n_weights;
            m->n_weights += t->count;
            /* A frozen layer in front of which something is trained still runs backward, and its share goes where nobody looks. */
            if (t->whole || !l->differentiated) continue;
            t->lane_offset = m->n_lane_gradient;
            m->n_lane_gradient += t->count;
        }
    }
}

void build_layout(builder *b)
{
    model *m = b->m;
    int64_t most = 0;
    size_t most_weights = 0;
    for (int i = 0; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        const int64_t count = heft_count(&l->plan.out);
        if (count > most) most = count;
        for (int k = 0; k < l->n_tensors; k++)
            if (l->tensor[k].whole && l->tensor[k].count > most_weights) most_weights = l->tensor[k].count;
    }
    m->lane_size = model_lane_size(m->batch, most, most_weights);
    place_weights(m, false);
    m->n_trained = m->n_weights;
    place_weights(m, true);
    for (int i = 0; i < m->n_layers; i++)
        for (int k = 0; k < m->layer[i].n_tensors; k++) {
            model_tensor *t = &m->layer[i].tensor[k];
            const heft_role role = t->decl->role;
            if (role == HEFT_STATE) t->offset = m->n_state, m->n_state += t->count;
            if (role == HEFT_TALLY || role == HEFT_TALLY_BACK) t->offset = m->n_tally, m->n_tally += t->count;
        }
    size_t bytes;
    const bool fits = size_mul(m->n_weights + m->n_state, sizeof *m->x, &bytes) && bytes <= compute_memory();
    if (fits) m->x = block_alloc(m->n_weights, sizeof *m->x), m->state = block_alloc(m->n_state, sizeof *m->state);
    if (!m->x || !m->state)
        problems_add(b->pr, m->layer[0].at, "no memory for the model's %zu weights; this process may have %zu MiB", m->n_weights,
                     compute_memory() >> 20);
}
