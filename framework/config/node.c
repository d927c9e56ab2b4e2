#include "config/node.h"

#include <string.h>

#include "config/internal.h"

node *node_get(const node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP) return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (!strcmp(map->pair[i].key, key)) return map->pair[i].value;
    return NULL;
}

node *node_scalar(arena *a, const char *s, place at)
{
    node *n = arena_alloc(a, 1, sizeof *n);
    *n = (node){ .kind = NODE_SCALAR, .at = at, .text = arena_strdup(a, s) };
    return n;
}

node *node_map(arena *a, place at)
{
    node *n = arena_alloc(a, 1, sizeof *n);
    *n = (node){ .kind = NODE_MAP, .at = at };
    return n;
}

void node_set(arena *a, node *map, const char *key, place key_at, node *value)
{
    for (size_t i = 0; i < map->n; i++) {
        if (strcmp(map->pair[i].key, key)) continue;
        map->pair[i].key_at = key_at;
        map->pair[i].value = value;
        return;
    }
    map->pair = arena_grow(a, map->pair, map->n, map->n + 1, sizeof *map->pair);
    map->pair[map->n++] = (node_pair){ arena_strdup(a, key), key_at, value };
}

node *node_copy(arena *a, const node *n)
{
    node *out = arena_alloc(a, 1, sizeof *out);
    *out = *n;
    if (n->kind == NODE_SCALAR) out->text = arena_strdup(a, n->text);
    if (n->kind == NODE_LIST) {
        out->item = arena_alloc(a, n->n, sizeof *out->item);
        for (size_t i = 0; i < n->n; i++) out->item[i] = node_copy(a, n->item[i]);
    }
    if (n->kind == NODE_MAP) {
        out->pair = arena_alloc(a, n->n, sizeof *out->pair);
        for (size_t i = 0; i < n->n; i++)
            out->pair[i] = (node_pair){ arena_strdup(a, n->pair[i].key), n->pair[i].key_at,
                                        node_copy(a, n->pair[i].value) };
    }
    return out;
}

bool node_is_null(const node *n)
{
    return n->kind == NODE_SCALAR && !n->quoted && (!*n->text || !strcmp(n->text, "~") || !strcmp(n->text, "null"));
}

const char *node_kind_name(const node *n)
{
    return n->kind == NODE_MAP ? "a mapping" : n->kind == NODE_LIST ? "a list" : "a value";
}

/* {adam: ...} onto {sgd: ...}: another type, of which nothing of the first one's options is meant to stay. */
static bool is_other_type(const node *under, const node *over)
{
    return under->kind == NODE_MAP && over->kind == NODE_MAP && over->n == 1 && !node_get(under, over->pair[0].key);
}

static node *merge(arena *a, const node *under, const node *over, const char *first, const char *last, size_t depth)
{
    if (!under || under->kind != NODE_MAP || over->kind != NODE_MAP) return node_copy(a, over);
    if (depth && path_holds_type(first, last, depth) && is_other_type(under, over)) return node_copy(a, over);
    node *out = node_map(a, over->at);
    out->pair = arena_alloc(a, under->n + over->n, sizeof *out->pair);
    for (size_t i = 0; i < under->n; i++) {
        const node_pair *pair = &under->pair[i];
        if (!node_get(over, pair->key))
            out->pair[out->n++] =
                (node_pair){ arena_strdup(a, pair->key), pair->key_at, node_copy(a, pair->value) };
    }
    for (size_t i = 0; i < over->n; i++) {
        const node_pair *pair = &over->pair[i];
        out->pair[out->n++] = (node_pair){
            arena_strdup(a, pair->key), pair->key_at,
            merge(a, node_get(under, pair->key), pair->value, depth ? first : pair->key, pair->key, depth + 1) };
    }
    return out;
}

node *node_merge(arena *a, const node *under, const node *over)
{
    return merge(a, under, over, "", "", 0);
}

const char **node_names(arena *a, const node *n)
{
    const char **names = arena_alloc(a, (n->kind == NODE_SCALAR ? 0 : n->n) + 1, sizeof *names);
    size_t k = 0;
    if (n->kind == NODE_MAP)
        for (size_t i = 0; i < n->n; i++) names[k++] = n->pair[i].key;
    if (n->kind == NODE_LIST)
        for (size_t i = 0; i < n->n; i++) {
            const node *item = n->item[i];
            const node *name = item->kind == NODE_MAP && item->n == 1 ? node_get(item->pair[0].value, "name") : NULL;
            if (name && name->kind == NODE_SCALAR) names[k++] = name->text;
        }
    return names;
}

shown node_show(const node *n)
{
    shown out;
    if (n->kind != NODE_SCALAR) snprintf(out.s, sizeof out.s, "%s", node_kind_name(n));
    else if (!n->quoted && !*n->text) snprintf(out.s, sizeof out.s, "nothing");
    else {
        /* Cut between characters, and one line only. */
        size_t k = strcspn(n->text, "\r\n");
        const bool cut = n->text[k] || k > VALUE_SHOWN;
        if (k > VALUE_SHOWN) k = VALUE_SHOWN;
        while (k && ((unsigned char)n->text[k] & 0xc0) == 0x80) k--;
        const char *mark = n->quoted ? "\"" : "'";
        snprintf(out.s, sizeof out.s, "%s%.*s%s%s", mark, (int)k, n->text, cut ? "..." : "", mark);
    }
    return out;
}

void names_hint(const char *word, const char *const *names, text *out)
{
    const suggestion near = text_hint(word, names);
    size_t n = 0;
    while (names[n]) n++;
    text_add(out, near.s);
    if (!*near.s && n && n <= KEYS_LISTED) {
        text_add(out, " (known: ");
        text_names(out, names);
        text_add(out, ")");
    }
}

bool utf8_valid(const char *bytes)
{
    const unsigned char *s = (const unsigned char *)bytes;
    while (*s) {
        if ((*s >= 0x80 && *s < 0xc2) || *s > 0xf4) return false;
        const int more = (*s >= 0xc0) + (*s >= 0xe0) + (*s >= 0xf0);
        uint32_t c = more ? *s & (0x3fu >> more) : *s;
        for (int i = 1; i <= more; i++) {
            if ((s[i] & 0xc0) != 0x80) return false;
            c = c << 6 | (s[i] & 0x3fu);
        }
        const bool overlong = (more == 2 && c < 0x800) || (more == 3 && c < 0x10000);
        const bool surrogate = c >= 0xd800 && c < 0xe000;
        if (overlong || surrogate || c > 0x10ffff) return false;
        s += more + 1;
    }
    return true;
}
