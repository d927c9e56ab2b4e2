#include "train/optimize.h"

#include <math.h>
#include <string.h>

#include "compute/compute.h"
#include "config/options.h"

enum { RANGE = 16384 };                           /* floats: x, g and slots of a range stay in the first caches */

typedef struct optimizer_range { size_t begin, end, span, n_span; float lr_scale, decay; } optimizer_range;

typedef struct host_keys { double clip_norm, clip_value; bool decay_rank1; } host_keys;

static const heft_option host_options[] = {
    HEFT_OPT_REAL(host_keys, clip_norm, 0, 0, 1e30, "scale the gradient down to this length; 0: off"),
    HEFT_OPT_REAL(host_keys, clip_value, 0, 0, 1e30, "cut each element of the gradient to [-v, v]; 0: off"),
    HEFT_OPT_BOOL(host_keys, decay_rank1, true, "weight decay on tensors of one axis (biases, norms) too; the optimizer has its default"),
    HEFT_OPT_END
};
static const char *const host_names[] = { "lr", "clip_norm", "clip_value", "decay_rank1", NULL };

static void read_host_keys(optimizer *o, const node *options, place at, problems *pr)
{
    host_keys keys = { .decay_rank1 = !o->plugin->optimizer.decay_matrices };
    for (const heft_option *row = host_options; options && row->name; row++) {
        const node *v = node_get(options, row->name);
        if (v) options_read_value(row, v, "optimizer", &keys, o->memory, pr);
    }
    if (keys.clip_norm > 0 && keys.clip_value > 0)
        problems_add(pr, at, "clip_norm and clip_value exclude each other");
    o->decay_rank1 = keys.decay_rank1;
    o->clip = keys.clip_norm > 0 ? CLIP_NORM : keys.clip_value > 0 ? CLIP_VALUE : CLIP_NONE;
    o->clip_at = keys.clip_norm > 0 ? keys.clip_norm : keys.clip_value;
    if (o->clip && o->plugin->optimizer.iterate)
        problems_add(pr, at, "%s evaluates gradients itself; clipping cannot be applied", o->plugin->name);
}

static float decay_of(const optimizer *o, const model_span *s)
{
    return s->span.shape.rank > 1 || o->decay_rank1 ? (float)s->layer->decay : 0;
}

/* Runs of tensors with the same factors, cut to RANGE (at tensors' ends where the optimizer asks for whole ones). */
static void make_ranges(optimizer *o, const model *m)
{
    const model_span *s;
    const size_t n = model_spans(m, o->memory, &s);
    heft_span *flat = arena_alloc(o->memory, n, sizeof *flat);
    for (size_t i = 0; i < n; i++) flat[i] = s[i].span;
    o->span = flat;
    o->range = arena_alloc(o->memory, n + m->n_trained / RANGE + 1, sizeof *o->range);
    for (size_t i = 0, next; i < n; i = next) {
        const float lr = (float)s[i].layer->lr_scale, decay = decay_of(o, &s[i]);
        for (next = i + 1; next < n; next++) {
            if ((float)s[next].layer->lr_scale != lr || decay_of(o, &s[next]) != decay) break;
            if (o->plan.whole_tensors && flat[next].end - flat[i].begin > RANGE) break;
        }
        const size_t begin = flat[i].begin, end = flat[next - 1].end;
        const size_t most = o->plan.whole_tensors ? end - begin : RANGE;
        for (size_t at = begin; at < end; at += most)
            o->range[o->n_ranges++] = (optimizer_range){ at, at + most < end ? at + most : end, i, next - i, lr, decay };
    }
}

static void make_slots(optimizer *o, place at, problems *pr)
{
    heft_optimizer_plan *p = &o->plan;
    if (optimizer_bytes(o) > compute_memory()) {
        problems_add(pr, at, "the slots of optimizer %s take %zu MiB, and this process may have %zu MiB", o->plugin->name, optimizer_bytes(o) >> 20,
                     compute_memory() >> 20);
        return;
    }
    for (int i = 0; i < p->n_slots; i++) {
        size_t n, rows = (size_t)p->slot[i].rows;
        if (!size_mul(rows, p->slot[i].scalar ? 1 : p->n, &n) || !(o->slot[i] = block_alloc(n, sizeof(float))))
            problems_add(pr, at, "no memory for %s of optimizer %s: %zu times %zu floats", p->slot[i].name, o->plugin->name, rows, p->n);
    }
}

