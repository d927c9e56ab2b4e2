/* registry.h -- finds, checks and opens plugins
 *
 * The only door to dlfcn.  A plugin NAME of a kind is DIR/<kind>s/NAME.so or DIR/NAME.so, in the first of these
 * directories that has it: the experiment's `plugins:`, each of $HEFT_PLUGIN_PATH (separated by colons), `plugins`
 * beside the executable (a build tree), ../lib/heft/plugins from it (installed; the folder the build was told); in
 * libheft.so instead of these, plugins and heft/plugins beside that.
 * The first file found is the one, even if it is refused.  A file is first opened in a child process, since a
 * damaged one can kill its loader; then here, once, and never closed.  Everything here is [main], and best before the
 * big allocations and the threads: a fork takes 1 ms, and 40 ms more for every GB in use.
 */
#ifndef HEFT_PLUGIN_REGISTRY_H
#define HEFT_PLUGIN_REGISTRY_H

#include <heft/plugin.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/problems.h"

typedef struct plugin {
    heft_kind   kind;
    const char *name;
    const char *path;                /* absolute */
    char        digest[DIGEST_HEX];  /* of the file */
    union {
        heft_head        head;
        heft_layer       layer;      /* copies: fields that the plugin's size does not reach are NULL */
        heft_optimizer   optimizer;
        heft_initializer initializer;
    };
} plugin;

typedef struct registry registry;

registry *registry_new(size_t n_dirs, const char *const *dirs);
void      registry_free(registry *r);

/* NULL with a problem at `at`: not found (what was searched, the nearest names), or refused (why).  A file is tried
 * once for a kind: asking again repeats its refusal. */
const plugin *registry_find(registry *r, heft_kind kind, const char *name, place at, problems *pr);

/* Check one file as the loader does, without a search.  NULL with the first refusal. */
const plugin *registry_open(registry *r, heft_kind kind, const char *path, problems *pr);   /* kind 0: any */

/* Names of all files of a kind in all directories, sorted, each once (the one that would be found);
 * NULL-terminated. */
const char *const *registry_names(registry *r, heft_kind kind);
const char *registry_path(registry *r, heft_kind kind, const char *name);      /* NULL if there is none */

/* Every file in the order of the search, those that others shadow too.  Opens nothing. */
typedef struct plugin_file {
    heft_kind   kind;                /* of the folder it lies in; 0: DIR/NAME.so, of whatever kind it says */
    const char *name, *path;
    bool        user;                /* not from a directory beside the executable */
} plugin_file;

size_t registry_files(registry *r, const plugin_file **list);

/* What authors build against: the folder of heft/plugin.h, and that of heftConfig.cmake; NULL where there is none. */
typedef struct plugin_sdk { const char *include, *cmake; } plugin_sdk;
plugin_sdk registry_sdk(arena *a);

const char *kind_name(heft_kind kind);                               /* "layer", "optimizer", "initializer" */

/* All plugins opened so far, in order of first use: for provenance and checkpoints. */
size_t        registry_used(const registry *r, const plugin *const **list);

#endif
