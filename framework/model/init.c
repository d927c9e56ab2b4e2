/* init.c -- which initializer fills which tensor, and filling them */
#include <string.h>

#include "base/rng.h"
#include "config/options.h"
#include "model/build.h"

/* The initializer that suits the weights of layer i: that of the activation its output meets first, looking through layers
 * without weights matrices (dropout, pooling, batch_norm, add); Glorot's where there is none. */
static const char *suited(const model *m, int i)
{
    for (int at = i, next; ; at = next) {
        next = -1;
        for (int j = at + 1; j < m->loss && next < 0; j++)
            for (int k = 0; k < m->layer[j].n_in; k++)
                if (m->layer[j].in[k] == at) next = j;
        if (next < 0) return "glorot_uniform";
        const model_layer *l = &m->layer[next];
        if (l->layer->init) return l->layer->init;
        for (int k = 0; k < l->n_tensors; k++)
            if (l->tensor[k].decl->role == HEFT_WEIGHT && l->tensor[k].decl->shape.rank > 1) return "glorot_uniform";
    }
}

static void choose(builder *b, int i, model_tensor *t, const node *given)
{
    model *m = b->m;
    model_layer *l = &m->layer[i];
    const char *type = t->decl->init;
    place at = l->at;
    const node *options = NULL;
    if (!type) type = t->decl->role == HEFT_STATE ? "zeros" : "auto";
    if (!given && strchr(type, ':')) given = node_parse(m->memory, l->plugin->path, type, strlen(type), b->pr);
    if (given && node_read_typed(given, "an initializer", &type, &at, &options, b->pr) < 0) return;
    if (!strcmp(type, "auto")) type = suited(m, i);
    t->init = registry_find(b->registry, HEFT_INITIALIZER, type, at, b->pr);
    if (!t->init) return;
    t->init_self = arena_alloc(m->memory, t->init->head.instance_size, 1);
    options_read(t->init->head.options, options, at, type, NULL, t->init_self, m->memory, b->pr);
}

void build_initializers(builder *b)
{
    for (int i = 0; i < b->m->n_layers; i++) {
        model_layer *l = &b->m->layer[i];
        const node *init = b->init[i];
        const char *names[HEFT_MAX_TENSORS + 1] = { 0 };
        int n = 0;
        for (int k = 0; k < l->n_tensors; k++)
            if (l->tensor[k].decl->role <= HEFT_STATE) names[n++] = l->tensor[k].decl->name;
        if (init && init->kind != NODE_MAP) {
            if (!(init->kind == NODE_SCALAR && !strcmp(init->text, "auto")))
                problems_add(b->pr, init->at, "layer '%s': init takes a mapping from tensor to initializer: {%s: he_normal}",
                             l->name, n ? names[0] : "weight");
            init = NULL;
        }
        if (init) node_check_keys(init, arena_printf(b->m->memory, "init of layer '%s'", l->name), names, b->pr);
        for (int k = 0; k < l->n_tensors; k++)
            if (l->tensor[k].decl->role <= HEFT_STATE)
                choose(b, i, &l->tensor[k], init ? node_get(init, l->tensor[k].decl->name) : NULL);
    }
}

int model_init(model *m, uint64_t seed, problems *pr)
{
    int rc = 0;
    for (int i = 0; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        for (int k = 0; k < l->n_tensors; k++) {
            const model_tensor *t = &l->tensor[k];
            if (t->decl->role > HEFT_STATE) continue;
            text path = { 0 };
            text_printf(&path, "%s/%s", l->name, t->decl->name);
            heft_fill f = { .shape = t->decl->shape, .fan_in = t->decl->fan_in, .fan_out = t->decl->fan_out,
                            .rng = rng_key(seed, RNG_INIT, rng_name(path.s), 0),
                            .x = (t->decl->role == HEFT_WEIGHT ? m->x : m->state) + t->offset };
            text_free(&path);
            if (t->init->initializer.fill(t->init_self, &f) == 0) continue;
            problems_add(pr, l->at, "layer '%s': initializer %s of %s: %s", l->name, t->init->name, t->decl->name, f.error.text);
            rc = -1;
        }
    }
    return rc;
}
