/* xsmm.c -- the only file that knows LIBXSMM (1.17): convolutions as sums of small products
 *
 * Forward, a row of the output is the sum over the taps of the kernel of one product each: weights [ic, oc] and ow pixels of a row of the
 * input; code made for the shape keeps the sum in registers.  Padding becomes zeros around a copy of the image.  Back to data is the same
 * with input and output exchanged, so the weights mirrored and transposed.  Back to weights, a tap is a sum over rows.
 *
 * Of the library only the generator of code is used: its dispatcher writes a file to /tmp, unmaps code in an exit handler, and obeys
 * variables of the environment.  Each thread has code of its own.
 */
#include "compute/internal.h"

#ifdef HEFT_XSMM

#include <libxsmm_cpuid.h>
#include <libxsmm_generator.h>
#include <libxsmm_version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/arena.h"

enum { MOST_TAPS = 64, MOST_ROWS = 64, MOST_SIZE = 4096, MOST_CODES = 64 };
enum { CODE = 1 << 17, BLOCK = 40 << 10 };       /* bytes; BLOCK: rows of x and dy that a tap reads at once */

/* c = (or +=) the sum of `count` products a b at offsets in bytes.  Column by column: a m x k, b k x n or, transposed, n x k, c m x n. */
typedef void (*code)(const float *a, const float *b, float *c, const unsigned long long *count, const unsigned long long *a_at,
                     const unsigned long long *b_at);
typedef struct shape { int64_t m, n, k, add, transposed; } shape;

typedef struct entry {
    struct entry *next;
    shape         s;
    void         *mapped;                        /* NULL: there is no code */
    size_t        bytes;
} entry;

struct xsmm { entry *first; int n; };

static bool works;                               /* set by xsmm_open, read by every thread after it */

/* ---- code ---- */

/* Bytes of code; 0: there is none for this shape. */
static size_t generate(const shape *s, void *room)
{
    libxsmm_descriptor_blob blob;
    const int flags = LIBXSMM_GEMM_FLAG_BATCH_REDUCE_OFFSET | (s->transposed ? LIBXSMM_GEMM_FLAG_TRANS_B : 0);
    const int m = (int)s->m, n = (int)s->n, k = (int)s->k;
    const libxsmm_gemm_descriptor *d = libxsmm_sgemm_descriptor_init(&blob, m, n, k, m, s->transposed ? n : k, m, 1, (float)s->add,
                                                                     flags, LIBXSMM_GEMM_PREFETCH_NONE);
    libxsmm_generated_code g = { .generated_code = room, .buffer_size = CODE, .code_type = 2, .arch = LIBXSMM_X86_AVX2 };
    if (!d) return 0;
    libxsmm_generator_gemm_kernel(&g, d);
    return g.last_error ? 0 : g.code_size;
}

/* Where the system gives no memory for code, xsmm_open finds out. */
static void make(entry *e)
{
    void *room = block_alloc(CODE, 1);
    if (!room) memory_exhausted(CODE);
    if ((e->bytes = generate(&e->s, room)) != 0) {
        void *at = mmap(NULL, e->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at != MAP_FAILED) {
            memcpy(at, room, e->bytes);
            if (mprotect(at, e->bytes, PROT_READ | PROT_EXEC) == 0) e->mapped = at;
            else munmap(at, e->bytes);
        }
        if (!e->mapped && works) memory_exhausted(e->bytes);
    }
    block_free(room);
}

static void clear(struct xsmm *x)
{
    for (entry *e = x->first, *next; e; e = next) {
        next = e->next;
        if (e->mapped) munmap(e->mapped, e->bytes);
        free(e);
    }
    *x = (struct xsmm){ NULL, 0 };
}

/* This thread's code for a shape, made the first time; NULL if there is none. */
static code code_get(shape s)
{
    local *l = local_get();
    if (!l->xsmm && !(l->xsmm = calloc(1, sizeof *l->xsmm))) memory_exhausted(sizeof *l->xsmm);
    entry *e = l->xsmm->first;
    while (e && memcmp(&e->s, &s, sizeof s) != 0) e = e->next;
    if (!e) {
        if (l->xsmm->n == MOST_CODES) clear(l->xsmm);
        if (!(e = calloc(1, sizeof *e))) memory_exhausted(sizeof *e);
        e->s = s;
        make(e);
        e->next = l->xsmm->first;
        l->xsmm->first = e;
        l->xsmm->n++;
    }
    code run;
    memcpy(&run, &e->mapped, sizeof run);        /* C has no cast from an object to a function */
    return run;
}

