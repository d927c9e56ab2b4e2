/* Paths into a tree: "model.0.dense.units", "model.hidden.units"; finding, setting, and what to say where they end. */
#include <string.h>

#include "config/internal.h"

bool path_holds_type(const char *first, const char *last, size_t n)
{
    if (n == 1) return !strcmp(first, "optimizer") || !strcmp(first, "loss");
    if (n == 2 && (!strcmp(first, "model") || !strcmp(first, "metrics"))) return true;
    return !strcmp(first, "optimizer") && !strcmp(last, "lr");
}

static bool is_index(const char *s, size_t n) { return n && strspn(s, "0123456789") == n; }

static node *element(const node *list, const char *step, size_t n, size_t *levels)
{
    if (is_index(step, n)) {
        size_t i = 0;
        for (size_t k = 0; k < n && i < list->n; k++) i = 10 * i + (size_t)(step[k] - '0');
        return i < list->n ? list->item[i] : NULL;
    }
    for (size_t i = 0; i < list->n; i++) {
        const node *item = list->item[i];
        if (item->kind != NODE_MAP || item->n != 1) continue;
        const node *name = node_get(item->pair[0].value, "name");
        if (!name || name->kind != NODE_SCALAR || strlen(name->text) != n || memcmp(name->text, step, n)) continue;
        ++*levels;
        return item->pair[0].value;
    }
    return NULL;
}

node *path_child(const node *at, const char **rest, size_t *levels)
{
    const char *s = *rest;
    size_t used = strcspn(s, ".");
    node *found = NULL;
    if (at->kind == NODE_LIST) found = element(at, s, used, levels);
    if (at->kind == NODE_MAP) {
        used = 0;
        for (size_t i = 0; i < at->n; i++) {
            const size_t n = strlen(at->pair[i].key);
            if (n <= used || strncmp(s, at->pair[i].key, n) || (s[n] && s[n] != '.')) continue;
            used = n;
            found = at->pair[i].value;
        }
    }
    if (!found) return NULL;
    ++*levels;
    *rest = s + used + (s[used] == '.');
    return found;
}

node *node_find(const node *root, const char *path)
{
    size_t levels = 0;
    const node *at = *path ? root : NULL;
    while (at && *path) at = path_child(at, &path, &levels);
    return (node *)at;
}

void path_explain(const node *at, const char *path, const char *rest, text *out)
{
    arena *a = arena_new();
    const char *step = arena_strndup(a, rest, strcspn(rest, "."));
    const char *here = rest > path ? arena_strndup(a, path, (size_t)(rest - path - 1)) : "";
    if (at->kind == NODE_SCALAR) text_printf(out, "%s is %s, which has nothing below it", here, node_show(at).s);
    else if (at->kind == NODE_LIST && !at->n) text_printf(out, "%s is an empty list", here);
    else if (at->kind == NODE_LIST && is_index(step, strlen(step)))
        text_printf(out, "%s has %zu element%s, 0 to %zu", here, at->n, at->n == 1 ? "" : "s", at->n - 1);
    else {
        if (at->kind == NODE_LIST) {
            text_printf(out, "no element of %s is named '%s'", here, step);
            if (!*node_names(a, at)) text_printf(out, "; by position they are 0 to %zu", at->n - 1);
        } else if (*here) text_printf(out, "%s has no key '%s'", here, step);
        else text_printf(out, "there is no '%s'", step);
        names_hint(step, node_names(a, at), out);
    }
    arena_free(a);
}

bool path_to_key(const node *n, const char *key, int *looks, text *path)
{
    const size_t before = path->n;
    for (size_t i = 0; n->kind != NODE_SCALAR && i < n->n && --*looks > 0; i++) {
        const bool map = n->kind == NODE_MAP;
        const char *step = map ? n->pair[i].key : NULL;
        if (before) text_add(path, ".");
        if (map) text_add(path, step);
        else text_printf(path, "%zu", i);
        if (map && text_familiar(key, (const char *const[]){ step, NULL })) return true;
        if (path_to_key(map ? n->pair[i].value : n->item[i], key, looks, path)) return true;
        path->n = before;
    }
    return false;
}

enum { ARGUMENT_SHOWN = 80 };

