#include "config/experiment.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "config/internal.h"
#include "config/options.h"

enum { BASE_DEPTH = 16, BASE_FILES = 64, NAME_LENGTH = 100 };

static const char *const top_keys[] = { "name", "seed", "data", "model", "loss", "metrics", "optimizer", "train",
                                        "checkpoint", "sweep", "plugins", NULL };

/* ---- base: files ---- */

typedef struct origin {
    const char *path, *absolute;
    const struct origin *by;                     /* the file that named it */
} origin;

static node *load_file(arena *a, const origin *file, int *files, problems *pr);

static int refuse_circle(const node *name, const origin *file, const char *path, problems *pr)
{
    text t = { 0 };
    const origin *chain[BASE_DEPTH + 1];
    int n = 0;
    for (const origin *o = file; o && n <= BASE_DEPTH; o = o->by) chain[n++] = o;
    while (n--) text_printf(&t, "%s -> ", chain[n]->path);
    problems_add(pr, name->at, "base: files go round in a circle: %s%s", t.s, path);
    text_free(&t);
    return -1;
}

static node *load_base(arena *a, const node *name, const origin *file, int *files, problems *pr)
{
    if (name->kind != NODE_SCALAR || node_is_null(name) || !*name->text) {
        problems_add(pr, name->at, "base: expected the name of a file, or a list of them, found %s", node_show(name).s);
        return NULL;
    }
    if (strstr(name->text, "${")) {
        problems_add(pr, name->at, "base: '%s' cannot have references, since bases are read before these are resolved",
                     name->text);
        return NULL;
    }
    const char *dir = path_dir(a, file->path), *s = name->text;
    while (!strncmp(s, "./", 2)) s += 2;
    const char *path = path_join(a, strcmp(dir, ".") ? dir : "", s);
    const origin base = { path, path_absolute(a, path), file };
    int depth = 0;
    for (const origin *o = file; o; o = o->by, depth++)
        if (!strcmp(o->absolute, base.absolute)) return refuse_circle(name, file, path, pr), NULL;
    if (!file_exists(path)) problems_add(pr, name->at, "base: there is no file '%s'", path);
    else if (depth >= BASE_DEPTH)
        problems_add(pr, name->at, "base: more than %d files lead from one to the next", BASE_DEPTH);
    else if (++*files > BASE_FILES) problems_add(pr, name->at, "base: more than %d files in all", BASE_FILES);
    else return load_file(a, &base, files, pr);
    return NULL;
}

static int need_map(const node *root, problems *pr)
{
    if (root->kind == NODE_MAP) return 0;
    problems_add(pr, root->at,
                 "an experiment is a mapping with the keys data, model, loss and optimizer at least; found %s",
                 node_show(root).s);
    return -1;
}

/* The file merged onto its bases, without the key. */
static node *load_file(arena *a, const origin *file, int *files, problems *pr)
{
    node *root = node_load(a, file->path, pr);
    if (!root || need_map(root, pr) < 0) return NULL;
    const node *names = node_get(root, "base");
    if (!names) return root;
    for (size_t i = 0; i < root->n; i++)
        if (root->pair[i].value == names) {
            memmove(&root->pair[i], &root->pair[i + 1], (root->n - i - 1) * sizeof *root->pair);
            root->n--;
            break;
        }
    node *under = NULL;
    const size_t n = names->kind == NODE_LIST ? names->n : 1;
    bool failed = false;
    for (size_t i = 0; i < n; i++) {
        const node *base = load_base(a, names->kind == NODE_LIST ? names->item[i] : names, file, files, pr);
        if (!base) failed = true;
        else under = under ? node_merge(a, under, base) : node_copy(a, base);
    }
    if (failed) return NULL;
    return under ? node_merge(a, under, root) : root;
}

/* ---- the top level ---- */

/* What a section may be. */
typedef struct kinds { bool scalar, list, map; const char *expected; } kinds;

static const kinds a_mapping = { .map = true, .expected = "a mapping, {key: value}" },
    layers = { .list = true, .expected = "a list of layers" },
    a_type = { .scalar = true, .map = true, .expected = "a type, or one type with its options, {type: {key: value}}" },
    types = { .scalar = true, .list = true, .map = true, .expected = "a type or a list of them" },
    strings = { .scalar = true, .list = true, .expected = "a name or a list of them" };

static const node *section(const experiment *e, const char *key, bool required, const kinds *k, problems *pr)
{
    const node *n = node_get(e->root, key);
    const bool is_null = n && node_is_null(n), empty = is_null || (n && n->kind != NODE_SCALAR && !n->n);
    if (!n && required) problems_add(pr, (place){ e->path, 0, 0 }, "the section '%s' is missing", key);
    if (!n || (is_null && !required)) return NULL;
    if (empty && required) problems_add(pr, n->at, "the section '%s' is empty", key);
    else if (n->kind == NODE_SCALAR ? k->scalar : n->kind == NODE_LIST ? k->list : k->map) return n;
    else problems_add(pr, n->at, "%s: expected %s, found %s", key, k->expected, node_show(n).s);
    return NULL;
}

