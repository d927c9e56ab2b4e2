#include "config/options.h"

#include <string.h>

#include "config/internal.h"
#include "config/typed.h"

static void *at_offset(void *instance, const heft_option *row) { return (char *)instance + row->offset; }

static bool is_word(const node *n, const char *words, int *index)
{
    if (!words || n->kind != NODE_SCALAR) return false;
    return (*index = text_word(n->text, strlen(n->text), words)) >= 0;
}

static int read_list(const field *f, const heft_option *row, const node *n, void *instance, arena *a)
{
    const bool ints = row->type == HEFT_INTS;
    int word = -1;
    int64_t *i = NULL;
    double *r = NULL;
    size_t count = 0;
    if (!is_word(n, row->text, &word)) {
        node *one = (node *)n;
        node *const *item = n->kind == NODE_LIST ? n->item : &one;
        count = n->kind == NODE_LIST ? n->n : 1;
        if (n->kind == NODE_MAP || (!count && (!row->def_text || strcmp(row->def_text, "[]"))))
            return field_refuse(f, n->at, "expected %s, found %s", f->expected, count ? "a mapping" : "an empty list");
        if (row->text && n->kind == NODE_SCALAR && !n->quoted && strspn(n->text, "+-.0123456789") == 0)
            return typed_word(f, n, row->text, &word);
        int bad = 0;
        i = arena_alloc(a, ints ? count : 0, sizeof *i);
        r = arena_alloc(a, ints ? 0 : count, sizeof *r);
        for (size_t k = 0; k < count; k++) {
            text expected = { 0 };
            text_add(&expected, ints ? "integer" : "number");
            if (ints) range_int_text(int_bound(row->min), int_bound(row->max), &expected);
            else range_real_text(row->min, row->max, &expected);
            const char *name = n->kind == NODE_LIST ? arena_printf(a, "%s[%zu]", f->name, k) : f->name;
            const field element = { name, f->doc, expected.s, f->pr };
            bad |= ints ? typed_int(&element, item[k], int_bound(row->min), int_bound(row->max), &i[k])
                        : typed_real(&element, item[k], row->min, row->max, &r[k]);
            text_free(&expected);
        }
        if (bad) return -1;
    }
    if (ints) *(heft_int_list *)at_offset(instance, row) = (heft_int_list){ (int32_t)count, word, i };
    else *(heft_real_list *)at_offset(instance, row) = (heft_real_list){ (int32_t)count, word, r };
    return 0;
}

static int read_typed(const field *f, const heft_option *row, const node *n, void *instance, arena *a)
{
    void *to = at_offset(instance, row);
    const char *s;
    int word;
    switch (row->type) {
    case HEFT_BOOL: return typed_bool(f, n, to);
    case HEFT_ENUM: return typed_word(f, n, row->text, to);
    case HEFT_INT:
        if (!is_word(n, row->text, &word)) return typed_int(f, n, int_bound(row->min), int_bound(row->max), to);
        *(int64_t *)to = (int64_t)row->def;
        return 0;
    case HEFT_REAL:
        if (!is_word(n, row->text, &word)) return typed_real(f, n, row->min, row->max, to);
        *(double *)to = row->def;
        return 0;
    case HEFT_STRING:
        if (typed_string(f, n, &s) < 0) return -1;
        *(const char **)to = arena_strdup(a, s);
        return 0;
    case HEFT_INTS:
    case HEFT_REALS: return read_list(f, row, n, instance, a);
    case HEFT_END: break;
    }
    return field_refuse(f, n->at, "its option table has a row of unknown type %d", (int)row->type);
}

int options_read_value(const heft_option *row, const node *value, const char *what, void *instance,
                       arena *a, problems *pr)
{
    text expected = { 0 };
    options_type_text(row, &expected);
    const field f = { arena_printf(a, "%s%s%s", what, *what ? "." : "", row->name), row->doc, expected.s, pr };
    const int rc = read_typed(&f, row, value, instance, a);
    text_free(&expected);
    return rc;
}

static int set_default(const heft_option *row, const char *what, place at, void *instance, arena *a, problems *pr)
{
    void *to = at_offset(instance, row);
    text t = { 0 };
    if (options_is_required(row)) {
        options_type_text(row, &t);
        problems_add(pr, at, "%s: required key '%s' is missing: %s (%s)", what, row->name, t.s, row->doc);
        text_free(&t);
        return -1;
    }
    switch (row->type) {
    case HEFT_BOOL: *(bool *)to = row->def != 0; return 0;
    case HEFT_ENUM: *(int *)to = (int)row->def; return 0;
    case HEFT_INT: *(int64_t *)to = int_bound(row->def); return 0;
    case HEFT_REAL: *(double *)to = row->def; return 0;
    case HEFT_STRING: *(const char **)to = arena_strdup(a, row->def_text); return 0;
    default: break;
    }
    const node *value = value_parse(a, row->def_text, at, pr);
    return value ? options_read_value(row, value, what, instance, a, pr) : -1;
}

