/* compute.h -- threads, fixed-order sums, and the heavy arithmetic
 *
 * The only door to OpenMP and oneDNN.  Nothing here depends on the number of threads (R1): work is cut by the
 * caller into tasks whose boundaries come from the model and the batch, and sums over tasks run in a fixed
 * binary tree.
 */
#ifndef HEFT_COMPUTE_COMPUTE_H
#define HEFT_COMPUTE_COMPUTE_H

#include <heft/plugin.h>
#include "base/problems.h"

typedef enum compute_precision { COMPUTE_F32, COMPUTE_BF16 } compute_precision;

/* Before anything else, from the main thread; again to change.  threads 0: as many as the process may run on
 * (affinity, cgroup quota rounded down); more than that is allowed, and slow.  Sets OpenMP's own thread count
 * to 1, so that a oneDNN primitive made anywhere is made for one thread.  The threads live until the next call; a
 * child of fork has none and does everything by itself. */
void compute_init(int threads, compute_precision precision);
int  compute_threads(void);
compute_precision compute_precision_now(void);
size_t compute_memory(void);         /* bytes that this process may use at most: the machine's, or its cgroup's limit */
bool compute_bf16_native(void);      /* the processor multiplies bf16 */

/* For a library: heft's calls change OpenMP settings of the thread that makes them; between these two it may make any, and
 * its own settings come back. */
typedef struct compute_guest { int threads; bool dynamic; } compute_guest;
compute_guest compute_enter(void);
void compute_leave(compute_guest g);

/* "AVX-512 with bf16 (oneDNN 2.6.3)", "AVX2 (oneDNN 2.6.3)" or "plain C": what results also depend on; goes into provenance. */
const char *compute_describe(void);

/* task(context, i) for i in 0 .. n-1, on all threads, in any order; returns when all are done.  One region at a time: a
 * call from a task, or from another thread meanwhile, does its tasks itself.  An empty one takes about a microsecond on
 * idle processors; one task, or one thread, is a plain call. */
void compute_parallel(int64_t n, void (*task)(void *context, int64_t i), void *context);

/* In a task: which thread it runs on, 0 to compute_threads() - 1; tasks of one region that run at the same time have different ones. */
int compute_thread(void);

/* The services handed to plugins.  gemm, conv* are single-threaded and callable from tasks, and from any other
 * thread; their bits depend on their arguments, the precision and compute_describe() alone.  log writes a line
 * to stderr. */
const heft_host *compute_host(void);

/* The n floats at x (the model's weights) do not change until the next call: what gemm would make of them for every lane, rounded to
 * bf16 or in a layout that suits the caches, is made once, here, in parallel.  NULL, 0: forget them.  Speed alone, never bits.
 * Call it before the lanes of a pass run and forget them after.  [main] */
void compute_weights(const float *x, size_t n);

/* out[i] = scale * (the sum of part[0][i] .. part[n-1][i]), i in [begin, end); n >= 1; out may be one of the
 * parts.  The tree: neighbours are added in pairs, the results in pairs, and so on; one without a partner goes
 * up as it is.  Floats for gradients, doubles for tallies.  Any range, any thread. */
void compute_sum_f32(int n, const float *const *part, float scale, size_t begin, size_t end, float *out);
void compute_sum_f64(int n, const double *const *part, size_t begin, size_t end, double *out);

/* Sum of n doubles, and of the squares of n floats (in double), in a fixed tree of fixed-size blocks; parallel.
 * [main] */
double compute_total(int64_t n, const double *x);
double compute_squares(size_t n, const float *x);

/* The plain C forms: the oracle of the tests, and what runs where oneDNN is absent or has no kernel.  The same
 * bits on every machine. */
void plain_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
                const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
void plain_conv(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y);
void plain_conv_back_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx);
void plain_conv_back_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw,
                            float *dbias);

#endif
