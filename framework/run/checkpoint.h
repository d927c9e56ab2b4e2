/* checkpoint.h -- one HDF5 file that holds the whole truth at a step
 *
 *   /experiment                       the resolved experiment, YAML text
 *   /layers/<name>/<tensor>           weights and states, as the plugin shaped them; the group has attributes type, options, input_shape, output_shape
 *   /optimizer/<layer>/<tensor>/<slot>   [rows,] shape of the tensor; /optimizer/<slot> for scalars
 *   /trainer                          attributes: every field of trainer_state
 *   /trainer/meter_*                  sums of the epoch under way
 *   /metrics/epochs, /metrics/steps   tables up to this step
 *   /data                             fingerprint and what was fitted
 *   /plugins                          names, kinds, SHA-256
 * Two equal runs make equal bytes: no time, host, path of the run or process is in it.
 */
#ifndef HEFT_RUN_CHECKPOINT_H
#define HEFT_RUN_CHECKPOINT_H

#include "train/trainer.h"

#define CHECKPOINT_FORMAT "heft-checkpoint 1"

int checkpoint_save(const trainer *t, const char *path, problems *pr);

typedef struct checkpoint checkpoint;

/* Verified, and every name and shape in it checked against nothing yet. */
checkpoint       *checkpoint_open(const char *path, problems *pr);
void              checkpoint_close(checkpoint *c);
const char       *checkpoint_experiment(const checkpoint *c, size_t *n);     /* YAML text */
struct data_fit  *checkpoint_data_fit(checkpoint *c, arena *a, problems *pr);
const char       *checkpoint_fingerprint(const checkpoint *c);
hdf_file         *checkpoint_file(checkpoint *c);

/* Weights and states into a model whose layers must match by name and shape (every mismatch is listed). */
int checkpoint_load_model(checkpoint *c, model *m, problems *pr);
/* All of it, to go on training.  Refuses other data (fingerprint) and other plugins' state that does not fit, with both values. */
int checkpoint_restore(checkpoint *c, trainer *t, problems *pr);

#endif
