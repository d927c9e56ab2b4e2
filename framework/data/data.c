#include "data/data.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/source.h"

/* ---- data sets ---- */

int64_t dataset_count(const dataset *s) { return s->count; }

int dataset_fetch(dataset *s, const int64_t *index, int64_t n, float *inputs, float *targets, problems *pr)
{
    const int64_t nx = heft_count(&s->from->input), ny = heft_count(&s->from->target);
    int64_t row[FETCH_MOST];
    for (int64_t at = 0; at < n; at += FETCH_MOST) {
        const int64_t m = n - at < FETCH_MOST ? n - at : FETCH_MOST;
        for (int64_t i = 0; i < m; i++) {
            const int64_t k = index[at + i];
            if (k < 0 || k >= s->count) {
                problems_add(pr, (place){ s->from->name, 0, 0 }, "sample %lld was asked for; there are %lld",
                             (long long)k, (long long)s->count);
                return -1;
            }
            row[i] = s->row ? s->row[k] : k;
        }
        float *x = inputs ? inputs + at * nx : NULL;
        float *y = targets && s->from->has_target ? targets + at * ny : NULL;
        if (s->from->fetch(s->from, row, m, x, y, pr) < 0) return -1;
        if (s->from->fitted) continue;
        if (x && s->from->input.dtype == HEFT_F32) transform_inputs(s->fit, m * nx, x);
        if (y && s->from->target.dtype == HEFT_F32) transform_targets(s->fit, m * ny, y);
    }
    return 0;
}

bool dataset_weighted(const dataset *s) { return s->from->weight != NULL; }

void dataset_weights(const dataset *s, const int64_t *index, int64_t n, float *weight)
{
    for (int64_t i = 0; i < n; i++) weight[i] = s->from->weight[s->row ? s->row[index[i]] : index[i]];
}

static dataset *dataset_new(opening *o, source *from, int64_t count, int64_t *row)
{
    dataset *s = arena_alloc(o->a, 1, sizeof *s);
    *s = (dataset){ .from = from, .count = count, .row = row, .fit = o->fit };
    return s;
}

static void sets_free(dataset *const set[N_SPLITS])
{
    for (split s = TRAIN; s <= TEST; s++)
        if (set[s]) block_free(set[s]->row);
}

static void sources_close(source *const from[N_SPLITS])
{
    for (split s = TRAIN; s <= TEST; s++)
        if (from[s]) from[s]->close(from[s]);
}

/* ---- opening ---- */

static void open_split(opening *o, split which, const node *files, int64_t count, problems *pr)
{
    const format *f = o->format;
    o->source[which] = f->make ? f->make(o, which, count, pr) : f->open(o, files, which, pr);
}

/* `validation: 0.1`: a share, into *share.  Else files, or for built-in data a count: opened.  -1 after problems. */
static int read_split(opening *o, split which, double *share, problems *pr)
{
    const node *n = node_get(o->section, split_name(which));
    const format *f = o->format;
    if (!n) {
        if (which == TEST && f->default_test) open_split(o, which, NULL, f->default_test, pr);
        return 0;
    }
    double v;
    if (n->kind != NODE_SCALAR || n->quoted || !text_real(n->text, &v)) {
        if (f->make)
            problems_add(pr, n->at, "data: %s: %s has no files; a number of samples or a share (0.1) is needed",
                         split_name(which), f->name);
        else open_split(o, which, n, 0, pr);
        return o->source[which] ? 0 : -1;
    }
    if (v >= 0 && v < 1) {
        *share = v;
        return 0;
    }
    if (f->make && v == floor(v) && v >= 1 && v <= 1e7) {
        open_split(o, which, NULL, (int64_t)v, pr);
        return o->source[which] ? 0 : -1;
    }
    problems_add(pr, n->at, "data: %s: %s; a share below 1 of train's samples, or %s, is needed",
                 split_name(which), n->text,
                 f->make ? "a number of samples up to 10,000,000" : "the name of a file");
    return -1;
}

static int open_splits(opening *o, double share[N_SPLITS], problems *pr)
{
    const node *train = node_get(o->section, "train");
    int rc = 0;
    if (o->format->make) open_split(o, TRAIN, NULL, *(const int64_t *)o->own, pr);
    else if (train) open_split(o, TRAIN, train, 0, pr);
    else problems_add(pr, o->at, "data: train is missing; it names the files to learn from");
    if (!o->source[TRAIN]) rc = -1;
    for (split s = VALIDATION; s <= TEST; s++)
        if (read_split(o, s, &share[s], pr) < 0) rc = -1;
    return rc;
}

