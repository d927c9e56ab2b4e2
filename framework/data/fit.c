/* What was fitted, below /data in a checkpoint. */
#include <string.h>

#include "data/source.h"

static int write_numbers(hdf_file *f, const char *path, int64_t n, const double *v, problems *pr)
{
    return n ? hdf_write(f, path, HDF_F64, 1, &n, v, pr) : 0;
}

static int write_names(hdf_file *f, const char *path, int64_t n, const char *const *v, problems *pr)
{
    return n && v ? hdf_write_texts(f, path, n, v, pr) : 0;
}

static int write_shape(hdf_file *f, const char *path, const heft_shape *s, problems *pr)
{
    char name[64];
    const int64_t rank = s->rank, limit = s->limit;
    snprintf(name, sizeof name, "%s/type", path);
    int rc = hdf_write_text(f, name, s->dtype == HEFT_I32 ? "i32" : "f32", pr);
    snprintf(name, sizeof name, "%s/limit", path);
    if (hdf_write(f, name, HDF_I64, 0, NULL, &limit, pr) < 0) rc = -1;
    snprintf(name, sizeof name, "%s/dims", path);
    if (rank && hdf_write(f, name, HDF_I64, 1, &rank, s->dim, pr) < 0) rc = -1;
    return rc;
}

static int write_fields(const data_fit *fit, hdf_file *f, problems *pr)
{
    const int64_t n = fit->n_fields;
    arena *a = arena_new();
    const char **name = arena_alloc(a, (size_t)n, sizeof *name);
    double *fill = arena_alloc(a, (size_t)n, sizeof *fill);
    int64_t *count = arena_alloc(a, (size_t)n, sizeof *count), total = 0;
    for (int64_t i = 0; i < n; i++) total += fit->field[i].n_categories;
    const char **category = arena_alloc(a, (size_t)total, sizeof *category);
    total = 0;
    for (int64_t i = 0; i < n; i++) {
        const field *fd = &fit->field[i];
        name[i] = fd->name;
        fill[i] = fd->one_hot ? (double)fd->fill_category : fd->fill;
        count[i] = fd->n_categories;
        for (int64_t k = 0; k < fd->n_categories; k++) category[total++] = fd->category[k];
    }
    int rc = write_names(f, "/data/fields/names", n, name, pr);
    if (write_numbers(f, "/data/fields/fill", n, fill, pr) < 0) rc = -1;
    if (hdf_write(f, "/data/fields/n_categories", HDF_I64, 1, &n, count, pr) < 0) rc = -1;
    if (write_names(f, "/data/fields/categories", total, category, pr) < 0) rc = -1;
    const int64_t policy[2] = { fit->missing, fit->unseen }, two = 2;
    if (hdf_write(f, "/data/fields/policy", HDF_I64, 1, &two, policy, pr) < 0) rc = -1;
    if (write_names(f, "/data/column_names", fit->n_columns, fit->column_name, pr) < 0) rc = -1;
    arena_free(a);
    return rc;
}

int data_fit_write(const data *d, hdf_file *f, problems *pr)
{
    const data_fit *fit = d->fit;
    if (hdf_group(f, "/data", pr) < 0) return -1;
    int rc = hdf_write(f, "/data/seed", HDF_U64, 0, NULL, &fit->seed, pr);
    if (write_shape(f, "/data/input", &fit->input, pr) < 0) rc = -1;
    if (write_shape(f, "/data/target", &fit->target, pr) < 0) rc = -1;
    if (hdf_write(f, "/data/n_classes", HDF_I64, 0, NULL, &fit->n_classes, pr) < 0) rc = -1;
    if (write_names(f, "/data/class_names", fit->n_classes, fit->class_name, pr) < 0) rc = -1;
    if (write_numbers(f, "/data/mean", fit->n_channels, fit->mean, pr) < 0) rc = -1;
    if (write_numbers(f, "/data/factor", fit->n_channels, fit->factor, pr) < 0) rc = -1;
    if (write_numbers(f, "/data/target_mean", fit->n_scaled, fit->target_mean, pr) < 0) rc = -1;
    if (write_numbers(f, "/data/target_scale", fit->n_scaled, fit->target_scale, pr) < 0) rc = -1;
    if (write_names(f, "/data/target_names", fit->n_targets, fit->target_name, pr) < 0) rc = -1;
    if (fit->n_fields && write_fields(fit, f, pr) < 0) rc = -1;
    if (fit->n_vocabulary && hdf_write(f, "/data/vocabulary", HDF_U8, 1, &fit->n_vocabulary, fit->vocabulary,
                                       pr) < 0) rc = -1;
    return rc;
}

