/* pass.h -- memory and execution: forward and backward of a minibatch, lane by lane */
#ifndef HEFT_MODEL_PASS_H
#define HEFT_MODEL_PASS_H

#include "model/model.h"

typedef struct pass pass;

/* Everything a step needs, allocated once.  train false: forward only, buffers shared more. */
pass  *pass_new(const model *m, bool train, problems *pr);
void   pass_free(pass *p);
size_t pass_bytes(const model *m, bool train);                       /* what pass_new allocates */

typedef struct pass_input {
    int64_t      n;                  /* samples, at most the model's batch */
    const float *inputs, *targets;   /* targets may be NULL in forward only: then loss and metrics do not run */
    uint64_t     seed, step;         /* keys of the random draws */
    bool         metrics;            /* run them as well */
} pass_input;

/* Mean loss of the minibatch (NaN without targets).  A training pass also leaves gradients (see pass_gradient_parts) if `backward`. */
double pass_run(pass *p, const pass_input *in, bool backward);

/* Lane gradients after a backward: n vectors of n_trained floats to be added in the fixed tree.  Weights that `gradient` computes whole are in part
 * 0 of `whole`, and zero in none: see pass_gradient. */
void pass_gradient(pass *p, size_t begin, size_t end, float *g);     /* summed into g[begin, end): any range, any thread */

/* Output of the model for the last forward: n samples. */
const float *pass_output(const pass *p);
const float *pass_layer_output(const pass *p, int layer, int64_t lane);

/* Fold the tallies of the last training forward into the model's state. */
void pass_fold(pass *p, model *m);

/* ---- metrics over many minibatches ---- */

/* Sums behind the figures of an epoch; written to checkpoints in the middle of one. */
typedef struct meter {
    int     n;                       /* 1 + n_metrics */
    double  samples;
    double *sum;                     /* [n] sum over samples of the loss and of metrics that are means */
    size_t  n_tally;
    double *tally;                   /* of metrics that fold */
} meter;

meter *meter_new(const model *m);
void   meter_free(meter *t);
void   meter_reset(meter *t);
void   meter_add(meter *t, const pass *p);                           /* the last pass_run */
void   meter_read(const meter *t, const model *m, double *value);    /* [n] */

#endif
