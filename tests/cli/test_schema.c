/* What `heft schema` prints: JSON whose references all lead somewhere, with every section, plugin and option in it.  That
 * experiments are valid by it and mistakes are not: tests/end_to_end/schema.sh. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cli/schema.h"
#include "config/experiment.h"
#include "data/data.h"
#include "model/model.h"
#include "train/optimize.h"
#include "train/trainer.h"

typedef struct fixture { arena *a; registry *r; node *root; const node *definitions; } fixture;

/* JSON is YAML, so the house's own reader reads it. */
static int open_schema(void **state)
{
    arena *a = arena_new();
    fixture *f = arena_alloc(a, 1, sizeof *f);
    text t = { 0 };
    problems pr = { 0 };
    f->a = a;
    f->r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    schema_write(f->r, &t, &pr);
    assert_int_equal(pr.n, 0);
    f->root = node_parse(f->a, "schema", t.s, t.n, &pr);
    if (!f->root) fail_msg("%s", pr.item[0].text);
    f->definitions = node_get(f->root, "definitions");
    text_free(&t);
    *state = f;
    return 0;
}

static int close_schema(void **state)
{
    const fixture *f = *state;
    registry_free(f->r);
    arena_free(f->a);
    return 0;
}

static const node *properties_of(const node *object) { return node_get(object, "properties"); }

static const node *definition(const fixture *f, const char *kind, const char *name)
{
    char key[128];
    snprintf(key, sizeof key, "%s%s%s", kind, *name ? "-" : "", name);
    const node *n = node_get(f->definitions, key);
    if (!n) fail_msg("there is no definition '%s'", key);
    return n;
}

static void check_references(const fixture *f, const node *n, int *count)
{
    static const char at[] = "#/definitions/";
    if (n->kind == NODE_LIST)
        for (size_t i = 0; i < n->n; i++) check_references(f, n->item[i], count);
    for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++) {
        const node_pair *p = &n->pair[i];
        if (strcmp(p->key, "$ref") || p->value->kind != NODE_SCALAR) {
            check_references(f, p->value, count);
            continue;
        }
        ++*count;
        if (strncmp(p->value->text, at, strlen(at)) || !node_get(f->definitions, p->value->text + strlen(at)))
            fail_msg("%s leads nowhere", p->value->text);
    }
}

static void references_lead_somewhere(void **state)
{
    const fixture *f = *state;
    int count = 0;
    check_references(f, f->root, &count);
    assert_true(count > 500);
    assert_string_equal(node_get(f->root, "$schema")->text, "http://json-schema.org/draft-07/schema#");
}

static void every_section(void **state)
{
    const fixture *f = *state;
    const node *p = properties_of(f->root);
    size_t n = 0;
    for (const char *const *key = experiment_keys(); *key; key++, n++)
        if (!node_get(p, *key)) fail_msg("there is no section '%s'", *key);
    assert_non_null(node_get(p, "base"));
    assert_int_equal(p->n, n + 1);
}

static void check_table(const node *properties, const heft_option *o, const char *what)
{
    assert_non_null(properties);
    for (; o && o->type != HEFT_END; o++) {
        const node *n = node_get(properties, o->name);
        if (!n) fail_msg("%s: there is no '%s'", what, o->name);
        const node *doc = node_get(n, "description");
        if (!node_get(n, "$ref") && (!doc || !strstr(doc->text, o->doc))) fail_msg("%s.%s: its description is not its doc", what, o->name);
    }
}

static void every_table(void **state)
{
    const fixture *f = *state;
    const node *p = properties_of(f->root);
    check_table(properties_of(node_get(p, "train")), train_section_table("train"), "train");
    check_table(properties_of(node_get(properties_of(node_get(p, "train")), "stop")), train_section_table("stop"), "stop");
    check_table(properties_of(node_get(p, "checkpoint")), train_section_table("checkpoint"), "checkpoint");
    check_table(properties_of(definition(f, "layer", "dense")), model_layer_table(), "layer");
    check_table(properties_of(definition(f, "optimizer", "adam")), optimizer_table(), "optimizer");
    const char *name;
    const heft_option *rows;
    for (int i = 0; (rows = schedule_table(i, &name)); i++) {
        const node *schedules = properties_of(node_get(definition(f, "lr", ""), "anyOf")->item[2]);
        check_table(properties_of(node_get(schedules, name)), rows, name);
    }
    data_keys k;
    int i = 0;
    for (; data_keys_of(i, &k); i++) {
        const node *of = node_get(definition(f, "data", ""), "anyOf")->item[i];
        assert_string_equal(node_get(node_get(properties_of(of), "format"), "const")->text, k.format);
        check_table(properties_of(of), k.own, k.format);
        for (int j = 0; k.others && k.others[j]; j++) assert_non_null(node_get(properties_of(of), k.others[j]));
    }
    assert_true(i >= 8);
}

