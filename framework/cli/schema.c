/* schema.c -- heft schema: what an editor needs to complete and check an experiment as it is typed
 *
 * A type with options is a bare word, if it has no required option, or a mapping of one key.  Every value may also be a
 * reference, ${...}.
 */
#include "cli/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "config/experiment.h"
#include "data/data.h"
#include "model/model.h"
#include "plugin/check.h"
#include "report/json.h"
#include "sweep/space.h"
#include "train/optimize.h"
#include "train/trainer.h"

/* ---- plugins ------------------------------------------------------------------- */

typedef enum use { LAYERS, MEASURES, LOSSES, OPTIMIZERS, INITIALIZERS, USES } use;

static const char *const use_names[] = { "layer", "metric", "loss", "optimizer", "initializer" };

typedef struct usable { const plugin *p; bool uses[USES]; } usable;
typedef struct catalog { usable *item; size_t n; } catalog;

static catalog find_plugins(registry *r, arena *a, problems *pr)
{
    static const heft_kind kinds[] = { HEFT_LAYER, HEFT_OPTIMIZER, HEFT_INITIALIZER };
    const plugin_file *file;
    catalog c = { arena_alloc(a, 3 * registry_files(r, &file) + 1, sizeof *c.item), 0 };
    for (int k = 0; k < 3; k++) {
        const char *const *names = registry_names(r, kinds[k]);
        for (int i = 0; names[i]; i++) {
            problems why = { 0 }, again = { 0 };
            const plugin *p = registry_find(r, kinds[k], names[i], (place){ 0 }, &why);
            /* A file in no kind's folder is found for every kind, and refused for all but its own. */
            const plugin *any = p || !why.n ? p : registry_open(r, 0, registry_path(r, kinds[k], names[i]), &again);
            for (size_t j = 0; j < why.n && !any; j++) problems_add(pr, why.item[j].at, "left out: %s", why.item[j].text);
            problems_free(&why);
            problems_free(&again);
            if (!p) continue;
            usable *u = &c.item[c.n++];
            *u = (usable){ .p = p };
            u->uses[MEASURES] = p->kind == HEFT_LAYER && p->layer.max_in >= 2 && layer_measures(&p->layer);
            u->uses[LAYERS] = p->kind == HEFT_LAYER && p->layer.backward;
            u->uses[LOSSES] = u->uses[MEASURES] && p->layer.backward;
            u->uses[OPTIMIZERS] = p->kind == HEFT_OPTIMIZER;
            u->uses[INITIALIZERS] = p->kind == HEFT_INITIALIZER;
        }
    }
    return c;
}

/* The host's keys on a layer. */
static void layer_keys(text *t)
{
    for (const heft_option *o = model_layer_table(); o->type != HEFT_END; o++) schema_ref(t, o->name, "key", o->name);
    static const char *const others[] = { "inputs", "activation", "init", NULL };
    for (int i = 0; others[i]; i++) schema_ref(t, others[i], "key", others[i]);
    bool flag;
    for (int i = 0; penalty_key(i, &flag); i++) schema_ref(t, penalty_key(i, &flag), "key", penalty_key(i, &flag));
}

static void optimizer_keys(text *t)
{
    schema_table(t, optimizer_table());
    schema_ref(t, "lr", "lr", "");
}

static bool has_row(const heft_option *o, const char *name)
{
    for (; o && o->type != HEFT_END; o++)
        if (!strcmp(o->name, name)) return true;
    return false;
}

/* A number, or the name of an activation. */
static void gain_key(text *t, const heft_option *o)
{
    const char *name;
    double gain;
    text words = { 0 };
    for (int i = 0; (name = model_gain(i, &gain)); i++) text_printf(&words, "%s%s", i ? "|" : "", name);
    json_open(t, o->name, '{');
    json_string(t, "description", o->doc);
    json_real(t, "default", o->def);
    json_open(t, "anyOf", '[');
    schema_forms(t, o);
    schema_words(t, words.s);
    schema_ref(t, NULL, "reference", "");
    json_close(t, ']');
    json_close(t, '}');
    text_free(&words);
}

