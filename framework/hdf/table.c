#include "hdf/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "hdf/inside.h"

enum { MOST_COLUMNS = 1000, CELL = 8 };

static void *need(void *p, size_t bytes)
{
    if (!p) memory_exhausted(bytes);
    return p;
}

table *table_new(int n, const table_column *columns)
{
    table *t = need(calloc(1, sizeof *t), sizeof *t);
    t->n_columns = n;
    t->column = need(calloc((size_t)n + 1, sizeof *t->column), (size_t)n * sizeof *t->column);
    for (int i = 0; i < n; i++) {
        const char *unit = columns[i].unit ? columns[i].unit : "";
        t->column[i] = (table_column){ need(strdup(columns[i].name), 1), need(strdup(unit), 1), columns[i].whole };
    }
    return t;
}

void table_free(table *t)
{
    if (!t) return;
    for (int i = 0; i < t->n_columns; i++) {
        free((char *)t->column[i].name);
        free((char *)t->column[i].unit);
    }
    free(t->column);
    free(t->cell);
    free(t);
}

static void make_room(table *t, int64_t rows)
{
    size_t bytes;
    if (rows <= t->room) return;
    if (!size_mul((size_t)rows, (size_t)(t->n_columns ? t->n_columns : 1) * sizeof *t->cell, &bytes))
        memory_exhausted(SIZE_MAX);
    t->cell = need(realloc(t->cell, bytes), bytes);
    t->room = rows;
}

double *table_add_row(table *t)
{
    if (t->n_rows == t->room) make_room(t, t->room ? 2 * t->room : 64);
    double *row = table_row(t, t->n_rows++);
    for (int i = 0; i < t->n_columns; i++) row[i] = NAN;
    return row;
}

int table_find(const table *t, const char *name)
{
    for (int i = 0; i < t->n_columns; i++)
        if (!strcmp(t->column[i].name, name)) return i;
    return -1;
}

double *table_row(const table *t, int64_t row) { return t->cell + row * t->n_columns; }

/* ---- the compound type ---- */

/* A row of n cells of 8 bytes, in the file or (whole columns as doubles too: doubles) in memory. */
static hid_t row_type(const table *t, bool memory)
{
    hid_t type = H5Tcreate(H5T_COMPOUND, (size_t)t->n_columns * CELL);
    for (int i = 0; type >= 0 && i < t->n_columns; i++) {
        const hid_t cell = t->column[i].whole ? (memory ? H5T_NATIVE_UINT64 : H5T_STD_U64LE)
                                              : (memory ? H5T_NATIVE_DOUBLE : H5T_IEEE_F64LE);
        if (H5Tinsert(type, t->column[i].name, (size_t)i * CELL, cell) < 0) {
            H5Tclose(type);
            type = H5I_INVALID_HID;
        }
    }
    return type;
}

static uint64_t whole_cell(double v)
{
    return v >= 0 && v < 0x1p64 ? (uint64_t)v : 0;         /* also false for NaN */
}

/* Rows as they lie in memory for HDF5. */
static char *pack(const table *t)
{
    const size_t n = (size_t)t->n_rows * (size_t)t->n_columns;
    char *bytes = need(malloc(n * CELL + 1), n * CELL);
    for (size_t i = 0; i < n; i++) {
        const uint64_t whole = whole_cell(t->cell[i]);
        memcpy(bytes + i * CELL, t->column[i % (size_t)t->n_columns].whole ? (const void *)&whole : &t->cell[i],
               CELL);
    }
    return bytes;
}

static void unpack(table *t)
{
    const size_t n = (size_t)t->n_rows * (size_t)t->n_columns;
    for (size_t i = 0; i < n; i++) {
        uint64_t whole;
        memcpy(&whole, &t->cell[i], CELL);
        if (t->column[i % (size_t)t->n_columns].whole) t->cell[i] = (double)whole;
    }
}

static int write_units(const table *t, hdf_file *f, const char *path, problems *pr)
{
    size_t size = 1;
    for (int i = 0; i < t->n_columns; i++)
        size = strlen(t->column[i].unit) + 1 > size ? strlen(t->column[i].unit) + 1 : size;
    char *cells = need(calloc((unsigned)t->n_columns, size), size);
    for (int i = 0; i < t->n_columns; i++) strncpy(cells + (size_t)i * size, t->column[i].unit, size);
    const hid_t type = hdf_string_type(size);
    const int rc = hdf_put_attr(f, path, "units", type, type, t->n_columns, cells, pr);
    if (type >= 0) H5Tclose(type);
    free(cells);
    return rc;
}

