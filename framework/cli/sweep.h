/* sweep.h -- what heft check says of an experiment with a sweep */
#ifndef HEFT_CLI_SWEEP_H
#define HEFT_CLI_SWEEP_H

#include "sweep/sweep.h"

/* Checks everything that heft sweep does before its first trial, and prints points and cost.  -1 after problems. */
int sweep_describe(const experiment *e, int n_overrides, char *const *overrides, bool json, problems *pr);

#endif
