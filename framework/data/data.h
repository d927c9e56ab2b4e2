/* data.h -- samples: where they come from, how they are split, scaled and handed out
 *
 * A source reads one format and knows nothing of splits; a data set is a set of samples of a source behind the
 * fitted transform (missing values, one-hot, scaling).  Everything fitted comes from the training split alone and
 * is kept in the checkpoint (data_fit_write), so that new data meet the same transform.
 *
 * Keys of every format:
 *   format            idx, cifar, csv, hdf5, text; digits and houses are built in
 *   root              where files are: relative to $HEFT_DATA if that is set, else to the experiment's folder
 *   train             files (below)
 *   validation, test  files, or a share of all of train's samples (0.1), drawn by the seed; of a text, its end.
 *                     Built-in data: a share, or a number of samples
 *   scale             a factor on the inputs; instead:
 *   normalize         none, standard (mean 0, deviation 1), minmax (0 to 1): fitted on train, along the last axis (a
 *                     column, a channel); one-hot columns stay 0 and 1
 *   scale_target      a factor on the targets of a regression; instead:
 *   normalize_target  none, standard, minmax: of regression targets
 *   limit             train on the first so many samples of the training split; what is fitted sees all of it
 *
 * idx     train: {inputs: FILE, targets: FILE, weights: FILE}, plain or .gz; [n, h, w] are pictures [h, w, 1].  classes, task
 * cifar   train: FILE or {files: [FILE, ...]}: CIFAR-10, binary.  classes (default: batches.meta.txt beside them)
 * csv     train: FILE.  target (a column or a list), weight (a column), drop, inputs, columns (names, if there is no header),
 *         separator, decimal: point | comma, missing: refuse | median | mean, missing_values (besides "", NA, nan),
 *         one_hot: auto | none | [columns], unseen: refuse | zeros, task
 * hdf5    train: {file: FILE, inputs: /PATH, targets: /PATH, weights: /PATH}.  classes, task, cache (MiB)
 * text    train: FILE.  length (characters of a sample), stride (from the start of a training sample to the next)
 * digits  samples, size, noise
 * houses  samples, noise; the true rule is in houses.h
 *
 * classes: a list of names, or a file with one in a line.  task: auto | classification | regression.  One whole
 * number a sample is a label by default (idx, hdf5); a csv column of numbers is a regression, one of texts a
 * classification.
 */
#ifndef HEFT_DATA_DATA_H
#define HEFT_DATA_DATA_H

#include <heft/plugin.h>
#include "base/digest.h"
#include "config/node.h"
#include "hdf/hdf.h"

typedef struct dataset dataset;

/* Strings and arrays live as long as the data (what came from a checkpoint: as long as its arena). */
typedef struct data {
    heft_shape  input;               /* of one sample, after the transform: HEFT_F32; HEFT_I32 [time] for text */
    heft_shape  target;              /* labels: HEFT_I32 of rank 0 (limit: classes); regression: HEFT_F32 [k];
                                      * text: HEFT_I32 [time] */
    dataset    *train, *validation, *test;   /* validation and test are NULL if there are none */
    int64_t     n_classes;           /* 0: not a classification */
    const char **class_name;         /* [n_classes]; NULL if they have no names */
    int64_t     n_columns;           /* tables: inputs after one-hot, else 0 */
    const char **column_name;        /* [n_columns]: "median_income", "ocean_proximity=INLAND" */
    const char *target_name;         /* tables: of the (first) target column; else NULL */
    char        fingerprint[DIGEST_HEX];     /* of the contents of all files and of what `data:` says about them, not
                                              * of where they are; of the seed where it decides on the samples */
    arena      *memory;
    struct data_fit *fit;
} data;

/* Open what the section names.  dir: where relative paths start unless $HEFT_DATA is set.  Every size, label and
 * cell is checked here (R3), but for the inputs of hdf5 files, which are read when they are fetched.  NULL after
 * problems. */
data *data_open(const node *section, const char *dir, uint64_t seed, problems *pr);

