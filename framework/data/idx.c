/* idx: the format of MNIST (http://yann.lecun.com/exdb/mnist): two zero bytes, a type, the number of axes, each
 * axis as a big-endian u32, then the elements, big-endian, last axis fastest.  Plain or gzip. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"
#include "data/source.h"

typedef enum element { U8 = 0x08, I8 = 0x09, I16 = 0x0b, I32 = 0x0c, F32 = 0x0d, F64 = 0x0e } element;

typedef struct array {
    const char *name;
    element     type;
    int         rank;
    int64_t     dim[HEFT_MAX_RANK + 1];
    int64_t     per_sample;          /* elements */
    unsigned char *bytes;            /* as in the file; a block */
} array;

typedef struct idx_source {
    source  base;
    array   inputs, targets;         /* targets.bytes NULL: none */
} idx_source;

typedef struct idx_options { int task; } idx_options;

static const heft_option idx_options_table[] = {
    HEFT_OPT_ENUM(idx_options, task, TASK_AUTO, "auto|classification|regression",
                  "what whole numbers as targets are; auto: labels if there is one a sample; classification: also several"),
    HEFT_OPT_END
};

static size_t element_size(element type)
{
    switch (type) {
    case U8: case I8: return 1;
    case I16: return 2;
    case I32: case F32: return 4;
    case F64: return 8;
    }
    return 0;
}

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static double element_at(element type, const unsigned char *p)
{
    switch (type) {
    case U8: return *p;
    case I8: return (int8_t)*p;
    case I16: return (int16_t)(p[0] << 8 | p[1]);
    case I32: return (int32_t)be32(p);
    case F32: {
        const uint32_t bits = be32(p);
        float v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    case F64: {
        const uint64_t bits = (uint64_t)be32(p) << 32 | be32(p + 4);
        double v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    }
    return 0;
}

static void widen(element type, int64_t n, const unsigned char *from, float *to)
{
    if (type == U8)
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
    else {
        const size_t size = element_size(type);
        for (int64_t i = 0; i < n; i++) to[i] = (float)element_at(type, from + (size_t)i * size);
    }
}

/* Exactly n bytes, or a problem that says why not. */
static int read_exactly(gzFile f, const char *path, unsigned char *to, size_t n, const char *what, problems *pr)
{
    size_t got = 0;
    while (got < n) {
        const size_t want = n - got < (1u << 30) ? n - got : 1u << 30;
        const int k = gzread(f, to + got, (unsigned)want);
        if (k > 0) {
            got += (size_t)k;
            continue;
        }
        int error;
        const char *why = gzerror(f, &error);
        if (error == Z_OK || error == Z_BUF_ERROR)
            problems_add(pr, (place){ path, 0, 0 },
                         "ends after %zu of the %zu bytes of %s: the file is cut short", got, n, what);
        else problems_add(pr, (place){ path, 0, 0 }, "damaged gzip data: %s",
                          error == Z_ERRNO ? strerror(errno) : why);
        return -1;
    }
    return 0;
}

static int read_header(gzFile f, array *a, size_t *bytes, problems *pr)
{
    const place at = { a->name, 0, 0 };
    unsigned char head[4], dim[4 * (HEFT_MAX_RANK + 1)];
    if (read_exactly(f, a->name, head, 4, "the header", pr) < 0) return -1;
    a->type = head[2];
    a->rank = head[3];
    if (head[0] || head[1] || !element_size(a->type)) {
        problems_add(pr, at, "begins with the bytes %02x %02x %02x %02x; an idx file begins with 00 00, a type "
                     "(08 09 0b 0c 0d 0e) and the number of axes", head[0], head[1], head[2], head[3]);
        return -1;
    }
    if (a->rank < 1 || a->rank > HEFT_MAX_RANK + 1) {
        problems_add(pr, at, "%d axes; 1 to %d are read", a->rank, HEFT_MAX_RANK + 1);
        return -1;
    }
    if (read_exactly(f, a->name, dim, 4 * (size_t)a->rank, "the header", pr) < 0) return -1;
    *bytes = element_size(a->type);
    for (int i = 0; i < a->rank; i++) {
        a->dim[i] = be32(dim + 4 * i);
        if (!a->dim[i]) {
            problems_add(pr, at, i ? "axis %d is of size 0" : "holds no samples (axis %d is of size 0)", i);
            return -1;
        }
        if (!size_mul(*bytes, (size_t)a->dim[i], bytes)) {
            problems_add(pr, at, "claims more bytes than can be counted");
            return -1;
        }
    }
    a->per_sample = (int64_t)(*bytes / element_size(a->type)) / a->dim[0];
    return 0;
}

/* What the header claims against the size of the file, before memory is asked for.  Deflate makes at most 1032
 * bytes of one. */
static int check_size(gzFile f, const char *path, const array *a, size_t bytes, problems *pr)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        problems_system(pr, path, "cannot be examined", errno);
        return -1;
    }
    const size_t header = 4 + 4 * (size_t)a->rank, size = (size_t)st.st_size;
    if (gzdirect(f) && size != header + bytes) {
        problems_add(pr, (place){ path, 0, 0 }, "the header claims %zu bytes, the file has %zu: it is %s",
                     header + bytes, size,
                     size < header + bytes ? "cut short or the header damaged" : "followed by something else");
        return -1;
    }
    if (!gzdirect(f) && bytes / 1032 > size) {
        problems_add(pr, (place){ path, 0, 0 },
                     "the header claims %zu bytes, more than %zu compressed bytes can hold", bytes, size);
        return -1;
    }
    return 0;
}