int table_write(const table *t, hdf_file *f, const char *path, problems *pr)
{
    hdf_enter();
    int rc = -1;
    const hid_t file = row_type(t, false), memory = row_type(t, true);
    if (file < 0 || memory < 0) {
        hdf_broken(f, path, pr, t->n_columns ? "columns cannot be made (is a name there twice, or empty?)"
                                             : "a table needs at least one column");
        f->failed = true;
    } else {
        char *bytes = pack(t);
        rc = hdf_put(f, path, file, memory, 1, &t->n_rows, bytes, pr);
        free(bytes);
        if (rc == 0) rc = write_units(t, f, path, pr);
    }
    if (file >= 0) H5Tclose(file);
    if (memory >= 0) H5Tclose(memory);
    hdf_leave();
    return rc;
}

/* ---- reading ---- */

/* Names, units and kinds of the columns of a stored table; NULL after a problem. */
static table *read_columns(hdf_file *f, const char *path, hid_t data, hid_t type, arena *a, problems *pr)
{
    const int n = H5Tget_class(type) == H5T_COMPOUND ? H5Tget_nmembers(type) : -1;
    if (n < 1 || n > MOST_COLUMNS) {
        hdf_problem(f, path, pr, n < 0 ? "not a table of named columns" : "a table of %d columns; 1 to %d are read",
                    n, MOST_COLUMNS);
        return NULL;
    }
    int64_t n_units = 0;
    char **unit = NULL;
    const htri_t has_units = H5Aexists(data, "units");
    const hid_t units = has_units > 0 ? H5Aopen(data, "units", H5P_DEFAULT) : -1;
    if (has_units && units < 0) {
        hdf_broken(f, path, pr, "the units of its columns cannot be read");
        return NULL;
    }
    if (units >= 0) {
        const int rc = hdf_get_strings(f, path, units, "units", a, &n_units, &unit, pr);
        H5Aclose(units);
        if (rc < 0) return NULL;
    }
    table_column *column = arena_alloc(a, (size_t)n, sizeof *column);
    bool good = true;
    for (int i = 0; i < n; i++) {
        const H5T_class_t class = H5Tget_member_class(type, (unsigned)i);
        char *name = H5Tget_member_name(type, (unsigned)i);
        if (!name) {
            hdf_broken(f, path, pr, "the name of a column cannot be read");
            return NULL;
        }
        column[i] = (table_column){ arena_strdup(a, name), i < n_units ? unit[i] : "", class == H5T_INTEGER };
        H5free_memory(name);
        if (class == H5T_INTEGER || class == H5T_FLOAT) continue;
        hdf_problem(f, path, pr, "column '%s' is no number", column[i].name);
        good = false;
    }
    return good ? table_new(n, column) : NULL;
}

static int read_rows(hdf_file *f, const char *path, hid_t data, table *t, problems *pr)
{
    int rank;
    int64_t dim[HDF_MAX_RANK];
    hsize_t stored = 0;
    if (hdf_extent(f, path, data, &rank, dim, pr) < 0) return -1;
    H5Fget_filesize(f->id, &stored);
    if (rank != 1 || (uint64_t)dim[0] > stored) {
        hdf_problem(f, path, pr,
                    rank != 1 ? "a table of %d axes; it must have one" : "claims more rows than the file holds",
                    rank);
        return -1;
    }
    make_room(t, dim[0]);
    t->n_rows = dim[0];
    const hid_t memory = row_type(t, true);
    const bool ok =
        memory >= 0 && (t->n_rows == 0 || H5Dread(data, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, t->cell) >= 0);
    if (!ok) hdf_broken(f, path, pr, "cannot be read");
    else unpack(t);
    if (memory >= 0) H5Tclose(memory);
    return ok ? 0 : -1;
}

table *table_read(hdf_file *f, const char *path, problems *pr)
{
    hdf_enter();
    table *t = NULL;
    arena *a = arena_new();
    const hid_t data = hdf_open_data(f, path, pr);
    const hid_t type = data < 0 ? -1 : H5Dget_type(data);
    if (type >= 0) t = read_columns(f, path, data, type, a, pr);
    else if (data >= 0) hdf_broken(f, path, pr, "has no readable type");
    if (t && read_rows(f, path, data, t, pr) < 0) {
        table_free(t);
        t = NULL;
    }
    if (type >= 0) H5Tclose(type);
    if (data >= 0) H5Dclose(data);
    arena_free(a);
    hdf_leave();
    return t;
}
