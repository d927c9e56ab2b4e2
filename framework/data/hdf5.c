/* hdf5: any two data sets of a file, samples along the outermost axis.  Rows are read when they are fetched, in
 * blocks of about 64 KiB kept in a cache of bounded size, each in the type it is stored in; a batch is read in
 * rising order. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "data/source.h"

/* A file may claim any size for what it never stored, so that a sample's size cannot be held against the file's. */
enum { BLOCK_BYTES = 1 << 16, SAMPLE_MOST = 1 << 30 };

typedef struct hdf5_options {
    int     task;
    int64_t cache, vocabulary;
} hdf5_options;

static const heft_option hdf5_options_table[] = {
    HEFT_OPT_ENUM(hdf5_options, task, TASK_AUTO, "auto|classification|regression",
                  "what whole numbers as targets are; auto: labels if there is one a sample; classification: also several"),
    HEFT_OPT_INT(hdf5_options, cache, 256, 1, 1 << 20, "MiB of rows kept in memory"),
    HEFT_OPT_INT(hdf5_options, vocabulary, 0, 0, LABEL_LIMIT, "inputs are tokens below this; 0: numbers"),
    HEFT_OPT_END
};

/* One data set behind a cache: slot s holds block `held[s]`, where block b goes to slot b modulo the number of
 * slots. */
typedef struct rows {
    const char *name;                /* "x.h5:/images" */
    const char *path;                /* in the file */
    hdf_type    type;                /* as cached: U8, I32 or F32, F64 as F32 */
    size_t      size;                /* of an element */
    int         rank;
    int64_t     dim[HDF_MAX_RANK];
    int64_t     width;               /* elements of a row */
    int64_t     per_block, n_slots;
    int64_t    *held;                /* [n_slots], -1: empty */
    char       *bytes;
} rows;

typedef struct hdf5_source {
    source    base;
    hdf_file *file;
    rows      x, y;                  /* y.path NULL: no targets */
    /* over the caches: data sets that share a source fetch from their own threads */
    pthread_mutex_t lock;
} hdf5_source;

static size_t cached_size(hdf_type *type)
{
    switch (*type) {
    case HDF_U8: return 1;
    case HDF_I32: return 4;
    case HDF_I64: case HDF_U64: *type = HDF_I64; return 8;
    default: *type = HDF_F32; return 4;
    }
}

static bool is_whole(hdf_type t) { return t != HDF_F32 && t != HDF_F64; }

static int rows_open(hdf5_source *d, rows *r, const char *file, const char *path, int64_t cache, arena *a,
                     problems *pr)
{
    r->path = arena_strdup(a, path);             /* it may be the section's, which need not outlive the data */
    r->name = arena_printf(a, "%s:%s", file, path);
    if (hdf_shape(d->file, r->path, &r->type, &r->rank, r->dim, pr) < 0) return -1;
    r->size = cached_size(&r->type);
    size_t width = 1, bytes = 0;
    bool fits = r->rank >= 1;
    if (!fits) problems_add(pr, (place){ r->name, 0, 0 },
                            "a single number; samples along an outermost axis are needed");
    for (int i = 0; i < r->rank; i++)
        if (r->dim[i] < 1) {
            problems_add(pr, (place){ r->name, 0, 0 }, i ? "axis %d is of size 0"
                         : "holds no samples (axis %d is of size 0)", i);
            return -1;
        }
    for (int i = 1; i < r->rank; i++)
        if (!size_mul(width, (size_t)r->dim[i], &width)) width = SIZE_MAX;
    if (fits && !(size_mul(width, r->size, &bytes) && bytes <= SAMPLE_MOST)) {
        problems_add(pr, (place){ r->name, 0, 0 }, "a sample has more than %lld bytes, the most that is read",
                     (long long)SAMPLE_MOST);
        fits = false;
    }
    if (!fits) return -1;
    r->width = (int64_t)width;
    r->per_block = bytes >= BLOCK_BYTES ? 1 : (int64_t)(BLOCK_BYTES / bytes);
    const int64_t n_blocks = (r->dim[0] + r->per_block - 1) / r->per_block;
    const int64_t block = r->per_block * (int64_t)bytes;
    r->n_slots = (cache << 20) / block;
    if (r->n_slots > n_blocks) r->n_slots = n_blocks;
    if (r->n_slots < 1) r->n_slots = 1;
    r->held = block_alloc((size_t)r->n_slots, sizeof *r->held);
    r->bytes = block_alloc((size_t)r->n_slots, (size_t)block);
    if (!r->held || !r->bytes) {
        problems_add(pr, (place){ r->name, 0, 0 }, "no memory for %lld blocks of %lld bytes",
                     (long long)r->n_slots, (long long)block);
        return -1;
    }
    for (int64_t i = 0; i < r->n_slots; i++) r->held[i] = -1;
    return 0;
}

