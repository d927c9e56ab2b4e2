#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"
#include "config/internal.h"
#include "config/node.h"

typedef struct parser {
    yaml_parser_t yaml;
    arena      *a;
    const char *name, *bytes;
    size_t      n;
    const place *fixed;                          /* of every node; NULL: where the marks say */
    problems   *pr;
    size_t      before;                          /* problems of others */
    size_t      values;                          /* and keys, so far: what libyaml's time goes by */
} parser;

static place place_of(const parser *p, yaml_mark_t mark)
{
    return p->fixed ? *p->fixed : (place){ p->name, (int)mark.line + 1, (int)mark.column + 1 };
}

static place place_of_offset(const parser *p, size_t offset)
{
    if (p->fixed) return *p->fixed;
    place at = { p->name, 1, 1 };
    size_t i = p->n >= 3 && !memcmp(p->bytes, "\xef\xbb\xbf", 3) ? 3 : 0;     /* a byte order mark has no column */
    for (; i < offset && i < p->n; i++) {
        if (p->bytes[i] == '\n') at.line++, at.column = 1;
        else if (((unsigned char)p->bytes[i] & 0xc0) != 0x80) at.column++;
    }
    return at;
}

/* The line that a mark is on, and the mark's place in it. */
static const char *line_at(const parser *p, yaml_mark_t mark, size_t *n, size_t *at)
{
    const char *s = p->bytes, *end = p->bytes + p->n;
    for (size_t i = 0; i < mark.line && s < end; i++) {
        const char *next = memchr(s, '\n', (size_t)(end - s));
        s = next ? next + 1 : end;
    }
    const char *stop = memchr(s, '\n', (size_t)(end - s));
    *n = (size_t)((stop ? stop : end) - s);
    size_t column = 0, i = 0;
    for (; i < *n && column < mark.column; i++)
        if (i + 1 == *n || ((unsigned char)s[i + 1] & 0xc0) != 0x80) column++;
    *at = i;
    return s;
}

/* What the user most likely did, where libyaml only says what it missed. */
static const char *syntax_hint(const parser *p)
{
    static const struct { const char *problem, *hint; } hints[] = {
        { "found character that cannot start any token", "a value that begins with this character must be in quotes" },
        { "mapping values are not allowed",
          "a value with ': ' in it must be in quotes; keys of one mapping are indented alike, each with its ':'" },
        { "did not find expected key", "keys of one mapping must be indented alike" },
        { "did not find expected '-' indicator", "the elements of one list must be indented alike" },
        { "block sequence entries are not allowed", "a list begins on the line after its key" },
        { NULL, NULL }
    };
    size_t n, at;
    const char *line = line_at(p, p->yaml.problem_mark, &n, &at);
    bool tab = at < n && line[at] == '\t';
    size_t lead = 0;                             /* the text has no NUL at its end */
    for (; lead < at && memchr(" \t-", line[lead], 3); lead++) tab |= line[lead] == '\t';
    if (tab && lead == at) return "indent with spaces, not tabs";
    for (size_t i = 0; i + 1 < n; i++)
        if (line[i] == '$' && line[i + 1] == '{') return "inside { } and [ ], write \"${...}\" in quotes";
    for (size_t i = 0; hints[i].problem; i++)
        if (!strncmp(p->yaml.problem, hints[i].problem, strlen(hints[i].problem))) return hints[i].hint;
    return NULL;
}

static void report_syntax(const parser *p)
{
    const yaml_parser_t *y = &p->yaml;
    if (y->error == YAML_MEMORY_ERROR) memory_exhausted(p->n);
    if (y->error == YAML_READER_ERROR) {
        const unsigned char *bytes = (const unsigned char *)p->bytes;
        size_t offset = y->problem_offset;
        if (strstr(y->problem, "trailing"))      /* said of the byte that breaks a character off: show its first */
            do offset--; while (offset && bytes[offset] < 0xc0);
        const place at = place_of_offset(p, offset);
        const unsigned byte = offset < p->n ? bytes[offset] : 0;
        if (strstr(y->problem, "control"))
            problems_add(p->pr, at,
                         "the control character U+%04X cannot stand in YAML; write it as an escape in double quotes",
                         (unsigned)y->problem_value);
        else problems_add(p->pr, at, "the byte 0x%02x here is not valid UTF-8; save the file as UTF-8", byte);
        return;
    }
    /* Of these, libyaml says where it gave up, which is often beyond the end; where it began is where the mistake is. */
    const char *begun = strstr(y->problem, "could not find expected ':'") ? "this line is not 'key: value'"
                      : strstr(y->problem, "found unexpected end of stream") ? "the quote that opens here is not closed"
                                                                             : NULL;
    if (begun) {
        problems_add(p->pr, place_of(p, y->context_mark), "not valid YAML: %s", begun);
        return;
    }
    text t = { 0 };
    text_printf(&t, "not valid YAML: %s", y->problem);
    if (y->context) {
        text_printf(&t, " %s", y->context);
        if (!p->fixed && y->context_mark.line != y->problem_mark.line)
            text_printf(&t, " that begins at %zu:%zu", y->context_mark.line + 1, y->context_mark.column + 1);
    }
    const char *hint = syntax_hint(p);
    if (hint) text_printf(&t, " (%s)", hint);
    problems_add(p->pr, place_of(p, y->problem_mark), "%s", t.s);
    text_free(&t);
}

