/* hdf.h -- typed HDF5, with errors one can read
 *
 * The only door to HDF5.  One process-wide lock is taken inside every function, so any thread may call (one file
 * must not be closed by one thread while another uses it); HDF5's own error stack is silenced and turned into one
 * line with the path in the file and the reason (R6).  Files are written in memory and published whole by
 * hdf_publish (R7); fletcher32 on every data set that HDF5 can check (not scalars and empty ones), object times
 * off, members in the order of creation, so equal content makes equal bytes.  Readers open by name only, check
 * class, rank and size before they allocate, follow no external or soft links, load no filter plugins, and read no
 * filters but shuffle, deflate and fletcher32, no virtual data sets and none in external files.
 */
#ifndef HEFT_HDF_HDF_H
#define HEFT_HDF_HDF_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/problems.h"

typedef enum hdf_type { HDF_F32, HDF_F64, HDF_I32, HDF_I64, HDF_U8, HDF_U64 } hdf_type;   /* little-endian in files */

#define HDF_MAX_RANK 8

typedef struct hdf_file hdf_file;

/* ---- writing ---- */

/* A new file in memory. */
hdf_file *hdf_create(problems *pr);

/* Write data at `path` ("/layers/conv1/weight"; groups on the way are made). rank 0: a scalar; a size may be 0.
 * After a failure the file cannot be published any more. */
int hdf_write(hdf_file *f, const char *path, hdf_type type, int rank, const int64_t *dim, const void *data,
              problems *pr);
int hdf_write_text(hdf_file *f, const char *path, const char *utf8, problems *pr);        /* a scalar data set */
int hdf_write_texts(hdf_file *f, const char *path, int64_t n, const char *const *utf8, problems *pr);
int hdf_group(hdf_file *f, const char *path, problems *pr);                      /* make it if there is none */

/* Attributes of an existing object. */
int hdf_attr_text(hdf_file *f, const char *path, const char *name, const char *value, problems *pr);
int hdf_attr_int(hdf_file *f, const char *path, const char *name, int64_t value, problems *pr);
int hdf_attr_real(hdf_file *f, const char *path, const char *name, double value, problems *pr);
int hdf_attr_ints(hdf_file *f, const char *path, const char *name, int64_t n, const int64_t *v, problems *pr);

/* A file that is complete: bytes in memory that HDF5 no longer knows of, so that any thread may publish them while
 * others use HDF5. */
typedef struct hdf_image { char *bytes; size_t n; } hdf_image;      /* {0}: none */

/* Close the file into an image; `name` is what problems call it.  f is gone afterwards in every case. */
int  hdf_complete(hdf_file *f, const char *name, hdf_image *out, problems *pr);
/* Fill the user block of 512 bytes in front of the HDF5 bytes: one line of text with the format's name and version, the
 * length and the SHA-256 of what follows the block, then zeros.  `format` is that name ("heft-checkpoint 1").  What is
 * written of an image that is not sealed will not be opened. */
void hdf_image_seal(hdf_image *i, const char *format);
/* Sealed, and as file_publish does.  The image is freed in every case. */
int  hdf_image_publish(hdf_image *i, const char *format, const char *target, problems *pr);
void hdf_image_free(hdf_image *i);
/* Both.  f is gone afterwards in every case. */
int  hdf_publish(hdf_file *f, const char *format, const char *target, problems *pr);
void hdf_discard(hdf_file *f);                                                               /* NULL: nothing */

/* Bytes that publishing will write, at most a few hundred KiB too many. */
size_t hdf_bytes(hdf_file *f);

const char *hdf_version(void);                                       /* of the library: "1.10.8" */

/* ---- reading ---- */

/* Open a published file: length and SHA-256 are verified before HDF5 sees a byte.  `format` must match up to the
 * version, and a newer version is refused with both numbers. */
hdf_file *hdf_open_published(const char *path, const char *format, problems *pr);

/* The format of a published file, without its version: "heft-checkpoint"; "" if it is none.  NULL after a problem. */
char *hdf_format(const char *path, arena *a, problems *pr);

/* Open any HDF5 file, as untrusted data.  It is not read into memory.  A file that someone has open for writing is
 * refused. */
hdf_file *hdf_open(const char *path, problems *pr);
void      hdf_close(hdf_file *f);                                                            /* NULL: nothing */

bool hdf_exists(hdf_file *f, const char *path);                                              /* through hard links */
bool hdf_is_group(hdf_file *f, const char *path);
/* rank and dims of a data set; its stored type as the nearest hdf_type that holds it (bool as HDF_I32 or HDF_U8).
 * -1 with a problem if there is none or it is no number.  The bytes of all its elements are less than SIZE_MAX / 4.
 */
int  hdf_shape(hdf_file *f, const char *path, hdf_type *type, int *rank, int64_t dim[HDF_MAX_RANK], problems *pr);
/* Read a whole data set that must have exactly this shape, converted to `type`; a number that an integer `type`
 * cannot hold is a problem. */
int  hdf_read(hdf_file *f, const char *path, hdf_type type, int rank, const int64_t *dim, void *out, problems *pr);
/* Rows [first, first+n) of the outermost axis, converted to `type`. The data set stays open until hdf_close, so
 * reading row by row is cheap. */
int  hdf_read_rows(hdf_file *f, const char *path, hdf_type type, int64_t first, int64_t n, void *out, problems *pr);
/* Strings of fixed length, as heft writes them. */
char *hdf_read_text(hdf_file *f, const char *path, arena *a, problems *pr);
int  hdf_read_texts(hdf_file *f, const char *path, arena *a, int64_t *n, char ***out, problems *pr);
/* Names of the members of a group in the order of creation (or of name, where the file does not track creation). */
int  hdf_members(hdf_file *f, const char *path, arena *a, int64_t *n, char ***names, problems *pr);
char *hdf_get_text(hdf_file *f, const char *path, const char *attr, arena *a, problems *pr);
int  hdf_get_int(hdf_file *f, const char *path, const char *attr, int64_t *out, problems *pr);
int  hdf_get_ints(hdf_file *f, const char *path, const char *attr, int64_t most, int64_t *n, int64_t *out,
                  problems *pr);
int  hdf_get_real(hdf_file *f, const char *path, const char *attr, double *out, problems *pr);

/* "file.h5:/layers/conv1": the place of an object, for problems. */
place hdf_place(hdf_file *f, const char *path, arena *a);

#endif