static int check_finite(const array *a, problems *pr)
{
    if (a->type != F32 && a->type != F64) return 0;
    const size_t size = element_size(a->type);
    for (int64_t i = 0; i < a->dim[0] * a->per_sample; i++) {
        const double v = element_at(a->type, a->bytes + (size_t)i * size);
        if (isfinite((float)v)) continue;
        problems_add(pr, (place){ a->name, 0, 0 }, "%g in sample %lld (from 0); numbers must be finite", v,
                     (long long)(i / a->per_sample));
        return -1;
    }
    return 0;
}

static int read_array(const char *path, array *a, problems *pr)
{
    a->name = path;
    gzFile f = gzopen(path, "rbe");
    if (!f) {
        problems_system(pr, path, "cannot be opened", errno);
        return -1;
    }
    gzbuffer(f, 1 << 18);
    size_t bytes;
    int rc = read_header(f, a, &bytes, pr);
    if (rc == 0) rc = check_size(f, path, a, bytes, pr);
    if (rc == 0 && !(a->bytes = block_alloc(bytes, 1))) {
        problems_add(pr, (place){ path, 0, 0 }, "no memory for its %zu bytes", bytes);
        rc = -1;
    }
    if (rc == 0) rc = read_exactly(f, path, a->bytes, bytes, "its samples", pr);
    unsigned char more;
    if (rc == 0 && gzread(f, &more, 1) != 0) {          /* reads on to the checksum at the end */
        int error;
        gzerror(f, &error);
        problems_add(pr, (place){ path, 0, 0 }, error == Z_OK
                     ? "goes on behind the %zu bytes that its header claims"
                     : "damaged gzip data behind %zu bytes", bytes);
        rc = -1;
    }
    int error = Z_OK;
    if (rc == 0) gzerror(f, &error);
    if (error != Z_OK) {
        problems_add(pr, (place){ path, 0, 0 }, "the gzip data end too early: the file is cut short");
        rc = -1;
    }
    gzclose_r(f);
    if (rc == 0) rc = check_finite(a, pr);
    if (rc < 0) {
        block_free(a->bytes);
        a->bytes = NULL;
    }
    return rc;
}

static int fetch(source *s, const int64_t *row, int64_t n, float *inputs, float *targets, problems *pr)
{
    (void)pr;
    const idx_source *d = (const idx_source *)s;
    const array *x = &d->inputs, *y = &d->targets;
    for (int64_t i = 0; i < n && inputs; i++)
        widen(x->type, x->per_sample, x->bytes + (size_t)(row[i] * x->per_sample) * element_size(x->type),
              inputs + i * x->per_sample);
    for (int64_t i = 0; i < n && targets; i++) {
        const unsigned char *from = y->bytes + (size_t)(row[i] * y->per_sample) * element_size(y->type);
        if (s->target.dtype == HEFT_I32)
            for (int64_t k = 0; k < y->per_sample; k++)
                ((int32_t *)(void *)targets)[i * y->per_sample + k] =
                    (int32_t)element_at(y->type, from + (size_t)k * element_size(y->type));
        else widen(y->type, y->per_sample, from, targets + i * y->per_sample);
    }
    return 0;
}

static void idx_close(source *s)
{
    idx_source *d = (idx_source *)s;
    block_free(d->inputs.bytes);
    block_free(d->targets.bytes);
    block_free(s->weight);
}

static int scan_labels(source *s, const array *y, problems *pr)
{
    for (int64_t i = 0; i < s->count * y->per_sample; i++) {
        const double v = element_at(y->type, y->bytes + (size_t)i * element_size(y->type));
        if (label_check(y->name, i / y->per_sample, v, pr) < 0) return -1;
        if ((int64_t)v >= s->target.limit) {
            s->target.limit = (int64_t)v + 1;
            s->top = i / y->per_sample;
        }
    }
    return 0;
}

