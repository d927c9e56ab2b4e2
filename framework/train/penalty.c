#include "train/penalty.h"

#include <math.h>
#include <string.h>

#include "compute/compute.h"
#include "config/options.h"

enum { COLUMNS = 64 };                            /* of a tensor, in one task */

typedef struct wish { double l1, l2, max_norm; bool non_negative, unit_norm; } wish;

typedef struct tensor {
    size_t begin, end, cols;                      /* rows of cols weights, in x */
    float  l1, l2;
    wish   of;
} tensor;

typedef struct task { const tensor *of; size_t col, n; } task;

struct penalty {
    size_t  n, n_tasks;
    tensor *item;                                 /* by begin */
    task   *task;                                 /* of tensors with constraints */
};

static const struct { const char *key; bool flag; size_t at; } keys[] = {
    { "l1", false, offsetof(wish, l1) },
    { "l2", false, offsetof(wish, l2) },
    { "max_norm", false, offsetof(wish, max_norm) },
    { "non_negative", true, offsetof(wish, non_negative) },
    { "unit_norm", true, offsetof(wish, unit_norm) },
};
enum { N_KEYS = sizeof keys / sizeof keys[0] };

/* ---- options ---- */

static void read_value(const node *n, int k, wish *w, problems *pr)
{
    void *at = (char *)w + keys[k].at;
    if (keys[k].flag) node_read_bool(n, keys[k].key, at, pr);
    else node_read_real(n, keys[k].key, 0, 1e30, at, pr);
}

/* One key of a layer with weights: a value for all of two axes or more, or a mapping by tensor. */
static void read_key(const model_layer *l, int k, const node *n, wish *w, const char *const *names, arena *a,
                     problems *pr)
{
    const bool map = n->kind == NODE_MAP;
    bool wide = false;
    wish all = { 0 };
    if (map) node_check_keys(n, arena_printf(a, "%s of layer '%s'", keys[k].key, l->name), names, pr);
    else read_value(n, k, &all, pr);
    for (int i = 0; i < l->n_tensors; i++) {
        const heft_tensor *t = l->tensor[i].decl;
        const node *own = map ? node_get(n, t->name) : NULL;
        if (t->role != HEFT_WEIGHT) continue;
        if (own) read_value(own, k, &w[i], pr);
        if (map || t->shape.rank < 2) continue;
        wide = true;
        memcpy((char *)&w[i] + keys[k].at, (const char *)&all + keys[k].at,
               keys[k].flag ? sizeof(bool) : sizeof(double));
    }
    if (!map && !wide)
        problems_add(pr, n->at, "layer '%s': %s alone is for weights of two axes or more, and %s has none; "
                     "name the tensor: %s: {%s: ...}", l->name, keys[k].key, l->type, keys[k].key, names[0]);
}

static void read_keys(const model_layer *l, wish *w, arena *a, problems *pr)
{
    const char *names[HEFT_MAX_TENSORS + 1] = { 0 };
    int n = 0;
    for (int i = 0; i < l->n_tensors; i++)
        if (l->tensor[i].decl->role == HEFT_WEIGHT) names[n++] = l->tensor[i].decl->name;
    for (int k = 0; l->options && k < N_KEYS; k++) {
        const node *v = node_get(l->options, keys[k].key);
        if (!v || node_is_null(v)) continue;
        if (n) read_key(l, k, v, w, names, a, pr);
        else problems_add(pr, v->at, "layer '%s': %s has no weights for %s", l->name, l->type, keys[k].key);
    }
}

