/* schema.h -- behind `heft schema`: experiments as a JSON Schema (draft-07) */
#ifndef HEFT_CLI_SCHEMA_H
#define HEFT_CLI_SCHEMA_H

#include "base/text.h"
#include "plugin/registry.h"

/* Made from the host's own option tables and those of every plugin that is found; plugins that are refused are left out, with
 * a problem each. */
void schema_write(registry *r, text *out, problems *pr);

/* ---- parts: each adds a value to the object or list that is open ---- */

/* {"$ref": "#/definitions/KIND-NAME"}, or of KIND alone if name is "". */
void schema_ref(text *t, const char *key, const char *kind, const char *name);
void schema_words(text *t, const char *words);                       /* "a|b|c" */
void schema_number(text *t, const char *key, const heft_option *o);  /* its type and bounds */

/* All that may be written for a row, one behind the other in a list; then the row as a property, and all of a table. */
void schema_forms(text *t, const heft_option *o);
void schema_option(text *t, const heft_option *o, bool has_default);
void schema_table(text *t, const heft_option *o);

bool schema_is_required(const heft_option *o);
bool schema_any_required(const heft_option *o);

void schema_anything(text *t, const char *key, const char *doc);
void schema_one_or_many(text *t, const char *key, const char *doc, const char *kind);

/* An object (or nothing, where that is allowed) whose properties are added in between; no others are accepted. */
void schema_open(text *t, const char *key, const char *doc, bool may_be_empty);
void schema_close(text *t, const heft_option *required_of);

#endif
