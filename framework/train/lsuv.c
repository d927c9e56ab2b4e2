#include "train/lsuv.h"

#include <math.h>

typedef struct moments { double n, sum, squares; } moments;
typedef struct looking { const model *m; int layer; moments *lane; } looking;

static void look(void *context, int64_t lane, int layer, int64_t first, int64_t n, const float *out)
{
    const looking *l = context;
    (void)first;
    if (layer != l->layer) return;
    moments *s = &l->lane[lane];
    const int64_t count = n * heft_count(&l->m->layer[layer].plan.out);
    *s = (moments){ .n = (double)count };
    for (int64_t i = 0; i < count; i++) s->sum += (double)out[i];
    const double mean = s->sum / s->n;
    for (int64_t i = 0; i < count; i++) s->squares += ((double)out[i] - mean) * ((double)out[i] - mean);
}

/* Over the minibatch: lanes one behind the other, so the same on any number of threads. */
static double variance(const looking *l, int64_t lanes)
{
    double n = 0, sum = 0, squares = 0;
    for (int64_t i = 0; i < lanes; i++) n += l->lane[i].n, sum += l->lane[i].sum;
    for (int64_t i = 0; i < lanes; i++) {
        const double off = l->lane[i].sum / l->lane[i].n - sum / n;
        squares += l->lane[i].squares + l->lane[i].n * off * off;
    }
    return squares / n;
}

static int scale(trainer *t, int layer, const model_tensor *w, const pass_input *in, looking *l, problems *pr)
{
    const init_lsuv *o = w->init_lsuv;
    float *x = t->model->x + w->offset;
    l->layer = layer;
    for (int64_t k = 0; k < o->most; k++) {
        pass_watch(t->train_pass, in, look, l);
        const double v = variance(l, model_lanes(t->model, in->n));
        if (fabs(v - 1) < o->tolerance) return 0;
        if (!(v > 1e-30 && isfinite(v))) {
            problems_add(pr, o->at, "layer '%s': lsuv cannot scale an output of variance %g over the first minibatch", t->model->layer[layer].name, v);
            return -1;
        }
        const float factor = (float)(1 / sqrt(v));
        for (size_t i = 0; i < w->count; i++) x[i] *= factor;
    }
    return 0;
}

int lsuv_apply(trainer *t, problems *pr)
{
    const model *m = t->model;
    const batch *b = NULL;
    arena *a = arena_new();
    looking l = { .m = m, .lane = arena_alloc(a, (size_t)model_lanes(m, m->batch), sizeof *l.lane) };
    int rc = 0;
    for (int i = 0; rc == 0 && i < m->loss; i++)
        for (int k = 0; rc == 0 && k < m->layer[i].n_tensors; k++) {
            if (!m->layer[i].tensor[k].init_lsuv) continue;
            if (!b) loader_start(t->loader, 0, 0);
            if (!b && !(b = loader_next(t->loader, pr))) rc = -1;
            if (rc == 0) rc = scale(t, i, &m->layer[i].tensor[k], &(pass_input){ .n = b->n, .inputs = b->inputs, .seed = t->experiment->seed }, &l, pr);
        }
    arena_free(a);
    return rc;
}
