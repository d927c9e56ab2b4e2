/* trainer.h -- the training loop, all of whose state is in trainer_state, the model, the slots, the meter and the tables */
#ifndef HEFT_TRAIN_TRAINER_H
#define HEFT_TRAIN_TRAINER_H

#include "config/experiment.h"
#include "data/data.h"
#include "hdf/table.h"
#include "model/pass.h"
#include "train/average.h"
#include "train/evaluate.h"
#include "train/optimize.h"

/* The scalars of a run at a step; every field is listed in trainer_fields, by which checkpoints write and read them. */
typedef struct trainer_state {
    int64_t epoch;               /* complete epochs */
    int64_t step;                /* steps done, in all epochs */
    int64_t position;            /* samples done in the epoch under way */
    int64_t finished;            /* 1: nothing is left to do (all epochs, or stopped early) */
    int64_t stopped_early;
    schedule_state schedule;
    double  stop_best;           /* early stopping */
    int64_t stop_wait;
    double  best_value;          /* of checkpoint.best; NaN before the first */
    int64_t best_step;
} trainer_state;

typedef struct trainer_field { const char *name; bool real; size_t offset; } trainer_field;
extern const trainer_field trainer_fields[];          /* ends with name NULL */

typedef struct train_options {
    int64_t epochs, batch, threads, log_every;
    int     precision;           /* 0 f32, 1 bf16 */
    bool    shuffle, drop_last;
} train_options;

/* The section `train` alone, for verbs that only run a model forward. */
int train_options_read(const experiment *e, train_options *out, arena *a, problems *pr);

typedef struct monitor { const char *column; bool maximize; int64_t patience; double min_delta; int64_t start_epoch; } monitor;

typedef struct checkpoint_options {
    int64_t every_epochs, every_steps, every_seconds;    /* all but one are 0 */
    int64_t keep;
    monitor best;                        /* column NULL: none */
} checkpoint_options;

typedef struct trainer {
    const experiment *experiment;
    registry   *registry;
    data       *data;
    model      *model;
    optimizer  *optimizer;
    average    *average;                 /* NULL: none */
    pass       *train_pass, *eval_pass;  /* eval_pass: of the average, if there is one */
    loader     *loader;
    meter      *meter;                   /* of the epoch under way, on training samples */
    table      *epochs, *steps;          /* /metrics/epochs, /metrics/steps; no wall-clock in them */
    matrices   *matrices;                /* of metrics, as last measured */
    table      *timing;                  /* seconds and samples per second by epoch: metrics.h5 alone */
    train_options      options;
    checkpoint_options checkpoint;
    monitor            stop;             /* column NULL: none */
    monitor            schedule_monitor; /* what plateau watches; column NULL: nothing */
    trainer_state      state;
    double      saved_at;                /* clock_seconds() of the newest checkpoint of this process, or of its begin */
    int64_t     until;                   /* stop after this epoch as a signal would, at its end; 0: no.  Set by the caller */
    arena      *memory;
} trainer;

/* Reads the sections, builds the model on the data's shapes and plans; weights are initialized.  Every problem is reported. */
trainer *trainer_new(const experiment *e, registry *r, data *d, problems *pr);
/* The same for a checkpoint to be restored into: no initializer runs. */
trainer *trainer_new_empty(const experiment *e, registry *r, data *d, problems *pr);
void     trainer_free(trainer *t);

typedef enum trainer_end { TRAINER_DONE, TRAINER_INTERRUPTED, TRAINER_FAILED } trainer_end;

typedef struct trainer_events {
    void *context;
    /* Save the whole state.  best: it is the best so far as well.  A failure is reported by the callee and training goes on. */
    void (*checkpoint)(void *context, trainer *t, bool best);
    void (*step)(void *context, const trainer *t, double loss);          /* after each */
    void (*epoch)(void *context, const trainer *t, const double *row);   /* the row just added to t->epochs */
} trainer_events;

/* Go on from t->state to the end.  A signal (see signals.h) ends it after the step under way and a checkpoint, t->until at the end
 * of that epoch and after a checkpoint; the schedule is that of the whole run in either case. */
trainer_end trainer_run(trainer *t, const trainer_events *ev, problems *pr);

/* The weights by which the model is judged: the average once there is one, else those under training. */
const model *trainer_shown(const trainer *t);

/* What the run will need: bytes of weights, gradients, slots, activations, batches, and of a checkpoint that is being written. */
size_t trainer_bytes(const trainer *t);

/* The keys of `train` (with `stop` beside them), `stop` and `checkpoint`, for `heft schema`. */
const heft_option *train_section_table(const char *section);

#endif
