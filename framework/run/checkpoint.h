/* checkpoint.h -- one HDF5 file that holds the whole truth at a step
 *
 *   /experiment                          the resolved experiment, YAML text
 *   /layers/<name>/<tensor>              weights and states, as the plugin shaped them.  Every layer has a group, the
 *                                        loss and metrics too, with attributes type, role (layer, loss, metric),
 *                                        inputs, input_shape (input_shape_2 ... if there are more), output_shape,
 *                                        options (YAML)
 *                                        With train.average they are the average, once there is one
 *   /optimizer/<layer>/<tensor>/<slot>   [rows,] shape of the tensor (no rows axis if there is one row);
 *                                        /optimizer/<slot> for scalar slots; the attribute type names the optimizer
 *   /trainer                             attributes: every field of trainer_state
 *   /trainer/weights/<layer>/<tensor>    where /layers is an average: what training goes on from; the attribute averaged
 *   /trainer/meter/                      sums of the epoch under way
 *   /metrics/epochs, /metrics/steps      tables up to this step
 *   /metrics/matrices/                   of metrics, as last measured; see hdf/matrices.h
 *   /initial/                            tensor, sha256: files that initial weights were read from
 *   /data                                what was fitted; the attribute fingerprint
 *   /plugins/                            name, kind, sha256
 *
 * Two equal runs make equal bytes: no time, host, path of the run or process is in it.
 */
#ifndef HEFT_RUN_CHECKPOINT_H
#define HEFT_RUN_CHECKPOINT_H

#include "train/trainer.h"

#define CHECKPOINT_FORMAT "heft-checkpoint 1"

/* Published whole: after a failure the file of that name, if there was one, is as before. */
int    checkpoint_save(const trainer *t, const char *path, problems *pr);
/* What a checkpoint of t will take on disk.  All but the writing is done, so whatever stands in the way of that is
 * found here; 0 after a problem. */
size_t checkpoint_bytes(const trainer *t, problems *pr);

typedef struct checkpoint checkpoint;

/* Length and SHA-256 are verified; names and shapes when they are read.  NULL after a problem. */
checkpoint       *checkpoint_open(const char *path, problems *pr);
void              checkpoint_close(checkpoint *c);                           /* NULL: nothing */
const char       *checkpoint_experiment(const checkpoint *c, size_t *n);     /* YAML text */
struct data_fit  *checkpoint_data_fit(checkpoint *c, arena *a, problems *pr);
const char       *checkpoint_fingerprint(const checkpoint *c);
hdf_file         *checkpoint_file(checkpoint *c);

/* Weights and states into a model whose layers must match by name, type and shape.  Every mismatch is listed with
 * both values; after one the model's weights are not to be used.  Metrics may differ. */
int checkpoint_load_model(checkpoint *c, model *m, problems *pr);

/* All of it, to go on training.  Refuses other data (fingerprint), options that make it another run (options.c), and
 * state that does not fit, with both values.  Columns of the metrics' tables go by name.  The timing of earlier epochs comes from the run's
 * metrics.h5 where that can be read. */
int checkpoint_restore(checkpoint *c, trainer *t, problems *pr);

#endif
