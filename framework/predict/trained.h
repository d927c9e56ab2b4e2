/* trained.h -- a trained model, and what it says of samples
 *
 * Behind `heft eval`, `heft predict` and heft.h.
 */
#ifndef HEFT_PREDICT_TRAINED_H
#define HEFT_PREDICT_TRAINED_H

#include "run/run.h"

typedef struct trained {
    experiment    *experiment;
    registry      *registry;
    checkpoint    *checkpoint;       /* until the weights are loaded */
    train_options  options;
    const data    *data;             /* the caller's */
    model         *model;
    pass          *pass;             /* forward only */
    int64_t        width;            /* numbers in the output for a sample */
    double        *mean, *scale;     /* [width] that bring regression targets back to the users' units */
    arena         *memory;
} trained;

/* What CHECKPOINT|RUN names, with overrides of its experiment: the experiment and the open checkpoint.  t is {0}. */
int  trained_open(trained *t, const char *path, int n_overrides, char *const *overrides, problems *pr);

/* The weights, in a model for such data, which must outlive t; and threads and precision, as `train` says. */
int  trained_load(trained *t, const data *d, problems *pr);
void trained_close(trained *t);      /* also after a failure */

/* Outputs [n, width] of n samples, at most train.batch, as the data room hands them out: probabilities where the loss is
 * one of classes, else targets as they were before scaling. */
void trained_predict(trained *t, int64_t n, const float *inputs, float *out);

/* Whether an output is one class's probability each (or the probability of the second of two). */
bool trained_classifies(const trained *t);
/* Then the class of an output: the most probable one, the first of equals. */
int32_t trained_class(const trained *t, const float *out);

/* ---- text (generate.c) ---- */

typedef struct generation {
    const char *prompt;              /* at least one character */
    int64_t     length;              /* characters to add */
    double      temperature;         /* probabilities to the power of 1 / temperature; 0: the most probable character */
    int64_t     top_k;               /* only the k most probable ones; 0: all */
    uint64_t    seed;
} generation;

/* The prompt and the characters behind it, one at a time to `put`, which returns -1 to end it (after adding a problem).
 * The i-th that is drawn depends on the text so far, the options and (seed, i) alone.  Refuses, before the first, a
 * prompt with unknown characters and a model that is not one of text or looks ahead. */
typedef int generation_put(void *context, char c, problems *pr);
int  generate(trained *t, const generation *g, generation_put *put, void *context, problems *pr);

#endif