static void define_plugin(text *t, const plugin *p, use u)
{
    text name = { 0 };
    text_printf(&name, "%s-%s", use_names[u], p->name);
    schema_open(t, name.s, p->head.doc, !schema_any_required(p->head.options));
    for (const heft_option *o = p->head.options; o && o->type != HEFT_END; o++)
        if (u == INITIALIZERS && !strcmp(o->name, "gain")) gain_key(t, o);
        else schema_option(t, o, true);
    if (u == LAYERS) layer_keys(t);
    if (u == OPTIMIZERS && !has_row(p->head.options, "lr")) optimizer_keys(t);
    if (u == MEASURES) schema_ref(t, "name", "key", "name");
    schema_close(t, p->head.options);
    text_free(&name);
}

/* A mapping of exactly one of the keys that follow. */
static void open_one_of(text *t)
{
    json_open(t, NULL, '{');
    json_string(t, "type", "object");
    json_int(t, "minProperties", 1);
    json_int(t, "maxProperties", 1);
    json_open(t, "properties", '{');
}

static void close_one_of(text *t)
{
    json_close(t, '}');
    json_bool(t, "additionalProperties", false);
    json_close(t, '}');
}

/* Bare words, and a mapping of one key. */
static void define_use(text *t, const catalog *c, use u)
{
    json_open(t, use_names[u], '{');
    json_open(t, "anyOf", '[');
    json_open(t, NULL, '{');
    json_open(t, "enum", '[');
    if (u == INITIALIZERS) json_string(t, NULL, "auto");
    for (size_t i = 0; i < c->n; i++)
        if (c->item[i].uses[u] && !schema_any_required(c->item[i].p->head.options)) json_string(t, NULL, c->item[i].p->name);
    json_close(t, ']');
    json_close(t, '}');
    open_one_of(t);
    for (size_t i = 0; i < c->n; i++)
        if (c->item[i].uses[u]) schema_ref(t, c->item[i].p->name, use_names[u], c->item[i].p->name);
    close_one_of(t);
    schema_ref(t, NULL, "reference", "");
    json_close(t, ']');
    json_close(t, '}');
    for (size_t i = 0; i < c->n; i++)
        if (c->item[i].uses[u]) define_plugin(t, c->item[i].p, u);
}

/* ---- definitions --------------------------------------------------------------- */

/* A number or a flag for all weights, or a mapping by tensor. */
static void define_penalty(text *t, const char *name, bool flag)
{
    const heft_option one = { name, "of weights of two axes or more, or by tensor: {weight: ...}", flag ? HEFT_BOOL : HEFT_REAL,
                              0, 0, 0, 1e30, NULL, NULL };
    text key = { 0 };
    text_printf(&key, "key-%s", name);
    json_open(t, key.s, '{');
    json_string(t, "description", one.doc);
    json_open(t, "anyOf", '[');
    schema_forms(t, &one);
    json_open(t, NULL, '{');
    json_string(t, "type", "object");
    json_open(t, "additionalProperties", '{');
    json_open(t, "anyOf", '[');
    schema_forms(t, &one);
    schema_ref(t, NULL, "reference", "");
    json_close(t, ']');
    json_close(t, '}');
    json_close(t, '}');
    schema_ref(t, NULL, "reference", "");
    json_close(t, ']');
    json_close(t, '}');
    text_free(&key);
}

/* One of several forms, each a name with a table of keys: the bare name, where none of them is required, or a mapping of one. */
static void forms(text *t, const heft_option *(*row)(int i, const char **name), bool first_has_default)
{
    const heft_option *rows;
    const char *name;
    json_open(t, NULL, '{');
    json_open(t, "enum", '[');
    for (int i = 0; (rows = row(i, &name)); i++)
        if (!schema_any_required(rows)) json_string(t, NULL, name);
    json_close(t, ']');
    json_close(t, '}');
    open_one_of(t);
    for (int i = 0; (rows = row(i, &name)); i++) {
        schema_open(t, name, NULL, !schema_any_required(rows));
        for (const heft_option *o = rows; o->type != HEFT_END; o++)
            schema_option(t, o, first_has_default || o != rows || o->type != HEFT_REAL);
        schema_close(t, rows);
    }
    close_one_of(t);
}