static int make_sets(opening *o, const double share[N_SPLITS], problems *pr)
{
    source *train = o->source[TRAIN];
    int64_t *row[N_SPLITS] = { NULL }, count[N_SPLITS] = { train->count };
    if ((share[VALIDATION] > 0 || share[TEST] > 0) &&
        split_shares(o, train->count, share[VALIDATION], share[TEST], row, count, pr) < 0) return -1;
    for (split s = TRAIN; s <= TEST; s++) {
        source *own = o->source[s];
        if (row[s]) o->set[s] = dataset_new(o, train, count[s], row[s]);
        else if (own) o->set[s] = dataset_new(o, own, own->count, NULL);
    }
    return 0;
}

static int same_shape(const source *s, const char *what, const heft_shape *found, const heft_shape *wanted,
                      const char *whose, problems *pr)
{
    if (shape_equal(found, wanted)) return 0;
    text t = { 0 };
    text_printf(&t, "%s are %s", what, found->dtype == HEFT_I32 ? "whole numbers " : "");
    shape_print(found, &t);
    text_printf(&t, "; those of %s are %s", whose, wanted->dtype == HEFT_I32 ? "whole numbers " : "");
    shape_print(wanted, &t);
    problems_add(pr, (place){ s->name, 0, 0 }, "%s", t.s);
    text_free(&t);
    return -1;
}

/* All splits alike, and the classes over all of them. */
static int agree(opening *o, problems *pr)
{
    const source *train = o->source[TRAIN];
    data_fit *fit = o->fit;
    int rc = 0;
    fit->input = train->input;
    fit->target = train->target;
    const bool labels = fit->target.dtype == HEFT_I32;
    if (!labels && fit->class_name) {
        problems_add(pr, o->at, "classes: names of classes, but the targets in %s are no labels", train->name);
        rc = -1;
    }
    if (labels && o->common->normalize_target && !o->format->fit) {
        problems_add(pr, o->at, "normalize_target: the targets in %s are labels, no quantities", train->name);
        rc = -1;
    }
    for (split s = TRAIN; s <= TEST; s++) {
        const source *from = o->source[s];
        if (!from) continue;
        if (same_shape(from, "inputs", &from->input, &train->input, train->name, pr) < 0) rc = -1;
        if (same_shape(from, "targets", &from->target, &train->target, train->name, pr) < 0) rc = -1;
        if (!labels || from->target.limit <= fit->n_classes) continue;
        if (fit->class_name) {
            problems_add(pr, (place){ from->name, 0, 0 },
                         "label %lld of sample %lld (from 0); there are names for %lld classes",
                         (long long)from->target.limit - 1, (long long)from->top, (long long)fit->n_classes);
            rc = -1;
        } else fit->n_classes = from->target.limit;
    }
    fit->target.limit = labels ? fit->n_classes : 0;
    return rc;
}

static data *finish(opening *o)
{
    const data_fit *fit = o->fit;
    data *d = arena_alloc(o->a, 1, sizeof *d);
    *d = (data){ .input = fit->input, .target = fit->target, .train = o->set[TRAIN], .validation = o->set[VALIDATION],
                 .test = o->set[TEST], .n_classes = fit->n_classes, .class_name = fit->class_name,
                     .n_columns = fit->n_columns,
                 .column_name = fit->column_name, .target_name = fit->n_targets ? fit->target_name[0] : NULL,
                 .memory = o->a, .fit = o->fit };
    print_settings(o);
    digest_end(o->print, d->fingerprint);
    return d;
}

static data *fail(opening *o)
{
    char hex[DIGEST_HEX];
    sets_free(o->set);
    sources_close(o->source);
    digest_end(o->print, hex);
    arena_free(o->a);
    return NULL;
}

data *data_open(const node *section, const char *dir, uint64_t seed, problems *pr)
{
    arena *a = arena_new();
    opening o = { .a = a, .seed = seed, .fit = arena_alloc(a, 1, sizeof(data_fit)), .print = digest_new() };
    o.fit->seed = seed;
    if (section_read(&o, section, dir, pr) < 0) return fail(&o);
    digest_add(o.print, o.format->name, strlen(o.format->name) + 1);
    if (o.format->others && classes_read(&o, node_get(section, "classes"), pr) < 0) return fail(&o);

    double share[N_SPLITS] = { 0 };
    if (open_splits(&o, share, pr) < 0 || make_sets(&o, share, pr) < 0) return fail(&o);
    if (o.format->fit && o.format->fit(&o, pr) < 0) return fail(&o);
    if (agree(&o, pr) < 0 || transform_fit(&o, pr) < 0) return fail(&o);
    if (o.common->limit && o.common->limit < o.set[TRAIN]->count) o.set[TRAIN]->count = o.common->limit;

    if (o.format->make || share[VALIDATION] > 0 || share[TEST] > 0) {
        const struct { uint64_t seed; double validation, test; } drawn = { seed, share[VALIDATION], share[TEST] };
        digest_add(o.print, &drawn, sizeof drawn);
    }
    return finish(&o);
}

