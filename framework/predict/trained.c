#include "predict/trained.h"

#include <string.h>

#include "base/file.h"
#include "compute/compute.h"

int trained_open(trained *t, const char *path, int n_overrides, char *const *overrides, problems *pr)
{
    t->memory = arena_new();
    const char *target = run_resolve(path, t->memory, pr);
    if (!target || !(t->checkpoint = checkpoint_open(target, pr))) return -1;
    size_t n;
    const char *yaml = checkpoint_experiment(t->checkpoint, &n);
    t->experiment = experiment_parse(arena_printf(t->memory, "%s:/experiment", target), path_dir(t->memory, target), yaml, n,
                                     n_overrides, overrides, pr);
    if (!t->experiment) return -1;
    t->registry = registry_new(t->experiment->n_plugin_dirs, t->experiment->plugin_dirs);
    return 0;
}

int trained_load(trained *t, const data *d, problems *pr)
{
    const experiment *e = t->experiment;
    const train_options *o = &t->options;
    if (train_options_read(e, &t->options, t->memory, pr) < 0) return -1;
    t->data = d;
    compute_init((int)o->threads, (compute_precision)o->precision);
    t->model = model_build(e->model, e->loss, e->metrics, t->registry, &d->input, &d->target, o->batch, pr);
    if (!t->model || checkpoint_load_model(t->checkpoint, t->model, pr) < 0) return -1;
    checkpoint_close(t->checkpoint);
    t->checkpoint = NULL;
    t->width = heft_count(&t->model->layer[t->model->output].plan.out);
    t->mean = arena_alloc(t->memory, (size_t)t->width, sizeof *t->mean);
    t->scale = arena_alloc(t->memory, (size_t)t->width, sizeof *t->scale);
    data_target_scale(d, t->width, t->mean, t->scale);
    t->pass = pass_new(t->model, false, pr);
    return t->pass ? 0 : -1;
}

void trained_close(trained *t)
{
    pass_free(t->pass);
    model_free(t->model);
    checkpoint_close(t->checkpoint);
    if (t->registry) registry_free(t->registry);
    if (t->experiment) experiment_free(t->experiment);
    arena_free(t->memory);
    *t = (trained){ 0 };
}

typedef struct answer { const model_layer *loss; const heft_forward *f; } answer;

static void apply_predict(void *context, int64_t i)
{
    (void)i;
    const answer *a = context;
    a->loss->layer->predict(a->loss->self, a->f);
}

void trained_predict(trained *t, int64_t n, const float *inputs, float *out)
{
    const model_layer *loss = &t->model->layer[t->model->loss];
    pass_run(t->pass, &(pass_input){ .n = n, .inputs = inputs }, false);
    const float *raw = pass_output(t->pass);
    if (loss->layer->predict) {
        const float *in[] = { raw, NULL };
        const heft_forward f = { .host = compute_host(), .n = n, .in = in, .out = out };
        compute_parallel(1, apply_predict, &(answer){ loss, &f });
    } else memcpy(out, raw, (size_t)(n * t->width) * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < t->width; k++) {
            float *v = &out[i * t->width + k];
            *v = (float)((double)*v * t->scale[k] + t->mean[k]);
        }
}

bool trained_classifies(const trained *t)
{
    const heft_shape *out = &t->model->layer[t->model->output].plan.out;
    const int64_t k = out->rank ? out->dim[out->rank - 1] : 1;
    return t->data->n_classes >= 2 && t->width == k;
}

int32_t trained_class(const trained *t, const float *out)
{
    if (t->width == 1) return out[0] > 0.5f;
    int32_t most = 0;
    for (int32_t k = 1; k < (int32_t)t->width; k++)
        if (out[k] > out[most]) most = k;
    return most;
}
