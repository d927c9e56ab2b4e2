/* settings.h -- an experiment as a list: every scalar, or list of scalars, by its path */
#ifndef HEFT_REPORT_SETTINGS_H
#define HEFT_REPORT_SETTINGS_H

#include "config/node.h"
#include "report/columns.h"

typedef struct setting { const char *path, *value; } setting;

typedef struct settings { size_t n, room; setting *item; } settings;     /* in the order of the experiment */

settings    settings_of(const node *root, arena *a);
const char *settings_get(const settings *s, const char *path);          /* NULL: it has none */

/* A row (path, x's, y's) for each in which they differ, "-" for none; how many. */
size_t settings_compare(const settings *x, const settings *y, columns *out);

#endif
