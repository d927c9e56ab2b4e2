/* onednn.c -- the only file that knows oneDNN (2.6, C interface)
 *
 * Each thread has its own primitives, stream and memory objects; the primitives' code is shared by oneDNN's own
 * cache.  Two rules were found the hard way (oneDNN 2.6.3, OpenMP): a primitive must be made while
 * omp_get_max_threads() is 1 (parallel_pin, done by local_get), and its scratchpad must be the user's, since
 * the default one belongs to the thread that made it.
 */
#include "compute/internal.h"

#ifdef HEFT_ONEDNN

#include <dnnl.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"

enum { KEY = 22, BUCKETS = 256, MOST = 1024, PAGE = 4096 };

typedef enum kind { GEMM, GEMM_BF16, FORWARD, BACK_DATA, BACK_WEIGHT } kind;

/* Operands in the order (x, w, y), or (a, b, c).  `plain` is w as the caller has it, if the primitive wants
 * another layout, and `reorder` brings one to the other (adding to it, for a gradient). */
typedef struct entry {
    struct entry    *next;
    int64_t          key[KEY];
    dnnl_primitive_t run, reorder;               /* run NULL: there is no kernel */
    dnnl_memory_t    x, w, y, bias, plain, pad, reorder_pad;
    size_t           w_bytes, bias_bytes, pad_bytes, reorder_pad_bytes;
} entry;

struct onednn {
    dnnl_stream_t stream;
    entry        *bucket[BUCKETS];
    int           n;
};

/* Made once by onednn_open, and kept to the end. */
static dnnl_engine_t engine;

