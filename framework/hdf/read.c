/* read.c -- data sets and attributes by name, with class, rank, size and storage checked before memory is taken */
#include "hdf/inside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- what may be opened ---- */

/* libhdf5 takes microseconds for a chunk, stored or not: a small file must not claim millions.  One that is stored has 8 bytes of address. */
static bool good_chunks(hdf_file *f, const char *path, hid_t data, hid_t made, problems *pr)
{
    hsize_t chunk[H5S_MAX_RANK], size[H5S_MAX_RANK], bytes = 0;
    if (H5Pget_layout(made) != H5D_CHUNKED) return true;
    const hid_t space = H5Dget_space(data);
    const int rank = H5Pget_chunk(made, H5S_MAX_RANK, chunk);
    const bool known = space >= 0 && rank == H5Sget_simple_extent_ndims(space) && rank >= 0
        && H5Sget_simple_extent_dims(space, size, NULL) >= 0 && H5Fget_filesize(f->id, &bytes) >= 0;
    if (space >= 0) H5Sclose(space);
    if (!known) {
        hdf_broken(f, path, pr, "cannot be examined");
        return false;
    }
    double chunks = 1, numbers = 1;
    for (int i = 0; i < rank; i++) {
        chunks *= size[i] && chunk[i] ? (double)((size[i] - 1) / chunk[i] + 1) : 0;
        numbers *= (double)size[i];
    }
    if (chunks <= (double)(bytes / 8) || numbers > (double)(SIZE_MAX / 64)) return true;     /* of so many hdf_extent speaks */
    hdf_problem(f, path, pr, "claims %.0f chunks, more than a file of %" PRIu64 " bytes can hold: most of it was never written", chunks, (uint64_t)bytes);
    return false;
}

static bool good_storage(hdf_file *f, const char *path, hid_t data, problems *pr)
{
    const hid_t made = H5Dget_create_plist(data);
    if (made < 0) {
        hdf_broken(f, path, pr, "cannot be examined");
        return false;
    }
    bool good = true;
    if (H5Pget_layout(made) == H5D_VIRTUAL) {
        hdf_problem(f, path, pr,
                    "a virtual data set, made of parts of other files; only data in the file itself are read");
        good = false;
    } else if (H5Pget_external_count(made) != 0) {
        hdf_problem(f, path, pr, "stored in an external file; only data in the file itself are read");
        good = false;
    }
    const int filters = H5Pget_nfilters(made);
    for (int i = 0; good && i < filters; i++) {
        unsigned flags, config;
        char name[64] = "";
        size_t n = 0;
        const H5Z_filter_t id = H5Pget_filter2(made, (unsigned)i, &flags, &n, NULL, sizeof name, name, &config);
        if (id == H5Z_FILTER_SHUFFLE || id == H5Z_FILTER_DEFLATE || id == H5Z_FILTER_FLETCHER32) continue;
        hdf_problem(f, path, pr,
                    "stored through filter %d (%.63s); shuffle, deflate (gzip) and fletcher32 are read", id,
                    *name ? name : "unnamed");
        good = false;
    }
    good = good && filters >= 0 && good_chunks(f, path, data, made, pr);
    H5Pclose(made);
    return good;
}

hid_t hdf_open_data(hdf_file *f, const char *path, problems *pr)
{
    const H5O_type_t type = hdf_walk(f, path, pr);
    if (type == H5O_TYPE_UNKNOWN) return -1;
    if (type != H5O_TYPE_DATASET) {
        hdf_problem(f, path, pr, "%s, where a data set was expected",
                    type == H5O_TYPE_GROUP ? "a group" : "a named type");
        return -1;
    }
    const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    hid_t data = -1;
    if (access >= 0 && H5Pset_chunk_cache(access, 12421, HDF_CHUNK, H5D_CHUNK_CACHE_W0_DEFAULT) >= 0)
        data = H5Dopen2(f->id, path, access);
    if (access >= 0) H5Pclose(access);
    if (data < 0) {
        hdf_broken(f, path, pr, "cannot be opened");
        return -1;
    }
    if (good_storage(f, path, data, pr)) return data;
    H5Dclose(data);
    return -1;
}

