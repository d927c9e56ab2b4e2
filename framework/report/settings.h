/* settings.h -- an experiment as a list: every scalar, or list of scalars, by its path */
#ifndef HEFT_REPORT_SETTINGS_H
#define HEFT_REPORT_SETTINGS_H

#include "config/node.h"

typedef struct setting { const char *path, *value; } setting;

typedef struct settings { size_t n, room; setting *item; } settings;     /* in the order of the experiment */

settings    settings_of(const node *root, arena *a);
const char *settings_get(const settings *s, const char *path);          /* NULL: it has none */

typedef struct setting_change { const char *path, *was, *is; } setting_change;       /* "-": none */

/* Where y differs from x: those of x in their order, then those of y alone; how many. */
size_t settings_changes(const settings *x, const settings *y, arena *a, setting_change **out);

#endif