typedef struct walk {
    arena      *a;
    const char *path, *rest, *value;
    const char *first, *last;                    /* steps gone */
    size_t      depth;
    place       at;
    problems   *pr;
} walk;

static int refuse_second_type(const walk *w, const node *n)
{
    const int here = (int)(w->rest - w->path - 1), len = (int)strcspn(w->rest, ".");
    const char *step = w->rest, *below = step[len] ? step + len + 1 : NULL, *type = n->pair[0].key;
    text t = { 0 };
    text_printf(&t, "%.*s is '%s', so '%.*s' cannot stand beside it; ", here, w->path, type, len, step);
    if (!below && !*w->value) text_printf(&t, "'%.*s=%s", here, w->path, step);
    else {
        text_printf(&t, "%.*s.%s.%s sets an option of '%s', and ", here, w->path, type, below ? below : step, type);
        if (below) text_printf(&t, "'%.*s={%.*s: {%s: %s}}", here, w->path, len, step, below, w->value);
        else text_printf(&t, "'%.*s={%s: %s}", here, w->path, step, w->value);
    }
    problems_add(w->pr, w->at, "%s' replaces it", t.s);
    text_free(&t);
    return -1;
}

/* Make what the next step is to find. */
static int make_child(walk *w, node *n)
{
    const size_t len = strcspn(w->rest, ".");
    const char *step = arena_strndup(w->a, w->rest, len);
    if (n->kind == NODE_SCALAR && (node_is_null(n) || !strcmp(n->text, step))) *n = *node_map(w->a, n->at);
    if (n->kind != NODE_MAP) {
        text t = { 0 };
        path_explain(n, w->path, w->rest, &t);
        if (n->kind == NODE_SCALAR)
            text_printf(&t, "; '%.*s={%s: ...}' replaces it", (int)(w->rest - w->path - 1), w->path, step);
        problems_add(w->pr, w->at, "%s", t.s);
        text_free(&t);
        return -1;
    }
    if (w->depth && n->n && path_holds_type(w->first, w->last, w->depth)) return refuse_second_type(w, n);
    node_set(w->a, n, step, w->at, node_scalar(w->a, "", w->at));
    return 0;
}

static int put(walk *w, node *root, const node *value)
{
    for (node *n = root;;) {
        const char *before = w->rest;
        node *child = path_child(n, &w->rest, &w->depth);
        if (!child) {
            if (make_child(w, n) < 0) return -1;
            child = path_child(n, &w->rest, &w->depth);
        }
        w->last = arena_strndup(w->a, before, (size_t)(w->rest - before) - (w->rest[-1] == '.'));
        if (!w->first) w->first = w->last;
        if (!*w->rest) {
            *child = *value;
            return 0;
        }
        n = child;
    }
}

static bool is_path(const char *s)
{
    size_t steps = 1;
    for (const char *p = s; *p; p++)
        if (*p == '.' && (p == s || !p[1] || p[1] == '.' || ++steps > CONFIG_DEPTH)) return false;
    return *s;
}

int node_override(arena *a, node *root, const char *path_value, int number, problems *pr)
{
    const char *equals = strchr(path_value, '=');
    const place line = { "command line", 0, 0 };
    if (!utf8_valid(path_value)) problems_add(pr, line, "argument %d is not valid UTF-8", number);
    else if (!equals)
        problems_add(pr, line, "argument %d, '%s': expected path=value, such as train.epochs=10", number, path_value);
    else {
        const char *path = arena_strndup(a, path_value, (size_t)(equals - path_value));
        const bool fits = strlen(path_value) <= ARGUMENT_SHOWN;
        const place at = { fits ? arena_printf(a, "command line: %s", path_value)
                                : arena_printf(a, "command line: %s=...", path), 0, 0 };
        if (!is_path(path)) {
            problems_add(pr, line, "argument %d, '%s': '%s' is not a path; it has 1 to %d steps, keys or positions, "
                         "with one dot between them", number, path_value, path, CONFIG_DEPTH);
            return -1;
        }
        const node *value = value_parse(a, equals + 1, at, pr);
        walk w = { .a = a, .path = path, .rest = path, .value = equals + 1, .at = at, .pr = pr };
        if (value) return put(&w, root, value);
    }
    return -1;
}