/* The bytes of a row, valid until the next call; NULL after a problem. */
static const char *row_bytes(hdf5_source *d, rows *r, int64_t row, problems *pr)
{
    const int64_t block = row / r->per_block, slot = block % r->n_slots;
    char *to = r->bytes + (size_t)slot * (size_t)r->per_block * (size_t)r->width * r->size;
    if (r->held[slot] != block) {
        const int64_t first = block * r->per_block, left = r->dim[0] - first;
        r->held[slot] = -1;
        const int64_t n = left < r->per_block ? left : r->per_block;
        if (hdf_read_rows(d->file, r->path, r->type, first, n, to, pr) < 0) return NULL;
        r->held[slot] = block;
    }
    return to + (size_t)(row - block * r->per_block) * (size_t)r->width * r->size;
}

static double element_at(const rows *r, const char *from, int64_t i)
{
    switch (r->type) {
    case HDF_U8: return ((const uint8_t *)from)[i];
    case HDF_I32: return ((const int32_t *)(const void *)from)[i];
    case HDF_I64: return (double)((const int64_t *)(const void *)from)[i];
    default: return (double)((const float *)(const void *)from)[i];
    }
}

static int widen(const rows *r, const char *from, int64_t row, float *to, problems *pr)
{
    if (r->type == HDF_U8)
        for (int64_t i = 0; i < r->width; i++) to[i] = ((const uint8_t *)from)[i];
    else if (is_whole(r->type))
        for (int64_t i = 0; i < r->width; i++) to[i] = (float)element_at(r, from, i);
    else {
        memcpy(to, from, (size_t)r->width * sizeof *to);
        for (int64_t i = 0; i < r->width; i++) {
            if (isfinite(to[i])) continue;
            problems_add(pr, (place){ r->name, 0, 0 }, "%g in row %lld (from 0); numbers must be finite",
                         (double)to[i], (long long)row);
            return -1;
        }
    }
    return 0;
}

typedef struct wanted { int64_t row; int64_t to; } wanted;

