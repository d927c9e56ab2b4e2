#include "train/finite.h"

#include <math.h>

static size_t first_infinite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return i;
    return n;
}

static const char *name_of(double v) { return isnan(v) ? "not a number" : "infinite"; }

/* The first tensor with a value that is not finite. */
static const model_tensor *bad_tensor(const model *m, const model_layer **layer, double *value)
{
    for (int i = 0; i < m->loss; i++) {
        const model_layer *l = &m->layer[i];
        for (int k = 0; k < l->n_tensors; k++) {
            const model_tensor *t = &l->tensor[k];
            if (t->decl->role != HEFT_WEIGHT && t->decl->role != HEFT_STATE) continue;
            const float *x = (t->decl->role == HEFT_WEIGHT ? m->x : m->state) + t->offset;
            const size_t at = first_infinite(x, t->count);
            if (at == t->count) continue;
            *layer = l;
            *value = (double)x[at];
            return t;
        }
    }
    return NULL;
}

/* Of a lane: the first layer with an output that is not finite (n_layers: none) and the sample of the minibatch. */
typedef struct infinite { const model *m; int *layer; int64_t *sample; } infinite;

static void look(void *context, int64_t lane, int i, int64_t first, int64_t n, const float *out)
{
    const infinite *found = context;
    const heft_shape *s = &found->m->layer[i].plan.out;
    const size_t width = (size_t)heft_count(s);
    if (found->layer[lane] < found->m->n_layers || s->dtype != HEFT_F32) return;
    const size_t at = first_infinite(out, (size_t)n * width);
    if (at == (size_t)n * width) return;
    found->layer[lane] = i;
    found->sample[lane] = first + (int64_t)(at / width);
}

/* Forward once more: the first layer whose output is not finite for some sample, and the first such sample. */
static bool find_infinite(const trainer *t, const pass_input *in, int *layer, int64_t *sample)
{
    const model *m = t->model;
    arena *a = arena_new();
    const size_t lanes = (size_t)model_lanes(m, in->n);
    infinite found = { m, arena_alloc(a, lanes, sizeof(int)), arena_alloc(a, lanes, sizeof(int64_t)) };
    for (size_t i = 0; i < lanes; i++) found.layer[i] = m->n_layers;
    pass_watch(t->train_pass, in, look, &found);
    *layer = m->n_layers;
    for (size_t i = 0; i < lanes; i++)
        if (found.layer[i] < *layer) *layer = found.layer[i], *sample = found.sample[i];
    arena_free(a);
    return *layer < m->n_layers;
}

static const char hint[] = "a lower lr or clip_norm may help; checkpoints saved before are good";

int finite_weights(const trainer *t, problems *pr)
{
    const model_layer *l;
    double value;
    const model_tensor *bad = bad_tensor(t->model, &l, &value);
    if (!bad) return 0;
    problems_add(pr, l->at, "a value of %s/%s is %s after step %lld (epoch %lld); %s", l->name, bad->decl->name, name_of(value),
                 (long long)t->state.step, (long long)t->state.epoch + (t->state.position > 0), hint);
    return -1;
}

void finite_explain(trainer *t, const batch *b, const pass_input *in, double loss, problems *pr)
{
    const model *m = t->model;
    const long long step = t->state.step + 1, epoch = t->state.epoch + 1;
    const size_t width = (size_t)heft_count(&m->input), at = m->input.dtype == HEFT_F32 ? first_infinite(b->inputs, (size_t)b->n * width)
                                                                                       : (size_t)b->n * width;
    const model_layer *l;
    double value;
    int layer;
    int64_t sample = 0;
    const model_tensor *bad = bad_tensor(m, &l, &value);
    if (bad)
        problems_add(pr, l->at, "the loss is %s at step %lld (epoch %lld), since a value of %s/%s became %s in an earlier one; %s", name_of(loss),
                     step, epoch, l->name, bad->decl->name, name_of(value), hint);
    else if (at < (size_t)b->n * width)
        problems_add(pr, (place){ t->experiment->path, 0, 0 }, "the loss is %s at step %lld (epoch %lld), since sample %lld of the training data "
                     "has an input that is %s", name_of(loss), step, epoch, (long long)b->index[at / width], name_of((double)b->inputs[at]));
    else if (find_infinite(t, in, &layer, &sample))
        problems_add(pr, m->layer[layer].at, "the loss is %s at step %lld (epoch %lld); it began in the output of layer '%s' (%s), with sample "
                     "%lld of the training data; %s", name_of(loss), step, epoch, m->layer[layer].name, m->layer[layer].type,
                     (long long)b->index[sample], hint);
    else                                         /* each sample's loss is finite, and their sum is not */
        problems_add(pr, (place){ t->experiment->path, 0, 0 }, "the loss is %s at step %lld (epoch %lld, samples %lld to %lld of its order); %s",
                     name_of(loss), step, epoch, (long long)b->first, (long long)(b->first + b->n - 1), hint);
}
