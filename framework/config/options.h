/* options.h -- option tables (heft_option of plugin.h) against nodes
 *
 * The host's own sections use the same tables as plugins, so everything is parsed, checked, listed and completed
 * by one piece of code.
 */
#ifndef HEFT_CONFIG_OPTIONS_H
#define HEFT_CONFIG_OPTIONS_H

#include <heft/plugin.h>
#include "config/node.h"

/* Fill the instance from the map (NULL: all defaults) by the table.  Lists and strings are copied into the arena.
 * Keys in `others` (ends with NULL; may be NULL) belong to the caller and are passed over.  `what` names the thing
 * in messages ("dense", "train").  Adds a problem for every unknown key (with the nearest known one), missing
 * required key, value of another type or out of range.  An empty list is refused unless def_text is "[]". */
int  options_read(const heft_option *table, const node *map, place at, const char *what,
                  const char *const *others, void *instance, arena *a, problems *pr);

/* One value of one row, as options_read does. */
int  options_read_value(const heft_option *row, const node *value, const char *what, void *instance,
                        arena *a, problems *pr);

/* The same table's mistakes, as the plugin loader reports them: duplicate or empty names, empty docs, default out of
 * range (unless a word stands for it), a field beyond instance_size, an unparsable def_text, no end within 256 rows.
 * 0 if there are none. */
int  options_check_table(const heft_option *table, size_t instance_size, const char *what, place at, problems *pr);

/* For manuals: "integer 1 to 1048576", "same | valid", "0.9". */
void options_type_text(const heft_option *row, text *out);
void options_default_text(const heft_option *row, text *out);     /* "required" if so */
bool options_is_required(const heft_option *row);                 /* there is no default */

/* A typed scalar for code that has no table. */
int  node_read_int(const node *n, const char *what, int64_t min, int64_t max, int64_t *out, problems *pr);
int  node_read_real(const node *n, const char *what, double min, double max, double *out, problems *pr);
int  node_read_bool(const node *n, const char *what, bool *out, problems *pr);
int  node_read_string(const node *n, const char *what, const char **out, problems *pr);

/* Every key of the map must be one of `known` (ends with NULL). */
int  node_check_keys(const node *map, const char *what, const char *const *known, problems *pr);

/* A type with options: a bare `adam`, or a one-key mapping `adam: {lr: 1e-3}`.  *options is the inner map, or NULL
 * if there is none.  -1 with a problem if it is neither. */
int  node_read_typed(const node *n, const char *what, const char **type, place *type_at, const node **options,
                     problems *pr);

#endif
