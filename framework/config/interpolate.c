#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

enum { MOST_MADE = 16 << 20, NODE_COST = MOST_MADE / CONFIG_VALUES, MOST_LOOKED = 2 << 20, NEAREST_COST = 64 };

/* The references under way: `at` is being replaced and waits for `ref`. */
typedef struct frame {
    const node *at;
    const char *ref;
    const struct frame *up;
    int depth;
} frame;

typedef struct work {
    arena    *a;
    node     *root;
    size_t    made;                              /* bytes of text that references have made; NODE_COST for a value */
    size_t    looked;                            /* at keys, for their paths */
    problems *pr;
} work;

static int settle(work *w, node *n, const frame *up);

static int refuse_cycle(work *w, const node *n, const frame *up)
{
    const frame *order[CONFIG_DEPTH];
    int k = 0;
    for (const frame *f = up; f; f = f->up) {
        order[k++] = f;
        if (f->at == n) break;
    }
    text t = { 0 };
    for (int i = k - 1; i >= 0; i--) text_printf(&t, "${%s} -> ", order[i]->ref);
    problems_add(w->pr, n->at, "references go round in a circle: %s${%s}", t.s, order[k - 1]->ref);
    text_free(&t);
    return -1;
}

static int charge(work *w, place at, size_t bytes)
{
    w->made += bytes;
    if (w->made <= MOST_MADE) return 0;
    if (w->made - bytes <= MOST_MADE)
        problems_add(w->pr, at, "references make too much: more than %d values or %d MiB of text", CONFIG_VALUES, MOST_MADE >> 20);
    return -1;
}

static size_t cost(const node *n)
{
    size_t sum = NODE_COST;
    if (n->kind == NODE_SCALAR) sum += strlen(n->text);
    if (n->kind == NODE_LIST)
        for (size_t i = 0; i < n->n; i++) sum += cost(n->item[i]);
    if (n->kind == NODE_MAP)
        for (size_t i = 0; i < n->n; i++) sum += strlen(n->pair[i].key) + cost(n->pair[i].value);
    return sum;
}

/* Paths are looked up key by key, which a file of thousands of references to thousands of keys would make long. */
static int look(work *w, place at, size_t keys)
{
    w->looked += keys;
    if (w->looked <= MOST_LOOKED) return 0;
    if (w->looked - keys <= MOST_LOOKED)
        problems_add(w->pr, at, "too many references among too many keys: more than %d are looked at", MOST_LOOKED);
    return -1;
}

/* The value that a path leads to, with everything in it settled. */
static node *target(work *w, const node *n, const char *path, const frame *up)
{
    node *at = w->root;
    for (const char *rest = path; *rest;) {
        size_t levels = 0;
        if (look(w, n->at, at->n) < 0) return NULL;
        node *child = path_child(at, &rest, &levels);
        if (!child) {
            if (look(w, n->at, NEAREST_COST * at->n) < 0) return NULL;
            text t = { 0 };
            path_explain(at, path, rest, &t);
            problems_add(w->pr, n->at, "${%s}: %s", path, t.s);
            text_free(&t);
            return NULL;
        }
        if ((child->kind == NODE_SCALAR || !*rest) && settle(w, child, up) < 0) return NULL;
        at = child;
    }
    return at;
}

static const char *from_environment(work *w, const node *n, const char *spec)
{
    const size_t len = strcspn(spec, ",");
    const char *name = arena_strndup(w->a, spec, len), *value = len ? getenv(name) : NULL;
    if (!len)
        problems_add(w->pr, n->at, "${env:%s}: the variable's name is missing; write ${env:NAME} or ${env:NAME,default}",
                     spec);
    else if (value && !utf8_valid(value)) problems_add(w->pr, n->at, "${env:%s}: its value is not valid UTF-8", name);
    else if (value) return value;
    else if (spec[len]) return spec + len + 1;
    else
        problems_add(w->pr, n->at, "${env:%s}: the environment has no variable '%s'; ${env:%s,value} would give it a "
                     "default", name, name, name);
    return NULL;
}

/* The text of one reference inside others, or (whole) the node itself replaced. */
static int take(work *w, node *n, const char *ref, bool whole, text *out, const frame *up)
{
    if (!*ref || strstr(ref, "${")) {
        problems_add(w->pr, n->at, "${%s}: %s", ref,
                     *ref ? "a reference inside a reference is not supported" : "the path is missing");
        return -1;
    }
    if (!strncmp(ref, "env:", 4)) {
        const char *value = from_environment(w, n, ref + 4);
        if (!value) return -1;
        if (whole) n->quoted = false;
        text_add(out, value);
        return 0;
    }
    const frame here = { n, ref, up, up ? up->depth + 1 : 1 };
    if (here.depth >= CONFIG_DEPTH) {
        problems_add(w->pr, n->at, "${%s}: more than %d references lead from one to the next", ref, CONFIG_DEPTH);
        return -1;
    }
    const node *value = target(w, n, ref, &here);
    if (!value) return -1;
    if (whole) {
        if (charge(w, n->at, cost(value)) < 0) return -1;
        const place at = n->at;
        *n = *node_copy(w->a, value);
        n->at = at;
        return 0;
    }
    if (value->kind != NODE_SCALAR) {
        problems_add(w->pr, n->at, "${%s} is %s, which cannot stand inside a text", ref, node_kind_name(value));
        return -1;
    }
    text_add(out, value->text);
    return 0;
}

static int expand(work *w, node *n, const frame *up, text *out)
{
    const char *const start = n->text;
    for (const char *s = start; *s;) {
        const char *at = strstr(s, "${");
        if (!at) at = s + strlen(s);
        const bool literal = *at && at > s && at[-1] == '$';
        text_add_n(out, s, (size_t)(at - s) - literal);
        s = at;
        if (literal) {
            text_add(out, "${");
            s += 2;
        } else if (*at) {
            const char *end = strchr(at, '}');
            if (!end) {
                problems_add(w->pr, n->at, "'${' without a '}' behind it; $${ stands for the characters themselves");
                return -1;
            }
            const char *ref = arena_strndup(w->a, at + 2, (size_t)(end - at - 2));
            const bool whole = at == start && !end[1];
            if (take(w, n, ref, whole, out, up) < 0) return -1;
            if (whole && n->text != start) return 1;
            s = end + 1;
        }
        if (out->n > CONFIG_BYTES) return charge(w, n->at, MOST_MADE + 1);
    }
    return 0;
}

static int settle_scalar(work *w, node *n, const frame *up)
{
    for (const frame *f = up; f; f = f->up)
        if (f->at == n) return refuse_cycle(w, n, up);
    if (n->settled) return 0;
    text out = { 0 };
    text_add(&out, "");
    const int rc = expand(w, n, up, &out);
    if (rc == 0 && charge(w, n->at, out.n) == 0) n->text = arena_strndup(w->a, out.s, out.n);
    text_free(&out);
    n->settled = true;                           /* after a problem too: it is reported once */
    return rc < 0 ? -1 : 0;
}

static int settle(work *w, node *n, const frame *up)
{
    int rc = 0;
    if (n->kind == NODE_SCALAR) return strstr(n->text, "${") ? settle_scalar(w, n, up) : 0;
    for (size_t i = 0; i < n->n; i++)
        rc |= settle(w, n->kind == NODE_LIST ? n->item[i] : n->pair[i].value, up);
    return rc;
}

int node_interpolate(arena *a, node *root, problems *pr)
{
    work w = { .a = a, .root = root, .pr = pr };
    const size_t before = pr->n;
    settle(&w, root, NULL);
    return pr->n == before ? 0 : -1;
}