static void define_layer_keys(text *t)
{
    for (const heft_option *o = model_layer_table(); o->type != HEFT_END; o++) {
        text key = { 0 };
        text_printf(&key, "key-%s", o->name);
        heft_option named = *o;
        named.name = key.s;
        schema_option(t, &named, true);
        text_free(&key);
    }
    schema_one_or_many(t, "key-inputs", "names of earlier layers; `input` is the data; the layer before if absent", "word");
    json_open(t, "key-activation", '{');
    json_string(t, "description", "a layer behind this one, such as relu");
    json_open(t, "anyOf", '[');
    schema_ref(t, NULL, "layer", "");
    json_open(t, NULL, '{');
    json_string(t, "type", "null");
    json_close(t, '}');
    json_close(t, ']');
    json_close(t, '}');
    json_open(t, "key-init", '{');
    json_string(t, "description", "initializers by tensor, {weight: he_normal}; auto suits the activation behind");
    json_open(t, "anyOf", '[');
    schema_words(t, "auto");
    json_open(t, NULL, '{');
    json_string(t, "type", "object");
    json_open(t, "additionalProperties", '{');
    json_open(t, "anyOf", '[');
    schema_ref(t, NULL, "initializer", "");
    forms(t, model_initializer_table, true);
    json_close(t, ']');
    json_close(t, '}');
    json_close(t, '}');
    json_close(t, ']');
    json_close(t, '}');
    bool flag;
    for (int i = 0; penalty_key(i, &flag); i++) define_penalty(t, penalty_key(i, &flag), flag);
}

static void define_lr(text *t)
{
    json_open(t, "lr", '{');
    json_string(t, "description", "the learning rate: a number, or a schedule");
    json_open(t, "anyOf", '[');
    schema_number(t, NULL, &(heft_option){ .type = HEFT_REAL, .min = 0, .max = 1000 });
    forms(t, schedule_table, false);         /* the first row's default is the optimizer's */
    schema_ref(t, NULL, "reference", "");
    json_close(t, ']');
    json_close(t, '}');
}

static void define_data(text *t)
{
    data_keys k;
    json_open(t, "data", '{');
    json_open(t, "anyOf", '[');
    for (int i = 0; data_keys_of(i, &k); i++) {
        json_open(t, NULL, '{');
        json_string(t, "type", "object");
        json_open(t, "properties", '{');
        for (const heft_option *o = k.common; o->type != HEFT_END; o++) {
            if (strcmp(o->name, "format")) {
                schema_option(t, o, true);
                continue;
            }
            json_open(t, "format", '{');
            json_string(t, "description", o->doc);
            json_string(t, "const", k.format);
            json_close(t, '}');
        }
        schema_table(t, k.own);
        for (int j = 0; k.others && k.others[j]; j++) schema_anything(t, k.others[j], "see docs/experiment.md, data");
        if (!k.built_in) schema_anything(t, "train", "files of the training split");
        schema_anything(t, "validation", k.built_in ? "a share of the training samples, or a number of them" : "files, or a share of the training samples");
        if (!has_row(k.own, "test")) schema_anything(t, "test", k.built_in ? "a number of samples" : "files, or a share of the training samples");
        json_close(t, '}');
        json_open(t, "required", '[');
        json_string(t, NULL, "format");
        for (const heft_option *o = k.own; o && o->type != HEFT_END; o++)
            if (schema_is_required(o)) json_string(t, NULL, o->name);
        json_close(t, ']');
        json_bool(t, "additionalProperties", false);
        json_close(t, '}');
    }
    json_close(t, ']');
    json_close(t, '}');
}

static void sweep_part(text *t, const char *name, const char *doc)
{
    schema_open(t, name, doc, true);
    schema_table(t, sweep_section_table(name));
    schema_close(t, sweep_section_table(name));
}

static void define_sweep(text *t)
{
    schema_open(t, "sweep", "what `heft sweep` varies; docs/sweeps.md", true);
    schema_table(t, sweep_section_table("sweep"));
    sweep_part(t, "metric", "what trials are judged by");
    sweep_part(t, "early_terminate", "the rule that ends trials that fall behind");
    sweep_part(t, "limits", "of one trial");
    schema_anything(t, "constraints", "comparisons of parameters that every point keeps");
    json_open(t, "parameters", '{');
    json_string(t, "description", "by path: optimizer.adam.lr, model.hidden.units");
    json_string(t, "type", "object");
    schema_open(t, "additionalProperties", NULL, false);
    schema_table(t, sweep_section_table("parameters"));
    schema_anything(t, "value", "always this"), schema_anything(t, "values", "one of these"), schema_anything(t, "when", "values of earlier parameters");
    schema_close(t, NULL);
    json_close(t, '}');
    schema_close(t, sweep_section_table("sweep"));
}

