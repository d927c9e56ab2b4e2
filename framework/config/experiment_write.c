#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "config/experiment.h"

/* What is left of "${" after references were resolved stands for itself. */
static void escape(arena *a, node *n)
{
    if (n->kind != NODE_SCALAR) {
        for (size_t i = 0; i < n->n; i++) escape(a, n->kind == NODE_LIST ? n->item[i] : n->pair[i].value);
        return;
    }
    if (!strstr(n->text, "${")) return;
    text t = { 0 };
    const char *s = n->text;
    for (const char *at; (at = strstr(s, "${")); s = at + 2) {
        text_add_n(&t, s, (size_t)(at - s));
        text_add(&t, "$${");
    }
    text_add(&t, s);
    n->text = arena_strndup(a, t.s, t.n);
    text_free(&t);
}

static node *quoted(arena *a, const char *s, place at)
{
    node *n = node_scalar(a, s, at);
    n->quoted = true;
    return n;
}

static bool is_count(const node *n)
{
    double v;
    return n->kind == NODE_SCALAR && !n->quoted && (text_real(n->text, &v) || node_is_null(n));
}

/* Files are relative to the root; without one, to the experiment's directory, which is then the root.  Built-in data
 * have counts of samples where others have files, and need none. */
static void place_root(arena *a, const experiment *e, node *data)
{
    const char *base = getenv("HEFT_DATA");
    const node *root = node_get(data, "root"), *train = node_get(data, "train");
    if (!data || data->kind != NODE_MAP || (base && *base) || (!root && (!train || is_count(train)))) return;
    if (root && root->kind != NODE_SCALAR) return;
    const place at = root ? root->at : data->at;
    node_set(a, data, "root", at, quoted(a, path_absolute(a, path_join(a, e->dir, root ? root->text : ".")), at));
}

void experiment_write(const experiment *e, text *out)
{
    arena *a = arena_new();
    const place at = e->root->at;
    node *root = node_copy(a, e->root), *whole = node_map(a, at);
    node *plugins = node_get(root, "plugins");
    place_root(a, e, node_get(root, "data"));
    if (plugins) {
        node *list = node_scalar(a, "", plugins->at);
        list->kind = NODE_LIST;
        list->n = e->n_plugin_dirs;
        list->item = arena_alloc(a, list->n, sizeof *list->item);
        for (size_t i = 0; i < list->n; i++) list->item[i] = quoted(a, e->plugin_dirs[i], plugins->at);
        node_set(a, root, "plugins", plugins->at, list);
    }
    node_set(a, whole, "name", at, quoted(a, e->name, at));
    node_set(a, whole, "seed", at, node_scalar(a, arena_printf(a, "%llu", (unsigned long long)e->seed), at));
    const node *name = node_get(root, "name"), *seed = node_get(root, "seed");
    for (size_t i = 0; i < root->n; i++) {
        const node_pair *pair = &root->pair[i];
        if (pair->value != name && pair->value != seed) node_set(a, whole, pair->key, pair->key_at, pair->value);
    }
    escape(a, whole);
    node_write(whole, out);
    arena_free(a);
}
