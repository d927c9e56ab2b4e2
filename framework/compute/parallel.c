/* parallel.c -- the only file that knows OpenMP
 *
 * OpenMP makes the threads and places them (OMP_PROC_BIND, OMP_PLACES, OMP_STACKSIZE hold): one region is opened for good, and its
 * threads serve the regions of compute_parallel in turn.  How they wait is ours, since a step has many regions, some of
 * microseconds: libgomp's barriers either spin for milliseconds, which on a shared machine takes the processor from
 * the very thread that is waited for (a small net trained 100 times slower), or sleep at once, and which of the two is
 * fixed by the environment before main.  Here a thread spins for some microseconds and then sleeps, and a task whose
 * thread does not come is done by another.
 */
#include "compute/internal.h"

#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/arena.h"

enum { SPINS = 2000 };                           /* pauses: about 30 to 80 microseconds */

/* The tasks of a region: first each thread's own, then from a common pile.  Claims carry the region's number, so that a thread that
 * comes late cannot take anything: `own` is OPEN(region), then TAKEN(region); `pile` is the region in its upper half and
 * the tasks left on it in the lower. */
#define OPEN(region)  (2 * (uint64_t)(region))
#define TAKEN(region) (2 * (uint64_t)(region) + 1)

typedef struct crew_thread { _Alignas(64) _Atomic uint64_t own; } crew_thread;

