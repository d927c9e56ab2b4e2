#include "cli/session.h"
#include "compute/compute.h"

int session_train(session *s, experiment *e, problems *pr)
{
    s->experiment = e;
    s->registry = registry_new(e->n_plugin_dirs, e->plugin_dirs);
    s->data = data_open(e->data, e->dir, e->seed, pr);
    trainer *(*make)(const experiment *, registry *, data *, problems *) = s->checkpoint ? trainer_new_empty : trainer_new;
    if (s->data) s->trainer = make(e, s->registry, s->data, pr);
    if (s->trainer && s->threads && s->threads != compute_threads()) compute_init(s->threads, (compute_precision)s->trainer->options.precision);
    return s->trainer ? 0 : -1;
}

int session_load(session *s, const char *path, int n_overrides, char *const *overrides, const char *file,
                 bool *has_targets, problems *pr)
{
    trained *t = &s->trained;
    s->memory = arena_new();
    if (trained_open(t, path, n_overrides, overrides, pr) < 0) return -1;
    const experiment *e = t->experiment;
    struct data_fit *fit = file ? checkpoint_data_fit(t->checkpoint, t->memory, pr) : NULL;
    if (!file) s->data = data_open(e->data, e->dir, e->seed, pr);
    else if (fit) s->data = data_open_for_predict(e->data, e->dir, file, fit, has_targets, pr);
    return s->data ? trained_load(t, s->data, pr) : -1;
}

int session_load_model(session *s, const char *path, int n_overrides, char *const *overrides, problems *pr)
{
    s->memory = arena_new();
    if (trained_open(&s->trained, path, n_overrides, overrides, pr) < 0) return -1;
    struct data_fit *fit = checkpoint_data_fit(s->trained.checkpoint, s->trained.memory, pr);
    if (!fit) return -1;
    s->data = data_of_fit(fit);
    return trained_load(&s->trained, s->data, pr);
}

void session_close(session *s)
{
    trainer_free(s->trainer);
    checkpoint_close(s->checkpoint);
    trained_close(&s->trained);
    if (s->data) data_free(s->data);
    if (s->registry) registry_free(s->registry);
    if (s->experiment) experiment_free(s->experiment);
    arena_free(s->memory);
    *s = (session){ 0 };
}
