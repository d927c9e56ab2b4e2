/* schedule_kinds.h -- between schedule.c and schedule_kinds.c: one entry for each form of schedule */
#ifndef HEFT_TRAIN_SCHEDULE_KINDS_H
#define HEFT_TRAIN_SCHEDULE_KINDS_H

#include "train/schedule.h"

enum { SCHEDULE_ROWS = 12, SCHEDULE_KINDS = 12, SCHEDULE_RATE_MAX = 1000 };

typedef enum schedule_unit { UNIT_STEP, UNIT_EPOCH } schedule_unit;

/* What all forms share; first in each one's options.  Where a form has no such row, unit is UNIT_STEP and steps 0. */
typedef struct schedule_head {
    int64_t warmup, steps;       /* steps 0: all of the run */
    int     unit;
} schedule_head;

/* In the schedule's unit, from the end of its warm-up: the place, the end of the run or of `steps`. */
typedef struct schedule_moment { int64_t at, end; const schedule_state *state; } schedule_moment;

/* If the first row of options is a number, it is the rate whose default is the optimizer's. */
typedef struct schedule_kind {
    const char *name;
    size_t      size;
    const heft_option *options;
    void      (*check)(const void *self, const node *options, problems *pr);     /* NULL: nothing more to check */
    double    (*rate)(const void *self, schedule_moment m);
} schedule_kind;

extern const schedule_kind schedule_kinds[SCHEDULE_KINDS];

typedef struct schedule_plateau {
    schedule_head head;
    double      initial, factor, threshold, floor;
    int64_t     patience, cooldown;
    const char *monitor;
} schedule_plateau;

double schedule_plateau_rate(const void *self, schedule_moment m);

/* Where one of the options stands, or, if it was not given, all of them. */
place schedule_where(const node *options, const char *key);

#endif
