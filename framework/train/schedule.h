/* schedule.h -- the learning rate as a function of step and epoch
 *
 *   lr: 1e-3
 *   lr: {step: {initial: 0.1, every: 30, gamma: 0.1, unit: epoch}}
 *   lr: {cosine: {peak: 1e-3, warmup: 200, floor: 0}}      over all steps of the run unless `steps` says otherwise
 *   lr: {plateau: {initial: 1e-3, factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, floor: 0, monitor: val_loss}}
 */
#ifndef HEFT_TRAIN_SCHEDULE_H
#define HEFT_TRAIN_SCHEDULE_H

#include "config/node.h"
#include "config/options.h"

typedef struct schedule schedule;

/* What changes while training; checkpointed. */
typedef struct schedule_state { double scale, best; int64_t bad, cooldown; } schedule_state;

/* value NULL: constant default_lr. */
schedule *schedule_new(const node *value, double default_lr, arena *a, problems *pr);
void      schedule_begin(schedule_state *s);
/* steps_total, steps_per_epoch: of the run as planned now.  step from 0. */
double    schedule_lr(const schedule *s, const schedule_state *state, int64_t step, int64_t steps_per_epoch, int64_t steps_total);
/* At the end of an epoch with the monitored metric; only plateau cares. */
void      schedule_epoch(const schedule *s, schedule_state *state, double monitored, bool maximize);
/* The column plateau watches ("val_loss"), or NULL. */
const char *schedule_monitor(const schedule *s);

#endif
