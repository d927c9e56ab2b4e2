/* average.h -- an average of the weights along the path of training, by which the model is judged and kept
 *
 *   train: {average: {ema: {decay: 0.999, start: 0, every: 1, unit: step}}}
 *   train: {average: {swa: {start: 0, every: 1, unit: epoch}}}
 *
 * The first weights that count are taken as they are; then, of each that follow,
 *   ema    a += (1 - decay) (w - a)        B. Polyak, A. Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992
 *   swa    a += (w - a) / (n + 1), n those before: their mean
 *                                          P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018
 * `start` steps (epochs) are left out, then every `every`-th counts.  States (batch_norm's mean and variance) are averaged in the
 * same way.  As torch.optim.swa_utils.AveragedModel with use_buffers, after which PyTorch too needs no update_bn.
 */
#ifndef HEFT_TRAIN_AVERAGE_H
#define HEFT_TRAIN_AVERAGE_H

#include "config/node.h"
#include "config/options.h"
#include "model/model.h"

typedef struct average {
    model       view;            /* the trainer's model with the average in place of its weights and states */
    const model *of;
    bool        ema, by_epoch;
    double      decay;
    int64_t     start, every;
    int64_t     n;               /* how many have been averaged; 0: the average is still to begin */
} average;

/* From `train.average`; NULL if there is none, or after problems.  m must outlive it; NULL: the section is only checked. */
average *average_new(const node *train, const model *m, arena *a, problems *pr);
void     average_free(average *a);                   /* NULL: nothing */
size_t   average_bytes(const average *a);            /* NULL: 0 */

/* Step or epoch number `count`, from 1, is done.  a may be NULL. */
void     average_count(average *a, bool epoch, int64_t count);

/* The average as it is, or the model's own weights while it is still to begin. */
const model *average_model(average *a);

/* "the mean (swa) of 10: the weights after every epoch from epoch 21 on": what n averaged weights are by `train.average`; NULL after problems, or if it has none. */
const char *average_text(const node *train, int64_t n, arena *a, problems *pr);

/* Name and keys of the i-th form; NULL after the last. */
const heft_option *average_table(int i, const char **name);

#endif