int hdf_extent(hdf_file *f, const char *path, hid_t data, int *rank, int64_t dim[HDF_MAX_RANK], problems *pr)
{
    const hid_t space = H5Dget_space(data);
    const H5S_class_t class = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    const int r = class == H5S_SIMPLE || class == H5S_SCALAR ? H5Sget_simple_extent_ndims(space) : -1;
    int rc = -1;
    hsize_t size[H5S_MAX_RANK];
    if (class == H5S_NULL) hdf_problem(f, path, pr, "holds nothing (a null data space)");
    else if (r < 0 || (r <= HDF_MAX_RANK && H5Sget_simple_extent_dims(space, size, NULL) < 0))
        hdf_broken(f, path, pr, "has no readable shape");
    else if (r > HDF_MAX_RANK) hdf_problem(f, path, pr, "has %d axes; at most %d are read", r, HDF_MAX_RANK);
    else rc = 0;
    size_t bytes = 16;
    for (int i = 0; rc == 0 && i < r; i++) {
        dim[i] = (int64_t)size[i];
        if (dim[i] >= 0 && size_mul(bytes, size[i] ? (size_t)size[i] : 1, &bytes) && bytes < SIZE_MAX / 4) continue;
        hdf_problem(f, path, pr, "claims a size that no memory can hold");
        rc = -1;
    }
    if (space >= 0) H5Sclose(space);
    *rank = r;
    return rc;
}

/* The stored type as the nearest hdf_type; -1 if it is no number.  h5py stores bools as an enumeration. */
static int stored_type(hid_t type)
{
    const H5T_class_t class = H5Tget_class(type);
    const size_t size = H5Tget_size(type);
    if (class == H5T_ENUM) {
        const hid_t base = H5Tget_super(type);
        const int t = base < 0 ? -1 : stored_type(base);
        if (base >= 0) H5Tclose(base);
        return t;
    }
    if (class == H5T_FLOAT) return size <= 4 ? HDF_F32 : HDF_F64;
    if (class != H5T_INTEGER || size > 8) return -1;
    const bool sign = H5Tget_sign(type) != H5T_SGN_NONE;
    if (size == 1 && !sign) return HDF_U8;
    if (size <= 2 || (size == 4 && sign)) return HDF_I32;
    return size < 8 || sign ? HDF_I64 : HDF_U64;
}

static const char *class_name(H5T_class_t c)
{
    switch (c) {
    case H5T_STRING:   return "text";
    case H5T_COMPOUND: return "a table of named columns";
    case H5T_ARRAY:    return "arrays";
    case H5T_VLEN:     return "lists of varying length";
    case H5T_REFERENCE: return "references";
    default:           return "no numbers";
    }
}

static int number_type(hdf_file *f, const char *path, hid_t data, problems *pr)
{
    const hid_t type = H5Dget_type(data);
    const int t = type < 0 ? -1 : stored_type(type);
    if (type < 0) hdf_broken(f, path, pr, "has no readable type");
    else if (t < 0) hdf_problem(f, path, pr, "holds %s, where numbers were expected", class_name(H5Tget_class(type)));
    if (type >= 0) H5Tclose(type);
    return t;
}

int hdf_shape(hdf_file *f, const char *path, hdf_type *type, int *rank, int64_t dim[HDF_MAX_RANK], problems *pr)
{
    hdf_enter();
    int rc = -1;
    const hid_t data = hdf_open_data(f, path, pr);
    if (data >= 0) {
        const int t = number_type(f, path, data, pr);
        if (t >= 0) rc = hdf_extent(f, path, data, rank, dim, pr);
        *type = t >= 0 ? (hdf_type)t : HDF_F32;
        H5Dclose(data);
    }
    hdf_leave();
    return rc;
}

/* ---- reading numbers ---- */

/* A number that an integer type cannot hold is a mistake in the file, not something to clamp.  Floats overflow to
 * infinity as everywhere. */
static H5T_conv_ret_t unfit(H5T_conv_except_t what, hid_t from, hid_t to, void *src, void *dst, void *seen)
{
    (void)from, (void)src, (void)dst;
    if (what == H5T_CONV_EXCEPT_PRECISION || H5Tget_class(to) != H5T_INTEGER) return H5T_CONV_UNHANDLED;
    *(bool *)seen = true;
    return H5T_CONV_ABORT;
}

