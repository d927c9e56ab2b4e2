/* source.h -- inside the data room: what a reader is, what was fitted, and what they share
 *
 * A reader turns one split's files into a source: `count` samples of one shape, fetched by row number.  It knows
 * nothing of shares, shuffles and batches.  Tables (csv, houses) need to see the training split before they know
 * their shape: their `fit` runs when the splits are known.
 */
#ifndef HEFT_DATA_SOURCE_H
#define HEFT_DATA_SOURCE_H

#include "config/options.h"
#include "data/data.h"

typedef enum split { TRAIN, VALIDATION, TEST, N_SPLITS } split;

/* Reported at most in one go by one file; a damaged file would otherwise be a problem per row. */
enum { MOST_PROBLEMS = 20 };

/* dataset_fetch asks a source for at most this many rows at a time. */
enum { FETCH_MOST = 1024 };

typedef struct source source;
struct source {
    const char *name;                /* of its file, for messages */
    int64_t     count;
    heft_shape  input, target;       /* of one sample, as fetch gives it; labels: limit is the greatest + 1 */
    bool        has_target;
    bool        fitted;              /* fetch gives values already scaled by the fit (tables) */
    int64_t     overlap;             /* rows follow each other, and a row shares something with so many behind it: shares
                                      * are taken from the end, not drawn.  0: each row stands for itself */
    int64_t     top;                 /* labels: a row that has the greatest */
    float      *weight;              /* [count] what each sample weighs; a block, freed by whoever closes the source; NULL: 1 each */
    /* n <= FETCH_MOST; every row is in [0, count); targets may be NULL.  One call at a time, but for
     * several data sets of one source the reader itself sees to that. */
    int  (*fetch)(source *s, const int64_t *row, int64_t n, float *inputs, float *targets, problems *pr);
    void (*close)(source *s);        /* frees all but the arena's memory */
};

struct dataset {
    source  *from;
    int64_t  count;
    int64_t *row;                    /* [count] rows of the source, rising; NULL: all of them */
    const struct data_fit *fit;
};

/* A column of a table that is an input, as the training split showed it. */
typedef struct field {
    const char *name;
    bool     one_hot;
    double   fill;                   /* number: for a missing value */
    int64_t  fill_category;          /* one-hot: the same */
    int64_t  n_categories;
    const char **category;           /* [n_categories], in category_order */
    int64_t  first;                  /* its first column among the inputs */
} field;

enum { MISSING_REFUSE, MISSING_MEDIAN, MISSING_MEAN };   /* in the order of the option's words */
enum { UNSEEN_REFUSE, UNSEEN_ZEROS };

typedef struct data_fit {
    heft_shape   input, target;
    uint64_t     seed;
    int64_t      n_classes;
    const char **class_name;         /* NULL: they have none */

    /* Inputs are (x - mean) * factor along the last axis; n_channels 0: as they are; 1: the same for all. */
    int64_t      n_channels;
    double      *mean, *factor;
    /* Targets were (y - target_mean) / target_scale; n_scaled 0: as they are. */
    int64_t      n_scaled;
    double      *target_mean, *target_scale;

    /* Tables; n_fields 0: no table. */
    int64_t      n_fields;
    field       *field;
    int64_t      n_targets;
    const char **target_name;
    int64_t      n_columns;
    const char **column_name;
    int          missing, unseen;

    /* Texts: the bytes that occur, in rising order; the place among them is the token. */
    int64_t      n_vocabulary;
    uint8_t     *vocabulary;
} data_fit;

enum { NORMALIZE_NONE, NORMALIZE_STANDARD, NORMALIZE_MINMAX };
enum { TASK_AUTO, TASK_CLASSIFICATION, TASK_REGRESSION };

/* Keys that every format has; a format's own options follow in the same instance. */
typedef struct data_options {
    int         format;
    const char *root;
    double      scale, scale_target;
    int         normalize, normalize_target;
    int64_t     limit;
} data_options;

typedef struct opening opening;

typedef struct format {
    const char *name;
    const heft_option *options;      /* own keys; NULL: none */
    size_t      options_size;
    const char *const *others;       /* own keys read without a table; ends with NULL; NULL: none */
    bool        tokens;              /* inputs are no quantities: nothing to scale */
    int64_t     default_test;        /* built in: samples of the test split unless said otherwise; the options begin
                                      * with int64_t samples, those of train */
    /* One of these two: from the files that `train:` (...) names, or so many made-up samples. */
    source *(*open)(opening *o, const node *files, split which, problems *pr);
    source *(*make)(opening *o, split which, int64_t count, problems *pr);
    /* One file for prediction, o->fit being what was read from the checkpoint (formats with `make`: NULL). */
    source *(*open_file)(opening *o, const char *path, problems *pr);
    /* tables: learn from o->set[TRAIN], encode all.  NULL: nothing to learn */
    int     (*fit)(opening *o, problems *pr);
} format;

