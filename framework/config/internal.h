/* internal.h -- what the files of this room share */
#ifndef HEFT_CONFIG_INTERNAL_H
#define HEFT_CONFIG_INTERNAL_H

#include "config/node.h"

enum { CONFIG_BYTES = 1 << 20, CONFIG_VALUES = 1 << 15, CONFIG_DEPTH = 64, CONFIG_PROBLEMS = 100, KEYS_LISTED = 12, VALUE_SHOWN = 48 };

/* One YAML value that stands in no file (an override, a default): every node and problem of it is at `at`. */
node *value_parse(arena *a, const char *yaml, place at, problems *pr);

/* How a message shows what was found: 'abc', "abc" (it was quoted), a mapping, a list, nothing. */
typedef struct shown { char s[VALUE_SHOWN + 8]; } shown;
shown node_show(const node *n);

/* text_hint, or else " (known: units, bias)" if they are few, or else "".  names ends with NULL. */
void  names_hint(const char *word, const char *const *names, text *out);

/* The keys of a map, or the values of `name` in the elements of a list, ending with NULL. */
const char **node_names(arena *a, const node *n);

/* True of the places whose value is one type with options (adam: {...}), where a second key would be a second type:
 * optimizer, loss, the learning rate, elements of model and metrics.  first: the path's first step; last: the last of
 * its n. */
bool  path_holds_type(const char *first, const char *last, size_t n);

/* One step down: the child that *rest begins with, *rest then being behind the step and its dot; *levels is raised by
 * how deep it is (2 for an element found by its name).  NULL if there is none. */
node *path_child(const node *at, const char **rest, size_t *levels);

/* Adds to path the way from n to the first key of that name, or of another framework's name of it; false: there is none, or *looks are used up. */
enum { LOOKS_MOST = 10000 };
bool  path_to_key(const node *n, const char *key, int *looks, text *path);

/* Why path_child gave NULL at `at`, which the path up to `rest` led to: what exists there. */
void  path_explain(const node *at, const char *path, const char *rest, text *out);

bool  utf8_valid(const char *s);

#endif
