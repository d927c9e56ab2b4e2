/* evaluate.h -- loss and metrics over a data set */
#ifndef HEFT_TRAIN_EVALUATE_H
#define HEFT_TRAIN_EVALUATE_H

#include "data/data.h"
#include "hdf/matrices.h"
#include "model/pass.h"

/* Samples that do not weigh the same go with losses and metrics that have no tallies, or weigh what they add to them.  s may be NULL. */
int evaluate_suits(const model *m, const dataset *s, problems *pr);

/* All samples of s into `sums`, which was reset. */
int evaluate_run(const model *m, pass *p, const data *d, dataset *s, meter *sums, problems *pr);

/* What metrics know beyond a number: their states of rank 2 (confusion_matrix), by "metric/split"; of an epoch, from its sums. */
matrices *evaluate_matrices(const model *m, const data *d);
void      evaluate_fill(matrices *to, const model *m, const meter *sums, const char *split, int64_t epoch);

#endif
