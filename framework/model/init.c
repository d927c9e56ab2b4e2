/* init.c -- which initializer fills which tensor, and filling them */
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "config/options.h"
#include "hdf/hdf.h"
#include "model/build.h"

static const heft_option file_table[] = {
    HEFT_OPT_STRING(init_file, path, NULL, "an HDF5 file, such as a checkpoint; relative to the experiment's file"),
    HEFT_OPT_STRING(init_file, tensor, "", "path of the values in it; if absent, /layers/LAYER/TENSOR as in a checkpoint"),
    HEFT_OPT_END
};

static const heft_option lsuv_table[] = {
    HEFT_OPT_REAL(init_lsuv, tolerance, 0.1, 1e-6, 1, "of the variance of the layer's output about 1"),
    HEFT_OPT_INT(init_lsuv, most, 10, 1, 1000, "times that the weights are scaled at most"),
    HEFT_OPT_END
};

static const struct { const char *name; const heft_option *table; } own[] = { { "file", file_table }, { "lsuv", lsuv_table } };
enum { OWN = sizeof own / sizeof *own };

const heft_option *model_initializer_table(int i, const char **name)
{
    if (i < 0 || i >= OWN) return NULL;
    *name = own[i].name;
    return own[i].table;
}

const char *model_gain(int i, double *gain)
{
    static const struct { const char *name; double gain; } known[] = {
        { "linear", 1 }, { "sigmoid", 1 }, { "tanh", 5.0 / 3 }, { "relu", 1.4142135623730951 },
        { "leaky_relu", 1.4141428569978354 },    /* sqrt(2 / (1 + slope^2)), slope 0.01 */
        { "selu", 0.75 },
    };
    if (i < 0 || i >= (int)(sizeof known / sizeof *known)) return NULL;
    *gain = known[i].gain;
    return known[i].name;
}

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

/* `gain: tanh` among the options, as its number. */
static const node *with_gain(builder *b, const heft_option *table, const node *options, const char *type)
{
    const node *gain = options ? node_get(options, "gain") : NULL;
    const char *name, *known[16] = { 0 };
    double value;
    bool has = false;
    for (; table && table->type != HEFT_END; table++) has |= !strcmp(table->name, "gain");
    if (!has || !gain || gain->kind != NODE_SCALAR || text_real(gain->text, &value)) return options;
    for (int i = 0; (name = model_gain(i, &value)); known[i++] = name) {
        if (strcmp(name, gain->text)) continue;
        char number[32];
        node *copy = node_copy(b->m->memory, options);
        text_double(value, number);
        node_set(b->m->memory, copy, "gain", gain->at, node_scalar(b->m->memory, arena_strdup(b->m->memory, number), gain->at));
        return copy;
    }
    text all = { 0 };
    text_names(&all, known);
    problems_add(b->pr, gain->at, "%s: gain takes a number or an activation, not '%s'%s: %s", type, gain->text,
                 text_hint(gain->text, known).s, all.s);
    text_free(&all);
    return NULL;
}

/* The host's own initializers.  True if what is left to do is done. */
static bool choose_own(builder *b, const model_layer *l, model_tensor *t, const char **type, place at, const node **options)
{
    arena *a = b->m->memory;
    if (!strcmp(*type, "file")) {
        t->init_file = arena_alloc(a, 1, sizeof *t->init_file);
        options_read(file_table, *options, at, "file", NULL, t->init_file, a, b->pr);
        t->init_file->at = at;
        if (t->init_file->tensor && !*t->init_file->tensor) t->init_file->tensor = arena_printf(a, "/layers/%s/%s", l->name, t->decl->name);
        return true;
    }
    if (strcmp(*type, "lsuv")) return false;
    init_lsuv *lsuv = arena_alloc(a, 1, sizeof *lsuv);
    options_read(lsuv_table, *options, at, "lsuv", NULL, lsuv, a, b->pr);
    lsuv->at = at;
    t->init_lsuv = lsuv;
    int matrices = 0;
    for (int k = 0; k < l->n_tensors; k++) matrices += l->tensor[k].decl->role == HEFT_WEIGHT && l->tensor[k].decl->shape.rank > 1;
    if (t->decl->role != HEFT_WEIGHT || t->decl->shape.rank < 2 || matrices != 1)
        problems_add(b->pr, at, "layer '%s': lsuv scales the one weight of two axes or more that a layer has (dense, convolutions), not %s of %s",
                     l->name, t->decl->name, l->type);
    *type = "orthogonal";
    *options = NULL;
    return false;
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
    if (choose_own(b, l, t, &type, at, &options)) return;
    t->init = registry_find(b->registry, HEFT_INITIALIZER, type, at, b->pr);
    if (!t->init) return;
    t->init_self = arena_alloc(m->memory, t->init->head.instance_size, 1);
    options = with_gain(b, t->init->head.options, options, type);
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

static int read_file(const model_layer *l, const model_tensor *t, float *x, problems *pr)
{
    init_file *from = t->init_file;
    const heft_shape *s = &t->decl->shape;
    const char *path = from->path;
    problems why = { 0 };
    hdf_file *f = NULL;
    if (!file_exists(path)) problems_add(&why, (place){ path, 0, 0 }, "there is no such file");
    else f = hdf_open(path, &why);
    int rc = f ? hdf_read(f, from->tensor, HDF_F32, s->rank, s->dim, x, &why) : -1;
    hdf_close(f);
    if (rc == 0) rc = digest_file(path, from->digest, &why);
    for (size_t i = 0; rc == 0 && i < t->count; i++) {
        if (isfinite(x[i])) continue;
        problems_add(&why, (place){ path, 0, 0 }, "%s: element %zu is %g; weights are finite", from->tensor, i, (double)x[i]);
        rc = -1;
    }
    for (size_t i = 0; i < why.n; i++)
        problems_add(pr, from->at, "layer '%s': %s from a file: %s: %s", l->name, t->decl->name, why.item[i].at.file, why.item[i].text);
    problems_free(&why);
    return rc;
}

int model_init(model *m, uint64_t seed, problems *pr)
{
    int rc = 0;
    for (int i = 0; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        for (int k = 0; k < l->n_tensors; k++) {
            const model_tensor *t = &l->tensor[k];
            if (t->decl->role > HEFT_STATE) continue;
            float *x = (t->decl->role == HEFT_WEIGHT ? m->x : m->state) + t->offset;
            if (t->init_file) {
                if (read_file(l, t, x, pr) < 0) rc = -1;
                continue;
            }
            text path = { 0 };
            text_printf(&path, "%s/%s", l->name, t->decl->name);
            heft_fill f = { .shape = t->decl->shape, .fan_in = t->decl->fan_in, .fan_out = t->decl->fan_out,
                            .rng = rng_key(seed, RNG_INIT, rng_name(path.s), 0),
                            .x = x };
            text_free(&path);
            if (t->init->initializer.fill(t->init_self, &f) == 0) continue;
            problems_add(pr, l->at, "layer '%s': initializer %s of %s: %s", l->name, t->init->name, t->decl->name, f.error.text);
            rc = -1;
        }
    }
    return rc;
}
