/* session.h -- what most verbs begin with: the experiment, its plugins, its data, and a trainer or a trained model */
#ifndef HEFT_CLI_SESSION_H
#define HEFT_CLI_SESSION_H

#include "predict/trained.h"

typedef struct session {
    experiment *experiment;          /* to train */
    registry   *registry;
    int         threads;             /* of this process; 0: as train.threads says */
    trainer    *trainer;
    checkpoint *checkpoint;          /* to go on from */
    trained     trained;
    data       *data;
    arena      *memory;
} session;

/* An experiment ready to train: every problem of it and of its data is found here. */
int  session_train(session *s, experiment *e, problems *pr);

/* A trained model from CHECKPOINT|RUN, on the data its experiment names, or on those of `file` behind the same transform (then has_targets
 * says whether they can be judged). */
int  session_load(session *s, const char *path, int n_overrides, char *const *overrides, const char *file,
                  bool *has_targets, problems *pr);

/* The same without any samples. */
int  session_load_model(session *s, const char *path, int n_overrides, char *const *overrides, problems *pr);

void session_close(session *s);

#endif
