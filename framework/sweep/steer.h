/* steer.h -- which trial goes on, and how far: the sweep as a deterministic program
 *
 * Decisions (a suggestion, a promotion, a stop) depend on what is known when they are made, and what is known in a real
 * sweep depends on the machine.  So decisions are made in a virtual sweep of `lag` workers whose clock counts epochs: a
 * job of n epochs takes n.  A decision sees the results of jobs that have ended by that clock, whether or not
 * others have ended in reality, and waits for one that has not.  The same decisions follow whatever -j was, whichever trial
 * was faster, and however often the sweep was killed; real work is done ahead of the virtual clock, up to `lag` points
 * at once.  A sweep in which nothing depends on results (grid, random, sobol; no early end, no patience) has all its points
 * at once.
 *
 * Rules of early_terminate; rung k is at min_epochs eta^k epochs, as far as that is below max_epochs and the trial's own:
 *   asha       of the n results at a rung the best floor(n / eta) go on to the next; a free worker promotes from
 *              the highest rung that has one, and else begins a point (L. Li et al., "A system for massively parallel
 *              hyperparameter tuning", MLSys 2020)
 *   hyperband  asha in brackets: in bracket b the first rung is rung b; points are spread over brackets as Hyperband's
 *              (L. Li et al., JMLR 18, 2018) budgets are
 *   median     at multiples of min_epochs a trial stops that is worse than the median of others there, of at least 5
 *              (D. Golovin et al., "Google Vizier", KDD 2017, on values as they are)
 * A trial that failed counts as worse than all.  Past the last rung a trial goes to its end.
 */
#ifndef HEFT_SWEEP_STEER_H
#define HEFT_SWEEP_STEER_H

#include "sweep/sample.h"

typedef struct steer steer;

typedef struct job {
    int64_t      number;             /* of the point */
    const point *point;
    int64_t      until;              /* epochs; 0: to the end */
} job;

typedef struct result {
    double  value;                   /* of the metric; NaN: it failed, or has none */
    int64_t epochs;                  /* that it is of */
    bool    finished;                /* nothing is left to do for this point (its end, early stopping, failure) */
} result;

/* epochs: of a trial.  s->goal is set.  p is driven by the steer. */
steer *steer_new(const space *s, sampler *p, int64_t epochs);
void   steer_free(steer *t);

/* Begin a job that can begin now; false: none can. */
bool   steer_begin(steer *t, job *out);
/* The job whose result decides what comes next; false: the sweep is over. */
bool   steer_awaits(const steer *t, job *out);
/* Its result. */
void   steer_report(steer *t, const result *r);

int64_t steer_width(const steer *t);                     /* points under way at most */
int64_t steer_points(const steer *t);                    /* begun so far */
bool    steer_depends(const space *s);                   /* does anything depend on results? */
int64_t steer_rung(const space *s, int64_t epochs, int bracket, int k);   /* its epochs; 0: the end */

#endif