/* The same section in front of other data: one split, in `test`; without targets unless they are there
 * (has_targets).  fit: from data_fit_read; it must outlive the data.  file: of the section's own format, or of any
 * other that a reader knows by its name: .csv, .tsv; .h5 or FILE.h5:/path; .idx[.gz], ...ubyte[.gz], as INPUTS or
 * INPUTS,TARGETS (MNIST's labels are found by their name); .bin; for built-in data a number of samples ("100").
 * A path that does not exist is tried below root. */
data *data_open_for_predict(const node *section, const char *dir, const char *file, struct data_fit *fit,
                            bool *has_targets, problems *pr);
/* The shapes and names of a fit alone, without samples. */
data *data_of_fit(struct data_fit *fit);
void  data_free(data *d);            /* NULL: nothing.  No loader may be open */

/* What was fitted and named: fill values, categories, means and factors, class names; below /data in a checkpoint. */
int   data_fit_write(const data *d, hdf_file *f, problems *pr);
struct data_fit *data_fit_read(hdf_file *f, arena *a, problems *pr);

int64_t dataset_count(const dataset *s);

/* Samples index[0..n) into inputs [n, input] and targets [n, target] (NULL: not wanted; left alone if there are
 * none).  From any thread, one at a time; different data sets at the same time.  A reading error is a problem. */
int     dataset_fetch(dataset *s, const int64_t *index, int64_t n, float *inputs, float *targets, problems *pr);

/* What samples weigh in the mean of the loss and of metrics: those of index[0..n), where some were given. */
bool    dataset_weighted(const dataset *s);
void    dataset_weights(const dataset *s, const int64_t *index, int64_t n, float *weight);

/* Samples [first, first + n) of those a program has, as a file of such data would hold them (tokens as whole numbers; of
 * tables the numbers of `column_name`), as the model's inputs [n, input]; what cannot be one is a problem. */
int     data_from_numbers(const data *d, int64_t first, int64_t n, const float *numbers, float *inputs, problems *pr);

/* Of a text: its bytes as tokens, in place; unknown ones are problems with their place in `name`.  And the byte of each
 * token, [n_classes]; NULL if the data are no text. */
int     data_text_tokens(const data *d, const char *name, uint8_t *bytes, size_t n, problems *pr);
const uint8_t *data_text_bytes(const data *d);

/* How regression targets were scaled, to give predictions in the user's units: y * scale + mean per target; all 1
 * and 0 if they were not. */
void    data_target_scale(const data *d, int64_t k, double *mean, double *scale);

/* ---- batches ---- */

typedef struct batch {
    int64_t n;                       /* samples in it; the last of an epoch may have fewer */
    int64_t first;                   /* position in the epoch */
    float  *inputs, *targets;        /* 64-byte aligned */
    float  *weights;                 /* [n]; NULL: 1 each */
    const int64_t *index;            /* [n] which samples of the data set */
} batch;

/* A thread of its own prepares up to three batches ahead, with no allocation per batch.  The order is a permutation
 * keyed by (seed, epoch), or that of the data set if shuffle is false; so any position of any epoch can be resumed.
 * The functions below are for one thread. */
typedef struct loader loader;

loader *loader_open(dataset *s, const data *d, int64_t batch_size, bool shuffle, bool drop_last, uint64_t seed,
                    problems *pr);
/* Begin (or go on in) an epoch at a batch boundary, at any time: the next batch starts at sample `first`. */
void    loader_start(loader *l, int64_t epoch, int64_t first);
/* The next batch, valid until the next call of loader_next or loader_start; NULL at the end of the epoch, or after a
 * problem. */
const batch *loader_next(loader *l, problems *pr);
int64_t loader_batches(const loader *l);            /* per epoch */
void    loader_close(loader *l);                    /* at any time; NULL: nothing */

/* ---- keys, for `heft schema` ---- */

/* Of a format: rows common to all, its own, keys without a row (end with NULL).  Either list may be NULL.  Besides there are
 * validation and test, and train unless it is built in. */
typedef struct data_keys {
    const char *format;
    const heft_option *common, *own;
    const char *const *others;
    bool built_in;
} data_keys;
bool data_keys_of(int i, data_keys *out);           /* the i-th format; false after the last */

#endif
