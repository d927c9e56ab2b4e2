/* penalty.h -- what layers ask of their weights beside the loss: penalties on their size, and constraints
 *
 *   - dense: {units: 64, l2: 1e-4}                    weights of two axes or more: not biases, not gamma and beta
 *   - dense: {units: 64, l1: {weight: 1e-5, bias: 1e-5}, max_norm: 3}                             tensors by name
 *
 * Keras' conventions, whose keys these are (kernel_regularizer, kernel_constraint):
 *   l1, l2         add l1 sum |w| + l2 sum w^2 to what is minimized: l1 sign(w) + 2 l2 w to the mean gradient of the
 *                  minibatch, before clipping and the optimizer.  (So l2: c is PyTorch's sgd with weight_decay 2 c;
 *                  adamw's decay is another thing.)  The losses that are reported are those of the data alone, in
 *                  training as in validation, unlike Keras'.
 *   non_negative   after each update, w < 0 becomes 0
 *   max_norm       after each update, the weights into one output that are longer than this are scaled down to it;
 *                  0: off
 *   unit_norm      after each update, the weights into one output are scaled to length 1 (zeros stay)
 * The weights into one output: all that share their last index, so also of a convolution [kh, kw, in, out] (for which
 * Keras must be told axis [0, 1, 2]); a tensor of one axis is one vector.  An optimizer that evaluates the loss itself
 * (finite_difference, lbfgs) sees loss and penalty together.
 */
#ifndef HEFT_TRAIN_PENALTY_H
#define HEFT_TRAIN_PENALTY_H

#include "model/model.h"

typedef struct penalty penalty;

/* Read from the layers' options; lives in the arena.  NULL if no trained weight is asked for anything, or after
 * problems. */
penalty *penalty_new(const model *m, arena *a, problems *pr);

/* All of these take NULL and do nothing then. */
double   penalty_value(const penalty *p, const float *x);
void     penalty_add(const penalty *p, size_t begin, size_t end, const float *x, float *g);   /* g += [range] */
void     penalty_constrain(const penalty *p, float *x);      /* in parallel, the same on any number of threads [main] */

/* The i-th of the keys on a layer, a flag or a number from 0; NULL after the last. */
const char *penalty_key(int i, bool *flag);

#endif