/* A file that is wrong all over is not read to its end: nobody reads so much about it. */
static bool next_event(parser *p, yaml_event_t *e)
{
    if (p->pr->n - p->before >= CONFIG_PROBLEMS) return false;
    if (yaml_parser_parse(&p->yaml, e)) return true;
    report_syntax(p);
    return false;
}

static void refuse_extras(parser *p, const yaml_char_t *anchor, const yaml_char_t *tag, place at)
{
    if (anchor) problems_add(p->pr, at, "the anchor '&%s' is not supported; ${path.to.key} refers to another value",
                             (const char *)anchor);
    if (tag) problems_add(p->pr, at, "the tag '%s' is not supported; a value's type comes from the option it is for",
                          (const char *)tag);
}

/* Numbers, words and booleans are printable ASCII; other plain text can only be a string, and is marked as one because
 * libyaml's emitter does not write it plain. */
static bool plain_is_string(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < 0x20 || s[i] > 0x7e) return true;
    return n >= 3 && (!memcmp(s, "---", 3) || !memcmp(s, "...", 3));
}

static node *new_scalar(parser *p, const yaml_event_t *e)
{
    const char *s = (const char *)e->data.scalar.value;
    const size_t n = e->data.scalar.length;
    node *out = node_scalar(p->a, "", place_of(p, e->start_mark));
    refuse_extras(p, e->data.scalar.anchor, e->data.scalar.tag, out->at);
    if (memchr(s, 0, n)) problems_add(p->pr, out->at, "a NUL character cannot stand in a value");
    out->text = arena_strndup(p->a, s, n);
    out->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || plain_is_string(s, n);
    return out;
}

static int by_key(const void *a, const void *b)
{
    const node_pair *x = *(const node_pair *const *)a, *y = *(const node_pair *const *)b;
    const int order = strcmp(x->key, y->key);
    return order ? order : (x > y) - (x < y);
}

/* By sorting: a file of a million bytes has room for 200,000 keys. */
static void refuse_duplicates(parser *p, const node *map)
{
    if (map->n < 2) return;
    const node_pair **order = malloc(map->n * sizeof *order);
    if (!order) memory_exhausted(map->n * sizeof *order);
    for (size_t i = 0; i < map->n; i++) order[i] = &map->pair[i];
    qsort(order, map->n, sizeof *order, by_key);
    for (size_t i = 1; i < map->n && p->pr->n - p->before < CONFIG_PROBLEMS; i++) {
        const node_pair *first = order[i - 1], *again = order[i];
        if (strcmp(first->key, again->key)) continue;
        if (p->fixed) problems_add(p->pr, *p->fixed, "the key '%s' is given twice", again->key);
        else problems_add(p->pr, again->key_at, "the key '%s' is given twice; the first is at %d:%d", again->key,
                          first->key_at.line, first->key_at.column);
    }
    free(order);
}

static node *parse_node(parser *p, yaml_event_t *e, int depth);

static node *parse_list(parser *p, node *out, int depth)
{
    out->kind = NODE_LIST;
    for (size_t room = 0;;) {
        yaml_event_t e;
        if (!next_event(p, &e)) return NULL;
        if (e.type == YAML_SEQUENCE_END_EVENT) break;
        node *item = parse_node(p, &e, depth + 1);
        if (!item) return NULL;
        if (out->n == room) {
            room = room ? 2 * room : 8;
            out->item = arena_grow(p->a, out->item, out->n, room, sizeof *out->item);
        }
        out->item[out->n++] = item;
    }
    return out;
}

static node *parse_map(parser *p, node *out, int depth)
{
    out->kind = NODE_MAP;
    for (size_t room = 0;;) {
        yaml_event_t e;
        if (!next_event(p, &e)) return NULL;
        if (e.type == YAML_MAPPING_END_EVENT) break;
        const node *key = parse_node(p, &e, depth + 1);
        if (!key) return NULL;
        if (key->kind != NODE_SCALAR) problems_add(p->pr, key->at, "a key must be a word, not %s", node_kind_name(key));
        else if (!*key->text) problems_add(p->pr, key->at, "a key is missing before ':'");
        else if (!strcmp(key->text, "<<"))
            problems_add(p->pr, key->at,
                         "the merge key '<<' is not supported; base: other.yaml merges onto another file");
        if (!next_event(p, &e)) return NULL;
        node *value = parse_node(p, &e, depth + 1);
        if (!value) return NULL;
        if (out->n == room) {
            room = room ? 2 * room : 8;
            out->pair = arena_grow(p->a, out->pair, out->n, room, sizeof *out->pair);
        }
        out->pair[out->n++] = (node_pair){ key->kind == NODE_SCALAR ? key->text : "", key->at, value };
    }
    refuse_duplicates(p, out);
    return out;
}

