/* graph.c -- the sections `model`, `loss` and `metrics` as a list of layers with resolved inputs */
#include <string.h>

#include "base/rng.h"
#include "config/options.h"
#include "model/build.h"

/* The host's own keys on any layer. */
typedef struct host_keys { const char *name; bool frozen; double lr_scale, decay; } host_keys;

static const heft_option host_options[] = {
    HEFT_OPT_STRING(host_keys, name, "", "the layer's name"),
    HEFT_OPT_BOOL(host_keys, frozen, false, "keep the layer's weights as they are"),
    HEFT_OPT_REAL(host_keys, lr_scale, 1, 0, 1e6, "factor on the learning rate"),
    HEFT_OPT_REAL(host_keys, decay, 1, 0, 1e6, "factor on the weight decay"),
    HEFT_OPT_END
};
/* The last five are read by train/penalty.c, when the weights are known. */
static const char *const host_names[] = { "name", "inputs", "activation", "init", "frozen", "lr_scale", "decay",
                                          "l1", "l2", "max_norm", "non_negative", "unit_norm", NULL };

/* Names that stand for something else in `inputs` or in metrics. */
static const char *const reserved[] = { "input", "target", "loss", "epoch", "step", "lr", NULL };

/* As columns of a run's epochs (trainer.c, save.c), metrics stand beside their values on other data and the timing. */
static bool is_column_of_ours(const char *s)
{
    return !strncmp(s, "val_", 4) || !strncmp(s, "test_", 5) || !strcmp(s, "seconds") || !strcmp(s, "samples_per_s");
}

static bool is_name(const char *s)
{
    if (!*s || strspn(s, "0123456789.-") > 0) return false;
    return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == 0;
}

static model_layer *find(const builder *b, const char *name)
{
    for (int i = 0; i < b->m->n_layers; i++)
        if (!strcmp(b->m->layer[i].name, name)) return &b->m->layer[i];
    return NULL;
}

/* Is `name` given to some entry of the section, perhaps a later one? */
static bool is_given(const node *layers, const char *name)
{
    for (size_t i = 0; layers && i < layers->n; i++) {
        const node *entry = layers->item[i];
        if (entry->kind != NODE_MAP || entry->n != 1) continue;
        const node *given = node_get(entry->pair[0].value, "name");
        if (given && given->kind == NODE_SCALAR && !strcmp(given->text, name)) return true;
    }
    return false;
}

static const char *free_name(builder *b, const node *layers, const char *stem)
{
    for (int k = 1;; k++) {
        const char *name = arena_printf(b->m->memory, "%s_%d", stem, k);
        if (!find(b, name) && !is_given(layers, name)) return name;
    }
}

static model_layer *append(builder *b, const char *name, const char *type, place at, const node *options)
{
    model *m = b->m;
    if (m->n_layers == b->room) {
        const size_t n = (size_t)m->n_layers, room = n ? 2 * n : 16;
        m->layer = arena_grow(m->memory, m->layer, n, room, sizeof *m->layer);
        b->init = arena_grow(m->memory, b->init, n, room, sizeof *b->init);
        b->sound = arena_grow(m->memory, b->sound, n, room, sizeof *b->sound);
        b->room = (int)room;
    }
    model_layer *l = &m->layer[m->n_layers];
    *l = (model_layer){ .name = name, .type = type, .at = at, .options = options, .lr_scale = 1, .decay = 1,
                        .name_hash = rng_name(name) };
    l->plugin = registry_find(b->registry, HEFT_LAYER, type, at, b->pr);
    b->sound[m->n_layers] = l->plugin != NULL;
    b->init[m->n_layers] = NULL;
    m->n_layers++;
    if (!l->plugin) return l;
    l->layer = &l->plugin->layer;
    l->self = arena_alloc(m->memory, l->plugin->head.instance_size, 1);
    if (options_read(l->plugin->head.options, options, at, type, host_names, l->self, m->memory, b->pr) < 0)
        b->sound[m->n_layers - 1] = false;
    return l;
}

/* Values by name: a layer with an activation is known by its name and gives the activation's output. */
typedef struct known { const char *name; int value; } known;
typedef struct scope { known *item; size_t n, room; } scope;

static void scope_add(scope *s, arena *a, const char *name, int value)
{
    if (s->n == s->room) {
        s->room = s->n ? 2 * s->n : 16;
        s->item = arena_grow(a, s->item, s->n, s->room, sizeof *s->item);
    }
    s->item[s->n++] = (known){ name, value };
}

static void add_input(builder *b, model_layer *l, const scope *s, const node *n)
{
    const char *name;
    if (node_read_string(n, "inputs", &name, b->pr) < 0) return;
    if (l->n_in == HEFT_MAX_INPUTS) {
        problems_add(b->pr, n->at, "layer '%s': more than %d inputs", l->name, HEFT_MAX_INPUTS);
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->item[i].name, name)) {
            l->in[l->n_in++] = s->item[i].value;
            return;
        }
    const char **names = arena_alloc(b->m->memory, s->n + 1, sizeof *names);
    for (size_t i = 0; i < s->n; i++) names[i] = s->item[i].name;
    problems_add(b->pr, n->at, "layer '%s': no earlier layer is named '%s'%s; 'input' is the data", l->name, name, text_hint(name, names).s);
    b->sound[l - b->m->layer] = false;
}