struct opening {
    arena       *a;
    const node  *section;
    place        at;                 /* of the section */
    const char  *root;               /* where relative paths start; absolute, or as the user gave it */
    bool         root_from_env;
    uint64_t     seed;
    const format *format;
    const data_options *common;
    const void  *own;                /* the format's options */
    data_fit    *fit;
    bool         predict;            /* fit came from a checkpoint and is not to be changed */
    digest      *print;              /* of contents and settings */
    /* opened for the split; NULL where it is a share of train's, or there is none */
    source      *source[N_SPLITS];
    dataset     *set[N_SPLITS];
};

extern const format idx_format, cifar_format, csv_format, hdf5_format, text_format, digits_format, houses_format, noise_format;
const format *format_by_name(const char *name);

/* ---- the section (section.c) ---- */

/* Reads format, root and every option; NULL node in section for defaults.  -1 after problems. */
int  section_read(opening *o, const node *section, const char *dir, problems *pr);
/* The options of another format than the section's, all at their defaults. */
const void *format_defaults(const format *f, arena *a, problems *pr);
/* A scalar or a list of scalars as strings; absent (NULL): none. */
int  strings_read(const node *n, const char *what, arena *a, int64_t *count, const char ***out, problems *pr);
/* The path a scalar names, which must be a readable file: NULL after a problem that names the nearest in its
 * folder. */
const char *section_path(opening *o, const node *n, const char *what, problems *pr);
/* The same for a path given on the command line. */
int  check_file(place at, const char *what, const char *path, const char *advice, problems *pr);
/* `train: FILE` or `train: {file: FILE}`. */
const char *section_single_file(opening *o, const node *files, split which, problems *pr);
const char *split_name(split which);
/* Names of classes from `classes:` (a list, or a file with one name in a line). */
int  classes_read(opening *o, const node *n, problems *pr);
int  classes_from_file(opening *o, const char *path, problems *pr);

/* Add a file's content, or a setting, to the fingerprint. */
int  print_file(opening *o, const char *role, const char *path, problems *pr);
void print_settings(opening *o);

/* ---- splits (split.c) ---- */

/* Shares of n samples: rising rows of each split.  Rows that overlap: train, validation, test follow each other, with
 * so many rows left out between two that they share nothing, and in validation and test no two rows overlap.  A share
 * of 0: none, NULL. */
int  split_shares(opening *o, int64_t n, double validation, double test, int64_t *row[N_SPLITS],
                  int64_t count[N_SPLITS], problems *pr);

/* ---- transform (transform.c) ---- */

int  transform_fit(opening *o, problems *pr);
void transform_inputs(const data_fit *fit, int64_t n, float *x);
void transform_targets(const data_fit *fit, int64_t n, float *y);
/* Mean (or minimum) and factor of values seen one by one; see moments_add. */
typedef struct moments { int64_t n; double shift, sum, squares, min, max; } moments;
void moments_add(moments *m, double v);
void moments_scale(const moments *m, int normalize, double *mean, double *factor);
bool targets_scaled(const data_options *o);
/* Of one target, by the options: y * scale + mean gives it back. */
void target_scale(const data_options *o, const moments *m, double *mean, double *scale);

/* ---- shapes (shape.c) ---- */

/* Dims of a file, outermost the samples, as a sample's shape.  A bare number becomes [1]; and where a format holds
 * images, [h, w] becomes [h, w, 1]. */
int  shape_of_inputs(const char *name, int rank, const int64_t *dim, bool images, heft_shape *out, problems *pr);
/* Targets: labels if whole numbers of rank 1 (or [n, 1]), unless the task says otherwise; as classification also of
 * rank 2, a label for each time of a sequence. */
int  shape_of_targets(const char *name, int rank, const int64_t *dim, bool whole, int task, heft_shape *out,
                      bool *labels, problems *pr);
void shape_print(const heft_shape *s, text *out);
bool shape_equal(const heft_shape *a, const heft_shape *b);     /* but for the limit */
/* "-3" or a label over 2^31 - 2: a problem, as the sample's place in the file. */
int  label_check(const char *name, int64_t sample, double value, problems *pr);
/* A weight that is negative or not finite: a problem, as the sample's place in the file; and when all are 0. */
int  weight_check(const char *name, int64_t sample, double value, problems *pr);
int  weights_check(const char *name, int64_t n, const float *weight, problems *pr);

#define LABEL_LIMIT INT64_C(0x7ffffffe)

#endif