bool onednn_open(void)
{
    if (!engine && dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
    return engine != NULL;
}

static bool has_isa(dnnl_cpu_isa_t isa) { return engine && (dnnl_get_effective_cpu_isa() & isa) == isa; }
bool onednn_has_bf16(void) { return has_isa(dnnl_cpu_isa_avx512_core_bf16); }
bool onednn_reads_in_place(void) { return engine && !has_isa(dnnl_cpu_isa_avx512_core); }

void onednn_describe(size_t room, char *text)
{
    static const struct { dnnl_cpu_isa_t isa; const char *name; } names[] = {
        { dnnl_cpu_isa_avx512_core_amx, "AMX" }, { dnnl_cpu_isa_avx512_core_bf16, "AVX-512 with bf16" },
        { dnnl_cpu_isa_avx512_core_vnni, "AVX-512 with VNNI" }, { dnnl_cpu_isa_avx512_core, "AVX-512" },
        { dnnl_cpu_isa_avx2_vnni, "AVX2 with VNNI" }, { dnnl_cpu_isa_avx2, "AVX2" }, { dnnl_cpu_isa_avx, "AVX" },
        { dnnl_cpu_isa_sse41, "SSE4.1" },
    };
    const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    const dnnl_version_t *v = dnnl_version();
    const char *name = "unknown instructions";
    for (size_t i = sizeof names / sizeof *names; i-- > 0;)
        if ((isa & names[i].isa) == names[i].isa) name = names[i].name;
    snprintf(text, room, "%s (oneDNN %d.%d.%d)", name, v->major, v->minor, v->patch);
}

/* ---- cache ---- */

static void memory_drop(dnnl_memory_t m) { if (m) dnnl_memory_destroy(m); }
static void primitive_drop(dnnl_primitive_t p) { if (p) dnnl_primitive_destroy(p); }

/* Everything but the key. */
static void entry_clear(entry *e)
{
    const dnnl_memory_t m[] = { e->x, e->w, e->y, e->bias, e->plain, e->pad, e->reorder_pad };
    for (size_t i = 0; i < sizeof m / sizeof *m; i++) memory_drop(m[i]);
    primitive_drop(e->run);
    primitive_drop(e->reorder);
    e->x = e->w = e->y = e->bias = e->plain = e->pad = e->reorder_pad = NULL;
    e->run = e->reorder = NULL;
}

static void cache_clear(struct onednn *o)
{
    for (int i = 0; i < BUCKETS; i++)
        for (entry *e = o->bucket[i]; e; ) {
            entry *next = e->next;
            entry_clear(e);
            free(e);
            e = next;
        }
    memset(o->bucket, 0, sizeof o->bucket);
    o->n = 0;
}

static struct onednn *opened(local *l)
{
    if (!l->onednn) {
        struct onednn *o = calloc(1, sizeof *o);
        if (!o || dnnl_stream_create(&o->stream, engine, dnnl_stream_default_flags) != dnnl_success) {
            free(o);
            return NULL;
        }
        l->onednn = o;
    }
    return l->onednn;
}

static entry **bucket_of(struct onednn *o, const int64_t key[KEY])
{
    uint64_t h = 0;
    for (int i = 0; i < KEY; i++) h = (h ^ (uint64_t)key[i]) * UINT64_C(0x9E3779B97F4A7C15);
    return &o->bucket[h >> 56];
}

/* The entry of a key, made by `make` the first time; NULL if there is no kernel for it. */
static entry *entry_get(struct onednn *o, const int64_t key[KEY], bool (*make)(entry *e))
{
    entry **bucket = bucket_of(o, key);
    for (entry *e = *bucket; e; e = e->next)
        if (memcmp(e->key, key, sizeof e->key) == 0) return e->run ? e : NULL;
    if (o->n == MOST) cache_clear(o);
    entry *e = calloc(1, sizeof *e);
    if (!e) memory_exhausted(sizeof *e);
    memcpy(e->key, key, sizeof e->key);
    e->next = *bucket;
    *bucket = e;
    o->n++;
    if (!make(e)) entry_clear(e);
    return e->run ? e : NULL;
}

/* ---- making primitives ---- */

static size_t bytes_of(const dnnl_memory_desc_t *d) { return dnnl_memory_desc_get_size(d); }

static bool memory_make(dnnl_memory_t *m, const dnnl_memory_desc_t *d)
{
    return dnnl_memory_create(m, d, engine, DNNL_MEMORY_NONE) == dnnl_success;
}

/* A primitive from its description, its scratchpad's memory object, and its kernel's name. */
static bool primitive_make(dnnl_primitive_desc_t pd, dnnl_primitive_t *run, dnnl_memory_t *pad, size_t *pad_bytes)
{
    const dnnl_memory_desc_t *d = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    *pad_bytes = bytes_of(d);
    return memory_make(pad, d) && dnnl_primitive_create(run, pd) == dnnl_success;
}

/* oneDNN's reference kernels are slower than the plain C forms. */
static bool is_reference(const_dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    return dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) != dnnl_success
        || strncmp(name, "ref", 3) == 0;
}

/* User scratchpad; the result is scaled by alpha and added to beta times what was there. */
static dnnl_primitive_attr_t attributes(float alpha, float beta)
{
    dnnl_primitive_attr_t a = NULL;
    dnnl_post_ops_t after = NULL;
    bool ok = dnnl_primitive_attr_create(&a) == dnnl_success
        && dnnl_primitive_attr_set_scratchpad_mode(a, dnnl_scratchpad_mode_user) == dnnl_success;
    if (ok && alpha != 1) ok = dnnl_primitive_attr_set_output_scales(a, 1, 0, &alpha) == dnnl_success;
    if (ok && beta != 0)
        ok = dnnl_post_ops_create(&after) == dnnl_success && dnnl_post_ops_append_sum(after, beta) == dnnl_success
            && dnnl_primitive_attr_set_post_ops(a, after) == dnnl_success;
    if (after) dnnl_post_ops_destroy(after);
    if (ok) return a;
    if (a) dnnl_primitive_attr_destroy(a);
    return NULL;
}