static bool lists(const node *list, const char *word)
{
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->item[i]->text, word)) return true;
    return false;
}

static void check_plugin_of(const fixture *f, const plugin *p, const char *use)
{
    const node *of = definition(f, use, p->name), *all = node_get(definition(f, use, ""), "anyOf");
    const node *bare = node_get(all->item[0], "enum"), *required = node_get(of, "required");
    check_table(properties_of(of), p->head.options, p->name);
    assert_non_null(node_get(properties_of(all->item[1]), p->name));
    bool any = false;
    for (const heft_option *o = p->head.options; o && o->type != HEFT_END; o++) {
        const bool text_type = o->type == HEFT_STRING || o->type == HEFT_INTS || o->type == HEFT_REALS;
        const bool must = text_type ? !o->def_text : isnan(o->def);
        any = any || must;
        if (must != (required && lists(required, o->name))) fail_msg("%s.%s: required is not what the table says", p->name, o->name);
    }
    if (lists(bare, p->name) == any) fail_msg("%s: a bare word must be accepted exactly if nothing is required", p->name);
}

static void every_plugin(void **state)
{
    const fixture *f = *state;
    static const heft_kind kinds[] = { HEFT_LAYER, HEFT_OPTIMIZER, HEFT_INITIALIZER };
    problems pr = { 0 };
    for (int k = 0; k < 3; k++) {
        const char *const *names = registry_names(f->r, kinds[k]);
        for (int i = 0; names[i]; i++) {
            const plugin *p = registry_find(f->r, kinds[k], names[i], (place){ 0 }, &pr);
            assert_non_null(p);
            check_plugin_of(f, p, kinds[k] != HEFT_LAYER ? kind_name(kinds[k]) : p->layer.backward ? "layer" : "metric");
        }
    }
}

/* By what they compute, not by name: a loss is what makes one number of an output and a target, and has a gradient. */
static void losses_and_metrics(void **state)
{
    const fixture *f = *state;
    static const struct { const char *name; bool loss, metric; } cases[] = {
        { "mean_squared_error", true, true }, { "softmax_cross_entropy", true, true }, { "accuracy", false, true },
        { "r2", false, true }, { "add", false, false }, { "dense", false, false }, { "concat", false, false } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const node *loss = properties_of(node_get(definition(f, "loss", ""), "anyOf")->item[1]);
        const node *metric = properties_of(node_get(definition(f, "metric", ""), "anyOf")->item[1]);
        if ((node_get(loss, cases[i].name) != NULL) != cases[i].loss || (node_get(metric, cases[i].name) != NULL) != cases[i].metric)
            fail_msg("%s is taken for what it is not", cases[i].name);
    }
}

/* Every name that is offered for one of another framework is a plugin's or a key's. */
static void familiar_names_lead_somewhere(void **state)
{
    const fixture *f = *state;
    text t = { 0 };
    problems pr = { 0 };
    schema_write(f->r, &t, &pr);
    for (const familiar_name *n = familiar_names; n->theirs; n++) {
        char key[128], kind[128];
        snprintf(key, sizeof key, "\"%s\"", n->ours);
        snprintf(kind, sizeof kind, "-%s\"", n->ours);
        if (!strstr(t.s, key) && !strstr(t.s, kind)) fail_msg("'%s' is offered for '%s', and there is no such plugin or key", n->ours, n->theirs);
        for (const char *c = n->theirs; *c; c++)
            if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789", *c)) fail_msg("'%s' has '%c', and can never be met", n->theirs, *c);
    }
    text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_lead_somewhere), cmocka_unit_test(every_section), cmocka_unit_test(every_table),
        cmocka_unit_test(every_plugin), cmocka_unit_test(losses_and_metrics), cmocka_unit_test(familiar_names_lead_somewhere),
    };
    return cmocka_run_group_tests(tests, open_schema, close_schema);
}
