#include "cli/session.h"

#include "base/file.h"
#include "compute/compute.h"

int session_train(session *s, experiment *e, problems *pr)
{
    s->experiment = e;
    s->registry = registry_new(e->n_plugin_dirs, e->plugin_dirs);
    s->data = data_open(e->data, e->dir, e->seed, pr);
    trainer *(*make)(const experiment *, registry *, data *, problems *) = s->checkpoint ? trainer_new_empty : trainer_new;
    if (s->data) s->trainer = make(e, s->registry, s->data, pr);
    return s->trainer ? 0 : -1;
}

int session_load(session *s, const char *path, int n_overrides, char *const *overrides, const char *file,
                 bool *has_targets, problems *pr)
{
    s->memory = arena_new();
    const char *target = run_resolve(path, s->memory, pr);
    if (!target || !(s->checkpoint = checkpoint_open(target, pr))) return -1;
    size_t n;
    const char *yaml = checkpoint_experiment(s->checkpoint, &n);
    s->experiment = experiment_parse(arena_printf(s->memory, "%s:/experiment", target), path_dir(s->memory, target), yaml, n, n_overrides, overrides, pr);
    if (!s->experiment) return -1;
    const experiment *e = s->experiment;
    s->registry = registry_new(e->n_plugin_dirs, e->plugin_dirs);
    struct data_fit *fit = file ? checkpoint_data_fit(s->checkpoint, s->memory, pr) : NULL;
    if (!file) s->data = data_open(e->data, e->dir, e->seed, pr);
    else if (fit) s->data = data_open_for_predict(e->data, e->dir, file, fit, has_targets, pr);
    const size_t before = pr->n;
    train_options o = { 0 };
    train_options_read(e, &o, s->memory, pr);
    if (!s->data || pr->n > before) return -1;
    compute_init((int)o.threads, (compute_precision)o.precision);
    s->model = model_build(e->model, e->loss, e->metrics, s->registry, &s->data->input, &s->data->target, o.batch, pr);
    if (!s->model || checkpoint_load_model(s->checkpoint, s->model, pr) < 0) return -1;
    s->pass = pass_new(s->model, false, pr);
    return s->pass ? 0 : -1;
}

void session_close(session *s)
{
    pass_free(s->pass);
    model_free(s->model);
    trainer_free(s->trainer);
    if (s->checkpoint) checkpoint_close(s->checkpoint);
    if (s->data) data_free(s->data);
    if (s->registry) registry_free(s->registry);
    if (s->experiment) experiment_free(s->experiment);
    arena_free(s->memory);
    *s = (session){ 0 };
}