/* Takes the event over.  NULL: nothing more can be read. */
static node *parse_node(parser *p, yaml_event_t *e, int depth)
{
    const place at = place_of(p, e->start_mark);
    const yaml_event_type_t type = e->type;
    node *out = NULL;
    if (type == YAML_SCALAR_EVENT) out = new_scalar(p, e);
    else {
        out = node_scalar(p->a, "", at);
        if (type == YAML_ALIAS_EVENT)
            problems_add(p->pr, at, "the alias '*%s' is not supported; ${path.to.key} refers to another value",
                         (const char *)e->data.alias.anchor);
        else if (type == YAML_SEQUENCE_START_EVENT)
            refuse_extras(p, e->data.sequence_start.anchor, e->data.sequence_start.tag, at);
        else refuse_extras(p, e->data.mapping_start.anchor, e->data.mapping_start.tag, at);
    }
    yaml_event_delete(e);
    if (++p->values > CONFIG_VALUES) {
        problems_add(p->pr, at, "more keys and values than the %d that are read", CONFIG_VALUES);
        return NULL;
    }
    if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT) return out;
    if (depth >= CONFIG_DEPTH) {
        problems_add(p->pr, at, "nested more than %d levels deep", CONFIG_DEPTH);
        return NULL;
    }
    return type == YAML_SEQUENCE_START_EVENT ? parse_list(p, out, depth) : parse_map(p, out, depth);
}

static node *parse_stream(parser *p)
{
    yaml_event_t e;
    if (!next_event(p, &e)) return NULL;         /* the stream's start */
    yaml_event_delete(&e);
    if (!next_event(p, &e)) return NULL;
    const bool empty = e.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&e);
    if (empty) {
        if (p->fixed) return node_scalar(p->a, "", *p->fixed);
        problems_add(p->pr, (place){ p->name, 0, 0 }, "the file is empty");
        return NULL;
    }
    if (!next_event(p, &e)) return NULL;
    node *root = parse_node(p, &e, 0);
    if (!root) return NULL;
    if (!p->fixed && root->kind == NODE_SCALAR && !root->quoted && !*root->text) {
        problems_add(p->pr, root->at, "the document is empty");
        return NULL;
    }
    if (!next_event(p, &e)) return NULL;         /* the document's end */
    yaml_event_delete(&e);
    if (!next_event(p, &e)) return NULL;
    if (e.type == YAML_DOCUMENT_START_EVENT)
        problems_add(p->pr, place_of(p, e.start_mark), "a second document begins here; a file holds one");
    yaml_event_delete(&e);
    return root;
}

/* libyaml compares each %TAG with all before it: refused, as tags are, before it sees them. */
static bool has_tag_directive(parser *p)
{
    for (const char *s = p->bytes, *end = s + p->n, *next; end - s > 4; s = next + 1) {
        if (!memcmp(s, "%TAG", 4)) {
            problems_add(p->pr, place_of_offset(p, (size_t)(s - p->bytes)),
                         "the directive '%%TAG' is not supported; a value's type comes from the option it is for");
            return true;
        }
        next = memchr(s, '\n', (size_t)(end - s));
        if (!next) break;
    }
    return false;
}

static node *parse_all(arena *a, const char *name, const char *bytes, size_t n, const place *fixed, problems *pr)
{
    const size_t before = pr->n;
    parser p = { .a = a, .name = name, .bytes = bytes, .n = n, .fixed = fixed, .pr = pr, .before = before };
    const place whole = fixed ? *fixed : (place){ name, 0, 0 };
    if (n > CONFIG_BYTES) {
        problems_add(pr, whole, "%zu bytes; at most %d are read", n, CONFIG_BYTES);
        return NULL;
    }
    if (n >= 2 && (!memcmp(bytes, "\xff\xfe", 2) || !memcmp(bytes, "\xfe\xff", 2))) {
        problems_add(pr, whole, "the text is UTF-16; save the file as UTF-8");
        return NULL;
    }
    const char *nul = memchr(bytes, 0, n);
    if (nul) {
        problems_add(pr, place_of_offset(&p, (size_t)(nul - bytes)), "a NUL byte; this is not a text file");
        return NULL;
    }
    if (has_tag_directive(&p)) return NULL;
    if (!yaml_parser_initialize(&p.yaml)) memory_exhausted(sizeof p.yaml);
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)bytes, n);
    node *root = parse_stream(&p);
    yaml_parser_delete(&p.yaml);
    return pr->n == before ? root : NULL;
}

node *node_parse(arena *a, const char *name, const char *bytes, size_t n, problems *pr)
{
    return parse_all(a, arena_strdup(a, name), bytes, n, NULL, pr);
}

node *value_parse(arena *a, const char *yaml, place at, problems *pr)
{
    return parse_all(a, NULL, yaml, strlen(yaml), &at, pr);
}

node *node_load(arena *a, const char *path, problems *pr)
{
    size_t n;
    char *bytes = file_read(path, CONFIG_BYTES, &n, pr);
    if (!bytes) return NULL;
    node *root = node_parse(a, path, bytes, n, pr);
    block_free(bytes);
    return root;
}
