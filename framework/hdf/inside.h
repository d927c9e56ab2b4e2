/* inside.h -- what the files of this room share; nobody else includes it
 *
 * Public functions call hdf_enter first and hdf_leave last, and never each other in between: the lock is not
 * recursive.
 */
#ifndef HEFT_HDF_INSIDE_H
#define HEFT_HDF_INSIDE_H

#define H5_USE_110_API
#include <hdf5.h>

#include "hdf/hdf.h"

enum { HDF_KEPT = 4, HDF_USERBLOCK = 512, HDF_CHUNK = 16 << 20 };

struct hdf_file {
    hid_t  id;
    char  *name;                     /* for places */
    bool   writing;
    bool   failed;                   /* a part could not be written, so the file is not published */
    char  *image;                    /* core driver: the file's bytes (reading: the whole file, verified) */
    size_t n_image, room;            /* room: of the buffer, while writing */
    struct { char *path; hid_t id; } kept[HDF_KEPT];   /* data sets read by rows stay open, with their chunk caches */
    int    oldest;
    struct { char *path; hid_t id; } described;        /* writing: the object that the newest attribute is of, open */
    char  *group;                    /* writing: the newest group that is there, with all above it; NULL */
};

void hdf_enter(void);                /* take the lock; silence HDF5 in this thread; empty its error stack */
void hdf_leave(void);

/* A problem at `path` of f.  hdf_broken adds HDF5's own reason behind the text. */
__attribute__((format(printf, 4, 5)))
void hdf_problem(hdf_file *f, const char *path, problems *pr, const char *fmt, ...);
void hdf_broken(hdf_file *f, const char *path, problems *pr, const char *fact);

/* Check every step of the path: there, a hard link, a group unless it is the last.  pr NULL: say nothing.
 * The type of the object, or H5O_TYPE_UNKNOWN. */
H5O_type_t hdf_walk(hdf_file *f, const char *path, problems *pr);

/* Open a data set to read: of plain storage and known filters.  Close it by H5Dclose.  -1 after a problem. */
hid_t hdf_open_data(hdf_file *f, const char *path, problems *pr);

/* Extent of an open data set; -1 after a problem. */
int   hdf_extent(hdf_file *f, const char *path, hid_t data, int *rank, int64_t dim[HDF_MAX_RANK], problems *pr);

/* Make a data set of a file type and write it.  -1 after a problem. */
int   hdf_put(hdf_file *f, const char *path, hid_t file_type, hid_t memory_type, int rank, const int64_t *dim,
              const void *data, problems *pr);

hid_t hdf_memory_type(hdf_type t);
hid_t hdf_string_type(size_t size);                          /* fixed length, UTF-8, NUL behind */
int   hdf_put_attr(hdf_file *f, const char *path, const char *name, hid_t file_type, hid_t memory_type, int64_t n,
                   const void *v, problems *pr);             /* n < 0: a scalar */

/* Strings of a data set (attr NULL) or of an attribute, of rank 0 or 1. */
int   hdf_get_strings(hdf_file *f, const char *path, hid_t object, const char *attr, arena *a, int64_t *n,
                      char ***out, problems *pr);

int   hdf_list(hdf_file *f, const char *path, arena *a, int64_t *n, char ***names, problems *pr);

#endif