static struct {
    int          threads;                        /* of a region; written by parallel_set alone */
    bool         wanted, open;                   /* a team of threads - 1 besides the caller: to be made by the next region; there */
    pthread_t    host;
    crew_thread *thread;                         /* [threads] */
    int          spins;
    /* of the region under way; read after a claim that succeeded */
    void       (*task)(void *context, int64_t i);
    void        *context;
    int64_t      n;
    atomic_flag  busy;                           /* a region is under way */
    _Alignas(64) _Atomic uint32_t region;        /* its number; 0 ends the team */
    _Alignas(64) _Atomic uint64_t pile;
    _Alignas(64) _Atomic int64_t left;           /* tasks not yet done */
    _Alignas(64) _Atomic int asleep;             /* threads in wait_for */
    _Atomic int  serving;                        /* threads in work */
    pthread_mutex_t lock;
    pthread_cond_t  changed;                     /* region, or left to 0 */
} crew = { .threads = 1, .region = 1, .busy = ATOMIC_FLAG_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

void parallel_pin(void)
{
    if (omp_get_max_threads() != 1) omp_set_num_threads(1);
}

compute_guest compute_enter(void)
{
    const compute_guest g = { omp_get_max_threads(), omp_get_dynamic() };
    parallel_pin();
    return g;
}

void compute_leave(compute_guest g)
{
    omp_set_num_threads(g.threads);
    omp_set_dynamic(g.dynamic);
}

int parallel_threads(void) { return crew.threads; }

static _Thread_local int own_number;             /* 0: not one of the team */
int compute_thread(void) { return own_number; }

/* ---- waiting ---- */

static void rest(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

static bool region_changed(int64_t from) { return atomic_load(&crew.region) != (uint32_t)from; }
static bool nothing_left(int64_t unused) { (void)unused; return atomic_load(&crew.left) == 0; }

/* `asleep` is raised before the last look, and wake looks at it after the change: one of the two sees the other. */
static void wait_for(bool (*happened)(int64_t), int64_t argument)
{
    for (int i = 0; i < crew.spins; i++) {
        if (happened(argument)) return;
        rest();
    }
    pthread_mutex_lock(&crew.lock);
    atomic_fetch_add(&crew.asleep, 1);
    while (!happened(argument)) pthread_cond_wait(&crew.changed, &crew.lock);
    atomic_fetch_sub(&crew.asleep, 1);
    pthread_mutex_unlock(&crew.lock);
}

static void wake(void)
{
    if (!atomic_load(&crew.asleep)) return;
    pthread_mutex_lock(&crew.lock);
    pthread_cond_broadcast(&crew.changed);
    pthread_mutex_unlock(&crew.lock);
}

/* ---- tasks ---- */

static void run(int64_t i)
{
    crew.task(crew.context, i);
    if (atomic_fetch_sub(&crew.left, 1) == 1) wake();
}

static bool claim_own(uint32_t region, int64_t thread)
{
    uint64_t open = OPEN(region);
    return atomic_compare_exchange_strong(&crew.thread[thread].own, &open, TAKEN(region));
}

/* A task's place from the end of the pile, from 1; 0: there is none. */
static uint32_t claim_from_pile(uint32_t region)
{
    uint64_t pile = atomic_load(&crew.pile);
    do
        if (pile >> 32 != region || !(uint32_t)pile) return 0;
    while (!atomic_compare_exchange_weak(&crew.pile, &pile, pile - 1));
    return (uint32_t)pile;
}

/* A thread's first task is the one of its own number, so that in regions of few tasks a lane's memory stays in one
 * processor's cache. */
static void serve(uint32_t region, int thread, int threads)
{
    if (claim_own(region, thread)) run(thread);
    for (uint32_t back; (back = claim_from_pile(region));) run(crew.n - back);
    for (int other = 0; other < threads; other++)
        if (claim_own(region, other)) run(other);
}

/* ---- the team ---- */

static void work(int thread, int threads, uint32_t seen)
{
    local_get();
    own_number = thread;
    atomic_fetch_add(&crew.serving, 1);
    for (;;) {
        wait_for(region_changed, seen);
        if (!(seen = atomic_load(&crew.region))) break;
        serve(seen, thread, threads);
    }
    atomic_fetch_sub(&crew.serving, 1);
}

/* The caller's own thread opens no region: oneDNN and others must find it outside of one. */
static void *host_team(void *region)
{
    const int threads = crew.threads;
    const uint32_t seen = *(const uint32_t *)region;
    #pragma omp parallel num_threads(threads - 1) default(none) shared(threads, seen)
    work(1 + omp_get_thread_num(), threads, seen);
    return NULL;
}

/* Without a team, if none can be had, the caller does everything, to the same bits. */
static void open_team(void)
{
    static uint32_t seen;
    if (crew.open) return;
    seen = atomic_load(&crew.region);
    crew.open = pthread_create(&crew.host, NULL, host_team, &seen) == 0;
}

static void close_team(void)
{
    if (!crew.open) return;
    atomic_store(&crew.region, 0);
    wake();
    pthread_join(crew.host, NULL);
    while (atomic_load(&crew.serving)) rest();   /* 0 since the region's end, which not every tool that looks for races can see */
    crew.open = false;
}

/* In a child of fork, where no thread but the caller goes on; one of the others may have held the lock. */
static void forget_team(void)
{
    crew.wanted = crew.open = false;
    atomic_store(&crew.serving, 0);
    pthread_mutex_init(&crew.lock, NULL);
    pthread_cond_init(&crew.changed, NULL);
    atomic_store(&crew.asleep, 0);
}

void parallel_set(int n)
{
    static bool forks;
    close_team();
    if (!forks) forks = pthread_atfork(NULL, NULL, forget_team) == 0;
    omp_set_dynamic(0);
    parallel_pin();
    block_free(crew.thread);
    crew.threads = n;
    crew.spins = n <= cpus_allowed() ? SPINS : 0;
    crew.thread = n > 1 ? block_alloc((size_t)n, sizeof *crew.thread) : NULL;
    crew.wanted = crew.thread != NULL;
    atomic_store(&crew.region, 1);
}

/* ---- regions ---- */

void compute_parallel(int64_t n, void (*task)(void *context, int64_t i), void *context)
{
    const int threads = crew.threads;
    if (n <= 1 || !crew.wanted || n > UINT32_MAX || atomic_flag_test_and_set(&crew.busy)) {
        for (int64_t i = 0; i < n; i++) task(context, i);
        return;
    }
    open_team();
    uint32_t region = atomic_load(&crew.region) + 1;
    if (region == 0) region = 1;
    crew.task = task;
    crew.context = context;
    crew.n = n;
    atomic_store(&crew.left, n);
    for (int i = 0; i < threads && i < n; i++) atomic_store(&crew.thread[i].own, OPEN(region));
    atomic_store(&crew.pile, (uint64_t)region << 32 | (uint64_t)(n > threads ? n - threads : 0));
    atomic_store(&crew.region, region);
    wake();
    serve(region, 0, threads);
    wait_for(nothing_left, 0);
    atomic_flag_clear(&crew.busy);
}