static int read_into(hdf_file *f, const char *path, hid_t data, hid_t memory, hid_t memory_space, hid_t file_space,
                     void *out, problems *pr)
{
    bool misfit = false;
    const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    const bool ok = transfer >= 0 && H5Pset_type_conv_cb(transfer, unfit, &misfit) >= 0
        && H5Dread(data, memory, memory_space, file_space, transfer, out) >= 0;
    if (misfit)
        hdf_problem(f, path, pr,
                    "holds a number that does not fit into %zu-byte %s integers (or is no whole number)",
                    H5Tget_size(memory), H5Tget_sign(memory) == H5T_SGN_NONE ? "unsigned" : "signed");
    else if (!ok) hdf_broken(f, path, pr, "cannot be read");
    if (transfer >= 0) H5Pclose(transfer);
    return ok ? 0 : -1;
}

static void shape_text(text *t, int rank, const int64_t *dim)
{
    if (rank) text_dims(t, rank, dim);
    else text_add(t, "a scalar");
}

int hdf_read(hdf_file *f, const char *path, hdf_type type, int rank, const int64_t *dim, void *out, problems *pr)
{
    hdf_enter();
    int rc = -1, r;
    int64_t d[HDF_MAX_RANK];
    const hid_t data = hdf_open_data(f, path, pr);
    if (data >= 0 && number_type(f, path, data, pr) >= 0 && hdf_extent(f, path, data, &r, d, pr) == 0) {
        bool same = r == rank, empty = false;
        for (int i = 0; same && i < rank; i++) same = d[i] == dim[i], empty |= !dim[i];
        if (!same) {
            text t = { 0 };
            shape_text(&t, r, d);
            text_add(&t, ", where ");
            shape_text(&t, rank, dim);
            hdf_problem(f, path, pr, "has the shape %s was expected", t.s);
            text_free(&t);
        } else rc = empty ? 0 : read_into(f, path, data, hdf_memory_type(type), H5S_ALL, H5S_ALL, out, pr);
    }
    if (data >= 0) H5Dclose(data);
    hdf_leave();
    return rc;
}

/* The data set, kept open from an earlier call. */
static hid_t kept_data(hdf_file *f, const char *path, problems *pr)
{
    for (int i = 0; i < HDF_KEPT; i++)
        if (f->kept[i].id >= 0 && !strcmp(f->kept[i].path, path)) return f->kept[i].id;
    const hid_t data = hdf_open_data(f, path, pr);
    if (data < 0) return data;
    if (number_type(f, path, data, pr) < 0) {
        H5Dclose(data);
        return -1;
    }
    const int i = f->oldest;
    f->oldest = (i + 1) % HDF_KEPT;
    if (f->kept[i].id >= 0) H5Dclose(f->kept[i].id);
    free(f->kept[i].path);
    f->kept[i].path = strdup(path);
    if (!f->kept[i].path) memory_exhausted(strlen(path));
    return f->kept[i].id = data;
}

int hdf_read_rows(hdf_file *f, const char *path, hdf_type type, int64_t first, int64_t n, void *out, problems *pr)
{
    hdf_enter();
    int rc = -1, rank;
    int64_t dim[HDF_MAX_RANK];
    const hid_t data = kept_data(f, path, pr);
    if (data >= 0 && hdf_extent(f, path, data, &rank, dim, pr) == 0) {
        if (rank < 1) hdf_problem(f, path, pr, "a scalar, where rows were expected");
        else if (first < 0 || n < 0 || first > dim[0] || n > dim[0] - first)
            hdf_problem(f, path, pr, "has %" PRId64 " rows; %" PRId64 " from row %" PRId64 " on were asked for",
                        dim[0], n, first);
        else {
            hsize_t start[HDF_MAX_RANK] = { (hsize_t)first }, count[HDF_MAX_RANK] = { (hsize_t)n };
            for (int i = 1; i < rank; i++) count[i] = (hsize_t)dim[i];
            const hid_t all = H5Dget_space(data), part = H5Screate_simple(rank, count, NULL);
            if (all >= 0 && part >= 0 && H5Sselect_hyperslab(all, H5S_SELECT_SET, start, NULL, count, NULL) >= 0)
                rc = H5Sget_simple_extent_npoints(part) == 0 ? 0
                   : read_into(f, path, data, hdf_memory_type(type), part, all, out, pr);
            else hdf_broken(f, path, pr, "rows cannot be selected");
            if (all >= 0) H5Sclose(all);
            if (part >= 0) H5Sclose(part);
        }
    }
    hdf_leave();
    return rc;
}

