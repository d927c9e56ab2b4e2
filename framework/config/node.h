/* node.h -- a YAML file as a tree whose every value knows where it stands
 *
 * The only door to libyaml.  Scalars stay text: a value's type comes from the option that it is for, never from a
 * guess.  Refused with a place: anchors and aliases, merge keys, tags, duplicate keys, a second document, NUL
 * bytes, invalid UTF-8, more than 64 levels, files over 1 MiB or of more than 32,768 keys and values.  After a hundred
 * problems the rest is not read.
 */
#ifndef HEFT_CONFIG_NODE_H
#define HEFT_CONFIG_NODE_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/problems.h"
#include "base/text.h"

typedef enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP } node_kind;

typedef struct node node;

typedef struct node_pair {
    const char *key;
    place       key_at;
    node       *value;           /* never NULL; an empty value is a plain scalar "" */
} node_pair;

struct node {
    node_kind   kind;
    place       at;
    const char *text;            /* scalar */
    bool        quoted;          /* scalar: a string for certain (quotes, a block, or more than printable ASCII) */
    bool        settled;         /* scalar: node_interpolate is done with it; a ${ left in it stands for itself */
    size_t      n;               /* elements of item or pair */
    node      **item;            /* list */
    node_pair  *pair;            /* map, in the order of the file */
};

/* NULL after a problem.  `name` stands for the file in places. */
node *node_parse(arena *a, const char *name, const char *bytes, size_t n, problems *pr);
node *node_load(arena *a, const char *path, problems *pr);

node *node_get(const node *map, const char *key);                 /* NULL if absent or not a map */
node *node_copy(arena *a, const node *n);                         /* deep; places are kept */
node *node_scalar(arena *a, const char *text, place at);
node *node_map(arena *a, place at);
void  node_set(arena *a, node *map, const char *key, place key_at, node *value);  /* replaces or appends */
bool  node_is_null(const node *n);                                /* plain "", "~" or "null" */
const char *node_kind_name(const node *n);                        /* "a mapping", "a list", "a value" */

/* Merge `over` onto `under`: maps key by key, everything else replaced.  Lists are replaced whole, and so is an
 * optimizer, loss or learning rate of another type: {sgd: ...} onto {adam: ...} gives {sgd: ...}. */
node *node_merge(arena *a, const node *under, const node *over);

/* path=value.  The path's steps are keys (a key with dots in it counts as one, the longest that fits), list indices,
 * or, in a list of one-key maps, the value of `name` inside an element (model.hidden.units).  Creates missing map keys
 * (not list elements); a bare type (optimizer: adam) becomes a map when something below it is set.  Refused: a second
 * type beside the one that is there.  value is YAML (flow style: [1, 2], {a: 1}).  `number` is the argument's position,
 * for the message; the place of everything set is "command line: path=value", line 0. */
int   node_override(arena *a, node *root, const char *path_value, int number, problems *pr);
node *node_find(const node *root, const char *path);              /* NULL if there is none */

/* Replace ${path.to.key} and ${env:NAME} (or ${env:NAME,default}) inside all scalars; $${ is a literal ${.  A scalar
 * that is nothing but one reference takes the whole value, map or list included, and its quotes (so that
 * {lr: "${base.lr}"} is a number); an environment variable then counts as written without quotes.  Paths start at the
 * root.  Cycles, unknown paths, and references that make more than 32,768 values or 16 MiB of text are problems. */
int   node_interpolate(arena *a, node *root, problems *pr);

/* As YAML text that node_parse reads back as an equal tree (texts are UTF-8).  A plain scalar that YAML cannot hold
 * plain is written with quotes. */
void  node_write(const node *n, text *out);

#endif
