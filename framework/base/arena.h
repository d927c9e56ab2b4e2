/* arena.h -- memory with one lifetime
 *
 * Allocations are zeroed, 64-byte aligned, and freed together by arena_free.  Meant for control structures
 * (nodes, plans, names): small, many, alive until the end of their owner.  Running out of them
 * is not an error that callers handle: see memory_exhausted.
 */
#ifndef HEFT_BASE_ARENA_H
#define HEFT_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct arena arena;

arena *arena_new(void);
void   arena_free(arena *a);                                     /* NULL: nothing */

/* count * size bytes; never NULL (see memory_exhausted).  count 0 gives a valid pointer to nothing. */
void  *arena_alloc(arena *a, size_t count, size_t size);
char  *arena_strdup(arena *a, const char *s);
char  *arena_strndup(arena *a, const char *s, size_t n);
__attribute__((format(printf, 2, 3)))
char  *arena_printf(arena *a, const char *fmt, ...);

/* A copy of the first n of `old` elements, with room for `want`; for growing arrays in an arena. */
void  *arena_grow(arena *a, const void *old, size_t n, size_t want, size_t size);

/* Large blocks (weights, activations, data): 64-byte aligned, zeroed, NULL if there is no memory or count * size
 * overflows, which the caller reports with the size asked for.  Freed by block_free. */
void  *block_alloc(size_t count, size_t size);
void   block_free(void *p);

/* false if a * b does not fit; else *out = a * b.  The way sizes from files and users are multiplied. */
bool   size_mul(size_t a, size_t b, size_t *out);

/* Called when a small allocation fails.  Prints one line and exits with status 1, unless a handler was set
 * (heft.h sets one that returns to its caller by longjmp).  Never returns.  Every published file is complete
 * at every instant, so dying here loses nothing. */
_Noreturn void memory_exhausted(size_t bytes);
extern _Thread_local void (*memory_handler)(size_t bytes);

#endif
