#include "compute/internal.h"
#include "base/arena.h"

#include <pthread.h>
#include <stdlib.h>

/* All locals ever made, so that those of ended threads are used again and none is lost. */
static local *all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static _Thread_local local *mine;

static void give_back(void *l)
{
    mine = NULL;
    pthread_mutex_lock(&lock);
    ((local *)l)->taken = false;
    pthread_mutex_unlock(&lock);
}

static void make_key(void)
{
    if (pthread_key_create(&key, give_back) != 0) memory_exhausted(sizeof key);
}

static local *take(void)
{
    pthread_once(&once, make_key);
    pthread_mutex_lock(&lock);
    local *l = all;
    while (l && l->taken) l = l->next;
    if (!l && (l = calloc(1, sizeof *l))) {
        l->next = all;
        all = l;
    }
    if (l) l->taken = true;
    pthread_mutex_unlock(&lock);
    if (!l || pthread_setspecific(key, l) != 0) memory_exhausted(sizeof *l);
    return l;
}

local *local_get(void)
{
    if (!mine) {
        mine = take();
        parallel_pin();
    }
    return mine;
}

void *local_buffer(local *l, local_use use, size_t bytes)
{
    if (!l->buffer[use] || bytes > l->room[use]) {
        size_t room = bytes < 4096 ? 4096 : bytes + bytes / 4;
        block_free(l->buffer[use]);
        l->room[use] = 0;
        if (!(l->buffer[use] = block_alloc(room, 1))) memory_exhausted(room);
        l->room[use] = room;
    }
    return l->buffer[use];
}
