#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/source.h"

/* One batch is the caller's; the others wait, or are being filled. */
enum { SLOTS = 3 };

typedef struct slot {
    batch    b;
    problems failed;                 /* n > 0: in place of the batch */
} slot;

/* The thread owns slot[filled % SLOTS] and writes `order` while `busy`; the caller owns slot[(taken - 1) % SLOTS]
 * while `holds`.  Everything else is read and written under the lock. */
struct loader {
    dataset   *from;
    int64_t    count, batch_size;
    bool       shuffle, drop_last;
    uint64_t   seed;
    int64_t   *order;                /* [count] */
    slot       slot[SLOTS];
    pthread_t  thread;
    pthread_mutex_t lock;
    pthread_cond_t  work, done;      /* for the thread; for the caller */
    int64_t    epoch, next;          /* the next batch to fill begins at sample `next` */
    int64_t    ordered;              /* the epoch that `order` is of, or -1 */
    int64_t    filled, taken;        /* batches since loader_start */
    bool       holds, busy, ended, stop;
};

static int64_t batches(const loader *l, int64_t from)
{
    const int64_t left = l->count - from;
    return l->drop_last ? left / l->batch_size : (left + l->batch_size - 1) / l->batch_size;
}

int64_t loader_batches(const loader *l) { return batches(l, 0); }

static void make_order(loader *l, int64_t epoch)
{
    if (l->shuffle) rng_permutation(rng_key(l->seed, RNG_SHUFFLE, (uint64_t)epoch, 0), l->count, l->order);
    else
        for (int64_t i = 0; i < l->count; i++) l->order[i] = i;
}

static void fill(loader *l, slot *s, int64_t first)
{
    batch *b = &s->b;
    b->first = first;
    b->index = l->order + first;
    b->n = l->count - first < l->batch_size ? l->count - first : l->batch_size;
    if (dataset_fetch(l->from, b->index, b->n, b->inputs, b->targets, &s->failed) < 0 && !s->failed.n)
        problems_add(&s->failed, (place){ l->from->from->name, 0, 0 }, "cannot be read");
    if (b->weights) dataset_weights(l->from, b->index, b->n, b->weights);
}

static void *prepare(void *argument)
{
    loader *l = argument;
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        const int64_t waiting = l->filled - l->taken + l->holds;
        if (l->ended || l->epoch < 0 || waiting >= SLOTS || batches(l, l->next) < 1) {
            pthread_cond_wait(&l->work, &l->lock);
            continue;
        }
        slot *s = &l->slot[l->filled % SLOTS];
        const int64_t first = l->next, epoch = l->epoch;
        const bool fresh = l->ordered != epoch;
        l->busy = true;
        pthread_mutex_unlock(&l->lock);
        if (fresh) make_order(l, epoch);
        fill(l, s, first);
        pthread_mutex_lock(&l->lock);
        l->busy = false;
        l->ordered = epoch;
        l->filled++;
        l->next += s->b.n;
        if (s->failed.n) l->ended = true;
        pthread_cond_signal(&l->done);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static int get_memory(loader *l, const data *d, problems *pr)
{
    size_t nx, ny;
    const bool fits = size_mul((size_t)heft_count(&d->input), (size_t)l->batch_size, &nx) &&
                      size_mul((size_t)heft_count(&d->target), (size_t)l->batch_size, &ny);
    bool found = fits && (l->order = block_alloc((size_t)l->count, sizeof *l->order));
    for (int i = 0; i < SLOTS && found; i++)
        found = (l->slot[i].b.inputs = block_alloc(nx, sizeof(float))) &&
            (l->slot[i].b.targets = block_alloc(ny, sizeof(float))) &&
            (!dataset_weighted(l->from) ||
             (l->slot[i].b.weights = block_alloc((size_t)l->batch_size, sizeof(float))));
    if (found) return 0;
    problems_add(pr, (place){ l->from->from->name, 0, 0 }, "no memory for %d batches of %lld samples", SLOTS,
                 (long long)l->batch_size);
    return -1;
}

static void free_memory(loader *l)
{
    for (int i = 0; i < SLOTS; i++) {
        block_free(l->slot[i].b.inputs);
        block_free(l->slot[i].b.targets);
        block_free(l->slot[i].b.weights);
        problems_free(&l->slot[i].failed);
    }
    block_free(l->order);
    free(l);
}

/* Signals are for the threads of the program, not for this one. */
static int start_thread(loader *l)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&l->thread, NULL, prepare, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

loader *loader_open(dataset *s, const data *d, int64_t batch_size, bool shuffle, bool drop_last, uint64_t seed,
                    problems *pr)
{
    const place at = { s->from->name, 0, 0 };
    if (batch_size < 1 || (drop_last && batch_size > s->count)) {
        problems_add(pr, at, "batches of %lld samples; %lld can be had of these %lld", (long long)batch_size,
                     batch_size < 1 ? 1LL : (long long)s->count, (long long)s->count);
        return NULL;
    }
    loader *l = calloc(1, sizeof *l);
    if (!l) memory_exhausted(sizeof *l);
    l->from = s;
    l->count = s->count;
    l->batch_size = batch_size < s->count ? batch_size : s->count;
    l->shuffle = shuffle;
    l->drop_last = drop_last;
    l->seed = seed;
    l->epoch = l->ordered = -1;
    if (get_memory(l, d, pr) < 0) {
        free_memory(l);
        return NULL;
    }
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->done, NULL);
    const int error = start_thread(l);
    if (!error) return l;
    problems_add(pr, at, "no thread can be started to prepare batches: %s", strerror(error));
    free_memory(l);
    return NULL;
}

void loader_start(loader *l, int64_t epoch, int64_t first)
{
    pthread_mutex_lock(&l->lock);
    l->ended = true;                             /* nothing new is begun */
    while (l->busy) pthread_cond_wait(&l->done, &l->lock);
    for (int i = 0; i < SLOTS; i++) problems_free(&l->slot[i].failed);
    l->epoch = epoch;
    l->next = first < 0 ? 0 : first > l->count ? l->count : first;
    l->filled = l->taken = 0;
    l->holds = l->ended = false;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
}

const batch *loader_next(loader *l, problems *pr)
{
    const batch *b = NULL;
    pthread_mutex_lock(&l->lock);
    l->holds = false;
    pthread_cond_signal(&l->work);
    while (l->filled == l->taken && !l->ended && l->epoch >= 0 && batches(l, l->next) > 0)
        pthread_cond_wait(&l->done, &l->lock);
    if (l->filled > l->taken) {
        slot *s = &l->slot[l->taken++ % SLOTS];
        if (s->failed.n) {
            problems_append(pr, &s->failed);
            problems_free(&s->failed);
        } else {
            l->holds = true;
            b = &s->b;
        }
    }
    pthread_mutex_unlock(&l->lock);
    return b;
}

void loader_close(loader *l)
{
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->done);
    free_memory(l);
}