/* ---- reading: what does not hang together is a problem, never a fault later ---- */

static int refuse(hdf_file *f, const char *path, arena *a, const char *fact, problems *pr)
{
    problems_add(pr, hdf_place(f, path, a), "%s", fact);
    return -1;
}

/* A list that may be absent (then *n is 0).  want >= 0: it must have that length. */
static int read_list(hdf_file *f, const char *path, hdf_type type, size_t size, int64_t want, arena *a,
                     int64_t *n, void *out, problems *pr)
{
    *n = 0;
    *(void **)out = NULL;
    if (hdf_exists(f, path)) {
        hdf_type stored;
        int rank;
        int64_t dim[HDF_MAX_RANK];
        if (hdf_shape(f, path, &stored, &rank, dim, pr) < 0) return -1;
        if (rank != 1 || dim[0] < 0 || dim[0] > (INT64_C(1) << 24))
            return refuse(f, path, a, "not a list of at most 2^24 numbers", pr);
        *n = dim[0];
        void *v = arena_alloc(a, (size_t)*n, size);
        if (hdf_read(f, path, type, 1, n, v, pr) < 0) return -1;
        *(void **)out = v;
    }
    return want < 0 || *n == want ? 0
        : refuse(f, path, a, "its length does not fit to the other lists below /data", pr);
}

static int read_names(hdf_file *f, const char *path, int64_t want, arena *a, int64_t *n, const char ***out,
                      problems *pr)
{
    char **names = NULL;
    *n = 0;
    if (hdf_exists(f, path) && hdf_read_texts(f, path, a, n, &names, pr) < 0) return -1;
    *out = (const char **)names;
    return want < 0 || *n == want ? 0
        : refuse(f, path, a, "its length does not fit to the other lists below /data", pr);
}

static int read_shape(hdf_file *f, const char *path, arena *a, heft_shape *s, problems *pr)
{
    const char *type = hdf_read_text(f, arena_printf(a, "%s/type", path), a, pr);
    int64_t rank, *dim;
    if (!type || hdf_read(f, arena_printf(a, "%s/limit", path), HDF_I64, 0, NULL, &s->limit, pr) < 0) return -1;
    if (read_list(f, arena_printf(a, "%s/dims", path), HDF_I64, sizeof *dim, -1, a, &rank, &dim, pr) < 0)
        return -1;
    if (strcmp(type, "f32") && strcmp(type, "i32")) return refuse(f, path, a, "its type is neither f32 nor i32",
                                                                  pr);
    if (rank > HEFT_MAX_RANK) return refuse(f, path, a, "too many axes", pr);
    s->dtype = strcmp(type, "i32") ? HEFT_F32 : HEFT_I32;
    s->rank = (int32_t)rank;
    size_t count = 1;
    for (int64_t i = 0; i < rank; i++) {
        s->dim[i] = dim[i];
        if (dim[i] < 1 || !size_mul(count, (size_t)dim[i], &count) || count > INT64_MAX / 64)
            return refuse(f, path, a, "an axis is not of a size that can be", pr);
    }
    if (s->dtype == HEFT_I32 && (s->limit < 1 || s->limit > LABEL_LIMIT + 1))
        return refuse(f, path, a, "its limit cannot be", pr);
    return 0;
}

