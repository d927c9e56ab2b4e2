/* cifar: CIFAR-10's binary form (https://www.cs.toronto.edu/~kriz/cifar.html): records of a label byte and a 32 x
 * 32 picture as three planes, red, green and blue, of 1024 bytes each.  Given out channels last.  For prediction,
 * records may lack the label. */
#include <string.h>

#include "base/file.h"
#include "data/source.h"

enum { SIDE = 32, CHANNELS = 3, PLANE = SIDE * SIDE, PICTURE = CHANNELS * PLANE, RECORD = 1 + PICTURE,
       CLASSES = 10 };

/* one file: samples [first, first + count) */
typedef struct part { unsigned char *bytes; int64_t first, count; } part;

typedef struct cifar_source {
    source  base;
    int     n_parts;
    part   *part;
    int64_t record;                  /* bytes: RECORD, or PICTURE where there are no labels */
} cifar_source;

static const unsigned char *record_at(const cifar_source *d, int64_t row)
{
    const part *p = d->part;
    while (row >= p->first + p->count) p++;
    return p->bytes + (size_t)(row - p->first) * (size_t)d->record;
}

static int fetch(source *s, const int64_t *row, int64_t n, float *inputs, float *targets, problems *pr)
{
    (void)pr;
    const cifar_source *d = (const cifar_source *)s;
    for (int64_t i = 0; i < n; i++) {
        const unsigned char *from = record_at(d, row[i]), *planes = from + (d->record == RECORD);
        if (targets) ((int32_t *)(void *)targets)[i] = from[0];
        if (!inputs) continue;
        float *to = inputs + i * PICTURE;
        for (int at = 0; at < PLANE; at++)
            for (int c = 0; c < CHANNELS; c++) to[CHANNELS * at + c] = planes[c * PLANE + at];
    }
    return 0;
}

static void cifar_close(source *s)
{
    cifar_source *d = (cifar_source *)s;
    for (int i = 0; i < d->n_parts; i++) block_free(d->part[i].bytes);
}

static int read_part(cifar_source *d, const char *path, bool first, bool labels_needed, problems *pr)
{
    const place at = { path, 0, 0 };
    size_t n;
    unsigned char *bytes = (unsigned char *)file_read(path, INT64_MAX / 2, &n, pr);
    if (!bytes) return -1;
    d->part[d->n_parts] = (part){ bytes, d->base.count, 0 };
    part *p = &d->part[d->n_parts++];
    const bool labelled = n % RECORD == 0;
    if (n == 0 || (!labelled && (labels_needed || n % PICTURE))) {
        problems_add(pr, at,
                     "%zu bytes; a CIFAR-10 file is one or more records of %d bytes (a label and a %d x %d "
                     "picture), and %zu are left over",
                     n, RECORD, SIDE, SIDE, n % RECORD);
        return -1;
    }
    if (first) d->record = labelled ? RECORD : PICTURE;
    p->count = (int64_t)n / d->record;
    d->base.count += p->count;
    for (int64_t i = 0; i < p->count && labelled; i++) {
        const int label = bytes[i * RECORD];
        if (label >= CLASSES) {
            problems_add(pr, at, "label %d of sample %lld (at byte %lld); CIFAR-10 has labels 0 to %d", label,
                         (long long)i,
                         (long long)(i * RECORD), CLASSES - 1);
            return -1;
        }
        if (label >= d->base.target.limit) d->base.target.limit = label + 1, d->base.top = p->first + i;
    }
    return 0;
}

static source *make_source(opening *o, int64_t n, const char *const *path, problems *pr)
{
    cifar_source *d = arena_alloc(o->a, 1, sizeof *d);
    d->part = arena_alloc(o->a, (size_t)n, sizeof *d->part);
    source *s = &d->base;
    s->name = path[0];
    s->input = (heft_shape){ HEFT_F32, 3, { SIDE, SIDE, CHANNELS }, 0 };
    s->target = (heft_shape){ .dtype = HEFT_I32 };
    s->fetch = fetch;
    s->close = cifar_close;
    int rc = 0;
    for (int64_t i = 0; i < n; i++)
        if (read_part(d, path[i], i == 0, !o->predict, pr) < 0 || print_file(o, "file", path[i], pr) < 0) rc = -1;
    s->has_target = d->record == RECORD;
    if (rc == 0) return s;
    cifar_close(s);
    return NULL;
}

/* FILE, {file: FILE}, [FILE, ...] or {files: [FILE, ...]}. */
static source *cifar_open(opening *o, const node *files, split which, problems *pr)
{
    static const char *const known[] = { "file", "files", NULL };
    const char *what = arena_printf(o->a, "data: %s", split_name(which));
    const node *list = files;
    if (files->kind == NODE_MAP) {
        if (node_check_keys(files, what, known, pr) < 0) return NULL;
        list = node_get(files, "files");
        if (!list) list = node_get(files, "file");
        if (!list || files->n != 1) {
            problems_add(pr, files->at, "%s: {files: [NAME, ...]} or {file: NAME} is needed", what);
            return NULL;
        }
    }
    const int64_t n = list->kind == NODE_LIST ? (int64_t)list->n : 1;
    if (!n) {
        problems_add(pr, list->at, "%s: an empty list; at least one file is needed", what);
        return NULL;
    }
    const char **path = arena_alloc(o->a, (size_t)n, sizeof *path);
    bool found = true;
    for (int64_t i = 0; i < n; i++)
        if (!(path[i] = section_path(o, list->kind == NODE_LIST ? list->item[i] : list, what, pr))) found = false;
    if (!found) return NULL;
    source *s = make_source(o, n, path, pr);
    if (s && !o->fit->n_classes) o->fit->n_classes = CLASSES;
    if (s && which == TRAIN && !node_get(o->section, "classes")) {
        const char *meta = path_join(o->a, path_dir(o->a, path[0]), "batches.meta.txt");
        if (file_exists(meta) && classes_from_file(o, meta, pr) < 0) {
            cifar_close(s);
            return NULL;
        }
    }
    return s;
}

static source *cifar_open_file(opening *o, const char *path, problems *pr)
{
    return check_file((place){ 0 }, "data", path, "", pr) < 0 ? NULL : make_source(o, 1, &path, pr);
}

static const char *const cifar_others[] = { "classes", NULL };

const format cifar_format = { .name = "cifar", .others = cifar_others, .open = cifar_open,
                              .open_file = cifar_open_file };
