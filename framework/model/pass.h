/* pass.h -- memory and execution: forward and backward of a minibatch, lane by lane */
#ifndef HEFT_MODEL_PASS_H
#define HEFT_MODEL_PASS_H

#include "model/model.h"

typedef struct pass pass;

/* Everything a step needs, allocated once, for the threads that there are then.  train false: forward only, buffers shared more. */
pass  *pass_new(const model *m, bool train, problems *pr);
void   pass_free(pass *p);
size_t pass_bytes(const model *m, bool train);                       /* what pass_new allocates */

typedef struct pass_input {
    int64_t      n;                  /* samples, at most the model's batch */
    const float *inputs, *targets;   /* targets may be NULL in forward only: then loss and metrics do not run */
    const float *weights;            /* [n] what each sample counts; NULL: 1.  For losses and metrics that take it */
    uint64_t     seed, step;         /* keys of the random draws */
    bool         metrics;            /* run them as well */
} pass_input;

/* Mean loss of the minibatch (NaN without targets).  With `backward`, a training pass also leaves gradients. */
double pass_run(pass *p, const pass_input *in, bool backward);

/* The mean gradient of the minibatch, [n_trained].  Weights with model_tensor.whole are complete after pass_run; the others after pass_sum
 * of a range [begin, end) that holds them, which adds the lanes' shares in the fixed tree.  [range] */
float *pass_gradient(pass *p);
void   pass_sum(pass *p, size_t begin, size_t end);

/* Forward once, and show what each layer gives: its output for samples [first, first + n) of the minibatch.  [lane] */
typedef void pass_watcher(void *context, int64_t lane, int layer, int64_t first, int64_t n, const float *out);
double pass_watch(pass *p, const pass_input *in, pass_watcher *watch, void *context);

/* Output of the model for the last forward: n samples. */
const float *pass_output(const pass *p);

/* Where a step's time goes: seconds of all lanes together, by layer, and of the pass by the clock; zeroed by pass_profile, which turns measuring on (times non-NULL, to live
 * as long as the pass measures) or off. */
typedef struct pass_times { double *forward, *backward, *tiles, pass; } pass_times;      /* [n_layers] each */
void pass_profile(pass *p, pass_times *times);

/* Of the last run: the (weighted) mean over its samples of what the loss or a metric (a layer's index) gave, 0 if they weigh nothing; what they
 * weigh: the tally "weight" if the layer has it, else the sum of the samples' weights; all tallies summed over lanes, [n_tally]; the number of samples. */
double        pass_mean(const pass *p, int layer);
double        pass_weight(const pass *p, int layer);
const double *pass_totals(const pass *p);
int64_t       pass_samples(const pass *p);
double        pass_sample_weight(const pass *p);     /* of all of them, 1 each where none were given */

/* Fold the tallies of the last training forward into the model's state. */
void pass_fold(pass *p, model *m);

/* ---- metrics over many minibatches ---- */

/* Sums behind the figures of an epoch; a checkpoint in the middle of one holds them. */
typedef struct meter {
    int     n;                       /* 1 + n_metrics */
    double  samples, weight;         /* weight: of all samples together */
    double *sum;                     /* [n] sum over samples of the loss and of metrics that are means */
    size_t  n_tally;                 /* the model's */
    double *tally;                   /* [n_tally]; of metrics that fold and of weights, zero elsewhere */
} meter;

meter *meter_new(const model *m);
void   meter_free(meter *t);
void   meter_reset(meter *t);
void   meter_add(meter *t, const model *m, const pass *p);                           /* the last pass_run */
/* The states of a metric that folds, as the sums so far make them: [n_states], in the arena. */
float *const *meter_states(const meter *t, const model_layer *l, arena *a);
void   meter_read(const meter *t, const model *m, double *value);    /* [n] */

#endif