/* Names of the table and of others, ending with NULL; only the table's if all together are too many to list. */
static const char **known_names(arena *a, const heft_option *table, const char *const *others, bool all)
{
    size_t n = 0, m = 0, k = 0;
    while (table && table[n].type != HEFT_END) n++;
    while (others && others[m]) m++;
    const char **names = arena_alloc(a, n + m + 1, sizeof *names);
    for (size_t i = 0; i < n; i++) names[k++] = table[i].name;
    for (size_t i = 0; all && i < m; i++) names[k++] = others[i];
    return names;
}

static int check_keys(const node *map, const char *what, const heft_option *table, const char *const *others,
                      problems *pr)
{
    arena *a = arena_new();
    const char **all = known_names(a, table, others, true), **own = known_names(a, table, others, false);
    size_t n = 0;
    while (all[n]) n++;
    int rc = 0;
    for (size_t i = 0; i < map->n; i++) {
        const node_pair *pair = &map->pair[i];
        bool known = false;
        for (size_t k = 0; k < n && !known; k++) known = !strcmp(pair->key, all[k]);
        if (known) continue;
        text hint = { 0 };
        text_add(&hint, "");
        names_hint(pair->key, n <= KEYS_LISTED || text_nearest(pair->key, all) ? all : own, &hint);
        problems_add(pr, pair->key_at, "%s%sunknown key '%s'%s", what, *what ? ": " : "", pair->key, hint.s);
        text_free(&hint);
        rc = -1;
    }
    arena_free(a);
    return rc;
}

int options_read(const heft_option *table, const node *map, place at, const char *what,
                 const char *const *others, void *instance, arena *a, problems *pr)
{
    if (map && node_is_null(map)) map = NULL;
    if (map && map->kind != NODE_MAP) {
        problems_add(pr, map->at, "%s: expected a mapping of options, {key: value}, found %s", what, node_show(map).s);
        return -1;
    }
    int rc = map ? check_keys(map, what, table, others, pr) : 0;
    for (const heft_option *row = table; row && row->type != HEFT_END; row++) {
        const node *value = map ? node_get(map, row->name) : NULL;
        rc |= value ? options_read_value(row, value, what, instance, a, pr)
                    : set_default(row, what, at, instance, a, pr);
    }
    return rc;
}

int node_check_keys(const node *map, const char *what, const char *const *known, problems *pr)
{
    if (node_is_null(map)) return 0;
    if (map->kind == NODE_MAP) return check_keys(map, what, NULL, known, pr);
    problems_add(pr, map->at, "%s%sexpected a mapping, {key: value}, found %s", what, *what ? ": " : "",
                 node_show(map).s);
    return -1;
}

int node_read_int(const node *n, const char *what, int64_t min, int64_t max, int64_t *out, problems *pr)
{
    text t = { 0 };
    text_add(&t, "an integer");
    range_int_text(min, max, &t);
    const int rc = typed_int(&(field){ what, NULL, t.s, pr }, n, min, max, out);
    text_free(&t);
    return rc;
}

int node_read_real(const node *n, const char *what, double min, double max, double *out, problems *pr)
{
    text t = { 0 };
    text_add(&t, "a number");
    range_real_text(min, max, &t);
    const int rc = typed_real(&(field){ what, NULL, t.s, pr }, n, min, max, out);
    text_free(&t);
    return rc;
}

int node_read_bool(const node *n, const char *what, bool *out, problems *pr)
{
    return typed_bool(&(field){ what, NULL, "true or false", pr }, n, out);
}

int node_read_string(const node *n, const char *what, const char **out, problems *pr)
{
    return typed_string(&(field){ what, NULL, "text", pr }, n, out);
}

int node_read_typed(const node *n, const char *what, const char **type, place *type_at, const node **options,
                    problems *pr)
{
    *type = NULL;
    *options = NULL;
    *type_at = n->at;
    if (n->kind == NODE_SCALAR && !node_is_null(n) && *n->text) {
        *type = n->text;
        return 0;
    }
    if (n->kind != NODE_MAP || !n->n) {
        problems_add(pr, n->at, "%s: expected a type, or one type with its options, {type: {key: value}}, found %s",
                     what, n->kind == NODE_MAP ? "an empty mapping" : node_show(n).s);
        return -1;
    }
    const node_pair *pair = &n->pair[0];
    if (n->n > 1) {
        if (node_is_null(pair->value))
            problems_add(pr, n->pair[1].key_at, "%s: '%s' must be indented deeper than '%s:' to be one of its options",
                         what, n->pair[1].key, pair->key);
        else problems_add(pr, n->pair[1].key_at, "%s: expected one type, found a second, '%s', beside '%s'", what,
                          n->pair[1].key, pair->key);
        return -1;
    }
    if (pair->value->kind != NODE_MAP && !node_is_null(pair->value)) {
        problems_add(pr, pair->value->at, "%s: the options of '%s' must be a mapping, {key: value}, found %s", what,
                     pair->key, node_show(pair->value).s);
        return -1;
    }
    *type = pair->key;
    *type_at = pair->key_at;
    *options = pair->value->kind == NODE_MAP ? pair->value : NULL;
    return 0;
}
