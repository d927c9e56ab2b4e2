/* file.h -- whole files: read, publish, paths
 *
 * Rule R7: a published file is complete or absent.  file_publish writes beside the target, flushes, renames
 * over it and flushes the directory; nothing in heft writes to a file that has its final name.
 */
#ifndef HEFT_BASE_FILE_H
#define HEFT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/problems.h"

/* The whole file, NUL-terminated beyond *n, in a block of its own (block_free); NULL after a problem.
 * Larger than `most` bytes is a problem. */
char *file_read(const char *path, size_t most, size_t *n, problems *pr);

/* Write aside (path with ".tmp" and the process id behind it), fsync, rename, fsync the directory.  On failure the previous file is
 * untouched and what was written aside is removed. */
int   file_publish(const char *path, const void *bytes, size_t n, problems *pr);

/* The same without the directory: after a loss of power the old file may be there, or none, but no part of the new one.  The next flush of the
 * directory holds it too. */
int   file_replace(const char *path, const void *bytes, size_t n, problems *pr);

/* Several.  None takes its place before all are written and flushed, which costs little more than to flush one; then they do in their order,
 * and the names of the first `safe` are flushed before any other does.  A failure keeps back that one and those behind it. */
typedef struct file_part { const char *path; const void *bytes; size_t n; } file_part;
int   file_publish_all(int n, int safe, const file_part *part, problems *pr);

/* Like mkdir, and flushed to the disk like a published file: -1 and errno. */
int   file_mkdir(const char *path);
int   file_sync_dir(const char *path, problems *pr);          /* the names in it */
int   file_mkdirs(const char *path, problems *pr);            /* like mkdir -p */
bool  file_exists(const char *path);
bool  file_is_dir(const char *path);

char *path_join(arena *a, const char *dir, const char *name); /* name alone if it is absolute */
char *path_dir(arena *a, const char *path);                   /* "." if there is none */
const char *path_base(const char *path);
char *path_absolute(arena *a, const char *path);              /* against the current directory, without "." and ".." steps */

#endif
