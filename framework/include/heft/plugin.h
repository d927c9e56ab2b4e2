/* plugin.h -- the whole contract between the host and a plugin.
 *
 * A plugin is one C file that defines one constant, named heft_plugin, of type
 * heft_layer, heft_optimizer or heft_initializer.  The host finds it by name: a YAML
 * `dense: {...}` opens layers/dense.so.  Opening it runs no plugin code.
 *
 *     cc -std=c17 -O3 -ffp-contract=off -fPIC -shared -fvisibility=hidden \
 *        -I framework/include dense.c -o layers/dense.so
 *
 * `heft plugins new layer NAME` writes one that works, `heft plugins check FILE.so` holds it against what is
 * written here, docs/plugins.md tells the story.
 *
 * Memory.  The host owns every byte: the instance (zeroed, then filled from the
 * option table), and every tensor and slot that `plan` asks for.  A plugin has
 * no constructor, no destructor, no globals, and never allocates.
 *
 * Errors.  Only `plan` and `fill` can fail, with `return heft_fail(...)`.  Whatever
 * could go wrong in a pass must be refused in `plan`; passes return void.
 *
 * Threads.  Every function below carries one of these marks.
 *   [main]   one caller at a time; no [lane] or [range] call is in flight.
 *   [lane]   concurrent on one instance, each call with its own buffers.
 *   [range]  concurrent on one instance, over disjoint ranges of parameters.
 *   [tile]   concurrent on one instance, over disjoint rows of one gradient.
 *   [any]    from any thread at any time.
 * Only plan (which derives fields from options) receives a writable instance,
 * so the compiler, not a comment, keeps passes free of shared state.  A lane is
 * a fixed slice of the minibatch, not a thread: results depend on the number of
 * lanes and never on the number of threads.  Plugins start no threads.
 *
 * Layout.  Every array is row major and 64-byte aligned at its start; samples are
 * the outermost axis and are not part of a heft_shape.
 */
#ifndef HEFT_PLUGIN_H
#define HEFT_PLUGIN_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HEFT_MAGIC       0x68656674u  /* 'heft' */
#define HEFT_ABI         1            /* bumped when anything below changes or moves */
#define HEFT_MAX_RANK    4            /* of one sample; the batch axis is implicit */
#define HEFT_MAX_INPUTS  16
#define HEFT_MAX_TENSORS 16
#define HEFT_MAX_SLOTS   8

#define HEFT_EXPORT __attribute__((visibility("default")))

/* ---- errors ------------------------------------------------------------- */

typedef struct heft_error { char text[256]; } heft_error;

/* Record why and return -1.  The host prefixes file:line:column and layer name,
 * so the text states only the fact: "kernel 7 exceeds padded height 5". */
__attribute__((format(printf, 2, 3)))
static inline int heft_fail(heft_error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return -1;
}

/* ---- options: declared once; parsed, checked, printed by the host -------- */

typedef enum heft_type {
    HEFT_END, HEFT_BOOL, HEFT_INT, HEFT_REAL, HEFT_ENUM, HEFT_STRING, HEFT_INTS, HEFT_REALS
} heft_type;

/* A list option.  The array belongs to the host and lives as long as the instance.
 * One number given alone is a list of one. */
typedef struct heft_int_list {
    int32_t n;                   /* elements; 0 if a word was given instead */
    int32_t word;                /* index of the word given, or -1 */
    const int64_t *v;
} heft_int_list;

typedef struct heft_real_list {
    int32_t n, word;
    const double *v;
} heft_real_list;

typedef struct heft_option {
    const char *name;        /* the YAML key, and the field's own name */
    const char *doc;         /* one line for `heft plugins`; never empty */
    heft_type   type;
    size_t      offset;      /* of the field in the instance */
    double      def;         /* BOOL, INT, REAL, ENUM (an index).  HEFT_REQUIRED: the user must give it */
    double      min, max;    /* inclusive; of each element of a list */
    const char *text;        /* ENUM: "same|valid".  INT, REAL: a word accepted for def, or NULL.
                              * INTS, REALS: words accepted in place of a list, "same|valid", or NULL */
    const char *def_text;    /* STRING, INTS, REALS: the default as a user would write it ("1", "[1, 2]",
                              * "same"); NULL: required */
} heft_option;

#define HEFT_REQUIRED ((double)NAN)

/* offsetof, but does not compile unless field f of T has exactly type C. */
#define HEFT_FIELD(T, f, C) (offsetof(T, f) + \
    0 * sizeof(char[_Generic(&((T *)0)->f, C *: 1, default: -1)]))