bool xsmm_open(void)
{
    if (!works && onednn_reads_in_place() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        works = code_get((shape){ 16, 6, 16, 0, 0 }) != NULL;
    return works;
}

const char *xsmm_describe(void) { return works ? "LIBXSMM " LIBXSMM_CONFIG_VERSION : NULL; }

/* ---- which convolutions ---- */

/* A convolution whose passes can be written as such sums, and whose sizes fit everywhere below. */
static bool fits(const heft_conv *c)
{
    const int64_t size[] = { c->ih, c->iw, c->ic, c->oh, c->ow, c->oc, c->kh, c->kw };
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        if (size[i] < 1 || size[i] > MOST_SIZE) return false;
    for (int i = 0; i < 4; i++)
        if (c->pad[i] < 0 || c->pad[i] >= (i < 2 ? c->kh : c->kw)) return false;
    return works && c->groups == 1 && c->stride[0] == 1 && c->stride[1] == 1 && c->dilation[0] == 1 && c->dilation[1] == 1
        && c->kh * c->kw <= MOST_TAPS && c->oh == c->ih + c->pad[0] + c->pad[1] - c->kh + 1
        && c->ow == c->iw + c->pad[2] + c->pad[3] - c->kw + 1;
}

/* Against oneDNN 2.6.3's AVX2 kernels on a Zen 3 (docs/performance.md has the figures).  The generator's blocks are 32 x 3, so that 16 output
 * channels are half a block.  Forward and back to data read all weights for each row, so these must stay in L2. */
bool xsmm_pays(const heft_conv *c, xsmm_pass pass)
{
    if (!fits(c)) return false;
    const int64_t taps = c->kh * c->kw, weights = taps * c->ic * c->oc;
    if (pass == XSMM_BACK_WEIGHT)
        return c->oc >= 32 && c->oc % 16 == 0 && c->ow >= 3 && weights <= 1 << 20
            && (c->iw * c->ic + c->ow * c->oc) * (int64_t)sizeof(float) <= 1 << 16;
    return c->ic % 32 == 0 && c->oc % 32 == 0 && taps >= 4 && taps <= 9 && weights <= 9 * 64 * 64
        && (pass == XSMM_FORWARD ? c->ow >= 6 : c->iw >= 16);
}

/* ---- images with zeros around them ---- */

typedef struct framed {
    const heft_conv *c;
    int64_t          pitch;                      /* floats from row to row */
    float           *copy;                       /* NULL: there is no padding */
} framed;

static framed frame(const heft_conv *c)
{
    const int64_t height = c->ih + c->pad[0] + c->pad[1], width = c->iw + c->pad[2] + c->pad[3];
    framed f = { c, width * c->ic, NULL };
    if (height == c->ih && width == c->iw) return f;
    const size_t bytes = (size_t)(height * f.pitch) * sizeof *f.copy;
    f.copy = local_buffer(local_get(), LOCAL_PACK, bytes);
    memset(f.copy, 0, bytes);
    return f;
}

static const float *put(const framed *f, const float *image)
{
    const heft_conv *c = f->c;
    const int64_t row = c->iw * c->ic;
    if (!f->copy) return image;
    for (int64_t y = 0; y < c->ih; y++)
        memcpy(f->copy + (c->pad[0] + y) * f->pitch + c->pad[2] * c->ic, image + y * row, (size_t)row * sizeof *image);
    return f->copy;
}

/* ---- passes ---- */

static unsigned long long offset(int64_t floats) { return (unsigned long long)floats * sizeof(float); }

bool xsmm_conv(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y)
{
    const code run = fits(c) ? code_get((shape){ c->oc, c->ow, c->ic, bias != NULL, 0 }) : NULL;
    if (!run) return false;
    const framed f = frame(c);
    const unsigned long long taps = (unsigned long long)(c->kh * c->kw);
    unsigned long long w_at[MOST_TAPS], x_at[MOST_TAPS];
    for (int64_t t = 0; t < c->kh * c->kw; t++) {
        w_at[t] = offset(t * c->ic * c->oc);
        x_at[t] = offset(t / c->kw * f.pitch + t % c->kw * c->ic);
    }
    for (int64_t i = 0; i < n; i++, x += c->ih * c->iw * c->ic) {
        const float *image = put(&f, x);
        for (int64_t row = 0; row < c->oh; row++, y += c->ow * c->oc) {
            for (int64_t o = 0; bias && o < c->ow; o++) memcpy(y + o * c->oc, bias, (size_t)c->oc * sizeof *y);
            run(w, image + row * f.pitch, y, &taps, w_at, x_at);
        }
    }
    return true;
}

bool xsmm_conv_back_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx)
{
    if (!fits(c)) return false;
    const int64_t taps = c->kh * c->kw;
    float *turned = local_buffer(local_get(), LOCAL_WORK, (size_t)(taps * c->ic * c->oc) * sizeof *turned);
    for (int64_t t = 0; t < taps; t++) {
        float *to = turned + (taps - 1 - t) * c->ic * c->oc;
        for (int64_t i = 0; i < c->ic; i++)
            for (int64_t o = 0; o < c->oc; o++) to[o * c->ic + i] = w[(t * c->ic + i) * c->oc + o];
    }
    const heft_conv mirrored = {
        c->oh, c->ow, c->oc, c->ih, c->iw, c->ic, c->kh, c->kw, { 1, 1 }, { 1, 1 },
        { c->kh - 1 - c->pad[0], c->kh - 1 - c->pad[1], c->kw - 1 - c->pad[2], c->kw - 1 - c->pad[3] }, 1,
    };
    return xsmm_conv(&mirrored, n, dy, turned, NULL, dx);
}

