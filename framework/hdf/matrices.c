#include "hdf/matrices.h"

#include <string.h>

#define NAMES "class_name"

matrices *matrices_new(void)
{
    arena *a = arena_new();
    matrices *m = arena_alloc(a, 1, sizeof *m);
    *m = (matrices){ .memory = a };
    return m;
}

void matrices_free(matrices *m)
{
    if (m) arena_free(m->memory);
}

matrix *matrices_add(matrices *m, const char *name, int64_t rows, int64_t columns)
{
    m->item = arena_grow(m->memory, m->item, (size_t)m->n, (size_t)m->n + 1, sizeof *m->item);
    matrix *x = &m->item[m->n++];
    *x = (matrix){ .name = arena_strdup(m->memory, name), .dim = { rows, columns } };
    x->value = arena_alloc(m->memory, (size_t)(rows * columns), sizeof *x->value);
    return x;
}

matrix *matrices_find(const matrices *m, const char *name)
{
    for (int64_t i = 0; i < m->n; i++)
        if (!strcmp(m->item[i].name, name)) return &m->item[i];
    return NULL;
}

int matrices_write(const matrices *m, hdf_file *f, const char *group, problems *pr)
{
    bool some = false;
    int rc = 0;
    arena *a = arena_new();
    for (int64_t i = 0; i < m->n; i++) {
        const matrix *x = &m->item[i];
        const char *path = arena_printf(a, "%s/%s", group, x->name);
        if (!x->epoch) continue;
        some = true;
        if (hdf_write(f, path, HDF_F32, 2, x->dim, x->value, pr) < 0 || hdf_attr_int(f, path, "epoch", x->epoch, pr) < 0)
            rc = -1;
    }
    if (some && m->n_names && hdf_write_texts(f, arena_printf(a, "%s/" NAMES, group), m->n_names, m->class_name, pr) < 0)
        rc = -1;
    arena_free(a);
    return rc;
}

static int read_one(matrices *m, hdf_file *f, const char *path, const char *name, problems *pr)
{
    enum { MOST = 1 << 12 };
    hdf_type type;
    int rank;
    int64_t dim[HDF_MAX_RANK], epoch;
    if (hdf_shape(f, path, &type, &rank, dim, pr) < 0 || hdf_get_int(f, path, "epoch", &epoch, pr) < 0) return -1;
    if (rank != 2 || dim[0] > MOST || dim[1] > MOST || epoch < 1) {
        problems_add(pr, hdf_place(f, path, m->memory), "not a matrix of an epoch: %d axes (2 are needed, of %d at most), epoch %lld", rank,
                     MOST, (long long)epoch);
        return -1;
    }
    matrix *x = matrices_add(m, name, dim[0], dim[1]);
    x->epoch = epoch;
    return hdf_read(f, path, HDF_F32, 2, dim, x->value, pr);
}

matrices *matrices_read(hdf_file *f, const char *group, problems *pr)
{
    matrices *m = matrices_new();
    int64_t n = 0, inner;
    char **metric, **split;
    int rc = hdf_exists(f, group) ? hdf_members(f, group, m->memory, &n, &metric, pr) : 0;
    for (int64_t i = 0; rc == 0 && i < n; i++) {
        const char *path = arena_printf(m->memory, "%s/%s", group, metric[i]);
        if (!strcmp(metric[i], NAMES)) {
            rc = hdf_read_texts(f, path, m->memory, &m->n_names, (char ***)&m->class_name, pr);
            continue;
        }
        rc = hdf_members(f, path, m->memory, &inner, &split, pr);
        for (int64_t k = 0; rc == 0 && k < inner; k++)
            rc = read_one(m, f, arena_printf(m->memory, "%s/%s", path, split[k]),
                          arena_printf(m->memory, "%s/%s", metric[i], split[k]), pr);
    }
    if (rc == 0) return m;
    matrices_free(m);
    return NULL;
}