static bool reorder_make(entry *e, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, float beta)
{
    const dnnl_primitive_attr_t a = attributes(1, beta);
    dnnl_primitive_desc_t pd = NULL;
    const bool ok = a && dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, a) == dnnl_success
        && primitive_make(pd, &e->reorder, &e->reorder_pad, &e->reorder_pad_bytes);
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (a) dnnl_primitive_attr_destroy(a);
    return ok;
}

/* ---- running ---- */

static size_t pages(size_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

static bool point(dnnl_memory_t m, const void *p)
{
    void *now;
    return dnnl_memory_get_data_handle(m, &now) == dnnl_success
        && (now == p || dnnl_memory_set_data_handle(m, (void *)p) == dnnl_success);
}

static bool execute(struct onednn *o, dnnl_primitive_t p, int n, const dnnl_exec_arg_t *arg)
{
    return dnnl_primitive_execute(p, o->stream, n, arg) == dnnl_success
        && dnnl_stream_wait(o->stream) == dnnl_success;
}

static bool reorder(struct onednn *o, const entry *e, dnnl_memory_t from, dnnl_memory_t to, void *pad)
{
    const dnnl_exec_arg_t arg[] = {
        { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to }, { DNNL_ARG_SCRATCHPAD, e->reorder_pad }
    };
    return point(e->reorder_pad, pad) && execute(o, e->reorder, 3, arg);
}

/* ---- matrix product ---- */

enum { TA, TB, M, N, K, LDA, LDB, LDC, ALPHA, BETA, TYPE = KEY - 1 };

static int64_t bits_of(float x)
{
    int32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float float_of(int64_t bits)
{
    const int32_t u = (int32_t)bits;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static bool matrix(dnnl_memory_desc_t *d, int64_t rows, int64_t cols, bool transposed, int64_t ld,
                   dnnl_data_type_t type)
{
    const dnnl_dims_t dims = { rows, cols }, strides = { transposed ? 1 : ld, transposed ? ld : 1 };
    return dnnl_memory_desc_init_by_strides(d, 2, dims, type, strides) == dnnl_success;
}

static bool matmul_make(entry *e)
{
    const int64_t *k = e->key;
    const dnnl_data_type_t type = k[TYPE] == GEMM ? dnnl_f32 : dnnl_bf16;
    const dnnl_primitive_attr_t attr = attributes(float_of(k[ALPHA]), float_of(k[BETA]));
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t d;
    dnnl_primitive_desc_t pd = NULL;
    const bool ok = attr && matrix(&a, k[M], k[K], k[TA], k[LDA], type)
        && matrix(&b, k[K], k[N], k[TB], k[LDB], type) && matrix(&c, k[M], k[N], false, k[LDC], dnnl_f32)
        && dnnl_matmul_desc_init(&d, &a, &b, NULL, &c) == dnnl_success
        && dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL) == dnnl_success && !is_reference(pd)
        && memory_make(&e->x, &a) && memory_make(&e->w, &b) && memory_make(&e->y, &c)
        && primitive_make(pd, &e->run, &e->pad, &e->pad_bytes);
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return ok;
}

static bool matmul(const product *p, kind type, const void *a, const void *b, float *c)
{
    const int64_t key[KEY] = { p->ta, p->tb, p->m, p->n, p->k, p->lda, p->ldb, p->ldc,
                               bits_of(p->alpha), bits_of(p->beta), [TYPE] = type };
    local *l = local_get();
    struct onednn *o = opened(l);
    entry *e = o ? entry_get(o, key, matmul_make) : NULL;
    if (!e) return false;
    const dnnl_exec_arg_t arg[] = {
        { DNNL_ARG_SRC, e->x }, { DNNL_ARG_WEIGHTS, e->w }, { DNNL_ARG_DST, e->y }, { DNNL_ARG_SCRATCHPAD, e->pad }
    };
    return point(e->x, a) && point(e->w, b) && point(e->y, c)
        && point(e->pad, local_buffer(l, LOCAL_WORK, e->pad_bytes)) && execute(o, e->run, 4, arg);
}

/* dnnl_sgemm is as fast as the primitive on most shapes and starts faster; where B is transposed and not tiny the
 * primitive is the faster (measured). */
static bool prefers_matmul(const product *p)
{
    return p->tb && p->alpha == 1 && p->m > 1 && p->n > 1 && p->k > 1 && p->m * p->n * p->k >= 1 << 15;
}

bool onednn_gemm(const product *p, const float *a, const float *b, float *c)
{
    if (!engine) return false;
    if (prefers_matmul(p) && matmul(p, GEMM, a, b, c)) return true;
    local_get();
    return dnnl_sgemm(p->ta ? 'T' : 'N', p->tb ? 'T' : 'N', p->m, p->n, p->k, p->alpha, a, p->lda, b, p->ldb,
                      p->beta, c, p->ldc) == dnnl_success;
}

bool onednn_gemm_bf16(const product *p, const bf16 *a, const bf16 *b, float *c)
{
    return engine && matmul(p, GEMM_BF16, a, b, c);
}

/* ---- convolution ---- */

enum { BATCH = sizeof(heft_conv) / sizeof(int64_t), BIAS, HALF };

_Static_assert(sizeof(heft_conv) % sizeof(int64_t) == 0 && (int)HALF < (int)TYPE, "the key holds a heft_conv");

typedef struct shapes {
    heft_conv c;
    dnnl_memory_desc_t x, w, y, bias, plain;     /* w: any layout; plain: [kh, kw, ic/groups, oc] */
    dnnl_dims_t stride, dilation, before, after;
} shapes;

static bool shapes_make(shapes *s, const int64_t *key, dnnl_data_type_t tx, dnnl_data_type_t tw,
                        dnnl_data_type_t ty)
{
    memcpy(&s->c, key, sizeof s->c);
    const heft_conv *c = &s->c;
    const int64_t g = c->groups, in = c->ic / g, out = c->oc / g;
    const bool grouped = g > 1;
    const dnnl_dims_t dx = { key[BATCH], c->ic, c->ih, c->iw }, dy = { key[BATCH], c->oc, c->oh, c->ow };
    const dnnl_dims_t db = { c->oc }, dw = { g, out, in, c->kh, c->kw };
    const dnnl_dims_t sw = { out, 1, c->oc, c->kw * in * c->oc, in * c->oc };
    for (int i = 0; i < 2; i++) {
        s->stride[i] = c->stride[i];
        s->dilation[i] = c->dilation[i] - 1;
        s->before[i] = c->pad[2 * i];
        s->after[i] = c->pad[2 * i + 1];
    }
    return dnnl_memory_desc_init_by_tag(&s->x, 4, dx, tx, dnnl_nhwc) == dnnl_success
        && dnnl_memory_desc_init_by_tag(&s->y, 4, dy, ty, dnnl_nhwc) == dnnl_success
        && dnnl_memory_desc_init_by_tag(&s->bias, 1, db, dnnl_f32, dnnl_a) == dnnl_success
        && dnnl_memory_desc_init_by_tag(&s->w, 4 + grouped, dw + !grouped, tw, dnnl_format_tag_any) == dnnl_success
        && dnnl_memory_desc_init_by_strides(&s->plain, 4 + grouped, dw + !grouped, dnnl_f32, sw + !grouped)
            == dnnl_success;
}

/* The forward description is what the backward ones are made from. */
static dnnl_primitive_desc_t forward_desc(const shapes *s, bool bias, dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t d;
    dnnl_primitive_desc_t pd;
    const dnnl_status_t made = dnnl_dilated_convolution_forward_desc_init(
        &d, dnnl_forward_training, dnnl_convolution_direct, &s->x, &s->w, bias ? &s->bias : NULL, &s->y,
        s->stride, s->dilation, s->before, s->after);
    return made == dnnl_success && dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL) == dnnl_success
        ? pd : NULL;
}

static dnnl_primitive_desc_t backward_desc(const shapes *s, kind k, bool bias, dnnl_primitive_attr_t attr,
                                           dnnl_primitive_desc_t forward)
{
    dnnl_convolution_desc_t d;
    dnnl_primitive_desc_t pd;
    const dnnl_status_t made = k == BACK_DATA
        ? dnnl_dilated_convolution_backward_data_desc_init(
            &d, dnnl_convolution_direct, &s->x, &s->w, &s->y, s->stride, s->dilation, s->before, s->after)
        : dnnl_dilated_convolution_backward_weights_desc_init(
            &d, dnnl_convolution_direct, &s->x, &s->w, bias ? &s->bias : NULL, &s->y,
            s->stride, s->dilation, s->before, s->after);
    return made == dnnl_success && dnnl_primitive_desc_create(&pd, &d, attr, engine, forward) == dnnl_success
        ? pd : NULL;
}

/* Primitive, memory objects and the reorder of weights for one description. */
static bool conv_finish(entry *e, const shapes *s, kind k, dnnl_primitive_desc_t pd)
{
    const dnnl_query_t what = k == BACK_WEIGHT ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
    const dnnl_memory_desc_t *w = dnnl_primitive_desc_query_md(pd, what, 0);
    if (is_reference(pd) || !w) return false;
    if (!memory_make(&e->x, &s->x) || !memory_make(&e->w, w) || !memory_make(&e->y, &s->y)) return false;
    if (e->key[BIAS] && !memory_make(&e->bias, &s->bias)) return false;
    e->w_bytes = bytes_of(w);
    e->bias_bytes = bytes_of(&s->bias);
    if (k == BACK_WEIGHT || !dnnl_memory_desc_equal(w, &s->plain)) {
        const bool reordered = k == BACK_WEIGHT ? reorder_make(e, w, &s->plain, 1)
                                                : reorder_make(e, &s->plain, w, 0);
        if (!reordered || !memory_make(&e->plain, &s->plain)) return false;
    }
    return primitive_make(pd, &e->run, &e->pad, &e->pad_bytes);
}

static bool conv_make(entry *e)
{
    const kind k = (kind)e->key[TYPE];
    const bool half = e->key[HALF], bias = e->key[BIAS];
    const dnnl_data_type_t in = half ? dnnl_bf16 : dnnl_f32;
    shapes s;
    if (!shapes_make(&s, e->key, k == BACK_DATA ? dnnl_f32 : in, k == BACK_WEIGHT ? dnnl_f32 : in,
                     k == FORWARD ? dnnl_f32 : in)) return false;
    const dnnl_primitive_attr_t attr = attributes(1, 0);
    shapes hint_shapes;                          /* oneDNN has forward kernels for bf16 in, and f32 or bf16 out */
    const bool hinted = k != FORWARD && shapes_make(&hint_shapes, e->key, in, in, in);
    dnnl_primitive_desc_t pd = NULL, hint = NULL;
    if (attr && k == FORWARD) pd = forward_desc(&s, bias, attr);
    if (attr && hinted && (hint = forward_desc(&hint_shapes, false, attr)))
        pd = backward_desc(&s, k, bias, attr, hint);
    const bool ok = pd && conv_finish(e, &s, k, pd);
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (hint) dnnl_primitive_desc_destroy(hint);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return ok;
}

/* Scratchpads, the reordered weights and, going back, the bias's gradient lie one behind the other in the
 * thread's buffer. */
static bool conv_run(const heft_conv *c, int64_t n, bool half, kind k, const void *x, const float *w,
                     const void *y, float *bias)
{
    if (!engine || n <= 0 || c->oh <= 0 || c->ow <= 0) return false;
    int64_t key[KEY] = { [BATCH] = n, [BIAS] = bias != NULL, [HALF] = half, [TYPE] = k };
    memcpy(key, c, sizeof *c);
    local *l = local_get();
    struct onednn *o = opened(l);
    entry *e = o ? entry_get(o, key, conv_make) : NULL;
    if (!e) return false;

    static const int names[][3] = {
        [FORWARD]     = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST },
        [BACK_DATA]   = { DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST },
        [BACK_WEIGHT] = { DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST },
    };
    const size_t pad = pages(e->pad_bytes > e->reorder_pad_bytes ? e->pad_bytes : e->reorder_pad_bytes);
    const size_t w_room = pages(e->w_bytes);
    char *const work = local_buffer(l, LOCAL_WORK, pad + w_room + e->bias_bytes), *const blocked = work + pad;
    float *const dbias = (float *)(void *)(blocked + w_room);

    if (!point(e->x, x) || !point(e->y, y) || !point(e->pad, work)) return false;
    if (!point(e->w, e->reorder ? (const void *)blocked : w) || (e->plain && !point(e->plain, w))) return false;
    if (bias && !point(e->bias, k == FORWARD ? bias : dbias)) return false;
    if (k != BACK_WEIGHT && e->reorder && !reorder(o, e, e->plain, e->w, work)) return false;
    const dnnl_exec_arg_t arg[] = {
        { names[k][0], e->x }, { names[k][1], e->w }, { names[k][2], e->y }, { DNNL_ARG_SCRATCHPAD, e->pad },
        { k == FORWARD ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS, e->bias }
    };
    if (!execute(o, e->run, bias ? 5 : 4, arg)) return false;
    if (k != BACK_WEIGHT) return true;
    if (!reorder(o, e, e->w, e->plain, work)) return false;
    for (int64_t i = 0; bias && i < c->oc; i++) bias[i] += dbias[i];
    return true;
}

