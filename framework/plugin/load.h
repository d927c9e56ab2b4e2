/* load.h -- one file through the loader's checks; inside this room and its tests only
 *
 * Every refusal is one line in a problem whose place is the path.
 */
#ifndef HEFT_PLUGIN_LOAD_H
#define HEFT_PLUGIN_LOAD_H

#include "plugin/registry.h"

enum { PROBE_LIMIT_MS = 5000 };

/* All checks in order: file, probe in a child, open here, descriptor.  kind 0: any. */
const plugin *plugin_load(arena *a, heft_kind kind, const char *path, int limit_ms, problems *pr);

/* A regular, readable, whole ELF shared object for this machine. */
int elf_check(const char *path, problems *pr);

/* dlopen and the descriptor's checks in a forked child: whatever loading the file does to its process, it does
 * there. */
int probe(heft_kind kind, const char *path, int limit_ms, problems *pr);

/* The descriptor of a file in this process, checked; NULL with problems.  Never undone. */
const heft_head *descriptor_open(heft_kind kind, const char *path, problems *pr);

/* This process has loaded the file before (through another registry): nothing is left to try in a child. */
bool descriptor_resident(const char *path);

/* The checks alone.  `bytes` is how many the object at d really has, `stem` the file's name without ".so". */
int descriptor_check(const heft_head *d, size_t bytes, heft_kind kind, const char *stem, place at, problems *pr);

/* Into the zeroed p: fields that d's size does not reach stay NULL. */
void plugin_copy(plugin *p, const heft_head *d);

/* Bytes of the host's descriptor of a kind. */
size_t descriptor_size(heft_kind kind);

#endif
