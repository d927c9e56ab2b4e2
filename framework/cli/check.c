/* check.c -- heft check: everything but training */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "cli/sweep.h"
#include "compute/compute.h"
#include "report/columns.h"
#include "report/json.h"

static const char usage[] = "heft check FILE [path=value ...] [--json]";

static void shape_write(const heft_shape *s, text *out)
{
    for (int i = 0; i < s->rank; i++) text_printf(out, "%s%lld", i ? " x " : "", (long long)s->dim[i]);
    if (s->rank == 0) text_add(out, s->dtype == HEFT_I32 ? "" : "1");
    if (s->dtype == HEFT_I32) text_printf(out, "%s%lld classes", s->rank ? " of " : "one of ", (long long)s->limit);
}

static int64_t layer_weights(const model_layer *l)
{
    int64_t n = 0;
    for (int i = 0; i < l->n_tensors; i++)
        if (l->tensor[i].decl->role == HEFT_WEIGHT) n += (int64_t)l->tensor[i].count;
    return n;
}

static const char *value_name(const model *m, int value)
{
    return value == VALUE_INPUT ? "input" : value == VALUE_TARGET ? "target" : m->layer[value].name;
}

static bool is_graph(const model *m, int i) { return i < m->loss; }

/* Does some layer take anything but the one in front of it? */
static bool branches(const model *m)
{
    for (int i = 0; is_graph(m, i); i++)
        if (m->layer[i].n_in != 1 || m->layer[i].in[0] != i - 1) return true;
    return false;
}

/* Of one sample's forward. */
static double flops(const model *m)
{
    double sum = 0;
    for (int i = 0; is_graph(m, i); i++) sum += m->layer[i].plan.flops;
    return sum;
}

/* 1234567 as "1.23 M". */
static void flops_write(double v, char out[32])
{
    static const char *const unit[] = { "", " k", " M", " G", " T" };
    int i = 0;
    for (; i < 4 && v >= 1000; i++) v /= 1000;
    snprintf(out, 32, i ? "%.3g%s" : "%.0f%s", v, unit[i]);
}

/* ---- JSON ----------------------------------------------------------------- */

static void json_shape(text *t, const char *key, const heft_shape *s)
{
    json_open(t, key, '[');
    for (int i = 0; i < s->rank; i++) json_int(t, NULL, s->dim[i]);
    json_close(t, ']');
}

static void json_layer(const model *m, int i)
{
    const model_layer *l = &m->layer[i];
    text t = { 0 };
    json_open(&t, NULL, '{');
    json_string(&t, "kind", is_graph(m, i) ? "layer" : i == m->loss ? "loss" : "metric");
    json_string(&t, "name", l->name);
    json_string(&t, "type", l->type);
    json_open(&t, "inputs", '[');
    for (int k = 0; k < l->n_in; k++) json_string(&t, NULL, value_name(m, l->in[k]));
    json_close(&t, ']');
    json_shape(&t, "output_shape", &l->plan.out);
    json_int(&t, "parameters", layer_weights(l));
    json_bool(&t, "frozen", l->frozen);
    json_real(&t, "flops", l->plan.flops);
    json_close(&t, '}');
    json_end(&t, stdout);
}

static int64_t count_of(const dataset *s) { return s ? dataset_count(s) : 0; }

static void json_totals(const trainer *t)
{
    const model *m = t->model;
    text line = { 0 };
    json_open(&line, NULL, '{');
    json_string(&line, "kind", "total");
    json_string(&line, "name", t->experiment->name);
    json_shape(&line, "input_shape", &m->input);
    json_int(&line, "classes", t->data->n_classes);
    json_int(&line, "parameters", (int64_t)m->n_weights);
    json_int(&line, "trained", (int64_t)m->n_trained);
    json_real(&line, "flops", flops(m));
    json_int(&line, "bytes", (int64_t)trainer_bytes(t));
    json_int(&line, "batch", m->batch);
    json_int(&line, "lanes", model_lanes(m, m->batch));
    json_int(&line, "lane_size", m->lane_size);
    json_int(&line, "threads", compute_threads());
    json_int(&line, "epochs", t->options.epochs);
    json_int(&line, "steps_per_epoch", loader_batches(t->loader));
    json_int(&line, "train", count_of(t->data->train));
    json_int(&line, "validation", count_of(t->data->validation));
    json_int(&line, "test", count_of(t->data->test));
    json_close(&line, '}');
    json_end(&line, stdout);
}

/* ---- text ----------------------------------------------------------------- */

static void write_layers(const model *m, text *out)
{
    const bool with_inputs = branches(m);
    const char *heading[] = { "layer", "type", "output", "parameters", "flop/sample", "inputs" };
    columns *c = columns_new(with_inputs ? 6 : 5, heading, "lllrrl");
    for (int i = 0; is_graph(m, i); i++) {
        const model_layer *l = &m->layer[i];
        char weights[32], cost[32];
        text shape = { 0 }, from = { 0 };
        shape_write(&l->plan.out, &shape);
        for (int k = 0; k < l->n_in; k++) text_printf(&from, "%s%s", k ? ", " : "", value_name(m, l->in[k]));
        text_count(layer_weights(l), weights);
        flops_write(l->plan.flops, cost);
        const char *cell[] = { l->name, l->type, shape.s, layer_weights(l) ? weights : "", l->plan.flops > 0 ? cost : "",
                               from.s };
        columns_add(c, cell);
        text_free(&shape);
        text_free(&from);
    }
    columns_write(c, out);
    columns_free(c);
}