bool onednn_conv(const heft_conv *c, int64_t n, bool half, const void *x, const float *w, const float *bias,
                 float *y)
{
    return conv_run(c, n, half, FORWARD, x, w, y, (float *)bias);
}

bool onednn_conv_back_data(const heft_conv *c, int64_t n, bool half, const void *dy, const float *w, float *dx)
{
    return conv_run(c, n, half, BACK_DATA, dx, w, dy, NULL);
}

bool onednn_conv_back_weight(const heft_conv *c, int64_t n, bool half, const void *x, const void *dy, float *dw,
                             float *dbias)
{
    return conv_run(c, n, half, BACK_WEIGHT, x, dw, dy, dbias);
}

#else

bool onednn_open(void) { return false; }
bool onednn_has_bf16(void) { return false; }
bool onednn_reads_in_place(void) { return false; }
void onednn_describe(size_t room, char *text) { snprintf(text, room, "plain C"); }

bool onednn_gemm(const product *p, const float *a, const float *b, float *c)
{
    (void)p, (void)a, (void)b, (void)c;
    return false;
}

bool onednn_gemm_bf16(const product *p, const bf16 *a, const bf16 *b, float *c)
{
    (void)p, (void)a, (void)b, (void)c;
    return false;
}

bool onednn_conv(const heft_conv *c, int64_t n, bool half, const void *x, const float *w, const float *bias,
                 float *y)
{
    (void)c, (void)n, (void)half, (void)x, (void)w, (void)bias, (void)y;
    return false;
}

bool onednn_conv_back_data(const heft_conv *c, int64_t n, bool half, const void *dy, const float *w, float *dx)
{
    (void)c, (void)n, (void)half, (void)dy, (void)w, (void)dx;
    return false;
}

bool onednn_conv_back_weight(const heft_conv *c, int64_t n, bool half, const void *x, const void *dy, float *dw,
                             float *dbias)
{
    (void)c, (void)n, (void)half, (void)x, (void)dy, (void)dw, (void)dbias;
    return false;
}

#endif
