/* load.c -- the loader's order: look, try in a child, open, copy */
#include "plugin/load.h"

#include "base/file.h"

const plugin *plugin_load(arena *a, heft_kind kind, const char *path, int limit_ms, problems *pr)
{
    if (elf_check(path, pr) < 0) return NULL;
    if (!descriptor_resident(path) && probe(kind, path, limit_ms, pr) < 0) return NULL;
    plugin *p = arena_alloc(a, 1, sizeof *p);
    if (digest_file(path, p->digest, pr) < 0) return NULL;
    const heft_head *d = descriptor_open(kind, path, pr);
    if (!d) return NULL;
    plugin_copy(p, d);
    p->name = d->name;
    p->path = path_absolute(a, path);
    return p;
}
