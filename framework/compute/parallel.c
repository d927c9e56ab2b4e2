/* parallel.c -- the only file that knows OpenMP */
#include "compute/internal.h"

#include <omp.h>
#include <stdatomic.h>

static int threads = 1;                          /* of every region; written by compute_init alone */

void parallel_set(int n)
{
    threads = n;
    omp_set_dynamic(0);
    parallel_pin();
}

int parallel_threads(void) { return threads; }

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

/* The team always has the same size: libgomp ends threads that a smaller team does not need, and starting them
 * again costs more than most regions take.  A thread's first task is the one of its own number, so that in
 * regions of few tasks a lane's memory stays in one processor's cache; the rest go to whoever is free. */
void compute_parallel(int64_t n, void (*task)(void *context, int64_t i), void *context)
{
    if (n <= 1 || threads == 1) {
        for (int64_t i = 0; i < n; i++) task(context, i);
        return;
    }
    parallel_pin();
    _Atomic int64_t taken = 0;
    #pragma omp parallel num_threads(threads) default(none) shared(n, task, context, taken)
    {
        const int64_t team = omp_get_num_threads();
        int64_t i = omp_get_thread_num();
        while (i < n) {
            task(context, i);
            i = team + atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
        }
    }
}