static bool ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

/* The reader for a file given for prediction. */
static const format *format_of_file(const format *own, const char *file)
{
    static const struct { const char *end; const format *format; } known[] = {
        { ".csv", &csv_format }, { ".tsv", &csv_format }, { ".h5", &hdf5_format }, { ".hdf5", &hdf5_format },
        { ".idx", &idx_format }, { ".idx.gz", &idx_format }, { "ubyte", &idx_format }, { "ubyte.gz", &idx_format },
        { ".bin", &cifar_format }, { ".txt", &text_format },
    };
    if (own == &text_format) return own;
    if (strstr(file, ".h5:/") || strstr(file, ".hdf5:/")) return &hdf5_format;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (ends_with(file, known[i].end) && (known[i].format != &text_format || !own->open_file))
            return known[i].format;
    return own->open_file ? own : NULL;
}

static source *open_for_predict(opening *o, const char *file, problems *pr)
{
    int64_t count;
    if (o->format->make && text_int(file, &count)) {
        if (count >= 1 && count <= 10000000) return o->format->make(o, TEST, count, pr);
        problems_add(pr, (place){ 0 }, "%s samples of %s; 1 to 10,000,000 can be made", file, o->format->name);
        return NULL;
    }
    const format *f = format_of_file(o->format, file);
    if (!f) {
        problems_add(pr, (place){ 0 },
                     "%s: a number of samples of %s is needed, or a file whose name ends in .csv, .tsv, "
                     ".h5, .hdf5, .idx, .idx.gz, -ubyte, -ubyte.gz or .bin", file, o->format->name);
        return NULL;
    }
    const char *in_root = path_join(o->a, o->root, file);
    return f->open_file(o, !file_exists(file) && file_exists(in_root) ? in_root : file, pr);
}

/* The model's inputs, or rows of as many numbers. */
static int fits_model(const data_fit *fit, const source *s, problems *pr)
{
    const bool flat = s->input.rank == 1 && s->input.dtype == fit->input.dtype &&
        s->input.dim[0] == heft_count(&fit->input);
    int rc = flat ? 0 : same_shape(s, "inputs", &s->input, &fit->input, "the model", pr);
    if (!s->has_target) return rc;
    if (same_shape(s, "targets", &s->target, &fit->target, "the model", pr) < 0) return -1;
    if (fit->target.dtype == HEFT_I32 && s->target.limit > fit->n_classes) {
        problems_add(pr, (place){ s->name, 0, 0 },
                     "label %lld of sample %lld (from 0); the model knows %lld classes",
                     (long long)s->target.limit - 1, (long long)s->top, (long long)fit->n_classes);
        rc = -1;
    }
    return rc;
}

data *data_open_for_predict(const node *section, const char *dir, const char *file, struct data_fit *fit,
                            bool *has_targets, problems *pr)
{
    arena *a = arena_new();
    opening o = { .a = a, .seed = fit->seed, .fit = fit, .predict = true, .print = digest_new() };
    if (section_read(&o, section, dir, pr) < 0) return fail(&o);
    source *s = o.source[TEST] = open_for_predict(&o, file, pr);
    if (!s || fits_model(fit, s, pr) < 0) return fail(&o);
    o.set[TEST] = dataset_new(&o, s, s->count, NULL);
    *has_targets = s->has_target;
    return finish(&o);
}

void data_free(data *d)
{
    if (!d) return;
    dataset *const set[N_SPLITS] = { d->train, d->validation, d->test };
    for (split s = TRAIN; s <= TEST; s++)
        if (set[s] && (s == TRAIN || !d->train || set[s]->from != d->train->from))
            set[s]->from->close(set[s]->from);
    sets_free(set);
    arena_free(d->memory);
}

void data_target_scale(const data *d, int64_t k, double *mean, double *scale)
{
    for (int64_t i = 0; i < k; i++) {
        mean[i] = i < d->fit->n_scaled ? d->fit->target_mean[i] : 0;
        scale[i] = i < d->fit->n_scaled ? d->fit->target_scale[i] : 1;
    }
}
