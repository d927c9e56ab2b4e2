/* recompute.h -- which values a training step computes a second time, in its backward pass, instead of keeping them
 *
 * Activation recomputation, or rematerialization (T. Chen, B. Xu, C. Zhang, C. Guestrin, "Training Deep Nets with Sublinear Memory
 * Cost", 2016, https://arxiv.org/abs/1604.06174), of layers that say that they are `recomputable`, and only from values that are
 * kept until then anyway.
 */
#ifndef HEFT_MODEL_RECOMPUTE_H
#define HEFT_MODEL_RECOMPUTE_H

#include "model/model.h"

/* A value's second life: from in front of the backward (and survey_back) of layer `before` to the backward of layer `until`; or, if
 * no backward reads it, to what is computed of it in front of that. */
typedef struct recomputation { int before, until; } recomputation;      /* before -1: none */

/* [n_layers]; a function of the model alone. */
const recomputation *recompute_plan(const model *m, arena *a);

/* The layers whose backward reads the value of layer i: the first and the last that run.  False, and -1: none. */
bool read_back(const model *m, int i, int *first, int *last);

#endif
