/* write.c -- groups, data sets and attributes of a file in memory */
#include "hdf/inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int fail(hdf_file *f) { f->failed = true; return -1; }

/* The group plist of all groups: no times, and members in the order of creation. */
static hid_t group_properties(void)
{
    const hid_t p = H5Pcreate(H5P_GROUP_CREATE);
    if (p < 0) return p;
    if (H5Pset_obj_track_times(p, 0) >= 0
        && H5Pset_link_creation_order(p, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0)
        return p;
    H5Pclose(p);
    return H5I_INVALID_HID;
}

static bool good_path(hdf_file *f, const char *path, problems *pr)
{
    bool good = path[0] == '/' && path[1];
    for (const char *p = path; good && *p;) {
        const size_t n = strcspn(++p, "/");
        good = n > 0 && !(n == 1 && *p == '.');
        p += n;
    }
    if (!good) hdf_problem(f, path, pr, "not a path of the form /group/name");
    return good;
}

/* Make the groups in path[0, n) that are not there. */
static int make_groups(hdf_file *f, const char *path, size_t n, problems *pr)
{
    int rc = 0;
    if (f->group && strlen(f->group) == n && !strncmp(f->group, path, n)) return 0;
    char *step = strdup(path);
    if (!step) memory_exhausted(strlen(path));
    hid_t properties = H5I_INVALID_HID;
    for (size_t end = 1; rc == 0 && end <= n; end++) {
        if (end < n && path[end] != '/') continue;
        step[end] = 0;
        if (H5Lexists(f->id, step, H5P_DEFAULT) <= 0) {
            if (properties < 0) properties = group_properties();
            const hid_t g = H5Gcreate2(f->id, step, H5P_DEFAULT, properties, H5P_DEFAULT);
            if (g < 0 || H5Gclose(g) < 0) {
                hdf_broken(f, step, pr, "cannot be made a group");
                rc = -1;
            }
        }
        step[end] = path[end];
    }
    if (properties >= 0) H5Pclose(properties);
    free(f->group);
    step[n] = 0;
    f->group = rc == 0 ? step : NULL;
    if (rc < 0) free(step);
    return rc;
}

int hdf_group(hdf_file *f, const char *path, problems *pr)
{
    hdf_enter();
    int rc = good_path(f, path, pr) ? make_groups(f, path, strlen(path), pr) : -1;
    if (rc == 0 && hdf_walk(f, path, pr) != H5O_TYPE_GROUP) rc = -1;
    if (rc < 0) fail(f);
    hdf_leave();
    return rc;
}

/* ---- data sets ---- */

/* A tensor is one chunk, for the sake of its checksum; beyond HDF_CHUNK bytes the outermost axes are cut, evenly,
 * since the last chunk is stored whole. */
static void chunk_dims(int rank, const hsize_t *dim, size_t element, hsize_t *chunk)
{
    const hsize_t most = element < HDF_CHUNK ? HDF_CHUNK / element : 1;
    for (int i = 0; i < rank; i++) {
        hsize_t rest = 1;
        for (int k = i + 1; k < rank; k++) rest *= dim[k];
        const hsize_t rows = rest < most ? most / rest : 1, pieces = (dim[i] + rows - 1) / rows;
        chunk[i] = (dim[i] + pieces - 1) / pieces;
        if (rest > most) continue;
        for (int k = i + 1; k < rank; k++) chunk[k] = dim[k];
        return;
    }
}

static hid_t data_properties(int rank, const hsize_t *dim, size_t element)
{
    bool empty = false;
    for (int i = 0; i < rank; i++) empty |= dim[i] == 0;
    hsize_t chunk[HDF_MAX_RANK];
    const hid_t p = H5Pcreate(H5P_DATASET_CREATE);
    bool ok = p >= 0 && H5Pset_obj_track_times(p, 0) >= 0;
    if (ok && rank > 0 && !empty) {              /* HDF5 can neither cut nor check a scalar or nothing */
        chunk_dims(rank, dim, element, chunk);
        ok = H5Pset_chunk(p, rank, chunk) >= 0 && H5Pset_fletcher32(p) >= 0;
    }
    if (ok) return p;
    if (p >= 0) H5Pclose(p);
    return H5I_INVALID_HID;
}

/* Sizes that multiply to more than memory can hold never reach HDF5. */
static bool good_dims(hdf_file *f, const char *path, int rank, const int64_t *dim, size_t element, hsize_t *out,
                      problems *pr)
{
    size_t bytes = element;
    bool good = rank >= 0 && rank <= HDF_MAX_RANK;
    for (int i = 0; good && i < rank; i++) {
        good = dim[i] >= 0 && size_mul(bytes, dim[i] ? (size_t)dim[i] : 1, &bytes) && bytes < SIZE_MAX / 4;
        out[i] = (hsize_t)dim[i];
    }
    if (!good)
        hdf_problem(f, path, pr, "cannot be written: rank %d (at most %d), or sizes that are negative or too large",
                    rank, HDF_MAX_RANK);
    return good;
}

int hdf_put(hdf_file *f, const char *path, hid_t file_type, hid_t memory_type, int rank, const int64_t *dim,
            const void *data, problems *pr)
{
    hsize_t size[HDF_MAX_RANK];
    const size_t element = H5Tget_size(file_type);
    if (!good_path(f, path, pr) || !good_dims(f, path, rank, dim, element, size, pr)
        || make_groups(f, path, (size_t)(strrchr(path, '/') - path), pr) < 0)
        return fail(f);
    const hid_t space = rank ? H5Screate_simple(rank, size, NULL) : H5Screate(H5S_SCALAR);
    const hid_t properties = space < 0 ? -1 : data_properties(rank, size, element);
    const hid_t d =
        properties < 0 ? -1 : H5Dcreate2(f->id, path, file_type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    bool ok = d >= 0;
    if (ok && H5Sget_simple_extent_npoints(space) > 0)
        ok = H5Dwrite(d, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    if (!ok) hdf_broken(f, path, pr, "cannot be written");
    if (d >= 0 && H5Dclose(d) < 0 && ok) {
        hdf_broken(f, path, pr, "cannot be written");
        ok = false;
    }
    if (properties >= 0) H5Pclose(properties);
    if (space >= 0) H5Sclose(space);
    return ok ? 0 : fail(f);
}

static hid_t file_type(hdf_type t)
{
    switch (t) {
    case HDF_F32: return H5T_IEEE_F32LE;
    case HDF_F64: return H5T_IEEE_F64LE;
    case HDF_I32: return H5T_STD_I32LE;
    case HDF_I64: return H5T_STD_I64LE;
    case HDF_U8:  return H5T_STD_U8LE;
    default:      return H5T_STD_U64LE;
    }
}

hid_t hdf_memory_type(hdf_type t)
{
    switch (t) {
    case HDF_F32: return H5T_NATIVE_FLOAT;
    case HDF_F64: return H5T_NATIVE_DOUBLE;
    case HDF_I32: return H5T_NATIVE_INT32;
    case HDF_I64: return H5T_NATIVE_INT64;
    case HDF_U8:  return H5T_NATIVE_UINT8;
    default:      return H5T_NATIVE_UINT64;
    }
}

int hdf_write(hdf_file *f, const char *path, hdf_type type, int rank, const int64_t *dim, const void *data,
              problems *pr)
{
    hdf_enter();
    const int rc = hdf_put(f, path, file_type(type), hdf_memory_type(type), rank, dim, data, pr);
    hdf_leave();
    return rc;
}

/* ---- texts ---- */

hid_t hdf_string_type(size_t size)
{
    const hid_t t = H5Tcopy(H5T_C_S1);
    if (t < 0) return t;
    if (H5Tset_size(t, size) >= 0 && H5Tset_cset(t, H5T_CSET_UTF8) >= 0 && H5Tset_strpad(t, H5T_STR_NULLTERM) >= 0)
        return t;
    H5Tclose(t);
    return H5I_INVALID_HID;
}

int hdf_write_text(hdf_file *f, const char *path, const char *utf8, problems *pr)
{
    hdf_enter();
    const hid_t type = hdf_string_type(strlen(utf8) + 1);
    const int rc = hdf_put(f, path, type, type, 0, NULL, utf8, pr);
    if (type >= 0) H5Tclose(type);
    hdf_leave();
    return rc;
}

int hdf_write_texts(hdf_file *f, const char *path, int64_t n, const char *const *utf8, problems *pr)
{
    size_t longest = 0, bytes = 0;
    for (int64_t i = 0; i < n; i++) longest = strlen(utf8[i]) > longest ? strlen(utf8[i]) : longest;
    const size_t size = longest + 1;
    char *cells = n >= 0 && size_mul((size_t)n, size, &bytes) ? calloc(bytes + 1, 1) : NULL;
    if (!cells) memory_exhausted(bytes);
    for (int64_t i = 0; i < n; i++) strncpy(cells + (size_t)i * size, utf8[i], size);
    hdf_enter();
    const hid_t type = hdf_string_type(size);
    const int rc = hdf_put(f, path, type, type, 1, &n, cells, pr);
    if (type >= 0) H5Tclose(type);
    hdf_leave();
    free(cells);
    return rc;
}

/* ---- attributes ---- */

/* Attributes of one object come one behind the other, so it stays open. */
static hid_t described(hdf_file *f, const char *path, problems *pr)
{
    if (f->described.id >= 0 && !strcmp(f->described.path, path)) return f->described.id;
    const hid_t object = H5Oopen(f->id, path, H5P_DEFAULT);
    if (object < 0) {
        if (hdf_walk(f, path, pr) != H5O_TYPE_UNKNOWN) hdf_problem(f, path, pr, "cannot be opened");
        return object;
    }
    if (f->described.id >= 0) H5Oclose(f->described.id);
    free(f->described.path);
    f->described.id = object;
    f->described.path = strdup(path);
    if (!f->described.path) memory_exhausted(strlen(path));
    return object;
}

int hdf_put_attr(hdf_file *f, const char *path, const char *name, hid_t file_t, hid_t memory_t, int64_t n,
                 const void *v, problems *pr)
{
    const hid_t object = described(f, path, pr);
    if (object < 0) return fail(f);
    const hsize_t dim = n > 0 ? (hsize_t)n : 0;
    const hid_t space = n < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL);
    const hid_t attr = space < 0 ? -1 : H5Acreate2(object, name, file_t, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attr >= 0 && (n == 0 || H5Awrite(attr, memory_t, v) >= 0);
    if (ok) ok = H5Aclose(attr) >= 0;
    if (!ok) {
        text t = { 0 };
        text_printf(&t, "attribute '%s' cannot be written", name);
        hdf_broken(f, path, pr, t.s);
        text_free(&t);
    }
    if (space >= 0) H5Sclose(space);
    return ok ? 0 : fail(f);
}

int hdf_attr_text(hdf_file *f, const char *path, const char *name, const char *value, problems *pr)
{
    hdf_enter();
    const hid_t type = hdf_string_type(strlen(value) + 1);
    const int rc = hdf_put_attr(f, path, name, type, type, -1, value, pr);
    if (type >= 0) H5Tclose(type);
    hdf_leave();
    return rc;
}

int hdf_attr_int(hdf_file *f, const char *path, const char *name, int64_t value, problems *pr)
{
    hdf_enter();
    const int rc = hdf_put_attr(f, path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, -1, &value, pr);
    hdf_leave();
    return rc;
}

int hdf_attr_real(hdf_file *f, const char *path, const char *name, double value, problems *pr)
{
    hdf_enter();
    const int rc = hdf_put_attr(f, path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, -1, &value, pr);
    hdf_leave();
    return rc;
}

int hdf_attr_ints(hdf_file *f, const char *path, const char *name, int64_t n, const int64_t *v, problems *pr)
{
    hdf_enter();
    const int rc = hdf_put_attr(f, path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, n, v, pr);
    hdf_leave();
    return rc;
}
