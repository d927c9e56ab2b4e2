/* shown.h -- what is in a checkpoint, read from its file alone */
#ifndef HEFT_REPORT_SHOWN_H
#define HEFT_REPORT_SHOWN_H

#include "run/run.h"

enum { SHOW_LISTED = 16, SHOW_BINS = 24 };       /* values of a tensor that are kept; parts of its histogram */

/* bin: how many in each of equal parts from min to max. */
typedef struct statistics { double min, max, mean, std, norm; int64_t zeros, non_finite, bin[SHOW_BINS]; } statistics;

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

#endif