static void definitions(text *t, const catalog *c)
{
    json_open(t, "definitions", '{');
    json_open(t, "reference", '{');
    json_string(t, "description", "${path.to.key} or ${env:NAME}");
    json_string(t, "type", "string");
    json_string(t, "pattern", "\\$\\{");
    json_close(t, '}');
    json_open(t, "word", '{');
    json_open(t, "type", '[');
    json_string(t, NULL, "string"), json_string(t, NULL, "number");
    json_close(t, ']');
    json_close(t, '}');
    for (use u = LAYERS; u < USES; u++) define_use(t, c, u);
    define_layer_keys(t);
    define_lr(t);
    define_data(t);
    json_close(t, '}');
}

/* ---- the whole ----------------------------------------------------------------- */

static void sections(text *t)
{
    const heft_option name = { "name", "names the run: letters, digits, '.', '_' and '-'", HEFT_STRING, 0, 0, 0, 0, NULL, NULL };
    const heft_option seed = { "seed", "of everything random", HEFT_INT, 0, 0, 0, 1e30, NULL, NULL };
    schema_option(t, &name, false);
    schema_option(t, &seed, true);
    schema_one_or_many(t, "base", "files onto which this one is merged", "word");
    schema_ref(t, "data", "data", "");
    json_open(t, "model", '{');
    json_string(t, "description", "layers, each behind the one before unless `inputs` says otherwise");
    json_string(t, "type", "array");
    schema_ref(t, "items", "layer", "");
    json_close(t, '}');
    schema_ref(t, "loss", "loss", "");
    schema_one_or_many(t, "metrics", "what is measured besides the loss", "metric");
    schema_ref(t, "optimizer", "optimizer", "");
    schema_open(t, "train", "epochs, batch, threads, stopping", true);
    schema_table(t, train_section_table("train"));
    json_open(t, "average", '{');
    json_string(t, "description", "an average of the weights, by which the model is judged and kept");
    json_open(t, "anyOf", '[');
    forms(t, average_table, true);
    schema_ref(t, NULL, "reference", "");
    json_close(t, ']');
    json_close(t, '}');
    schema_open(t, "stop", "early stopping", true);
    schema_table(t, train_section_table("stop"));
    schema_close(t, train_section_table("stop"));
    schema_close(t, train_section_table("train"));
    schema_open(t, "checkpoint", "what is saved, and when", true);
    schema_table(t, train_section_table("checkpoint"));
    schema_close(t, train_section_table("checkpoint"));
    define_sweep(t);
    schema_one_or_many(t, "plugins", "directories searched for plugins first, relative to this file", "word");
}

void schema_write(registry *r, text *t, problems *pr)
{
    arena *a = arena_new();
    const catalog c = find_plugins(r, a, pr);
    json_open(t, NULL, '{');
    json_string(t, "$schema", "http://json-schema.org/draft-07/schema#");
    json_string(t, "title", "heft experiment");
    json_string(t, "type", "object");
    json_open(t, "properties", '{');
    sections(t);
    json_close(t, '}');
    json_bool(t, "additionalProperties", false);
    /* A file with a base takes from it what it does not say. */
    json_open(t, "anyOf", '[');
    static const char *const needs[][5] = { { "base", NULL }, { "data", "model", "loss", "optimizer", NULL } };
    for (int i = 0; i < 2; i++) {
        json_open(t, NULL, '{');
        json_open(t, "required", '[');
        for (int k = 0; needs[i][k]; k++) json_string(t, NULL, needs[i][k]);
        json_close(t, ']');
        json_close(t, '}');
    }
    json_close(t, ']');
    definitions(t, &c);
    json_close(t, '}');
    arena_free(a);
}

int verb_schema(int argc, char **argv)
{
    static const char usage[] = "heft schema [--dir DIR]";
    const char *dir = NULL;
    const cli_option options[] = { { "--dir", &dir, NULL, "DIR  plugins of this directory too, as `plugins: [DIR]` does" }, { 0 } };
    cli_args args;
    if (cli_read(argc, argv, options, 0, 0, usage, &args) < 0) return EXIT_USAGE;
    if (dir && !file_is_dir(dir)) {
        fprintf(stderr, "heft: error: --dir %s: there is no such directory\n", dir);
        return EXIT_USAGE;
    }
    registry *r = registry_new(dir ? 1 : 0, &dir);
    text t = { 0 };
    problems pr = { 0 };
    schema_write(r, &t, &pr);
    for (size_t i = 0; i < pr.n; i++) fprintf(stderr, "heft: warning: %s\n", pr.item[i].text);
    json_end(&t, stdout);
    problems_free(&pr);
    registry_free(r);
    return EXIT_DONE;
}
