/* internal.h -- between the files of compute/; no other room includes it
 *
 * compute.c chooses, and the others do: parallel.c (OpenMP), cpus.c (how many processors), local.c (memory of
 * one thread), sums.c, bf16.c (rounding), plain.c and plain_conv.c (C forms), packed.c (a layout that
 * suits the caches), weights.c (what is made of weights once a pass), panels.c (products of a transposed operand), direct.c and winograd.c
 * (convolutions) and avx2.c (the inner loops of these three), onednn.c (everything that knows oneDNN).
 */
#ifndef HEFT_COMPUTE_INTERNAL_H
#define HEFT_COMPUTE_INTERNAL_H

#include "compute/compute.h"

/* What gemm is asked for, but the matrices. */
typedef struct product { bool ta, tb; int64_t m, n, k; float alpha, beta; int64_t lda, ldb, ldc; } product;

/* ---- parallel.c ---- */

void parallel_set(int threads);
int  parallel_threads(void);

/* Make everything that OpenMP-using libraries do on this thread single-threaded.  A oneDNN primitive counts
 * omp_get_max_threads() when it is made but runs on one thread inside a region, and then waits forever for the
 * others. */
void parallel_pin(void);

/* ---- cpus.c ---- */

/* Processors this process may use: its affinity, limited by the cgroup's quota; at least 1. */
int cpus_allowed(void);

/* The least quota / period of the cgroups in the file `self` (/proc/self/cgroup) under `root` (/sys/fs/cgroup)
 * and of their parents, rounded down (rounding up would let the kernel stop all threads for the rest of each
 * period), at least 1; 0 if none limits. Version 1 and 2. */
int cgroup_cpus(const char *self, const char *root);
int64_t cgroup_memory(const char *self, const char *root);           /* the same for bytes of memory */

/* ---- local.c ---- */

typedef enum local_use { LOCAL_A, LOCAL_B, LOCAL_PACK, LOCAL_WORK, LOCAL_TILES_X, LOCAL_TILES_Y, LOCAL_USES } local_use;

/* What a thread keeps between calls.  When a thread ends, its local goes to the next new thread. */
typedef struct local {
    struct local  *next;
    bool           taken;
    void          *buffer[LOCAL_USES];
    size_t         room[LOCAL_USES];
    struct onednn *onednn;                       /* NULL until used */
} local;

local *local_get(void);

/* This thread's buffer for `use`, at least `bytes` (0 included: still valid), 64-byte aligned, undefined
 * content; a later call for the same use may move it.  Ends in memory_exhausted if there is none. */
void *local_buffer(local *l, local_use use, size_t bytes);

/* ---- sums.c: the host's dot and axpy ---- */

double vector_dot(size_t n, const float *x, const float *y);
void   vector_axpy(size_t n, float a, const float *x, float *y);

/* ---- bf16.c: round to nearest, ties to even; NaN stays NaN ---- */

typedef uint16_t bf16;

/* rows x cols of x (rows ld apart) to a dense array. */
void bf16_pack(int64_t rows, int64_t cols, const float *x, int64_t ld, bf16 *out);
void bf16_round(int64_t rows, int64_t cols, const float *x, int64_t ld, float *out);     /* the same, as floats */

/* ---- onednn.c: false, with outputs untouched, where oneDNN is absent or has no kernel ---- */

bool onednn_open(void);                          /* once, after parallel_pin; again: nothing */
bool onednn_has_bf16(void);
bool onednn_reads_in_place(void);                /* its products read B where it lies (AVX2 and before) */
void onednn_describe(size_t room, char *text);

bool onednn_gemm(const product *p, const float *a, const float *b, float *c);
bool onednn_gemm_bf16(const product *p, const bf16 *a, const bf16 *b, float *c);

/* half: x and dy are bf16 (then w is rounded here); else floats. */
bool onednn_conv(const heft_conv *c, int64_t n, bool half, const void *x, const float *w, const float *bias,
                 float *y);
bool onednn_conv_back_data(const heft_conv *c, int64_t n, bool half, const void *dy, const float *w, float *dx);
bool onednn_conv_back_weight(const heft_conv *c, int64_t n, bool half, const void *x, const void *dy, float *dw,
                             float *dbias);

