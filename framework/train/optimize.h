/* optimize.h -- the optimizer plugin applied to the flat vector of weights: slots, groups, clipping, one pass over memory */
#ifndef HEFT_TRAIN_OPTIMIZE_H
#define HEFT_TRAIN_OPTIMIZE_H

#include "model/pass.h"
#include "train/penalty.h"
#include "train/schedule.h"

typedef enum clip_kind { CLIP_NONE, CLIP_NORM, CLIP_VALUE } clip_kind;

typedef struct optimizer {
    const plugin *plugin;
    void         *self;
    heft_optimizer_plan plan;
    float        *slot[HEFT_MAX_SLOTS];   /* [rows][n_trained], or [rows] if scalar */
    schedule     *schedule;
    clip_kind     clip;
    double        clip_at;
    bool          decay_rank1;            /* tensors of one axis or none are decayed too */
    double        norm;                   /* of the last gradient, penalties included, before clipping; NaN if it was not needed */
    penalty      *penalty;                /* NULL if no layer asks for one */
    struct optimizer_range *range;        /* of one parameter group each, cut to a size that stays in cache */
    int64_t       n_ranges;
    const heft_span *span;                /* all trained tensors */
    arena        *memory;
} optimizer;

/* From `optimizer: {adam: {lr: ..., beta1: ..., clip_norm: ..., clip_value: ..., decay_rank1: ...}}`. */
optimizer *optimizer_new(const node *section, registry *r, const model *m, problems *pr);
void       optimizer_free(optimizer *o);
size_t     optimizer_bytes(const optimizer *o);

/* One training step on a minibatch: forward, backward, sums, update, fold.  lr has been taken from the schedule.  The mean loss before
 * the update; if it is not finite, an optimizer that works by steps has left weights and states alone. */
double     optimizer_step(optimizer *o, model *m, pass *p, const pass_input *in, uint64_t t, double lr);

/* The host's own keys on any optimizer, beside lr. */
const heft_option *optimizer_table(void);

#endif
