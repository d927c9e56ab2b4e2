/* show.h -- between the files of the verb show */
#ifndef HEFT_CLI_SHOW_H
#define HEFT_CLI_SHOW_H

#include "run/run.h"

enum { SHOW_LISTED = 16, SHOW_ROWS = 5 };        /* values of a tensor that are printed; rows of the metrics */

typedef struct statistics { double min, max, mean, std, norm; int64_t zeros, non_finite; } statistics;

typedef struct tensor {
    const char *name, *role;
    int         rank;
    int64_t     dim[HDF_MAX_RANK], count;
    statistics  s;
    float       value[SHOW_LISTED];  /* if count <= SHOW_LISTED */
} tensor;

typedef struct layer {
    const char *name, *type, *role, *inputs;
    int64_t     n_out, out[HDF_MAX_RANK], n_tensors, parameters;
    tensor     *tensor;
} layer;

typedef struct saved { const char *path, *fault; bool latest, best; } saved;     /* fault NULL: valid */

typedef struct shown {
    arena      *memory;
    const char *path, *run;          /* run NULL: a checkpoint was named */
    checkpoint *checkpoint;
    hdf_file   *file;
    int64_t     n_layers, n_saved, parameters;
    layer      *layer;
    saved      *saved;
    table      *epochs;
    const char *optimizer, *fingerprint, *average;       /* average: of what the weights are one; NULL: they are none */
    int64_t     n_input, input[HDF_MAX_RANK], n_classes, n_names;
    char      **class_name;
    trainer_state state;
} shown;

/* What is in CHECKPOINT|RUN, from its file alone; no plugin is opened.  w is {0}. */
int  show_read(shown *w, const char *path, problems *pr);
void show_close(shown *w);                       /* also after a failure */
const layer *show_layer(const shown *w, const char *name);       /* NULL: it has none */

void show_text(const shown *w);
void show_json(const shown *w);

/* Where two CHECKPOINT|RUN differ.  The exit code: 0 equal, 1 different, 2 after problems. */
int show_diff(const char *a, const char *b, bool as_json, problems *pr);

/* Whether a file that heft wrote, or all of a run or a sweep, is good: a line (or object) for each to stdout.  How many are not. */
int show_verify(const char *path, bool as_json);

#endif