static void set_inputs(builder *b, model_layer *l, const scope *s, const node *inputs, int previous)
{
    if (!inputs) {
        l->in[l->n_in++] = previous;
        return;
    }
    if (inputs->kind == NODE_LIST)
        for (size_t i = 0; i < inputs->n; i++) add_input(b, l, s, inputs->item[i]);
    else add_input(b, l, s, inputs);
    if (!l->n_in) b->sound[l - b->m->layer] = false;
}

static const char *checked_name(builder *b, const char *given, const node *options, place at)
{
    const node *n = options ? node_get(options, "name") : NULL;
    if (n) at = n->at;
    bool taken = find(b, given) != NULL;
    for (const char *const *r = reserved; *r; r++)
        if (!strcmp(*r, given)) {
            problems_add(b->pr, at, "'%s' has a meaning of its own and cannot name a layer", given);
            return NULL;
        }
    if (!is_name(given))
        problems_add(b->pr, at, "'%s' cannot name a layer: letters, digits, '_', '.' and '-', a letter or '_' first", given);
    else if (taken) problems_add(b->pr, at, "a second layer named '%s'; names are unique", given);
    else return given;
    return NULL;
}

static void add_entry(builder *b, const node *layers, const node *entry, scope *s, int *previous)
{
    const char *type;
    place at;
    const node *options;
    arena *a = b->m->memory;
    if (node_read_typed(entry, "a layer", &type, &at, &options, b->pr) < 0) return;

    /* Unknown keys and the plugin's own are append's affair. */
    host_keys keys = { .lr_scale = 1, .decay = 1 };
    for (const heft_option *o = host_options; options && o->name; o++) {
        const node *v = node_get(options, o->name);
        if (v) options_read_value(o, v, type, &keys, a, b->pr);
    }
    const char *name = keys.name ? checked_name(b, keys.name, options, at) : NULL;
    if (!name) name = free_name(b, layers, type);

    const int index = b->m->n_layers;
    model_layer *l = append(b, name, type, at, options);
    l->frozen = keys.frozen;
    l->lr_scale = keys.lr_scale;
    l->decay = keys.decay;
    b->init[index] = options ? node_get(options, "init") : NULL;
    set_inputs(b, l, s, options ? node_get(options, "inputs") : NULL, *previous);
    *previous = index;

    const node *activation = options ? node_get(options, "activation") : NULL;
    if (activation && !node_is_null(activation)) {
        const char *kind;
        const node *inner;
        if (node_read_typed(activation, "activation", &kind, &at, &inner, b->pr) == 0) {
            const char *stem = arena_printf(a, "%s_%s", name, kind);
            model_layer *act = append(b, find(b, stem) || is_given(layers, stem) ? free_name(b, layers, stem) : stem,
                                      kind, at, inner);
            act->in[act->n_in++] = index;
            *previous = index + 1;
        }
    }
    scope_add(s, a, name, *previous);
}

/* The loss and the metrics take the model's output and the target. */
static void add_judge(builder *b, const node *section, const char *what, const char *fixed_name)
{
    const char *type;
    place at;
    const node *options;
    if (node_read_typed(section, what, &type, &at, &options, b->pr) < 0) return;
    const node *given = options ? node_get(options, "name") : NULL;
    const char *name = fixed_name ? fixed_name : type;
    if (!fixed_name) {
        if (given) node_read_string(given, "name", &name, b->pr);
        name = checked_name(b, name, options, at);
        if (name && is_column_of_ours(name)) {
            problems_add(b->pr, given ? given->at : at, "'%s' cannot name a metric: val_ and test_ in front of a metric's name tell the data it is "
                         "of, and seconds and samples_per_s are a run's own", name);
            name = NULL;
        }
    }
    if (!name) name = free_name(b, NULL, type);
    model_layer *l = append(b, name, type, at, options);
    l->n_in = 2;
    l->in[0] = b->m->output;
    l->in[1] = VALUE_TARGET;
}

static void check_used(builder *b, int n)
{
    for (int j = 0; j + 1 < n; j++) {
        bool used = false;
        for (int i = j + 1; i < n && !used; i++)
            for (int k = 0; k < b->m->layer[i].n_in; k++) used |= b->m->layer[i].in[k] == j;
        if (!used) problems_add(b->pr, b->m->layer[j].at, "the output of layer '%s' is used by no other", b->m->layer[j].name);
    }
}

void build_graph(builder *b, const node *layers, const node *loss, const node *metrics)
{
    scope s = { 0 };
    const size_t before = b->pr->n;
    scope_add(&s, b->m->memory, "input", VALUE_INPUT);
    if (layers->kind != NODE_LIST || !layers->n) {
        problems_add(b->pr, layers->at, "model: %s where a list of layers is expected", node_kind_name(layers));
        return;
    }
    int previous = VALUE_INPUT;
    for (size_t i = 0; i < layers->n; i++) add_entry(b, layers, layers->item[i], &s, &previous);
    b->m->output = previous;
    if (b->pr->n == before) check_used(b, b->m->n_layers);

    b->m->loss = b->m->n_layers;
    add_judge(b, loss, "loss", "loss");
    b->m->first_metric = b->m->n_layers;
    if (metrics && metrics->kind == NODE_LIST)
        for (size_t i = 0; i < metrics->n; i++) add_judge(b, metrics->item[i], "a metric", NULL);
    else if (metrics && !node_is_null(metrics)) add_judge(b, metrics, "metrics", NULL);
    b->m->n_metrics = b->m->n_layers - b->m->first_metric;
}

const heft_option *model_layer_table(void) { return host_options; }