static int by_row(const void *a, const void *b)
{
    const wanted *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

static int read_labels(const rows *r, const char *from, int64_t row, int32_t *to, problems *pr)
{
    for (int64_t i = 0; i < r->width; i++) {
        const double v = element_at(r, from, i);
        if (label_check(r->name, row, v, pr) < 0) return -1;
        to[i] = (int32_t)v;
    }
    return 0;
}

static int read_tokens(const rows *r, const char *from, int64_t row, int64_t vocabulary, int32_t *to, problems *pr)
{
    for (int64_t i = 0; i < r->width; i++) {
        const double v = element_at(r, from, i);
        if (!(v >= 0 && v < (double)vocabulary)) {
            problems_add(pr, (place){ r->name, 0, 0 }, "token %.0f in row %lld (from 0); vocabulary: %lld has 0 to %lld", v,
                         (long long)row, (long long)vocabulary, (long long)vocabulary - 1);
            return -1;
        }
        to[i] = (int32_t)v;
    }
    return 0;
}

/* shape: of a row. */
static int fetch_rows(hdf5_source *d, rows *r, const wanted *w, int64_t n, const heft_shape *shape, float *out,
                      problems *pr)
{
    const bool whole = shape->dtype == HEFT_I32, tokens = whole && shape == &d->base.input;
    for (int64_t i = 0; i < n; i++) {
        const char *from = row_bytes(d, r, w[i].row, pr);
        if (!from) return -1;
        float *to = out + w[i].to * r->width;
        if (tokens ? read_tokens(r, from, w[i].row, shape->limit, (int32_t *)(void *)to, pr) < 0
            : whole ? read_labels(r, from, w[i].row, (int32_t *)(void *)to, pr) < 0
                    : widen(r, from, w[i].row, to, pr) < 0)
            return -1;
    }
    return 0;
}

static int fetch(source *s, const int64_t *row, int64_t n, float *inputs, float *targets, problems *pr)
{
    hdf5_source *d = (hdf5_source *)s;
    wanted w[FETCH_MOST];
    bool rising = true;
    for (int64_t i = 0; i < n; i++) {
        w[i] = (wanted){ row[i], i };
        rising = rising && (!i || row[i - 1] <= row[i]);
    }
    if (!rising) qsort(w, (size_t)n, sizeof *w, by_row);
    pthread_mutex_lock(&d->lock);
    int rc = 0;
    if (inputs) rc = fetch_rows(d, &d->x, w, n, &s->input, inputs, pr);
    if (rc == 0 && targets) rc = fetch_rows(d, &d->y, w, n, &s->target, targets, pr);
    pthread_mutex_unlock(&d->lock);
    return rc;
}

static void hdf5_close(source *s)
{
    hdf5_source *d = (hdf5_source *)s;
    hdf_close(d->file);
    block_free(d->x.held);
    block_free(d->x.bytes);
    block_free(d->y.held);
    block_free(d->y.bytes);
    block_free(s->weight);
    pthread_mutex_destroy(&d->lock);
}

static int scan_targets(hdf5_source *d, bool labels, problems *pr)
{
    source *s = &d->base;
    for (int64_t row = 0; row < s->count; row++) {
        const char *from = row_bytes(d, &d->y, row, pr);
        if (!from) return -1;
        for (int64_t i = 0; i < d->y.width; i++) {
            const double v = element_at(&d->y, from, i);
            if (labels && label_check(d->y.name, row, v, pr) < 0) return -1;
            if (labels && (int64_t)v >= s->target.limit) s->target.limit = (int64_t)v + 1, s->top = row;
            if (isfinite(v)) continue;
            problems_add(pr, (place){ d->y.name, 0, 0 }, "%g in row %lld (from 0); numbers must be finite", v,
                         (long long)row);
            return -1;
        }
    }
    return 0;
}

static int open_targets(hdf5_source *d, int task, problems *pr)
{
    rows *y = &d->y;
    bool labels;
    if (shape_of_targets(y->name, y->rank, y->dim, is_whole(y->type), task, &d->base.target, &labels, pr) < 0)
        return -1;
    if (y->dim[0] != d->base.count) {
        problems_add(pr, (place){ y->name, 0, 0 }, "%lld targets for %lld inputs in %s", (long long)y->dim[0],
                     (long long)d->base.count,
                     d->x.name);
        return -1;
    }
    d->base.has_target = true;
    return scan_targets(d, labels, pr);
}

/* [n] or [n, 1]. */
static int read_weights(hdf5_source *d, const char *path, problems *pr)
{
    source *s = &d->base;
    hdf_type type;
    int rank;
    int64_t dim[HDF_MAX_RANK];
    arena *a = arena_new();
    const char *name = arena_printf(a, "%s:%s", s->name, path);
    int rc = hdf_shape(d->file, path, &type, &rank, dim, pr);
    if (rc == 0 && (rank < 1 || rank > 2 || dim[0] != s->count || (rank == 2 && dim[1] != 1))) {
        problems_add(pr, (place){ name, 0, 0 }, "weights of rank %d, %lld along the first axis; one for each of the %lld inputs in %s is needed",
                     rank, rank ? (long long)dim[0] : 0, (long long)s->count, d->x.name);
        rc = -1;
    }
    if (rc == 0 && !(s->weight = block_alloc((size_t)s->count, sizeof *s->weight)))
        memory_exhausted((size_t)s->count * sizeof *s->weight);
    if (rc == 0) rc = hdf_read(d->file, path, HDF_F32, rank, dim, s->weight, pr);
    if (rc == 0) rc = weights_check(name, s->count, s->weight, pr);
    arena_free(a);
    return rc;
}

static int token_inputs(hdf5_source *d, int64_t vocabulary, problems *pr)
{
    source *s = &d->base;
    if (!is_whole(d->x.type)) {
        problems_add(pr, (place){ d->x.name, 0, 0 }, "fractions, and vocabulary says that they are tokens; whole numbers are needed");
        return -1;
    }
    s->input.dtype = HEFT_I32;
    s->input.limit = vocabulary;
    if (d->x.rank == 1) s->input.rank = 0;
    return 0;
}

static source *make_source(opening *o, const hdf5_options *own, const char *file, const char *inputs,
                           const char *targets, const char *weights, int task, problems *pr)
{
    hdf5_source *d = arena_alloc(o->a, 1, sizeof *d);
    pthread_mutex_init(&d->lock, NULL);
    d->base = (source){ .name = file, .fetch = fetch, .close = hdf5_close };
    d->file = hdf_open(file, pr);
    int rc = d->file ? print_file(o, inputs, file, pr) : -1;
    if (rc == 0 && targets) digest_add(o->print, targets, strlen(targets) + 1);
    if (rc == 0 && weights) digest_add(o->print, weights, strlen(weights) + 1);
    const int64_t cache = own->cache;
    const bool x_open = rc == 0 && rows_open(d, &d->x, file, inputs, cache, o->a, pr) == 0;
    const bool y_open = rc == 0 && (!targets || rows_open(d, &d->y, file, targets, cache, o->a, pr) == 0);
    rc = x_open && y_open ? shape_of_inputs(d->x.name, d->x.rank, d->x.dim, false, &d->base.input, pr) : -1;
    d->base.count = d->x.dim[0];
    if (rc == 0 && own->vocabulary) rc = token_inputs(d, own->vocabulary, pr);
    if (rc == 0 && weights) rc = read_weights(d, weights, pr);
    if (rc == 0 && targets) rc = open_targets(d, task, pr);
    if (rc == 0) return &d->base;
    hdf5_close(&d->base);
    return NULL;
}

static const char *const file_keys[] = { "file", "inputs", "targets", "weights", NULL };
enum { REQUIRED = 3 };

static source *hdf5_open(opening *o, const node *files, split which, problems *pr)
{
    const char *what = arena_printf(o->a, "data: %s", split_name(which));
    if (files->kind != NODE_MAP) {
        problems_add(pr, files->at, "%s: %s; {file: NAME, inputs: /PATH, targets: /PATH} is needed", what,
                     node_kind_name(files));
        return NULL;
    }
    const char *value[4] = { NULL };
    int rc = node_check_keys(files, what, file_keys, pr);
    for (int i = 0; file_keys[i]; i++) {
        const node *n = node_get(files, file_keys[i]);
        if (!n && i >= REQUIRED) continue;
        const char *key = arena_printf(o->a, "%s.%s", what, file_keys[i]);
        if (!n) {
            problems_add(pr, files->at, "%s is missing; {file: NAME, inputs: /PATH, targets: /PATH} is needed",
                         key);
            rc = -1;
        } else if (i == 0 ? !(value[0] = section_path(o, n, key, pr))
                   : node_read_string(n, key, &value[i], pr) < 0)
            rc = -1;
    }
    const hdf5_options *own = o->own;
    return rc < 0 ? NULL : make_source(o, own, value[0], value[1], value[2], value[3], own->task, pr);
}

/* FILE, with the paths of the section's test or train split, else /inputs and /targets; or FILE:/inputs/path. */
static source *hdf5_open_file(opening *o, const char *path, problems *pr)
{
    const char *colon = strstr(path, ":/"), *inputs = colon ? colon + 1 : "/inputs", *targets = "/targets";
    const char *file = colon ? arena_strndup(o->a, path, (size_t)(colon - path)) : path;
    if (check_file((place){ 0 }, "data", file, "", pr) < 0) return NULL;
    const bool same = o->format == &hdf5_format;
    const hdf5_options *own = same ? o->own : format_defaults(&hdf5_format, o->a, pr);
    if (!own) return NULL;
    const node *train = same ? node_get(o->section, "train") : NULL;
    if (node_get(train, "targets")) targets = node_get(train, "targets")->text;
    if (!colon && node_get(train, "inputs")) inputs = node_get(train, "inputs")->text;
    const char *weights = node_get(train, "weights") ? node_get(train, "weights")->text : NULL;
    hdf_file *f = hdf_open(file, pr);
    if (!f) return NULL;
    if (!hdf_exists(f, targets) || !strcmp(inputs, targets)) targets = NULL;
    if (weights && !hdf_exists(f, weights)) weights = NULL;
    hdf_close(f);
    const int task = o->fit->target.dtype == HEFT_F32 ? TASK_REGRESSION : o->fit->target.rank ? TASK_CLASSIFICATION : TASK_AUTO;
    return make_source(o, own, file, inputs, targets, weights, task, pr);
}

static const char *const hdf5_others[] = { "classes", NULL };

const format hdf5_format = { .name = "hdf5", .options = hdf5_options_table, .options_size = sizeof(hdf5_options),
                             .others = hdf5_others,
                             .open = hdf5_open, .open_file = hdf5_open_file };