/* One number a sample. */
static int read_weights(opening *o, source *s, const char *path, problems *pr)
{
    array a = { 0 };
    if (read_array(path, &a, pr) < 0) return -1;
    int rc = print_file(o, "weights", path, pr);
    if (a.dim[0] != s->count || a.per_sample != 1) {
        problems_add(pr, (place){ path, 0, 0 }, "%lld times %lld weights for %lld inputs in %s; one a sample is needed",
                     (long long)a.dim[0], (long long)a.per_sample, (long long)s->count, s->name);
        rc = -1;
    }
    if (rc == 0 && !(s->weight = block_alloc((size_t)s->count, sizeof *s->weight)))
        memory_exhausted((size_t)s->count * sizeof *s->weight);
    if (rc == 0) widen(a.type, s->count, a.bytes, s->weight);
    block_free(a.bytes);
    return rc < 0 ? -1 : weights_check(path, s->count, s->weight, pr);
}

static source *make_source(opening *o, const char *inputs, const char *targets, const char *weights, int task,
                           problems *pr)
{
    idx_source *d = arena_alloc(o->a, 1, sizeof *d);
    source *s = &d->base;
    s->name = inputs;
    s->fetch = fetch;
    s->close = idx_close;
    int rc = read_array(inputs, &d->inputs, pr);
    if (targets && read_array(targets, &d->targets, pr) < 0) rc = -1;
    if (rc == 0) rc = print_file(o, "inputs", inputs, pr);
    if (rc == 0) rc = shape_of_inputs(inputs, d->inputs.rank, d->inputs.dim, true, &s->input, pr);
    s->count = d->inputs.dim[0];
    if (rc == 0 && targets) {
        const array *y = &d->targets;
        bool labels;
        s->has_target = true;
        rc = print_file(o, "targets", targets, pr);
        if (rc == 0) rc = shape_of_targets(targets, y->rank, y->dim, y->type != F32 && y->type != F64, task,
                                           &s->target, &labels, pr);
        if (rc == 0 && y->dim[0] != s->count) {
            problems_add(pr, (place){ targets, 0, 0 }, "%lld targets for %lld inputs in %s", (long long)y->dim[0],
                         (long long)s->count, inputs);
            rc = -1;
        }
        if (rc == 0 && labels) rc = scan_labels(s, y, pr);
    }
    if (rc == 0 && weights) rc = read_weights(o, s, weights, pr);
    if (rc == 0) return s;
    idx_close(s);
    return NULL;
}

static source *idx_open(opening *o, const node *files, split which, problems *pr)
{
    static const char *const known[] = { "inputs", "targets", "weights", NULL };
    enum { REQUIRED = 2 };
    const char *what = arena_printf(o->a, "data: %s", split_name(which));
    if (files->kind != NODE_MAP) {
        problems_add(pr, files->at, "%s: %s; {inputs: FILE, targets: FILE} is needed", what,
                     node_kind_name(files));
        return NULL;
    }
    const char *path[3] = { NULL };
    int rc = node_check_keys(files, what, known, pr);
    for (int i = 0; known[i]; i++) {
        const node *n = node_get(files, known[i]);
        if (!n && i >= REQUIRED) continue;
        if (!n) problems_add(pr, files->at, "%s: %s is missing; {inputs: FILE, targets: FILE} is needed", what,
                             known[i]);
        if (!n || !(path[i] = section_path(o, n, arena_printf(o->a, "%s.%s", what, known[i]), pr))) rc = -1;
    }
    return rc < 0 ? NULL : make_source(o, path[0], path[1], path[2], ((const idx_options *)o->own)->task, pr);
}

/* The labels beside MNIST's images go by their name: ...-images-idx3-ubyte[.gz] has ...-labels-idx1-ubyte[.gz]. */
static const char *labels_beside(arena *a, const char *path)
{
    static const char images[] = "images-idx3";
    const char *base = path_base(path), *at = strstr(base, images);
    if (!at) return NULL;
    const char *labels = arena_printf(a, "%.*slabels-idx1%s", (int)(at - path), path, at + strlen(images));
    return file_exists(labels) ? labels : NULL;
}

/* INPUTS or INPUTS,TARGETS. */
static source *idx_open_file(opening *o, const char *path, problems *pr)
{
    const char *comma = file_exists(path) ? NULL : strchr(path, ',');
    const char *inputs = comma ? arena_strndup(o->a, path, (size_t)(comma - path)) : path;
    const char *targets = comma ? comma + 1 : labels_beside(o->a, path);
    if (check_file((place){ 0 }, "data", inputs, "", pr) < 0) return NULL;
    if (targets && check_file((place){ 0 }, "data", targets, "", pr) < 0) return NULL;
    const int task = o->fit->target.dtype == HEFT_F32 ? TASK_REGRESSION : o->fit->target.rank ? TASK_CLASSIFICATION : TASK_AUTO;
    return make_source(o, inputs, targets, NULL, task, pr);
}

static const char *const idx_others[] = { "classes", NULL };

const format idx_format = { .name = "idx", .options = idx_options_table, .options_size = sizeof(idx_options),
                            .others = idx_others, .open = idx_open, .open_file = idx_open_file };
