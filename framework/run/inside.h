/* inside.h -- what the files of this room share; nobody else includes it */
#ifndef HEFT_RUN_INSIDE_H
#define HEFT_RUN_INSIDE_H

#include "base/file.h"
#include "run/run.h"

/* ---- checkpoints ---- */

/* A checkpoint of t, complete in memory; hdf_image_publish writes it. */
int checkpoint_image(const trainer *t, const char *name, hdf_image *out, problems *pr);

/* Where the values of a tensor that checkpoints hold lie: weights and states.  NULL for the others, and for
 * metrics, whose states are made anew from the meter. */
const float *checkpoint_values(const model *m, const model_layer *l, const model_tensor *t);

/* Refuse what a run cannot go on with, with both values; t has the checkpoint's state and the new options. */
void checkpoint_compare(checkpoint *c, trainer *t, problems *pr);

/* A slot's share of one tensor: one data set, of `pieces` runs of `count` floats that lie `stride` apart in
 * memory. */
typedef struct slot_part {
    const char *path;
    int         rank;
    int64_t     dim[HDF_MAX_RANK];
    float      *at;
    size_t      pieces, count, stride;
} slot_part;

/* All of them, in the order of slots and tensors; -1 if visit failed for one. */
typedef int slot_visitor(void *context, const slot_part *p, problems *pr);
int checkpoint_slots(const trainer *t, slot_visitor *visit, void *context, problems *pr);

/* ---- metrics.h5 ---- */

/* Into timing a row for each of epochs, with the figures that are in the metrics.h5 of the run; NaN where nothing
 * is known, since no checkpoint holds them. */
void timing_read(const char *run_dir, const table *epochs, table *timing);

/* Complete in memory. */
int  metrics_image(const char *run_dir, const table *epochs, const table *timing, const table *steps,
                   const matrices *m, const char *yaml, hdf_image *out, problems *pr);

/* ---- the directory ---- */

char   *checkpoint_path(arena *a, const char *run_dir, int64_t step);
char   *metrics_path(arena *a, const char *run_dir);
/* What lets `latest` or `best` name a checkpoint; false if it does already. */
bool    run_pointer(arena *a, const char *run_dir, const char *which, const char *target, file_part *out);
/* Published. */
int     run_point(arena *a, const char *run_dir, const char *which, const char *target, problems *pr);
/* Complete what a process left undone that was killed between a checkpoint and the files that follow from it. */
int   run_repair(run *r, problems *pr);

int   run_check_space(const char *dir, size_t bytes, problems *pr);

/* ---- provenance.json: an entry for each process that worked on the run ---- */

typedef struct provenance provenance;

/* *file is to be written before there is a checkpoint of this process.  All of it is in a. */
provenance *provenance_begin(arena *a, const char *run_dir, file_part *file);
int         provenance_end(provenance *p, problems *pr);

#endif
