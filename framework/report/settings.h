/* settings.h -- an experiment as a list: every scalar, or list of scalars, by its path; and the type of what has a type with options */
#ifndef HEFT_REPORT_SETTINGS_H
#define HEFT_REPORT_SETTINGS_H

#include "config/node.h"
#include "report/columns.h"

typedef struct setting { const char *path, *value; } setting;

typedef struct settings { size_t n, room; setting *item; } settings;     /* in the order of the experiment */

settings    settings_of(const node *root, arena *a);
const char *settings_get(const settings *s, const char *path);          /* NULL: it has none */

/* The shortest end of a path that none of the others has: "lr" of "optimizer.adam.lr". */
const char  *path_short(size_t n, const char *const *paths, const char *path);

/* A row (path, x's, y's) for each in which they differ, "-" for none; how many. */
size_t settings_compare(const settings *x, const settings *y, columns *out);

#endif