__attribute__((format(printf, 3, 4)))
static void add_fact(columns *c, const char *name, const char *fmt, ...)
{
    text t = { 0 };
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    columns_add(c, (const char *const[]){ name, t.s });
    text_free(&t);
}

static void add_data(columns *c, const data *d)
{
    char train[32], validation[32], test[32];
    text shape = { 0 }, target = { 0 };
    text_count(count_of(d->train), train);
    text_count(count_of(d->validation), validation);
    text_count(count_of(d->test), test);
    shape_write(&d->input, &shape);
    shape_write(&d->target, &target);
    add_fact(c, "data", "%s to train on, %s to validate, %s to test", train, validation, test);
    add_fact(c, "sample", "%s -> %s", shape.s, target.s);
    text_free(&shape);
    text_free(&target);
}

static void add_memory(columns *c, const trainer *t)
{
    const model *m = t->model;
    const size_t all = trainer_bytes(t), weights = (m->n_weights + m->n_state) * sizeof(float);
    const size_t slots = optimizer_bytes(t->optimizer), passes = pass_bytes(m, true) + pass_bytes(m, false);
    char total[32], part[5][32];
    text_bytes((double)all, total);
    text_bytes((double)weights, part[0]);
    text_bytes((double)slots, part[1]);
    text_bytes((double)passes, part[2]);
    text_bytes((double)(weights + slots), part[3]);
    text_bytes((double)(all - 2 * (weights + slots) - passes), part[4]);
    add_fact(c, "memory", "%s: weights %s, optimizer %s, activations and gradients %s, checkpoint %s, batches %s", total,
             part[0], part[1], part[2], part[3], part[4]);
}

static void write_totals(const trainer *t, text *out)
{
    const model *m = t->model;
    char weights[32], frozen[32], forward[32], training[32], steps[32];
    columns *c = columns_new(2, NULL, "ll");
    text metrics = { 0 };
    for (int i = 0; i < m->n_metrics; i++) text_printf(&metrics, "%s%s", i ? ", " : "", model_metric_name(m, i + 1));
    add_fact(c, "loss", "%s", m->layer[m->loss].type);
    if (metrics.s) add_fact(c, "metrics", "%s", metrics.s);
    text_free(&metrics);
    text_count((int64_t)m->n_weights, weights);
    text_count((int64_t)(m->n_weights - m->n_trained), frozen);
    if (m->n_weights > m->n_trained) add_fact(c, "parameters", "%s, of which %s are frozen", weights, frozen);
    else add_fact(c, "parameters", "%s", weights);
    flops_write(flops(m), forward);
    flops_write(3 * flops(m), training);
    add_fact(c, "cost", "%s floating-point operations a sample forward, about %s in training", forward, training);
    add_memory(c, t);
    add_data(c, t->data);
    text_count(loader_batches(t->loader), steps);
    add_fact(c, "epochs", "%lld of %s steps, batch %lld", (long long)t->options.epochs, steps, (long long)m->batch);
    add_fact(c, "lanes", "%lld of %lld samples, on %d thread%s", (long long)model_lanes(m, m->batch),
             (long long)m->lane_size, compute_threads(), compute_threads() == 1 ? "" : "s");
    columns_write(c, out);
    columns_free(c);
}

static void print_all(const trainer *t, bool json)
{
    if (json) {
        for (int i = 0; i < t->model->n_layers; i++) json_layer(t->model, i);
        json_totals(t);
        return;
    }
    text out = { 0 };
    text_printf(&out, "%s: ok\n\n", t->experiment->path);
    write_layers(t->model, &out);
    text_add(&out, "\n");
    write_totals(t, &out);
    fwrite(out.s, 1, out.n, stdout);
    text_free(&out);
}

int verb_check(int argc, char **argv)
{
    bool json = false;
    const cli_option options[] = {
        { "--json", NULL, &json, "one JSON object a line: a layer each, then the totals" },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, options, 1, 1, usage, &args) < 0) return EXIT_USAGE;

    problems pr = { 0 };
    session s = { 0 };
    experiment *e = experiment_load(args.arg[0], args.n_overrides, args.override, &pr);
    int code = EXIT_DONE;
    if (e && session_train(&s, e, &pr) == 0) {
        print_all(s.trainer, json);
        text doubt = { 0 };
        if (model_doubt(s.trainer->model, &doubt)) fprintf(stderr, "%s: warning: %s\n", e->path, doubt.s);
        text_free(&doubt);
        if (e->sweep && sweep_describe(e, args.n_overrides, args.override, json, &pr) < 0) code = cli_fail(&pr, EXIT_USAGE);
    } else code = cli_fail(&pr, EXIT_USAGE);
    session_close(&s);
    problems_free(&pr);
    return code;
}