optimizer *optimizer_new(const node *section, registry *r, const model *m, problems *pr)
{
    const size_t before = pr->n;
    arena *a = arena_new();
    optimizer *o = arena_alloc(a, 1, sizeof *o);
    *o = (optimizer){ .memory = a, .norm = NAN };
    const char *type;
    place at;
    const node *options;
    if (node_read_typed(section, "optimizer", &type, &at, &options, pr) == 0 &&
        (o->plugin = registry_find(r, HEFT_OPTIMIZER, type, at, pr))) {
        const heft_optimizer *d = &o->plugin->optimizer;
        o->self = arena_alloc(a, d->head.instance_size, 1);
        options_read(d->head.options, options, at, type, host_names, o->self, a, pr);
        read_host_keys(o, options, at, pr);
        o->schedule = schedule_new(options ? node_get(options, "lr") : NULL, d->default_lr, a, pr);
        o->plan = (heft_optimizer_plan){ .host = compute_host(), .n = m ? m->n_trained : 0 };
        if (pr->n == before && m) {
            if (d->plan(o->self, &o->plan) < 0) problems_add(pr, at, "optimizer %s: %s", type, o->plan.error.text);
            else if (o->plan.n_slots < 0 || o->plan.n_slots > HEFT_MAX_SLOTS)
                problems_add(pr, at, "the plugin %s is faulty: %d slots", o->plugin->path, (int)o->plan.n_slots);
            else {
                make_slots(o, at, pr);
                make_ranges(o, m);
            }
        }
    }
    if (m) o->penalty = penalty_new(m, a, pr);
    if (pr->n == before) return o;
    optimizer_free(o);
    return NULL;
}

void optimizer_free(optimizer *o)
{
    if (!o) return;
    for (int i = 0; i < HEFT_MAX_SLOTS; i++) block_free(o->slot[i]);
    arena_free(o->memory);
}

size_t optimizer_bytes(const optimizer *o)
{
    size_t floats = 0;
    for (int i = 0; i < o->plan.n_slots; i++)
        floats += (size_t)o->plan.slot[i].rows * (o->plan.slot[i].scalar ? 1 : o->plan.n);
    return floats * sizeof(float);
}

/* ---- a step ---- */

typedef struct update { optimizer *o; model *m; pass *p; uint64_t t; double lr; float scale; bool sum; } update;

static void sum_range(void *context, int64_t i)
{
    const update *u = context;
    const size_t begin = u->o->range[i].begin, end = u->o->range[i].end;
    pass_sum(u->p, begin, end);
    penalty_add(u->o->penalty, begin, end, u->m->x, pass_gradient(u->p));
}

static void step_range(void *context, int64_t i)
{
    const update *u = context;
    optimizer *o = u->o;
    const optimizer_range *r = &o->range[i];
    float *g = pass_gradient(u->p);
    if (u->sum) sum_range(context, i);
    if (o->clip == CLIP_NORM && u->scale != 1)
        for (size_t k = r->begin; k < r->end; k++) g[k] *= u->scale;
    if (o->clip == CLIP_VALUE) {
        const float most = (float)o->clip_at;
        for (size_t k = r->begin; k < r->end; k++) g[k] = g[k] > most ? most : g[k] < -most ? -most : g[k];
    }
    o->plugin->optimizer.step(o->self, &(heft_step){
        .host = compute_host(), .t = u->t, .lr = (float)(u->lr * (double)r->lr_scale), .decay = r->decay,
        .begin = r->begin, .end = r->end, .span = o->plan.whole_tensors ? o->span + r->span : NULL,
        .n_span = o->plan.whole_tensors ? (int32_t)r->n_span : 0, .x = u->m->x, .g = g, .slot = o->slot });
}

static double step_by_gradient(update *u, const pass_input *in)
{
    optimizer *o = u->o;
    const double loss = pass_run(u->p, in, true);
    if (!isfinite(loss)) return loss;
    u->sum = o->clip != CLIP_NORM;
    u->scale = 1;
    if (o->clip == CLIP_NORM) {
        compute_parallel(o->n_ranges, sum_range, u);
        o->norm = sqrt(compute_squares(o->plan.n, pass_gradient(u->p)));
        if (o->norm > o->clip_at) u->scale = (float)(o->clip_at / o->norm);
    }
    compute_parallel(o->n_ranges, step_range, u);
    return loss;
}

typedef struct problem_at { heft_problem p; update *u; const pass_input *in; } problem_at;

static double evaluate(heft_problem *hp, float *g)
{
    const problem_at *at = (const problem_at *)hp;
    pass *p = at->u->p;
    const double loss = pass_run(p, at->in, g != NULL) + penalty_value(at->u->o->penalty, hp->x);
    if (g) {
        compute_parallel(at->u->o->n_ranges, sum_range, at->u);
        memcpy(g, pass_gradient(p), hp->n * sizeof *g);
    }
    return loss;
}

double optimizer_step(optimizer *o, model *m, pass *p, const pass_input *in, uint64_t t, double lr)
{
    update u = { .o = o, .m = m, .p = p, .t = t, .lr = lr };
    double loss;
    if (o->plugin->optimizer.step) loss = step_by_gradient(&u, in);
    else {
        problem_at at = { { .host = compute_host(), .t = t, .lr = (float)lr, .n = o->plan.n, .x = m->x, .slot = o->slot,
                            .eval = evaluate }, &u, in };
        o->plugin->optimizer.iterate(o->self, &at.p);
        loss = at.p.loss - penalty_value(o->penalty, m->x);
    }
    penalty_constrain(o->penalty, m->x);
    if (isfinite(loss)) pass_fold(p, m);
    return loss;
}

const heft_option *optimizer_table(void) { return host_options; }