static int read_fields(hdf_file *f, arena *a, data_fit *fit, problems *pr)
{
    const char **name, **category;
    double *fill;
    int64_t *count, *policy, n, total, two;
    if (read_names(f, "/data/fields/names", -1, a, &fit->n_fields, &name, pr) < 0) return -1;
    if (!fit->n_fields) return 0;
    if (read_list(f, "/data/fields/fill", HDF_F64, sizeof *fill, fit->n_fields, a, &n, &fill, pr) < 0) return -1;
    if (read_list(f, "/data/fields/n_categories", HDF_I64, sizeof *count, fit->n_fields, a, &n, &count, pr) < 0)
        return -1;
    if (read_names(f, "/data/fields/categories", -1, a, &total, &category, pr) < 0) return -1;
    if (read_list(f, "/data/fields/policy", HDF_I64, sizeof *policy, 2, a, &two, &policy, pr) < 0) return -1;
    fit->missing = policy[0] == MISSING_MEDIAN || policy[0] == MISSING_MEAN ? (int)policy[0] : MISSING_REFUSE;
    fit->unseen = policy[1] == UNSEEN_ZEROS ? UNSEEN_ZEROS : UNSEEN_REFUSE;
    fit->field = arena_alloc(a, (size_t)fit->n_fields, sizeof *fit->field);
    for (int64_t i = 0; i < fit->n_fields; i++) {
        const bool fill_fits = !count[i] || (fill[i] >= 0 && fill[i] < (double)count[i]);
        if (count[i] < 0 || count[i] > total || !isfinite(fill[i]) || !fill_fits)
            return refuse(f, "/data/fields", a, "its lists do not fit together", pr);
        field *fd = &fit->field[i];
        *fd = (field){ .name = name[i], .one_hot = count[i] > 0, .n_categories = count[i], .category = category,
                       .first = fit->n_columns };
        if (fd->one_hot) fd->fill_category = (int64_t)fill[i];
        else fd->fill = fill[i];
        category += count[i];
        total -= count[i];
        fit->n_columns += fd->one_hot ? count[i] : 1;
    }
    if (total || fit->input.rank != 1 || fit->input.dim[0] != fit->n_columns)
        return refuse(f, "/data/fields", a, "its lists do not fit to the input's shape", pr);
    return read_names(f, "/data/column_names", fit->n_columns, a, &n, &fit->column_name, pr);
}

struct data_fit *data_fit_read(hdf_file *f, arena *a, problems *pr)
{
    data_fit *fit = arena_alloc(a, 1, sizeof *fit);
    int64_t n;
    if (hdf_read(f, "/data/seed", HDF_U64, 0, NULL, &fit->seed, pr) < 0) return NULL;
    if (read_shape(f, "/data/input", a, &fit->input, pr) < 0 || read_shape(f, "/data/target", a, &fit->target,
                                                                           pr) < 0) return NULL;
    if (hdf_read(f, "/data/n_classes", HDF_I64, 0, NULL, &fit->n_classes, pr) < 0) return NULL;
    if (read_names(f, "/data/class_names", -1, a, &n, &fit->class_name, pr) < 0) return NULL;
    if (fit->class_name && n != fit->n_classes) return refuse(f, "/data/class_names", a,
                                                              "not as many as n_classes", pr), NULL;
    if (read_list(f, "/data/mean", HDF_F64, sizeof(double), -1, a, &fit->n_channels, &fit->mean, pr) < 0)
        return NULL;
    if (read_list(f, "/data/factor", HDF_F64, sizeof(double), fit->n_channels, a, &n, &fit->factor, pr) < 0)
        return NULL;
    if (read_list(f, "/data/target_mean", HDF_F64, sizeof(double), -1, a, &fit->n_scaled, &fit->target_mean,
                  pr) < 0) return NULL;
    if (read_list(f, "/data/target_scale", HDF_F64, sizeof(double), fit->n_scaled, a, &n, &fit->target_scale,
                  pr) < 0) return NULL;
    if (read_names(f, "/data/target_names", -1, a, &fit->n_targets, &fit->target_name, pr) < 0) return NULL;
    if (read_fields(f, a, fit, pr) < 0) return NULL;
    if (read_list(f, "/data/vocabulary", HDF_U8, 1, -1, a, &fit->n_vocabulary, &fit->vocabulary, pr) < 0)
        return NULL;
    const int64_t last = fit->input.rank ? fit->input.dim[fit->input.rank - 1] : 1;
    if (fit->n_channels > 1 && fit->n_channels != last)
        return refuse(f, "/data/mean", a, "its length is not the input's last axis", pr), NULL;
    if (fit->n_scaled && fit->n_scaled != heft_count(&fit->target))
        return refuse(f, "/data/target_mean", a, "its length is not the target's", pr), NULL;
    const bool labels = fit->target.dtype == HEFT_I32;
    if (fit->n_fields && (fit->n_targets != heft_count(&fit->target) || (labels && !fit->class_name)))
        return refuse(f, "/data/target_names", a, "not as many as the target has numbers", pr), NULL;
    if (fit->n_vocabulary > 256 || (fit->n_vocabulary && (fit->input.rank != 1 || fit->input.dtype != HEFT_I32)))
        return refuse(f, "/data/vocabulary", a, "does not fit to the input's shape", pr), NULL;
    return fit;
}