/* ---- avx2.c: 16 neighbours at a time; every size at least 1, distances in floats ---- */

void avx2_open(void);                            /* after onednn_open */
bool avx2_in_use(void);                          /* the processor can, and oneDNN has nothing newer for it (nor is absent: plain C is the same everywhere) */

/* n rows of 16: out[i * out_row ..] = the sum over `lines` and `terms` of x[line * x_line + term * x_term + i * x_row] * the 16 floats
 * y[line * y_line + term * y_term ..], + bias[0 ..] if there is one, + what was there if `add`. */
typedef struct avx2_sum {
    int64_t lines, terms, x_line, x_term, x_row, y_line, y_term, out_row;
    const float *bias;
    bool add;
} avx2_sum;

void avx2_sums(const avx2_sum *s, int64_t n, const float *x, const float *y, float *out);       /* x_term is 1 and y_term 16, unread */
void avx2_outers(const avx2_sum *s, int64_t n, const float *x, const float *y, float *out);     /* x_row is 1, unread */

/* Columns of x in strips of 16, the last filled up with zeros: to[c / 16 * apart + r * 16 + c % 16] = x[r * ld + c]. */
void avx2_strips(int64_t rows, int64_t cols, const float *x, int64_t ld, float *to, int64_t apart);

void avx2_turn(int64_t rows, int64_t cols, const float *x, int64_t ld, float *to, int64_t to_ld);     /* to[c * to_ld + r] = x[r * ld + c] */

/* ---- direct.c: functions of the shape: what it can do, and where it is faster than oneDNN ---- */

typedef enum direct_pass { DIRECT_FORWARD, DIRECT_BACK_DATA, DIRECT_BACK_WEIGHT } direct_pass;

bool direct_can(const heft_conv *c, direct_pass pass);
bool direct_pays(const heft_conv *c, direct_pass pass);

/* An image with zeros around it, from the padding on the upper left to `height` and `width`.  frame_put: where the
 * image lies then, until the next one is put; changed false: it is the one that was put last. */
typedef struct framed {
    const heft_conv *c;
    int64_t          pitch;                      /* floats from row to row */
    float           *copy;                       /* in LOCAL_PACK; NULL: nothing is around it */
} framed;
framed       frame(const heft_conv *c, int64_t height, int64_t width);
const float *frame_put(const framed *f, const float *image, bool changed);

heft_conv direct_mirrored(const heft_conv *c);   /* the problem whose forward is c's back to data, stride 1 */

void direct_conv(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y);
void direct_conv_back_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx);
void direct_conv_back_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw, float *dbias);

/* ---- winograd.c: the same for fewer multiplications, where direct.c can and it is faster yet ---- */

bool winograd_can(const heft_conv *c);
bool winograd_pays(const heft_conv *c, direct_pass pass);

void winograd_conv(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y);
void winograd_conv_back_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx);
void winograd_conv_back_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw, float *dbias);

/* ---- packed.c: onednn_gemm on copies of op(B), where that is faster ---- */

enum { MOST_TURNED = 1 << 20 };                  /* floats of a transposed B: of more a step has not enough products, and panels.c does without a copy */

bool packed_pays(const product *p);
void packed_gemm(const product *p, const float *a, const float *b, float *c);

/* op(B) [rows, cols], which begins at b, to rows `pitch` apart. */
void packed_copy(bool tb, int64_t rows, int64_t cols, const float *b, int64_t ldb, float *copy, int64_t pitch);

/* ---- panels.c: products of one transposed operand, by avx2.c ---- */

bool panels_pay(const product *p);
void panels_gemm(const product *p, const float *a, const float *b, float *c);

/* ---- weights.c: copies made by compute_weights, for as long as it says; NULL: there is none ---- */

const void  *weights_rounded(bool half, const float *x, size_t n);   /* as bf16 where the processor multiplies that, else (not half) as floats */
const float *weights_sheet(const float *x, bool tb, int64_t rows, int64_t cols, int64_t pitch);     /* of op(x) [rows, cols], x dense: rows `pitch` apart */

/* ---- compute.c: bf16 by rounded floats, whatever the processor can; for tests ---- */

void soft_gemm(const product *p, const float *a, const float *b, float *c);

#endif