static bool in_name(char c) { return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-'; }

static void read_name(experiment *e, problems *pr)
{
    const node *n = node_get(e->root, "name");
    if (!n) {                                    /* the file's stem, made safe */
        const char *base = path_base(e->path), *dot = strrchr(base, '.');
        char *stem = arena_strndup(e->memory, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
        for (char *s = stem; *s; s++)
            if (!in_name(*s) || (s == stem && (*s == '.' || *s == '-'))) *s = '_';
        if (strlen(stem) > NAME_LENGTH) stem[NAME_LENGTH] = 0;
        e->name = *stem ? stem : "experiment";
        return;
    }
    const char *s;
    if (node_read_string(n, "name", &s, pr) < 0) return;
    bool good = *s && *s != '.' && *s != '-' && strlen(s) <= NAME_LENGTH;
    for (const char *c = s; *c; c++) good &= in_name(*c);
    if (good) e->name = s;
    else problems_add(pr, n->at, "name: %s cannot name a directory; it is 1 to %d letters, digits, '.', '_' and '-', "
                      "and does not begin with '.' or '-'", node_show(n).s, NAME_LENGTH);
}

static void read_plugins(experiment *e, problems *pr)
{
    const node *n = section(e, "plugins", false, &strings, pr);
    if (!n) return;
    const size_t count = n->kind == NODE_LIST ? n->n : 1;
    e->plugin_dirs = arena_alloc(e->memory, count, sizeof *e->plugin_dirs);
    for (size_t i = 0; i < count; i++) {
        const node *item = n->kind == NODE_LIST ? n->item[i] : n;
        const char *dir;
        if (node_read_string(item, "plugins", &dir, pr) < 0) continue;
        if (*dir) e->plugin_dirs[e->n_plugin_dirs++] = path_absolute(e->memory, path_join(e->memory, e->dir, dir));
        else problems_add(pr, item->at, "plugins: expected a directory, found \"\"");
    }
}

/* Its depth; *values is raised by its values and keys. */
static int node_depth(const node *n, size_t *values)
{
    int deepest = 0;
    ++*values;
    for (size_t i = 0; n->kind != NODE_SCALAR && i < n->n; i++) {
        const int d = node_depth(n->kind == NODE_LIST ? n->item[i] : n->pair[i].value, values);
        if (d > deepest) deepest = d;
        *values += n->kind == NODE_MAP;
    }
    return n->kind != NODE_SCALAR ? deepest + 1 : 0;
}

/* What was resolved must be readable again. */
static void check_size(const experiment *e, problems *pr)
{
    text t = { 0 };
    const place whole = { e->path, 0, 0 };
    static const char resolved[] = "with its references resolved, the experiment is";
    size_t values = 0;
    if (node_depth(e->root, &values) > CONFIG_DEPTH)
        problems_add(pr, whole, "%s nested more than %d levels deep", resolved, CONFIG_DEPTH);
    else if (values > CONFIG_VALUES)
        problems_add(pr, whole, "%s %zu keys and values; at most %d are read", resolved, values, CONFIG_VALUES);
    else {
        experiment_write(e, &t);
        if (t.n > CONFIG_BYTES)
            problems_add(pr, whole, "%s %zu bytes; at most %d are read", resolved, t.n, CONFIG_BYTES);
        text_free(&t);
    }
}

/* A lone metric is a list of one, for those who read it. */
static void list_metrics(experiment *e, problems *pr)
{
    const node *n = section(e, "metrics", false, &types, pr);
    e->metrics = n;
    if (!n || n->kind == NODE_LIST) return;
    node *list = node_scalar(e->memory, "", n->at);
    list->kind = NODE_LIST;
    list->n = 1;
    list->item = arena_alloc(e->memory, 1, sizeof *list->item);
    list->item[0] = (node *)n;
    for (size_t i = 0; i < e->root->n; i++)
        if (e->root->pair[i].value == n) e->root->pair[i].value = list;
    e->metrics = list;
}

/* `lr=0.1` is optimizer.adam.lr by its last step alone.  looks: at keys, that are left for all such mistakes. */
static void refuse_key(const experiment *e, const node_pair *pair, int *looks, problems *pr)
{
    text hint = { 0 }, path = { 0 };
    suggestion whole = { "" };
    const bool near = text_nearest(pair->key, top_keys) != NULL;
    for (size_t k = 0; top_keys[k] && !near && !*whole.s; k++) {
        const node *section = strcmp(top_keys[k], "sweep") ? node_get(e->root, top_keys[k]) : NULL;
        path.n = 0;
        text_add(&path, top_keys[k]);
        if (section && path_to_key(section, pair->key, looks, &path)) whole = text_hint(path.s, (const char *const[]){ path.s, NULL });
    }
    if (*whole.s) text_add(&hint, whole.s);
    else names_hint(pair->key, top_keys, &hint);         /* never empty: the keys are few enough to list */
    problems_add(pr, pair->key_at, "unknown key '%s'%s", pair->key, hint.s);
    text_free(&hint);
    text_free(&path);
}

static void check_top(experiment *e, problems *pr)
{
    int looks = LOOKS_MOST;
    const node *base = node_get(e->root, "base");
    if (base) problems_add(pr, base->at, "base can only be given in a file");
    for (size_t i = 0; i < e->root->n; i++) {
        const node_pair *pair = &e->root->pair[i];
        bool known = pair->value == base;
        for (size_t k = 0; top_keys[k] && !known; k++) known = !strcmp(top_keys[k], pair->key);
        if (known) continue;
        refuse_key(e, pair, &looks, pr);
    }
    read_name(e, pr);
    const node *seed = node_get(e->root, "seed");
    int64_t value = 0;
    if (seed && node_read_int(seed, "seed", 0, INT64_MAX, &value, pr) == 0) e->seed = (uint64_t)value;
    e->data = section(e, "data", true, &a_mapping, pr);
    e->model = section(e, "model", true, &layers, pr);
    e->loss = section(e, "loss", true, &a_type, pr);
    e->optimizer = section(e, "optimizer", true, &a_type, pr);
    e->train = section(e, "train", false, &a_mapping, pr);
    e->checkpoint = section(e, "checkpoint", false, &a_mapping, pr);
    e->sweep = section(e, "sweep", false, &a_mapping, pr);
    list_metrics(e, pr);
    read_plugins(e, pr);
}

/* `init: {weight: {file: {path: x.h5}}}` of layers: absolute from the beginning, since checkpoints hold a layer's options as they are. */
static void place_inits(const experiment *e)
{
    arena *a = e->memory;
    const node *model = node_get(e->root, "model");
    for (size_t i = 0; model && model->kind == NODE_LIST && i < model->n; i++) {
        const node *entry = model->item[i];
        const node *init = entry->kind == NODE_MAP && entry->n == 1 ? node_get(entry->pair[0].value, "init") : NULL;
        for (size_t k = 0; init && init->kind == NODE_MAP && k < init->n; k++) {
            node *file = node_get(init->pair[k].value, "file");
            const node *path = file ? node_get(file, "path") : NULL;
            if (!path || path->kind != NODE_SCALAR || !*path->text) continue;
            node *whole = node_scalar(a, path_absolute(a, path_join(a, e->dir, path->text)), path->at);
            whole->quoted = whole->settled = true;
            node_set(a, file, "path", path->at, whole);
        }
    }
}

/* Overrides, references, checks.  Takes `a` over. */
static experiment *resolve(arena *a, node *root, const char *path, const char *dir, int n, char *const *overrides,
                           problems *pr)
{
    const size_t before = pr->n;
    experiment *e = arena_alloc(a, 1, sizeof *e);
    *e = (experiment){ .memory = a, .path = arena_strdup(a, path), .dir = path_absolute(a, dir), .root = root };
    for (int i = 0; i < n; i++) node_override(a, root, overrides[i], i + 1, pr);
    node_interpolate(a, root, pr);
    place_inits(e);
    check_top(e, pr);
    if (pr->n == before) check_size(e, pr);
    if (pr->n == before) return e;
    arena_free(a);
    return NULL;
}

experiment *experiment_load(const char *path, int n, char *const *overrides, problems *pr)
{
    arena *a = arena_new();
    const origin file = { path, path_absolute(a, path), NULL };
    int files = 1;
    node *root = load_file(a, &file, &files, pr);
    if (root) return resolve(a, root, path, path_dir(a, path), n, overrides, pr);
    arena_free(a);
    return NULL;
}

experiment *experiment_parse(const char *name, const char *dir, const char *yaml, size_t n, int n_over,
                             char *const *overrides, problems *pr)
{
    arena *a = arena_new();
    node *root = node_parse(a, name, yaml, n, pr);
    if (root && need_map(root, pr) == 0) return resolve(a, root, name, dir, n_over, overrides, pr);
    arena_free(a);
    return NULL;
}

void experiment_free(experiment *e)
{
    if (e) arena_free(e->memory);
}

const char *const *experiment_keys(void) { return top_keys; }