static void add_tensors(penalty *p, const model_layer *l, const wish *w, arena *a, problems *pr)
{
    for (int i = 0; i < l->n_tensors; i++) {
        const model_tensor *t = &l->tensor[i];
        const bool bounded = w[i].max_norm > 0 || w[i].unit_norm || w[i].non_negative;
        if (w[i].max_norm > 0 && w[i].unit_norm)
            problems_add(pr, l->at, "layer '%s': max_norm and unit_norm of %s exclude each other", l->name,
                         t->decl->name);
        if (l->frozen || (!bounded && w[i].l1 == 0 && w[i].l2 == 0)) continue;
        const heft_shape *s = &t->decl->shape;
        const size_t cols = s->rank >= 2 ? (size_t)s->dim[s->rank - 1] : 1;
        tensor *to = &p->item[p->n++];
        *to = (tensor){ t->offset, t->offset + t->count, cols, (float)w[i].l1, (float)w[i].l2, w[i] };
        if (!bounded) continue;
        p->task = arena_grow(a, p->task, p->n_tasks, p->n_tasks + (cols + COLUMNS - 1) / COLUMNS, sizeof *p->task);
        for (size_t c = 0; c < cols; c += COLUMNS)
            p->task[p->n_tasks++] = (task){ to, c, cols - c < COLUMNS ? cols - c : COLUMNS };
    }
}

penalty *penalty_new(const model *m, arena *a, problems *pr)
{
    const size_t before = pr->n;
    size_t n = 0;
    for (int i = 0; i < m->n_layers; i++) n += (size_t)m->layer[i].n_weights;
    penalty *p = arena_alloc(a, 1, sizeof *p);
    *p = (penalty){ .item = arena_alloc(a, n, sizeof *p->item) };
    for (int i = 0; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        wish w[HEFT_MAX_TENSORS] = { 0 };
        read_keys(l, w, a, pr);
        add_tensors(p, l, w, a, pr);
    }
    return p->n && pr->n == before ? p : NULL;
}

/* ---- penalties ---- */

double penalty_value(const penalty *p, const float *x)
{
    double sum = 0;
    for (size_t i = 0; p && i < p->n; i++) {
        double l1 = 0, l2 = 0;
        for (size_t k = p->item[i].begin; k < p->item[i].end; k++) {
            l1 += fabs((double)x[k]);
            l2 += (double)x[k] * x[k];
        }
        sum += p->item[i].of.l1 * l1 + p->item[i].of.l2 * l2;
    }
    return sum;
}

void penalty_add(const penalty *p, size_t begin, size_t end, const float *restrict x, float *restrict g)
{
    for (size_t i = 0; p && i < p->n && p->item[i].begin < end; i++) {
        const tensor *t = &p->item[i];
        const float l1 = t->l1, twice = 2 * t->l2;
        const size_t last = t->end < end ? t->end : end;
        if (l1 == 0 && twice == 0) continue;
        for (size_t k = t->begin > begin ? t->begin : begin; k < last; k++)
            g[k] += twice * x[k] + (x[k] > 0 ? l1 : x[k] < 0 ? -l1 : 0);
    }
}

/* ---- constraints ---- */

typedef struct update { const penalty *p; float *x; } update;

/* Some columns of one tensor. */
static void constrain(void *context, int64_t index)
{
    const update *u = context;
    const task *job = &u->p->task[index];
    const tensor *t = job->of;
    double square[COLUMNS] = { 0 };
    float factor[COLUMNS];
    for (size_t row = t->begin + job->col; row < t->end; row += t->cols)
        for (size_t c = 0; c < job->n; c++) {
            float *w = &u->x[row + c];
            if (t->of.non_negative && *w < 0) *w = 0;
            square[c] += (double)*w * *w;
        }
    if (!t->of.unit_norm && !(t->of.max_norm > 0)) return;
    bool any = false;
    for (size_t c = 0; c < job->n; c++) {
        const double norm = sqrt(square[c]), to = t->of.unit_norm ? 1 : t->of.max_norm;
        factor[c] = norm > 0 && (t->of.unit_norm || norm > to) ? (float)(to / norm) : 1;
        any |= factor[c] != 1;
    }
    for (size_t row = t->begin + job->col; any && row < t->end; row += t->cols)
        for (size_t c = 0; c < job->n; c++) u->x[row + c] *= factor[c];
}

void penalty_constrain(const penalty *p, float *x)
{
    update u = { p, x };
    if (p && p->n_tasks) compute_parallel((int64_t)p->n_tasks, constrain, &u);
}

const char *penalty_key(int i, bool *flag)
{
    if (i >= N_KEYS) return NULL;
    *flag = keys[i].flag;
    return keys[i].key;
}