/* ---- texts ---- */

enum { MOST_TEXT = 64 << 20 };       /* compressed text may be larger than its file, up to here */

static bool plain_string(hdf_file *f, const char *path, const char *what, hid_t type, problems *pr)
{
    const H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    if (class != H5T_STRING) hdf_problem(f, path, pr, "%s holds %s, where text was expected", what,
                                         class == H5T_INTEGER || class == H5T_FLOAT ? "numbers" : class_name(class));
    else if (H5Tis_variable_str(type))
        hdf_problem(f, path, pr, "%s holds text of varying length; text of fixed length is read", what);
    else return true;
    return false;
}

/* Cells of fixed length, with or without a NUL behind, into strings. */
static char **cut_cells(arena *a, const char *cells, size_t n, size_t size)
{
    char **out = arena_alloc(a, n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++) out[i] = arena_strndup(a, cells + i * size, strnlen(cells + i * size, size));
    return out;
}

static herr_t read_cells(hid_t object, const char *attr, hid_t memory, char *cells)
{
    return attr ? H5Aread(object, memory, cells) : H5Dread(object, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, cells);
}

int hdf_get_strings(hdf_file *f, const char *path, hid_t object, const char *attr, arena *a, int64_t *n,
                    char ***out, problems *pr)
{
    text what = { 0 };
    if (attr) text_printf(&what, "attribute '%s'", attr);
    else text_add(&what, "it");
    const hid_t type = attr ? H5Aget_type(object) : H5Dget_type(object),
                space = attr ? H5Aget_space(object) : H5Dget_space(object);
    int rc = -1;
    hsize_t stored = 0;
    H5Fget_filesize(f->id, &stored);
    if (plain_string(f, path, what.s, type, pr)) {
        const hssize_t count = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
        const size_t size = H5Tget_size(type);
        size_t bytes;
        char *cells = NULL;
        const hid_t memory = hdf_string_type(size + 1);
        if (count < 0 || H5Sget_simple_extent_ndims(space) > 1 || !size_mul((size_t)count, size + 1, &bytes)
            || (bytes > MOST_TEXT && bytes / 2 > stored))
            hdf_problem(f, path, pr, "%s claims %lld texts of %zu bytes, more than the file holds", what.s,
                        (long long)count, size);
        else if (memory < 0 || H5Tset_cset(memory, H5Tget_cset(type)) < 0) hdf_broken(f, path, pr, "cannot be read");
        else if (!(cells = calloc(bytes + 1, 1))) memory_exhausted(bytes);
        else if (count > 0 && read_cells(object, attr, memory, cells) < 0)
            hdf_broken(f, path, pr, attr ? "an attribute cannot be read" : "cannot be read");
        else {
            *out = cut_cells(a, cells, (size_t)count, size + 1);
            *n = count;
            rc = 0;
        }
        free(cells);
        if (memory >= 0) H5Tclose(memory);
    }
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    text_free(&what);
    return rc;
}

int hdf_read_texts(hdf_file *f, const char *path, arena *a, int64_t *n, char ***out, problems *pr)
{
    hdf_enter();
    int rc = -1;
    const hid_t data = hdf_open_data(f, path, pr);
    if (data >= 0) {
        rc = hdf_get_strings(f, path, data, NULL, a, n, out, pr);
        H5Dclose(data);
    }
    hdf_leave();
    return rc;
}

char *hdf_read_text(hdf_file *f, const char *path, arena *a, problems *pr)
{
    int64_t n;
    char **s;
    if (hdf_read_texts(f, path, a, &n, &s, pr) < 0) return NULL;
    if (n == 1) return s[0];
    hdf_problem(f, path, pr, "holds %" PRId64 " texts, where one was expected", n);
    return NULL;
}

/* ---- attributes ---- */

typedef struct attr_names { arena *a; const char **name; size_t n; } attr_names;

