#include <stdio.h>

#include "cli/show.h"
#include "report/json.h"

static void json_ints(text *t, const char *key, int64_t n, const int64_t *v)
{
    json_open(t, key, '[');
    for (int64_t i = 0; i < n; i++) json_int(t, NULL, v[i]);
    json_close(t, ']');
}

static void json_tensor(text *o, const tensor *t)
{
    json_open(o, NULL, '{');
    json_string(o, "name", t->name);
    json_string(o, "role", t->role);
    json_ints(o, "shape", t->rank, t->dim);
    json_real(o, "min", t->s.min);
    json_real(o, "max", t->s.max);
    json_real(o, "mean", t->s.mean);
    json_real(o, "std", t->s.std);
    json_real(o, "norm", t->s.norm);
    json_int(o, "zeros", t->s.zeros);
    json_int(o, "non_finite", t->s.non_finite);
    if (t->count <= SHOW_LISTED) {
        json_open(o, "values", '[');
        for (int64_t i = 0; i < t->count; i++) json_real(o, NULL, (double)t->value[i]);
        json_close(o, ']');
    }
    json_close(o, '}');
}

static void json_layers(text *o, const shown *w)
{
    json_open(o, "layers", '[');
    for (int64_t i = 0; i < w->n_layers; i++) {
        const layer *l = &w->layer[i];
        json_open(o, NULL, '{');
        json_string(o, "name", l->name);
        json_string(o, "type", l->type);
        json_string(o, "role", l->role);
        json_string(o, "inputs", l->inputs);
        json_ints(o, "output_shape", l->n_out, l->out);
        json_int(o, "parameters", l->parameters);
        json_open(o, "tensors", '[');
        for (int64_t k = 0; k < l->n_tensors; k++) json_tensor(o, &l->tensor[k]);
        json_close(o, ']');
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void json_metrics(text *o, const table *t)
{
    json_open(o, "metrics", '[');
    for (int64_t r = t->n_rows > SHOW_ROWS ? t->n_rows - SHOW_ROWS : 0; r < t->n_rows; r++) {
        json_open(o, NULL, '{');
        for (int i = 0; i < t->n_columns; i++) json_real(o, t->column[i].name, table_row(t, r)[i]);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void json_saved(text *o, const shown *w)
{
    json_open(o, "checkpoints", '[');
    for (int64_t i = 0; i < w->n_saved; i++) {
        json_open(o, NULL, '{');
        json_string(o, "path", w->saved[i].path);
        json_bool(o, "valid", !w->saved[i].fault);
        json_string(o, "fault", w->saved[i].fault);
        json_bool(o, "latest", w->saved[i].latest);
        json_bool(o, "best", w->saved[i].best);
        json_close(o, '}');
    }
    json_close(o, ']');
}

void show_json(const shown *w)
{
    text o = { 0 };
    size_t n;
    json_open(&o, NULL, '{');
    json_string(&o, "checkpoint", w->path);
    if (w->run) json_saved(&o, w);
    json_int(&o, "parameters", w->parameters);
    json_string(&o, "average", w->average);
    json_layers(&o, w);
    json_string(&o, "optimizer", w->optimizer);
    json_open(&o, "trainer", '{');
    for (const trainer_field *f = trainer_fields; f->name; f++) {
        const char *at = (const char *)&w->state + f->offset;
        if (f->real) json_real(&o, f->name, *(const double *)(const void *)at);
        else json_int(&o, f->name, *(const int64_t *)(const void *)at);
    }
    json_close(&o, '}');
    json_metrics(&o, w->epochs);
    json_open(&o, "data", '{');
    json_ints(&o, "input_shape", w->n_input, w->input);
    json_int(&o, "classes", w->n_classes);
    json_string(&o, "fingerprint", w->fingerprint);
    json_close(&o, '}');
    json_string(&o, "experiment", checkpoint_experiment(w->checkpoint, &n));
    json_close(&o, '}');
    json_end(&o, stdout);
}
