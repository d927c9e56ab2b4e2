#include "report/settings.h"

#include <string.h>

#include "sweep/space.h"

static bool is_leaf(const node *n)
{
    if (n->kind == NODE_SCALAR || !n->n) return true;
    for (size_t i = 0; i < n->n; i++)
        if (n->kind != NODE_LIST || n->item[i]->kind != NODE_SCALAR) return false;
    return true;
}

static void add(settings *s, const char *path, const node *n, arena *a)
{
    text t = { 0 };
    flow_write(n, &t);
    if (s->n == s->room) s->item = arena_grow(a, s->item, s->n, s->room = s->room ? 2 * s->room : 32, sizeof *s->item);
    s->item[s->n++] = (setting){ path, arena_strndup(a, t.s, t.n) };
    text_free(&t);
}

static void flatten(settings *s, const char *path, const node *n, arena *a)
{
    if (*path && is_leaf(n)) {
        add(s, path, n, a);
        return;
    }
    for (size_t i = 0; n->kind != NODE_SCALAR && i < n->n; i++) {
        const node *child = n->kind == NODE_LIST ? n->item[i] : n->pair[i].value;
        const char *step = n->kind == NODE_LIST ? arena_printf(a, "%zu", i) : n->pair[i].key;
        const node *name = n->kind == NODE_LIST && child->kind == NODE_MAP && child->n == 1 ? node_get(child->pair[0].value, "name") : NULL;
        if (name && name->kind == NODE_SCALAR) {             /* a named layer goes by its name; its type is a setting of it */
            step = name->text;
            add(s, arena_printf(a, "%s.%s", path, step), node_scalar(a, child->pair[0].key, child->at), a);
            child = child->pair[0].value;
        }
        flatten(s, *path ? arena_printf(a, "%s.%s", path, step) : step, child, a);
    }
}

settings settings_of(const node *root, arena *a)
{
    settings s = { 0 };
    flatten(&s, "", root, a);
    return s;
}

const char *settings_get(const settings *s, const char *path)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->item[i].path, path)) return s->item[i].value;
    return NULL;
}

size_t settings_changes(const settings *x, const settings *y, arena *a, setting_change **out)
{
    size_t n = 0;
    *out = arena_alloc(a, x->n + y->n, sizeof **out);
    for (size_t i = 0; i < x->n; i++) {
        const setting *s = &x->item[i];
        const char *other = settings_get(y, s->path);
        if (!other || strcmp(other, s->value)) (*out)[n++] = (setting_change){ s->path, s->value, other ? other : "-" };
    }
    for (size_t i = 0; i < y->n; i++)
        if (!settings_get(x, y->item[i].path)) (*out)[n++] = (setting_change){ y->item[i].path, "-", y->item[i].value };
    return n;
}