static herr_t add_attr(hid_t object, const char *name, const H5A_info_t *info, void *to)
{
    (void)object, (void)info;
    attr_names *l = to;
    if (l->n == 63) return 1;
    l->name[l->n++] = arena_strdup(l->a, name);
    return 0;
}

static void missing_attr(hdf_file *f, const char *path, hid_t object, const char *attr, problems *pr)
{
    attr_names l = { .a = arena_new() };
    l.name = arena_alloc(l.a, 64, sizeof *l.name);
    H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, add_attr, &l);
    text t = { 0 };
    text_add(&t, l.n ? "" : "none");
    text_names(&t, l.name);
    hdf_problem(f, path, pr, "there is no attribute '%s'%s; it has %s", attr, text_hint(attr, l.name).s, t.s);
    text_free(&t);
    arena_free(l.a);
}

static hid_t open_attr(hdf_file *f, const char *path, const char *attr, problems *pr)
{
    if (hdf_walk(f, path, pr) == H5O_TYPE_UNKNOWN) return -1;
    const hid_t object = H5Oopen(f->id, path, H5P_DEFAULT);
    if (object < 0) {
        hdf_broken(f, path, pr, "cannot be opened");
        return -1;
    }
    hid_t out = -1;
    const htri_t there = H5Aexists(object, attr);
    if (there < 0) hdf_broken(f, path, pr, "an attribute cannot be looked up");
    else if (!there) missing_attr(f, path, object, attr, pr);
    else if ((out = H5Aopen(object, attr, H5P_DEFAULT)) < 0) hdf_broken(f, path, pr, "an attribute cannot be opened");
    H5Oclose(object);
    return out;
}

char *hdf_get_text(hdf_file *f, const char *path, const char *attr, arena *a, problems *pr)
{
    hdf_enter();
    char **s = NULL, *out = NULL;
    int64_t n = 0;
    const hid_t id = open_attr(f, path, attr, pr);
    if (id >= 0) {
        if (hdf_get_strings(f, path, id, attr, a, &n, &s, pr) < 0) {}
        else if (n == 1) out = s[0];
        else hdf_problem(f, path, pr, "attribute '%s' holds %" PRId64 " texts, where one was expected", attr, n);
        H5Aclose(id);
    }
    hdf_leave();
    return out;
}

/* At most `most` numbers of an attribute, and how many; n NULL: exactly one. */
static int get_numbers(hdf_file *f, const char *path, const char *attr, bool whole, int64_t most, int64_t *n,
                       void *out, problems *pr)
{
    hdf_enter();
    int rc = -1;
    const hid_t id = open_attr(f, path, attr, pr);
    const hid_t type = id < 0 ? -1 : H5Aget_type(id), space = id < 0 ? -1 : H5Aget_space(id);
    if (type >= 0 && space >= 0) {
        const int stored = stored_type(type);
        const hssize_t count = H5Sget_simple_extent_npoints(space);
        if (stored < 0 || (whole && (stored == HDF_F32 || stored == HDF_F64)))
            hdf_problem(f, path, pr, "attribute '%s' is no %s", attr, whole ? "integer" : "number");
        else if (count < 0 || count > most || (!n && count != 1))
            hdf_problem(f, path, pr, "attribute '%s' has %lld numbers; %s%lld expected", attr, (long long)count,
                        n ? "at most " : "", (long long)most);
        else if (count > 0 && H5Aread(id, whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, out) < 0)
            hdf_broken(f, path, pr, "an attribute cannot be read");
        else {
            rc = 0;
            if (n) *n = count;
        }
    } else if (id >= 0) hdf_broken(f, path, pr, "an attribute cannot be read");
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (id >= 0) H5Aclose(id);
    hdf_leave();
    return rc;
}

int hdf_get_int(hdf_file *f, const char *path, const char *attr, int64_t *out, problems *pr)
{
    return get_numbers(f, path, attr, true, 1, NULL, out, pr);
}

int hdf_get_ints(hdf_file *f, const char *path, const char *attr, int64_t most, int64_t *n, int64_t *out,
                 problems *pr)
{
    return get_numbers(f, path, attr, true, most, n, out, pr);
}

int hdf_get_real(hdf_file *f, const char *path, const char *attr, double *out, problems *pr)
{
    return get_numbers(f, path, attr, false, 1, NULL, out, pr);
}
