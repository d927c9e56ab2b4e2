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
 * With s the steps (unit: epoch, the complete epochs) before this one, from 0, and T = steps:
 *   constant         value
 *   step             initial gamma^floor(s / every)                               StepLR
 *   multistep        initial gamma^(number of milestones <= s)                    MultiStepLR
 *   piecewise        values[number of boundaries <= s]
 *   exponential      initial gamma^(s / every)                                    ExponentialLR
 *   inverse_time     initial (1 + rate s / every)^-power
 *   polynomial       floor + (initial - floor) (1 - s / T)^power while s < T, then floor
 *                                                                                 PolynomialLR
 *   cosine           floor + (peak - floor) (1 + cos(pi s / T)) / 2 while s < T, then floor
 *                                                                                 CosineAnnealingLR
 *   cosine_restarts  cosine, with T = period period_factor^c in cycle c = 0, 1, ..., s from its beginning, and
 *                    peak - floor times peak_factor^c                             CosineAnnealingWarmRestarts
 *   one_cycle        from peak / div_factor up to peak at s = pct_start T - 1, then down to peak / (div_factor
 *                    final_div_factor) at T - 1, along half waves of a cosine or lines; with three_phase down to
 *                    peak / div_factor as long as up, and from there to the end   OneCycleLR
 *   cyclic           base + (peak - base) h, h a triangle from 0 to 1 in `up` and back in `down`, which triangular2
 *                    halves in each cycle and exp_range multiplies by gamma^s     CyclicLR
 *   plateau          max(floor, initial factor^reductions), see schedule_epoch    ReduceLROnPlateau, threshold_mode rel
 *
 * Before any of them, `warmup: n` (in the schedule's unit; steps for constant and plateau) rises in equal parts to the
 * rate that the schedule begins with: step 0 has one of n parts, step n - 1 the whole.  The formulas' s counts from
 * there, and T = steps - n.  `steps: auto` is all of the run, as planned when the rate is asked for: a run resumed with
 * more epochs goes on along the longer curve.
 *
 * The names behind them are PyTorch's.  PyTorch's cosine rises again after its end, its one_cycle and cyclic move the
 * momentum too; Keras' CosineDecay warms up from 0, ahead of decay_steps, its PiecewiseConstantDecay keeps a value at
 * the boundary itself.
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

/* Name and keys of the i-th form; NULL after the last.  A rate in the first row has the optimizer's default, not its own. */
const heft_option *schedule_table(int i, const char **name);

#endif
