/* lsuv.h -- layer-sequential unit variance: weights scaled until a layer's output has variance 1 over the first minibatch
 *
 *   init: {weight: lsuv}      {weight: {lsuv: {tolerance: 0.1, most: 10}}}
 *
 * Layer by layer from the input on, of orthogonal weights W: while |Var(out) - 1| >= tolerance, at most `most` times,
 * W /= sqrt(Var(out)); out is the layer's own output, ahead of an activation behind it.
 * D. Mishkin, J. Matas, "All you need is a good init", ICLR 2016.  https://arxiv.org/abs/1511.06422
 *
 * The minibatch is the first that training sees, and layers run as they do then (batch_norm by the minibatch's own moments).
 */
#ifndef HEFT_TRAIN_LSUV_H
#define HEFT_TRAIN_LSUV_H

#include "train/trainer.h"

int lsuv_apply(trainer *t, problems *pr);

#endif
