/* schedule.h -- the learning rate as a function of step and epoch
 *
 *   lr: 1e-3                                                   the same as {constant: {value: 1e-3}}
 *   lr: {step: {initial: 0.1, every: 30, gamma: 0.1, unit: epoch}}
 *   lr: {cosine: {peak: 1e-3, floor: 0, warmup: 200, steps: auto, unit: step}}
 *   lr: {plateau: {initial: 1e-3, factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, floor: 0,
 *                  monitor: val_loss}}
 *
 * A rate that is not given (value, initial, peak) is the optimizer's default.  Rates are 0 to 1000; 0 leaves the
 * weights alone, as in PyTorch, which a control experiment may want.
 *
 * With s the steps (unit: epoch, the complete epochs) before this one, from 0:
 *   constant   value
 *   step       initial gamma^floor(s / every)
 *   cosine     peak (s + 1) / warmup                                             while s < warmup
 *              floor + (peak - floor) (1 + cos(pi (s - warmup) / (steps - warmup))) / 2
 *                                                                                while s < steps
 *              floor                                                             from then on
 *              The warm-up rises in equal parts: step 0 has one of them, step warmup - 1 the whole peak.  `steps: auto`
 *              is all of the run, as planned when the rate is asked for, warm-up included: a run resumed with more epochs
 *              goes on along the longer curve.
 *   plateau    max(floor, initial factor^reductions): see schedule_epoch
 *
 * step and cosine are PyTorch's StepLR and CosineAnnealingLR, plateau its ReduceLROnPlateau (threshold_mode rel).
 * PyTorch's cosine rises again after its end; Keras' CosineDecay warms up from 0, ahead of decay_steps.
 */
#ifndef HEFT_TRAIN_SCHEDULE_H
#define HEFT_TRAIN_SCHEDULE_H

#include "config/node.h"
#include "config/options.h"

typedef struct schedule schedule;

/* What changes while training; checkpointed.  scale is factor^reductions; best is NaN before the first epoch. */
typedef struct schedule_state { double scale, best; int64_t bad, cooldown; } schedule_state;

/* value NULL: constant default_lr.  Lives in the arena, as do the strings it takes from value. */
schedule *schedule_new(const node *value, double default_lr, arena *a, problems *pr);
void      schedule_begin(schedule_state *s);

/* The rate of a step (from 0), a pure function of its arguments.  steps_per_epoch (at least 1) and steps_total: of
 * the run as planned now. */
double    schedule_lr(const schedule *s, const schedule_state *state, int64_t step, int64_t steps_per_epoch,
                      int64_t steps_total);

/* At the end of every epoch with the monitored metric; only plateau cares.  An epoch is better if it beats the best by
 * more than threshold |best|; NaN and infinity never do.  After more than `patience` epochs in a row without a better
 * one the rate is multiplied by factor; the `cooldown` epochs behind that do not count as bad.  (PyTorch's threshold
 * turns its sign on a negative metric, so that worse values count as better; this one does not.) */
void      schedule_epoch(const schedule *s, schedule_state *state, double monitored, bool maximize);

/* The column plateau watches ("val_loss"), or NULL. */
const char *schedule_monitor(const schedule *s);

#endif
