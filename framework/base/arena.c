#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGN = 64, FIRST = 2 * 1024, BLOCK = 64 * 1024, HUGE_PAGE = 2 << 20, LARGE = 4 << 20 };

typedef struct block { struct block *next; size_t room, used; } block;    /* the bytes follow, aligned */

struct arena { block *first; };

_Thread_local void (*memory_handler)(size_t bytes);

_Noreturn void memory_exhausted(size_t bytes)
{
    if (memory_handler) memory_handler(bytes);
    fprintf(stderr, "heft: error: out of memory: %zu bytes were asked for\n", bytes);
    _exit(1);                                    /* not exit: other threads may be at work in what its handlers take apart */
}

bool size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static size_t round_up(size_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }

void *block_alloc(size_t count, size_t size)
{
    size_t bytes;
    if (!size_mul(count, size, &bytes) || bytes > SIZE_MAX - 2 * ALIGN) return NULL;
    bytes = bytes ? round_up(bytes) : ALIGN;
    const bool large = bytes >= LARGE;
    void *p = NULL;
    if (posix_memalign(&p, large ? HUGE_PAGE : ALIGN, bytes) != 0) return NULL;
    if (large) (void)madvise(p, bytes, MADV_HUGEPAGE);          /* matrices' columns are pages apart; advice alone */
    memset(p, 0, bytes);
    return p;
}

void block_free(void *p) { free(p); }

arena *arena_new(void)
{
    arena *a = calloc(1, sizeof *a);
    if (!a) memory_exhausted(sizeof *a);
    return a;
}

void arena_free(arena *a)
{
    if (!a) return;
    for (block *b = a->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

void *arena_alloc(arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (!size_mul(count, size, &bytes) || bytes > SIZE_MAX / 2) memory_exhausted(SIZE_MAX);
    bytes = round_up(bytes);
    if (!a->first || a->first->room - a->first->used < bytes) {
        size_t room = !a->first ? FIRST : a->first->room < BLOCK / 2 ? 2 * a->first->room : BLOCK;
        const size_t head = round_up(sizeof(block));
        if (room < bytes) room = bytes;
        block *b = aligned_alloc(ALIGN, head + room);
        if (!b) memory_exhausted(head + room);
        *b = (block){ a->first, room, 0 };
        a->first = b;
    }
    void *p = (char *)a->first + round_up(sizeof(block)) + a->first->used;
    a->first->used += bytes;
    return memset(p, 0, bytes);
}

void *arena_grow(arena *a, const void *old, size_t n, size_t want, size_t size)
{
    void *p = arena_alloc(a, want, size);
    if (n) memcpy(p, old, n * size);
    return p;
}

char *arena_strndup(arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1, 1);
    if (n) memcpy(p, s, n);
    return p;
}

char *arena_strdup(arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_printf(arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1, 1);
    if (n > 0) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}