#define HEFT_OPT_BOOL(T, f, def, doc) \
    { #f, doc, HEFT_BOOL, HEFT_FIELD(T, f, bool), def, 0, 1, NULL, NULL }
#define HEFT_OPT_INT(T, f, def, min, max, doc) \
    { #f, doc, HEFT_INT, HEFT_FIELD(T, f, int64_t), def, min, max, NULL, NULL }
/* `word` (such as "auto") may be written instead of a number and gives the default. */
#define HEFT_OPT_INT_OR(T, f, word, def, min, max, doc) \
    { #f, doc, HEFT_INT, HEFT_FIELD(T, f, int64_t), def, min, max, word, NULL }
#define HEFT_OPT_REAL(T, f, def, min, max, doc) \
    { #f, doc, HEFT_REAL, HEFT_FIELD(T, f, double), def, min, max, NULL, NULL }
#define HEFT_OPT_ENUM(T, f, def, names, doc) \
    { #f, doc, HEFT_ENUM, HEFT_FIELD(T, f, int), def, 0, 0, names, NULL }
#define HEFT_OPT_STRING(T, f, def, doc) \
    { #f, doc, HEFT_STRING, HEFT_FIELD(T, f, const char *), 0, 0, 0, NULL, def }
#define HEFT_OPT_INTS(T, f, words, def, min, max, doc) \
    { #f, doc, HEFT_INTS, HEFT_FIELD(T, f, heft_int_list), 0, min, max, words, def }
#define HEFT_OPT_REALS(T, f, words, def, min, max, doc) \
    { #f, doc, HEFT_REALS, HEFT_FIELD(T, f, heft_real_list), 0, min, max, words, def }
#define HEFT_OPT_END { 0 }

/* ---- the head shared by every descriptor -------------------------------- */

typedef enum heft_kind { HEFT_LAYER = 1, HEFT_OPTIMIZER, HEFT_INITIALIZER } heft_kind;

/* The host refuses a plugin unless magic and abi match.  `size` lets a
 * descriptor grow at its end: fields a plugin does not have read as NULL; bytes
 * the host does not know must be zero. */
typedef struct heft_head {
    uint32_t magic, abi, size, kind;
    const char *name;            /* equals the file name without ".so" */
    const char *doc;             /* one line */
    size_t instance_size;        /* options first, derived fields after; may be 0 */
    const heft_option *options;  /* ends with HEFT_OPT_END; NULL if none */
} heft_head;

#define HEFT_HEAD(D, K, name, doc, size, options) \
    { HEFT_MAGIC, HEFT_ABI, sizeof(D), K, name, doc, size, options }

/* ---- shapes ------------------------------------------------------------- */

/* Images are channels last: [height, width, channels].  Sequences are [time, features].
 * HEFT_I32 is for labels and token ids: read such an input through heft_ints(). */
typedef enum heft_dtype { HEFT_F32, HEFT_I32 } heft_dtype;

typedef struct heft_shape {
    heft_dtype dtype;
    int32_t    rank;             /* 0: one scalar per sample */
    int64_t    dim[HEFT_MAX_RANK];
    int64_t    limit;            /* HEFT_I32: every value is in [0, limit) */
} heft_shape;

static inline const int32_t *heft_ints(const float *x) { return (const void *)x; }

static inline int64_t heft_count(const heft_shape *s)
{
    int64_t n = 1;
    for (int32_t i = 0; i < s->rank; i++) n *= s->dim[i];
    return n;
}

/* "[28, 28, 1]", for messages; "integers []" for labels.  Returns t. */
enum { HEFT_SHAPE_TEXT = 96 };
static inline const char *heft_shape_text(const heft_shape *s, char t[HEFT_SHAPE_TEXT])
{
    int n = snprintf(t, HEFT_SHAPE_TEXT, s->dtype == HEFT_I32 ? "integers [" : "[");
    for (int32_t i = 0; i < s->rank; i++)
        n += snprintf(t + n, HEFT_SHAPE_TEXT - (size_t)n, "%s%lld", i ? ", " : "", (long long)s->dim[i]);
    snprintf(t + n, HEFT_SHAPE_TEXT - (size_t)n, "]");
    return t;
}

/* One axis of a sliding window (convolution, pooling). */
typedef struct heft_window { int64_t out, before, after; } heft_window;

/* Output size and padding of an axis of `in` elements.  The padding is `pad` (as given by
 * the user, both sides) if mode is 2; none if mode is 1 ("valid"); if mode is 0
 * ("same"), the least that gives ceil(in / stride) outputs, the odd one behind, as in
 * TensorFlow.  out < 1 means that the window does not fit. */
static inline heft_window heft_slide(int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
                                     int mode, int64_t before, int64_t after)
{
    const int64_t reach = dilation * (kernel - 1) + 1;
    heft_window w = { 0, 0, 0 };
    if (mode == 0) {
        w.out = (in + stride - 1) / stride;
        const int64_t need = (w.out - 1) * stride + reach - in;
        w.before = need > 0 ? need / 2 : 0;
        w.after = need > 0 ? need - w.before : 0;
        return w;
    }
    if (mode == 2) { w.before = before; w.after = after; }
    const int64_t room = in + w.before + w.after - reach;
    w.out = room < 0 ? 0 : room / stride + 1;
    return w;
}

/* The taps [*begin, *end) of output i's window that lie on the axis and not in its padding, for dilation 1. */
static inline void heft_taps(int64_t i, int64_t in, int64_t kernel, int64_t stride, int64_t before,
                             int64_t *begin, int64_t *end)
{
    const int64_t at = i * stride - before;
    *begin = at < 0 ? -at : 0;
    *end = at + kernel > in ? in - at : kernel;
}

/* ---- random numbers ------------------------------------------------------ */

/* Counter-based: draw n of a key is a pure function of (key, n), so any lane can
 * produce any sample's stream in any order.  Philox4x32-10 (Salmon et al., "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011). */
typedef struct heft_rng { uint64_t key, n; } heft_rng;

static inline void heft_philox(uint64_t key, uint64_t lo, uint64_t hi, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t a = (uint32_t)lo, b = (uint32_t)(lo >> 32), c = (uint32_t)hi, d = (uint32_t)(hi >> 32);
    for (int i = 0; i < 10; i++) {
        const uint64_t p = (uint64_t)0xD2511F53u * a, q = (uint64_t)0xCD9E8D57u * c;
        a = (uint32_t)(q >> 32) ^ b ^ k0;
        b = (uint32_t)q;
        c = (uint32_t)(p >> 32) ^ d ^ k1;
        d = (uint32_t)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = a; out[1] = b; out[2] = c; out[3] = d;
}

/* The stream of sample i: an independent key, from its first draw. */
static inline heft_rng heft_stream(heft_rng r, int64_t i)
{
    uint32_t w[4];
    heft_philox(r.key, (uint64_t)i, UINT64_C(0x73747265616d0000), w);
    return (heft_rng){ (uint64_t)w[1] << 32 | w[0], 0 };
}

/* The next 32 random bits. */
static inline uint32_t heft_bits(heft_rng *r)
{
    uint32_t w[4];
    heft_philox(r->key, r->n >> 2, 0, w);
    return w[r->n++ & 3];
}

/* [0, 1) in steps of 2^-24. */
static inline float heft_uniform(heft_rng *r)
{
    return (float)(heft_bits(r) >> 8) * 0x1p-24f;
}

/* The same numbers as n calls of heft_uniform, four times as fast. */
static inline void heft_uniforms(heft_rng *r, int64_t n, float *x)
{
    int64_t i = 0;
    for (; i < n && (r->n & 3); i++) x[i] = heft_uniform(r);
    const uint64_t first = r->n >> 2;
    const int64_t blocks = (n - i) / 4;
    for (int64_t b = 0; b < blocks; b++) {
        uint32_t w[4];
        heft_philox(r->key, first + (uint64_t)b, 0, w);
        for (int j = 0; j < 4; j++) x[i + 4 * b + j] = (float)(w[j] >> 8) * 0x1p-24f;
    }
    r->n += 4 * (uint64_t)blocks;
    for (i += 4 * blocks; i < n; i++) x[i] = heft_uniform(r);
}

/* Mean 0, variance 1: Box and Muller's method on two draws, in double. */
static inline float heft_normal(heft_rng *r)
{
    const double u = ((double)heft_bits(r) + 1) * 0x1p-32;     /* (0, 1] */
    const double v = (double)heft_bits(r) * 0x1p-32;
    return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

/* ---- elementary functions ------------------------------------------------ */

/* c ? a : b by their bits.  A compiler may not work out ahead of a branch what could raise an exception, and turns none into a
 * vector; loops over this vectorize. */
static inline float heft_where(bool c, float a, float b)
{
    const union { float f; uint32_t u; } x = { a }, y = { b };
    const uint32_t mask = -(uint32_t)c;
    const union { uint32_t u; float f; } z = { (x.u & mask) | (y.u & ~mask) };
    return z.f;
}

/* exp(x) = 2^k (1 + q), |q| < 0.42, for |x| below 2^21; returns q.  x = k log(2) + r, |r| <= log(2)/2, log(2) in two
 * parts (W. Cody, W. Waite, "Software Manual for the Elementary Functions", 1980); a polynomial of least relative error
 * for exp(r) = 1 + q. */
static inline float heft_exp_parts(float x, uint32_t *k)
{
    const union { float f; uint32_t u; } i = { x * 1.44269504f + 0x1.8p23f };
    const float n = i.f - 0x1.8p23f, r = x - n * 0.693359375f - n * -2.12194440e-4f;
    const float p = 0.49999994f + r * (0.166665211f + r * (0.041668389f + r * (0.00836871751f + r * 0.00138145976f)));
    *k = i.u - 0x4B400000u;
    return r + r * r * p;
}

/* exp(x), off by less than one unit in the last place (0.982, over all floats; results below 2^-126 by less than
 * 2^-148).  NaN gives NaN, +-infinity what it should.  No call and no branch, so loops over it vectorize; the same bits
 * on every machine.  2^k in two factors, so that k may pass its range. */
static inline float heft_expf(float x)
{
    x = heft_where(x > 89, 89, x);
    x = heft_where(x < -104, -104, x);
    uint32_t k;
    union { uint32_t u; float f; } a, b;
    const float q = heft_exp_parts(x, &k);
    const uint32_t half = (uint32_t)((int32_t)k >> 1);
    a.u = (half + 127) << 23;
    b.u = (k - half + 127) << 23;
    return (1 + q) * a.f * b.f;
}

/* exp(x) - 1, off by less than 1.55 units in the last place over all floats, also near zero. */
static inline float heft_expm1f(float x)
{
    x = heft_where(x > 89, 89, x);
    x = heft_where(x < -18, -18, x);
    uint32_t k;
    union { uint32_t u; float f; } half;                        /* 2^(k - 1), since 2^128 is no float */
    const float q = heft_exp_parts(x, &k);
    half.u = (k + 126) << 23;
    return 2 * (q * half.f + (half.f - 0.5f));
}

/* log(x), off by less than 0.84 units in the last place over all floats; log(0) is -infinity, of what is less, NaN.
 * x = 2^n m, m in [sqrt(1/2), sqrt(2)); log(2) in two parts; polynomial for log(m): S. Moshier, Cephes, logf. */
static inline float heft_logf(float x)
{
    const bool small = x < 0x1p-126f;                           /* not a normal number */
    union { float f; uint32_t u; } m = { heft_where(small, x * 0x1p23f, x) };
    const uint32_t i = m.u - 0x3F3504F3u;                       /* sqrt(1/2) */
    const float n = (float)(((int32_t)i >> 23) - 23 * small);
    m.u = (i & 0x7FFFFFu) + 0x3F3504F3u;
    const float f = m.f - 1, z = f * f;
    const float high = -1.2420140846e-1f + f * (1.1676998740e-1f + f * (-1.1514610310e-1f + f * 7.0376836292e-2f));
    const float p = 3.3333331174e-1f + f * (-2.4999993993e-1f + f * (2.0000714765e-1f
                    + f * (-1.6668057665e-1f + f * (1.4249322787e-1f + f * high))));
    float y = f + ((f * z * p + n * -2.12194440e-4f) - 0.5f * z) + n * 0.693359375f;
    y = heft_where(x < INFINITY, y, x);                         /* infinity and NaN stay */
    return heft_where(x >= 0, heft_where(x == 0, -INFINITY, y), NAN);
}

/* log(1 + x), off by less than 1.44 units in the last place over all floats, also near zero: log(u) of the
 * rounded u = 1 + x, and the first term of what rounding took from it. */
static inline float heft_log1pf(float x)
{
    const float u = 1 + x, lost = (x - (u - 1)) / u;
    return heft_logf(u) + heft_where((u > 0) & (x < 0x1p24f), lost, 0);
}

/* 1 / (1 + exp(-x)) and tanh(x), off by less than 3 units in the last place; no call and no branch.  Near zero, where 1 - 2 / (exp(2x) + 1)
 * loses digits, tanh is an odd polynomial: S. Moshier, Cephes Mathematical Library, tanhf. */
static inline float heft_sigmoidf(float x) { return 1 / (1 + heft_expf(-x)); }

static inline float heft_tanhf(float x)
{
    const float z = x * x, far = 1 - 2 / (heft_expf(2 * x) + 1);
    const float p = (((-5.70498872745e-3f * z + 2.06390887954e-2f) * z - 5.37397155531e-2f) * z
                     + 1.33314422036e-1f) * z - 3.33332819422e-1f;
    return heft_where(z < 0.390625f, x + x * (z * p), far);
}

/* Two uniform numbers [0, 1) into two of mean 0 and variance 1: Box and Muller's method in floats, so within 5.8.  sin
 * and cos by quarter turns, and Cephes' polynomials for the rest. */
static inline void heft_normal_pair(float pair[2])
{
    const float length = sqrtf(-2 * heft_logf(1 - pair[0]));
    const int quarter = (int)(4 * pair[1] + 0.5f);
    const float a = 6.28318531f * (pair[1] - 0.25f * (float)quarter), z = a * a;
    const float sine = a + a * z * (-1.6666654611e-1f + z * (8.3321608736e-3f + z * -1.9515295891e-4f));
    const float cosine = 1 - 0.5f * z + z * z * (4.1666645683e-2f + z * (-1.3887316255e-3f + z * 2.4433157118e-5f));
    const float c = quarter & 1 ? sine : cosine, s = quarter & 1 ? cosine : sine;
    pair[0] = length * ((quarter + 1) & 2 ? -c : c);
    pair[1] = length * (quarter & 2 ? -s : s);
}

/* n numbers of mean 0 and variance 1, of a draw each: not those of heft_normal, and without its calls. */
static inline void heft_normals(heft_rng *r, int64_t n, float *x)
{
    float last[2];
    const int64_t pairs = n / 2;
    heft_uniforms(r, 2 * pairs, x);
    for (int64_t i = 0; i < pairs; i++) heft_normal_pair(x + 2 * i);
    if (n % 2 == 0) return;
    heft_uniforms(r, 2, last);
    heft_normal_pair(last);
    x[n - 1] = last[0];
}

/* The sum of n numbers, and of n products, in sixteen interleaved parts: an order that vectorizes and is the same everywhere. */
static inline float heft_sum(int64_t n, const float *x)
{
    float part[16] = { 0 };
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) part[j] += x[i + j];
    for (int j = 0; i < n; i++, j++) part[j] += x[i];
    for (int half = 8; half; half /= 2)
        for (int j = 0; j < half; j++) part[j] += part[j + half];
    return part[0];
}

static inline float heft_sum_products(int64_t n, const float *x, const float *y)
{
    float part[16] = { 0 };
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) part[j] += x[i + j] * y[i + j];
    for (int j = 0; i < n; i++, j++) part[j] += x[i] * y[i];
    for (int half = 8; half; half /= 2)
        for (int j = 0; j < half; j++) part[j] += part[j + half];
    return part[0];
}

/* ---- services of the host -----------------------------------------------
 *
 * The host does the heavy arithmetic, so that a plugin links to nothing and gets
 * the machine's best kernels and the experiment's precision (f32, or bf16 with
 * f32 sums) without knowing of either. */

typedef struct heft_conv {       /* x [n, ih, iw, ic]  w [kh, kw, ic/groups, oc]  y [n, oh, ow, oc] */
    int64_t ih, iw, ic, oh, ow, oc, kh, kw;
    int64_t stride[2], dilation[2], pad[4];      /* dilation 1: dense kernel.  pad: top, bottom, left, right */
    int64_t groups;
} heft_conv;

/* An option of one number, or of two: [height, width]. */
static inline int heft_pair(const heft_int_list *list, const char *name, int64_t v[2], heft_error *e)
{
    if (list->n < 1 || list->n > 2)
        return heft_fail(e, "%s takes one number, or [height, width]; found %d numbers", name, list->n);
    v[0] = list->v[0];
    v[1] = list->v[list->n - 1];
    return 0;
}

/* Sizes and padding of a window that slides over an image [height, width, channels]: given kh, kw, stride and dilation,
 * sets ih, iw, ic, oh, ow and pad.  `padding` is an option with the words "same|valid", or one number, [height, width]
 * or [top, bottom, left, right]. */
static inline int heft_slide_image(heft_conv *c, const heft_shape *image, const heft_int_list *padding, heft_error *e)
{
    const int64_t n = padding->n, *v = padding->v, kernel[2] = { c->kh, c->kw };
    heft_window w[2];
    if (n == 3 || n > 4 || (n == 0 && padding->word < 0))
        return heft_fail(e, "padding takes same, valid, one number, [height, width] or [top, bottom, left, right]; "
                         "found %d numbers", (int)n);
    for (int a = 0; a < 2; a++) {
        const int64_t before = n == 4 ? v[2 * a] : n ? v[n == 2 ? a : 0] : 0, after = n == 4 ? v[2 * a + 1] : before;
        w[a] = heft_slide(image->dim[a], kernel[a], c->stride[a], c->dilation[a], n ? 2 : padding->word, before, after);
        if (w[a].out < 1)
            return heft_fail(e, "a window of %lld exceeds the padded %s of %lld",
                             (long long)(c->dilation[a] * (kernel[a] - 1) + 1), a ? "width" : "height",
                             (long long)(image->dim[a] + before + after));
        c->pad[2 * a] = w[a].before;
        c->pad[2 * a + 1] = w[a].after;
    }
    c->ih = image->dim[0]; c->iw = image->dim[1]; c->ic = image->dim[2];
    c->oh = w[0].out; c->ow = w[1].out;
    return 0;
}

/* The same over a sequence [time, features].  `padding` is an option with the words "same|valid", or "same|valid|causal"
 * (all of it in front, so that no output sees a later input), or one number or [before, after]. */
static inline int heft_slide_sequence(int64_t time, int64_t kernel, int64_t stride, int64_t dilation,
                                      const heft_int_list *padding, heft_window *w, heft_error *e)
{
    const int64_t n = padding->n, reach = dilation * (kernel - 1) + 1;
    const bool causal = n == 0 && padding->word == 2;
    if (n > 2 || (n == 0 && padding->word < 0))
        return heft_fail(e, "padding takes a word, one number or [before, after]; found %d numbers", (int)n);
    const int64_t before = causal ? reach - 1 : n ? padding->v[0] : 0, after = n ? padding->v[n - 1] : 0;
    *w = heft_slide(time, kernel, stride, dilation, n || causal ? 2 : padding->word, before, after);
    if (w->out < 1)
        return heft_fail(e, "a window of %lld exceeds the padded time of %lld", (long long)reach,
                         (long long)(time + before + after));
    return 0;
}

typedef struct heft_host {
    uint32_t size;               /* of this table, as the host was compiled */

    /* C = alpha op(A) op(B) + beta C, row major, single threaded: op(A) [m, k],
     * op(B) [k, n], C [m, n].  beta 0: C is not read.  [lane] */
    void (*gemm)(bool ta, bool tb, int64_t m, int64_t n, int64_t k,
                 float alpha, const float *a, int64_t lda,
                 const float *b, int64_t ldb,
                 float beta, float *c, int64_t ldc);

    /* Whole-vector helpers; parallel, summed in a fixed order.  [main] */
    double (*dot)(size_t n, const float *x, const float *y);
    void   (*axpy)(size_t n, float a, const float *x, float *y);     /* y += a x */

    /* Convolution over channels-last images; see heft_conv.  bias and dbias may be NULL.  [lane] */
    void (*conv)(const heft_conv *c, int64_t n, const float *x, const float *w,
                 const float *bias, float *y);                              /* y overwritten */
    void (*conv_back_data)(const heft_conv *c, int64_t n, const float *dy,
                           const float *w, float *dx);                      /* dx overwritten */
    void (*conv_back_weight)(const heft_conv *c, int64_t n, const float *x,
                             const float *dy, float *dw, float *dbias);     /* += */

    void (*log)(const char *fmt, ...);                              /* [any] */
} heft_host;

/* ---- layers (losses and metrics are layers too) ------------------------- */

/* What a tensor is for decides who allocates how many, who may write it, and
 * whether it is saved.  The author states the role; the host does the rest. */
typedef enum heft_role {
    HEFT_WEIGHT,      /* trained: has a gradient and optimizer slots; checkpointed */
    HEFT_STATE,       /* persistent, not trained; written only by fold; checkpointed */
    HEFT_TALLY,       /* per lane (doubles), zeroed each step, summed over lanes before fold */
    HEFT_TALLY_BACK,  /* the same for survey_back */
    HEFT_SAVED,       /* per lane: written by forward, read by its backward */
    HEFT_SCRATCH      /* per lane: undefined on entry to every call */
} heft_role;

typedef struct heft_tensor {
    const char *name;            /* "weight"; the HDF5 name under the layer */
    heft_role  role;
    heft_shape shape;
    bool     per_sample;         /* HEFT_SAVED, HEFT_SCRATCH: one for each sample */
    int64_t  fan_in, fan_out;    /* HEFT_WEIGHT, HEFT_STATE: for initializers */
    const char *init;            /* initializer unless the user names another, as the user would write it: "ones",
                                  * "constant: {value: 0.25}".  NULL: "zeros" for a state; for a weight "auto", the
                                  * one that suits the activation behind */
} heft_tensor;

typedef struct heft_layer_plan {
    const heft_host *host;
    int32_t  n_in;
    const heft_shape *in;        /* [n_in], of one sample */
    int64_t  lane_max;           /* most samples one lane will ever see */
    /* filled in by plan: */
    heft_shape out;
    int32_t  n_tensors;
    heft_tensor tensor[HEFT_MAX_TENSORS];
    double   flops;              /* floating-point operations of one sample's forward; 0: negligible */
    heft_error error;
} heft_layer_plan;

/* Input i must be floats of this rank (-1: of any), or is refused: heft_needs(p, 0, 3, "images [height, width, channels]")
 * says "needs images [height, width, channels]; found [784]". */
static inline int heft_needs(heft_layer_plan *p, int32_t i, int32_t rank, const char *what)
{
    const heft_shape *s = &p->in[i];
    char found[HEFT_SHAPE_TEXT];
    if (s->dtype == HEFT_F32 && (rank < 0 || s->rank == rank)) return 0;
    return heft_fail(&p->error, "needs %s; found %s", what, heft_shape_text(s, found));
}

/* All inputs must be floats of one shape. */
static inline int heft_needs_one_shape(heft_layer_plan *p)
{
    const heft_shape *first = &p->in[0];
    for (int32_t i = 0; i < p->n_in; i++) {
        const heft_shape *s = &p->in[i];
        char a[HEFT_SHAPE_TEXT], b[HEFT_SHAPE_TEXT];
        if (heft_needs(p, i, -1, "numbers of any shape")) return -1;
        bool same = s->rank == first->rank;
        for (int32_t d = 0; same && d < s->rank; d++) same = s->dim[d] == first->dim[d];
        if (!same)
            return heft_fail(&p->error, "needs inputs of one shape; the first is %s, number %d is %s",
                             heft_shape_text(first, a), i + 1, heft_shape_text(s, b));
    }
    return 0;
}

/* For layers over sequences that take a second input which tells the padding: [time], tokens (`padding` is the one that fills
 * up) or numbers (`padding`, which is 0 if nothing else is said, is padding, all others are none). */
typedef struct heft_mask { bool given, tokens; int64_t time, padding; } heft_mask;

/* In plan, behind what the first input needs. */
static inline int heft_needs_mask(heft_layer_plan *p, int64_t padding, heft_mask *m)
{
    const heft_shape *x = &p->in[0], *mask = &p->in[1];
    char found[HEFT_SHAPE_TEXT];
    *m = (heft_mask){ .given = p->n_in > 1, .time = x->dim[0], .padding = padding };
    if (!m->given) return 0;
    m->tokens = mask->dtype == HEFT_I32;
    if (x->rank != 2)
        return heft_fail(&p->error, "takes a second input beside a sequence [time, features] only; found %s", heft_shape_text(x, found));
    if (mask->rank != 1 || mask->dim[0] != m->time)
        return heft_fail(&p->error, "needs a second input [%lld], a token or a number for each position; found %s", (long long)m->time,
                         heft_shape_text(mask, found));
    return 0;
}

/* What position t of sample i of in[1] counts: 1; 0 if it is padding; NaN if the mask is. */
static inline float heft_counts(const heft_mask *m, const float *const *in, int64_t i, int64_t t)
{
    if (!m->given) return 1;
    const int64_t at = i * m->time + t;
    if (m->tokens) return heft_ints(in[1])[at] != m->padding;
    return in[1][at] == (float)m->padding ? 0 : in[1][at] == in[1][at] ? 1 : NAN;
}

/* The state of a recurrent layer at a position that counts 0: as it was before (NULL: zeros); or NaN, as what it counts. */
static inline void heft_stay(float counts, int64_t n, const float *before, float *now)
{
    for (int64_t j = 0; j < n; j++) now[j] = counts != 0 ? counts : before ? before[j] : 0;
}

/* In backward: nothing flows back into a mask. */
static inline void heft_mask_back(const heft_mask *m, int64_t n, float *const *din)
{
    for (int64_t k = 0; m->given && din[1] && k < n * m->time; k++) din[1][k] = 0;
}

/* For losses and metrics of numbers, plan's first lines: a target for each output, and one number out.  Returns how many
 * outputs a sample has, or -1 after saying what is wrong. */
static inline int64_t heft_needs_pairs(heft_layer_plan *p)
{
    const int64_t count = heft_count(&p->in[0]);
    char output[HEFT_SHAPE_TEXT], target[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "numbers as output") || heft_needs(p, 1, -1, "numbers as target")) return -1;
    if (heft_count(&p->in[1]) != count)
        return heft_fail(&p->error, "needs a target for each output; the output is %s, the target %s",
                         heft_shape_text(&p->in[0], output), heft_shape_text(&p->in[1], target));
    p->out = (heft_shape){ .dtype = HEFT_F32 };
    return count;
}

/* For metrics that compare classes.  Of a sample either each of `rows` rows of `classes` outputs has one class (its target
 * a label, or a number for each class, the largest being meant), or, where classes is 1, each of `rows` outputs is a yes
 * or a no (its target a label 0 or 1, or a number, yes above 0.5; the output a logit, yes above 0). */
typedef struct heft_answers { int64_t rows, classes, ignore_index; bool labels; } heft_answers;

enum { HEFT_IGNORED = -2 };      /* what heft_truth says of a row that does not count */

/* plan's first lines.  `binary` takes a number for each output as a yes or no of its own, where classes would be meant; rows
 * with the label `ignore_index` do not count (-1: all do), which may be the one behind the last class. */
static inline int heft_needs_answers(heft_layer_plan *p, bool binary, int64_t ignore_index, heft_answers *a)
{
    const heft_shape *x = &p->in[0], *y = &p->in[1];
    const int64_t outputs = heft_count(x), targets = heft_count(y);
    char output[HEFT_SHAPE_TEXT], target[HEFT_SHAPE_TEXT];
    if (heft_needs(p, 0, -1, "logits or probabilities as output")) return -1;
    a->labels = y->dtype == HEFT_I32;
    a->classes = x->rank ? x->dim[x->rank - 1] : 1;
    if (binary || (a->labels && targets == outputs)) a->classes = 1;
    a->rows = outputs / a->classes;
    if (targets != (a->labels ? a->rows : outputs))
        return heft_fail(&p->error, "needs a label for each row of classes, or a number for each output; "
                         "the output is %s, the target %s", heft_shape_text(x, output), heft_shape_text(y, target));
    a->ignore_index = ignore_index;
    if (!a->labels && ignore_index >= 0)
        return heft_fail(&p->error, "ignore_index needs labels as target; found %s", heft_shape_text(y, target));
    const int64_t known = a->classes == 1 ? 2 : a->classes;
    if (a->labels && y->limit > known + (ignore_index == known))
        return heft_fail(&p->error, "labels reach %lld, the output has %lld classes", (long long)(y->limit - 1),
                         (long long)known);
    p->out = (heft_shape){ .dtype = HEFT_F32 };
    return 0;
}

/* The first of the largest; -1 if one is not a number. */
static inline int64_t heft_largest(int64_t n, const float *x)
{
    int64_t at = 0;
    bool numbers = true;
    for (int64_t k = 0; k < n; k++) {
        if (x[k] > x[at]) at = k;
        numbers = numbers && x[k] == x[k];
    }
    return numbers ? at : -1;
}

/* The class of row r (a yes is 1) by the target, and by the output: -1 if that is not a number. */
static inline int64_t heft_truth(const heft_answers *a, const float *target, int64_t r)
{
    if (a->labels) return heft_ints(target)[r] == a->ignore_index ? HEFT_IGNORED : heft_ints(target)[r];
    return a->classes == 1 ? target[r] > 0.5f : heft_largest(a->classes, target + r * a->classes);
}

static inline int64_t heft_guess(const heft_answers *a, const float *output, int64_t r)
{
    if (a->classes > 1) return heft_largest(a->classes, output + r * a->classes);
    return output[r] != output[r] ? -1 : output[r] > 0;
}

/* Tensors arrive grouped by role, in the order they were declared. */
typedef struct heft_forward {
    const heft_host *host;
    int64_t first, n;            /* samples [first, first+n) of the minibatch */
    bool    train;
    heft_rng  rng;               /* key of (seed, step, layer); see heft_stream */
    const float *const *in;      /* in[i]: n samples of input i */
    float  *out;                 /* n samples; overwritten */
    const float *const *weight;
    const float *const *state;
    double *const *tally;        /* this lane's; accumulated (+=) by survey; by forward if there is no survey */
    const double *const *total;  /* tallies summed over lanes; NULL unless survey ran */
    float *const *saved;         /* NULL unless train */
    float *const *scratch;
    const float *sample_weight;  /* of a loss or metric: what each of the n samples counts; NULL: 1 */
} heft_forward;

static inline double heft_sample_weight(const heft_forward *p, int64_t i)
{
    return p->sample_weight ? (double)p->sample_weight[i] : 1;
}

typedef struct heft_backward {
    const heft_host *host;
    int64_t first, n;
    heft_rng  rng;               /* the same key forward had */
    const float *const *in;      /* in[i] and out are NULL where heft_layer.unread says so */
    const float *out, *dout;
    float *const *din;           /* din[i]: overwritten; NULL if not wanted.  A loss is never asked for its target's */
    const float *const *weight;
    float *const *dweight;       /* accumulated (+=); NULL only for weights named in gradient_of, and not always: what a
                                  * frozen layer adds goes where nobody looks */
    const float *const *state;
    const float *const *saved;
    float *const *scratch;
    double *const *tally;        /* this lane's, of survey_back: += by it, read by backward */
    const double *const *total;  /* of survey (in survey_back and backward) */
    const double *const *total_back;  /* of survey_back, summed over lanes; NULL unless it ran */
} heft_backward;

typedef struct heft_gradient {
    const heft_host *host;
    int64_t n;                   /* samples in the minibatch */
    int32_t tensor;              /* which weight, as declared */
    int64_t begin, end;          /* rows (first axis) of it */
    const float *const *in;      /* of the whole minibatch */
    const float *dout;           /* of the whole minibatch */
    float *dweight;              /* the whole tensor; rows outside are another tile's */
} heft_gradient;

typedef struct heft_fold {
    const double *const *total;  /* tallies summed over lanes, in lane order */
    float *const *state;
    int64_t n;                   /* samples in the minibatch; for a metric, in the data set */
    double  weight;              /* of a metric: what these samples count together, n if no weights were given */
} heft_fold;

/* A loss takes (output, target), gives one number per sample, of which the host takes the mean, and has a
 * backward.  A metric takes the same; the host reports the mean of its outputs, or, if it has a fold, its first state
 * after the tallies of the whole data set have been folded into it.
 *
 * Where samples do not weigh the same (class weights), declare a tally "weight" of one number: survey, and forward if
 * total is NULL, add to it what the lane's samples weigh.  The host then divides the sum of the outputs, which are the
 * weighted ones, by its total and not by the number of samples; dout is 1 / total.
 *
 * The user's own weights of samples multiply outputs in the host's means.  Tallies, "weight" too, are the plugin's to
 * multiply by heft_sample_weight; one that does says so by `weighted`, one that does not is refused beside such weights. */
typedef enum heft_goal { HEFT_MINIMIZE, HEFT_MAXIMIZE } heft_goal;

typedef enum heft_unread { HEFT_UNREAD_IN = 1, HEFT_UNREAD_OUT = 2 } heft_unread;

typedef struct heft_layer {
    heft_head head;
    int32_t min_in, max_in;      /* number of inputs accepted: 1 <= min_in <= max_in <= HEFT_MAX_INPUTS */

    /* Check options and input shapes, derive instance fields, declare the
     * output shape and the tensors.  Called once; must be deterministic. [main] */
    int  (*plan)(void *self, heft_layer_plan *p);

    /* Optional, for a layer whose output depends on the whole minibatch
     * (batch_norm): add this lane's share to tally.  The host sums tallies over
     * all lanes, in lane order, before it calls forward (backward).  Not called
     * when train is false, nor where plan declared no tally.  [lane] */
    void (*survey)(const void *self, const heft_forward *p);
    void (*survey_back)(const void *self, const heft_backward *p);

    /* Compute out from in.  [lane] */
    void (*forward)(const void *self, const heft_forward *p);

    /* Compute din and dweight from dout.  NULL: not differentiable, so usable
     * only as a metric.  [lane] */
    void (*backward)(const void *self, const heft_backward *p);

    /* Optional, for weights so big that a gradient of them per lane costs more than
     * it saves (dense): overwrite rows [begin, end) of the gradient of `tensor` from the
     * whole minibatch; backward then finds NULL in dweight for that tensor.  The host cuts the
     * rows into tiles of a fixed size, so the sums have one order.  Called for those weights
     * named in gradient_of, a bit per weight (1u << W), that the host finds large; for the
     * others backward finds dweight as ever.  Needs a backward.  [tile] */
    void (*gradient)(const void *self, const heft_gradient *p);
    uint32_t gradient_of;

    /* Fold this step's tallies into the state; NULL if there is none.  [main] */
    void (*fold)(const void *self, const heft_fold *p);

    /* Of a metric: which way is better. */
    heft_goal goal;

    /* Of an activation: the initializer that suits weights in front of it ("he_normal"); NULL otherwise. */
    const char *init;

    /* Of a loss, optional: turn the model's output (in[0]) into what its user wants to see (out, of the same shape), such as
     * probabilities for logits; NULL: the output as it is.  in[1] is NULL.  [lane] */
    void (*predict)(const void *self, const heft_forward *p);

    /* Of a loss or metric with tallies: 1 if a sample adds sample_weight times what it is to each of them. */
    int32_t weighted;

    /* What backward and survey_back do not read: they find NULL in its place, and its memory may serve other layers
     * meanwhile.  0: they may read all.  relu can do without in, since out tells its sign. */
    uint32_t unread;
} heft_layer;

/* ---- optimizers --------------------------------------------------------- */

/* All trained weights of the model are one flat vector x of n floats; so are gradients
 * and every row of every slot.  The host zeroes, checkpoints and restores slots. */
typedef struct heft_slot {
    const char *name;            /* "m"; the HDF5 name under /optimizer */
    int32_t rows;                /* that many vectors of n floats, ... */
    bool    scalar;              /* ... or that many single floats */
} heft_slot;

typedef struct heft_optimizer_plan {
    const heft_host *host;
    size_t   n;
    /* filled in by plan: */
    bool     whole_tensors;      /* ranges never split a tensor (LARS, LAMB) */
    int32_t  n_slots;
    heft_slot  slot[HEFT_MAX_SLOTS];
    heft_error error;
} heft_optimizer_plan;

/* Where one weight tensor lies in x. */
typedef struct heft_span {
    const char *layer, *name;
    size_t      begin, end;
    heft_shape  shape;
} heft_span;

typedef struct heft_step {
    const heft_host *host;
    uint64_t t;                  /* 1, 2, 3, ... */
    float    lr;                 /* of this range's parameter group, after the schedule */
    float    decay;              /* factor of this group on the optimizer's own weight decay: 1, or 0 where
                                  * it is switched off */
    size_t   begin, end;         /* update x[begin..end) and nothing else; one group */
    const heft_span *span;       /* whole_tensors: the tensors in the range, n_span of them */
    int32_t  n_span;
    float   *x;
    const float *g;              /* mean gradient of the minibatch; g[i] belongs to x[i] */
    float *const *slot;          /* vector slots: [rows][n]; scalars: read only */
} heft_step;

typedef struct heft_problem {
    const heft_host *host;
    uint64_t t;
    float    lr;
    size_t   n;
    float   *x;                  /* in: current point; out: accepted point */
    float *const *slot;
    double   loss;               /* out: loss at the accepted point */

    /* Mean loss at x, and its gradient into g unless NULL.  Uses all lanes.
     * Every call within one iterate sees the same samples and random draws, so
     * it is one deterministic function of x.  [main] */
    double (*eval)(struct heft_problem *p, float *g);
} heft_problem;

/* Exactly one of step and iterate is set: an optimizer either consumes a
 * gradient or owns the evaluations.  The host reads the learning rate from the
 * YAML key lr (a number or a schedule) unless the option table has a key of that name;
 * default_lr is used if the user gives none.
 *
 * decay_matrices: as AdamW is used, weight decay is for tensors of two axes or more, so that of biases and norms
 * is 0 (s->decay) unless the user sets decay_rank1. */
typedef struct heft_optimizer {
    heft_head head;
    int  (*plan)(void *self, heft_optimizer_plan *p);                /* [main]  */
    void (*step)(const void *self, const heft_step *s);              /* [range] */
    void (*iterate)(const void *self, heft_problem *p);              /* [main]  */
    double default_lr;
    int32_t decay_matrices;
} heft_optimizer;

/* ---- initializers ------------------------------------------------------- */

typedef struct heft_fill {
    heft_shape shape;
    int64_t  fan_in, fan_out;
    heft_rng   rng;              /* key of (seed, tensor path) */
    float   *x;                  /* heft_count(&shape) floats; overwritten */
    heft_error error;
} heft_fill;

typedef struct heft_initializer {
    heft_head head;
    int (*fill)(const void *self, heft_fill *f);                     /* [main] */
} heft_initializer;

#endif
