/* data.h -- samples: where they come from, how they are split, scaled and handed out
 *
 * A source reads one format and knows nothing of splits; a dataset is a set of samples of a source behind the
 * fitted transform (missing values, one-hot, scaling).  Everything fitted comes from the training split alone and
 * is kept in the checkpoint (data_fit_write), so that new data meet the same transform.
 */
#ifndef HEFT_DATA_DATA_H
#define HEFT_DATA_DATA_H

#include <heft/plugin.h>
#include "base/digest.h"
#include "config/node.h"
#include "hdf/hdf.h"

typedef struct dataset dataset;

typedef struct data {
    heft_shape  input, target;       /* of one sample, after the transform.  target: HEFT_I32 rank 0 for labels (limit: classes),
                                      * HEFT_F32 [k] for regression; HEFT_I32 [time] for text */
    dataset    *train, *validation, *test;   /* validation and test are NULL if there are none */
    int64_t     n_classes;           /* 0: not a classification */
    const char **class_name;         /* [n_classes]; NULL if they have no names */
    int64_t     n_columns;           /* csv: inputs after one-hot, else 0 */
    const char **column_name;        /* [n_columns]: "median_income", "ocean_proximity=INLAND" */
    const char *target_name;         /* csv: of the (first) target column; else NULL */
    char        fingerprint[DIGEST_HEX];  /* of the contents of all files and of what `data:` says about them */
    arena      *memory;
    struct data_fit *fit;
} data;

/* Open what the section names.  dir: where relative paths start unless $HEFT_DATA is set.  Labels are scanned and every size checked here (R3). */
data *data_open(const node *section, const char *dir, uint64_t seed, problems *pr);

/* The same section in front of other data: one split, in `test`, without targets unless they are there (then has_targets).
 * `fit` comes from data_fit_read.  file: of the section's own format, or any other that a reader knows by its
 * name (.csv, .h5, .idx[.gz], .bin); built-in formats take a number of samples ("100"). */
data *data_open_for_predict(const node *section, const char *dir, const char *file, struct data_fit *fit,
                            bool *has_targets, problems *pr);
void  data_free(data *d);

/* What was fitted and named: column medians, categories, means and scales, class names; below /data in a checkpoint. */
int   data_fit_write(const data *d, hdf_file *f, problems *pr);
struct data_fit *data_fit_read(hdf_file *f, arena *a, problems *pr);

int64_t dataset_count(const dataset *s);

/* Samples index[0..n) into inputs [n, input] and targets [n, target] (NULL: not wanted).  From any thread, one at a time.
 * A reading error becomes a problem. */
int     dataset_fetch(dataset *s, const int64_t *index, int64_t n, float *inputs, float *targets, problems *pr);

/* How regression targets were scaled, to give predictions in the user's units: y * scale + mean per target; all 1 and 0 if they were not. */
void    data_target_scale(const data *d, int64_t k, double *mean, double *scale);

/* ---- batches ---- */

typedef struct batch {
    int64_t n;                       /* samples in it; the last of an epoch may have fewer */
    int64_t first;                   /* position in the epoch */
    float  *inputs, *targets;        /* 64-byte aligned */
    const int64_t *index;            /* [n] which samples of the data set */
} batch;

/* A pthread prepares batches ahead.  The order is a permutation keyed by (seed, epoch), or that of the data set if shuffle is
 * false; so any position of any epoch can be resumed. */
typedef struct loader loader;

loader *loader_open(dataset *s, const data *d, int64_t batch_size, bool shuffle, bool drop_last, uint64_t seed, problems *pr);
/* Begin (or go on in) an epoch at a batch boundary: the next batch starts at sample `first`. */
void    loader_start(loader *l, int64_t epoch, int64_t first);
/* The next batch, valid until the next call; NULL at the end of the epoch, or after a problem. */
const batch *loader_next(loader *l, problems *pr);
int64_t loader_batches(const loader *l);            /* per epoch */
void    loader_close(loader *l);

#endif
