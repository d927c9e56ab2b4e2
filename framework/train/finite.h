/* finite.h -- between the files of this room: a step whose numbers are no numbers, explained */
#ifndef HEFT_TRAIN_FINITE_H
#define HEFT_TRAIN_FINITE_H

#include "train/trainer.h"

/* Every weight and state is finite, or a problem names the first tensor that is not. */
int  finite_weights(const trainer *t, problems *pr);

/* Why the loss of this minibatch is not finite: the tensor, the sample of the data, or the layer where it began.  Adds one
 * problem. */
void finite_explain(trainer *t, const batch *b, const pass_input *in, double loss, problems *pr);

#endif