bool xsmm_conv_back_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw, float *dbias)
{
    const code run = fits(c) ? code_get((shape){ c->oc, c->ic, c->ow, 1, 1 }) : NULL;
    if (!run) return false;
    const framed f = frame(c);
    const int64_t y_row = c->ow * c->oc, fit = BLOCK / (int64_t)sizeof *x / (f.pitch + y_row);
    const int64_t most = fit < 1 ? 1 : fit < MOST_ROWS ? fit : MOST_ROWS, blocks = (c->oh + most - 1) / most;
    const int64_t rows = (c->oh + blocks - 1) / blocks;
    unsigned long long y_at[MOST_ROWS], x_at[MOST_ROWS];
    for (int64_t r = 0; r < rows; r++) {
        y_at[r] = offset(r * y_row);
        x_at[r] = offset(r * f.pitch);
    }
    for (int64_t i = 0; i < n; i++, x += c->ih * c->iw * c->ic, dy += c->oh * y_row) {
        const float *image = put(&f, x);
        for (int64_t row = 0; row < c->oh; row += rows) {
            const unsigned long long count = (unsigned long long)(c->oh - row < rows ? c->oh - row : rows);
            for (int64_t t = 0; t < c->kh * c->kw; t++)
                run(dy + row * y_row, image + (row + t / c->kw) * f.pitch + t % c->kw * c->ic, dw + t * c->ic * c->oc, &count, y_at, x_at);
        }
        for (int64_t p = 0; dbias && p < c->oh * c->ow; p++)
            for (int64_t o = 0; o < c->oc; o++) dbias[o] += dy[p * c->oc + o];
    }
    return true;
}

#else

bool xsmm_open(void) { return false; }
const char *xsmm_describe(void) { return NULL; }

bool xsmm_pays(const heft_conv *c, xsmm_pass pass)
{
    (void)c, (void)pass;
    return false;
}

bool xsmm_conv(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y)
{
    (void)c, (void)n, (void)x, (void)w, (void)bias, (void)y;
    return false;
}

bool xsmm_conv_back_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx)
{
    (void)c, (void)n, (void)dy, (void)w, (void)dx;
    return false;
}

bool xsmm_conv_back_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw, float *dbias)
{
    (void)c, (void)n, (void)x, (void)dy, (void)dw, (void)dbias;
    return false;
}

#endif
