/* inside.h -- what the files of this room share; nobody else includes it */
#ifndef HEFT_SWEEP_INSIDE_H
#define HEFT_SWEEP_INSIDE_H

#include "base/rng.h"
#include "sweep/sample.h"
#include "sweep/space.h"
#include "sweep/sweep.h"

enum { MOST_TRIALS = 10000, MOST_PARAMETERS = 200 };

double normal_quantile(double p);    /* p in (0, 1) */
double normal_cdf(double x);

/* [0, 1) in steps of 2^-53. */
double draw_uniform(heft_rng *r);

/* The experiment without `sweep` and the number of threads, which no result depends on. */
void base_write(const experiment *e, text *out);
void experiment_id(const experiment *e, char id[TRIAL_ID]);

bool parameter_numeric(const parameter *p);              /* all its values are numbers */

/* Into t what sweep.h5 has of it, if anything. */
void trial_recall(const sweep *w, trial *t);
int  table_recall(sweep *w, problems *pr);               /* read sweep.h5; a missing or damaged one is no problem */

/* ---- processes ---- */

typedef struct limits { double seconds; int64_t memory; } limits;

/* The processors this process may run on, in order; the count. */
int  cores_list(int most, int *core);
/* Start `heft train` on a trial up to t->until, on cores core[0 .. n-1].  -1: errno says why. */
int  trial_start(trial *t, const limits *l, int n, const int *core);
/* If its process has ended: its wait status, and true.  max_rss in bytes. */
bool trial_ended(const trial *t, int *status, int64_t *max_rss);
/* Is another process at work on its run? */
bool trial_busy(const trial *t);
/* Why a process with this status failed, by its signal or the last error it printed. */
const char *trial_reason(const trial *t, int status, bool near_memory, int64_t memory, arena *a);

void sweep_close(sweep *w);          /* give up the directory */

#endif
