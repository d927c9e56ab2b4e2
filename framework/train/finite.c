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
    int64_t sample;
    const model_tensor *bad = bad_tensor(m, &l, &value);
    if (bad)
        problems_add(pr, l->at, "the loss is %s at step %lld (epoch %lld), since a value of %s/%s became %s in an earlier one; %s", name_of(loss),
                     step, epoch, l->name, bad->decl->name, name_of(value), hint);
    else if (at < (size_t)b->n * width)
        problems_add(pr, (place){ t->experiment->path, 0, 0 }, "the loss is %s at step %lld (epoch %lld), since sample %lld of the training data "
                     "has an input that is %s", name_of(loss), step, epoch, (long long)b->index[at / width], name_of((double)b->inputs[at]));
    else if (pass_find_infinite(t->train_pass, in, &layer, &sample))
        problems_add(pr, m->layer[layer].at, "the loss is %s at step %lld (epoch %lld); it began in the output of layer '%s' (%s), with sample "
                     "%lld of the training data; %s", name_of(loss), step, epoch, m->layer[layer].name, m->layer[layer].type,
                     (long long)b->index[sample], hint);
    else                                         /* each sample's loss is finite, and their sum is not */
        problems_add(pr, (place){ t->experiment->path, 0, 0 }, "the loss is %s at step %lld (epoch %lld, samples %lld to %lld of its order); %s",
                     name_of(loss), step, epoch, (long long)b->first, (long long)(b->first + b->n - 1), hint);
}
