/* experiment.h -- the file a user writes, resolved
 *
 * Reading resolves `base:`, overrides and ${}, and checks that the top level has the known keys and kinds; what
 * a section means is its room's affair (data, model, train, ...).
 */
#ifndef HEFT_CONFIG_EXPERIMENT_H
#define HEFT_CONFIG_EXPERIMENT_H

#include "config/node.h"

typedef struct experiment {
    arena      *memory;          /* owns everything below */
    const char *path;            /* as given */
    const char *dir;             /* of the file, absolute: relative paths in it start there */
    node       *root;            /* resolved: no base, no ${}; files of initializers are absolute */
    const char *name;            /* default: the file's stem; safe as the name of a directory */
    uint64_t    seed;            /* default 0 */
    const node *data, *model, *loss, *optimizer;       /* required */
    const node *metrics, *train, *checkpoint, *sweep;  /* NULL if absent or empty; metrics is always a list */
    size_t       n_plugin_dirs;
    const char **plugin_dirs;    /* absolute */
} experiment;

/* NULL after problems.  overrides: n strings "path=value", applied in order, before ${} is resolved. */
experiment *experiment_load(const char *path, int n, char *const *overrides, problems *pr);

/* From text that experiment_write made (the one in a checkpoint or a run).  dir: where relative paths start. */
experiment *experiment_parse(const char *name, const char *dir, const char *yaml, size_t n, int n_over,
                             char *const *overrides, problems *pr);

/* The resolved experiment as YAML, with name and seed given, and with plugins and data.root made absolute where they
 * were relative to the experiment's file (a root under $HEFT_DATA stays relative; files without a root get the file's
 * directory), so that it trains the same run from anywhere.  A literal ${ is written as $${. */
void experiment_write(const experiment *e, text *out);

void experiment_free(experiment *e);

/* The keys of the top level but `base`, ends with NULL. */
const char *const *experiment_keys(void);

#endif
