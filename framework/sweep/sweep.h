/* sweep.h -- a sweep: its trials, its directory, and running them
 *
 *   runs/NAME-0001/
 *     sweep.yaml        the resolved experiment with its section `sweep`
 *     sweep.h5          the table, replaced whole: see table.c
 *     trials/ID/        a run;  ID.yaml its experiment;  ID.txt what its last process printed;  ID/origin whose run it was
 *     lock              held (flock) while a process works on the sweep
 *
 * ID: the first 16 hexadecimal digits of the SHA-256 of the trial's resolved experiment, without its name and its number of
 * threads.  Two points that come to the same experiment share one run.
 */
#ifndef HEFT_SWEEP_SWEEP_H
#define HEFT_SWEEP_SWEEP_H

#include <sys/types.h>

#include "base/digest.h"
#include "config/experiment.h"
#include "hdf/table.h"
#include "sweep/steer.h"

typedef enum trial_state { TRIAL_WAITING, TRIAL_RUNNING, TRIAL_PAUSED, TRIAL_STOPPED, TRIAL_FINISHED, TRIAL_FAILED } trial_state;
const char *trial_state_name(trial_state s);             /* "waiting", "running", ... */
bool        trial_state_read(const char *name, trial_state *out);      /* false: it is none of them */

#define SWEEP_FORMAT "heft-sweep 1"

enum { TRIAL_ID = 17 };

#define TO_THE_END INT64_MAX

/* One run.  What may differ between equal sweeps: seconds, attempts, and the fields of its process. */
typedef struct trial {
    int64_t      number, point_number;
    const point *point;
    uint64_t     seed;
    char         id[TRIAL_ID];
    const char  *dir;                /* of the run */
    struct trial *same;              /* an earlier trial of the same experiment, which stands for this one; or NULL */
    trial_state  state;
    const char  *reason;             /* of a failure, else "" */
    const char  *origin;             /* the run of another sweep that it was taken from, else "" */
    bool         taken;              /* by this process */
    int64_t      wanted;             /* epochs; TO_THE_END */
    int64_t      order;              /* in which they were wanted */
    int64_t      until;              /* what its process was told */
    table       *epochs;             /* rows of its metrics.h5; NULL: none yet */
    bool         saved;              /* what these are of; else its process was killed meanwhile, and another has to see to the rest */
    double       seconds;
    int64_t      attempts, failures, interruptions;
    bool         was_running;        /* when an earlier process ended */
    int          slot;
    double       began;
    pid_t        pid;                /* on this machine */
    int          sent;               /* 0, or the signal last sent to it */
    const char  *because;            /* why we ended it; NULL: we did not */
    int64_t      list, line;         /* of its job, under Slurm */
    double       seen;               /* when it was last known to be there */
} trial;

/* So many trials at once with so many threads each: what each did, in samples a second, and what all that are left would take. */
typedef struct division { int threads, at_once; double rate, seconds; } division;

enum { MOST_TRIED = 16 };

typedef struct data_print { char key[DIGEST_HEX], fingerprint[DIGEST_HEX]; } data_print;

typedef struct sweep {
    arena            *memory;
    const experiment *experiment;
    space            *space;
    text              base;          /* the experiment without `sweep` and threads, as YAML */
    int64_t           epochs;        /* of a trial, as far as early termination needs it */
    int64_t           samples;       /* that the first point trains on, in all its epochs */
    sampler          *sampler;
    steer            *steer;
    const char       *dir;           /* NULL: none yet */
    int               lock_fd;
    int64_t           n_trials, room;
    trial           **trial;
    struct recalled  *recalled;      /* of sweep.h5, as it was found */
    int64_t           n_recalled;
    int64_t           n_sources, n_prints;
    const char      **source;        /* directories of other sweeps, whose trials are taken */
    data_print       *print;         /* of the data as they are, by section and seed */
    division          division;      /* of the machine; threads 0: trials are elsewhere */
    int               n_tried;       /* 0: it was given, or could not be measured; 1: too little is left to measure more */
    division          tried[MOST_TRIED];         /* by threads */
} sweep;

/* ---- before it has a directory ---- */

/* overrides: those that e was loaded with.  NULL after problems.  e must outlive the sweep. */
sweep *sweep_new(const experiment *e, int n_overrides, char *const *overrides, problems *pr);
void   sweep_free(sweep *w);                                          /* closes the directory; NULL: nothing */

/* Build the experiments that are to be tried, each once (R3): all points of a method whose points are known, up to
 * CHECKED_MOST; of tpe its first points, all combinations of values, and the ends of ranges.  Sets the goal and epochs.
 * *n_checked: how many were built. */
enum { CHECKED_MOST = 1000 };
int    sweep_check(sweep *w, int64_t *n_checked, problems *pr);

/* The experiment of a trial, resolved; NULL after a problem, which says of what point it is. */
experiment *sweep_experiment(const sweep *w, const point *p, int64_t repeat, problems *pr);

/* ---- the directory ---- */

/* dir NULL: runs/NAME-NNNN.  share: a sweep, or a folder of some, whose trials are taken where they are the same, beside those of the
 * folder that dir is in; NULL: those alone; "none".  -1 after problems (it holds something else; another process works on it). */
int  sweep_create(sweep *w, const char *dir, const char *share, problems *pr);
/* A directory that holds this sweep: takes its lock and reads what is known of its trials. */
int  sweep_open(sweep *w, const char *dir, const char *share, problems *pr);
bool sweep_is(const char *dir);                                       /* is there a sweep in it? */

/* The trial of a point, made if it is new.  NULL after a problem. */
trial *sweep_trial(sweep *w, const job *j, int64_t repeat, problems *pr);
trial *trial_real(trial *t);                                          /* itself, or the one that stands for it */
/* Read the rows of its run again. */
void   trial_read(trial *t);
int64_t trial_epochs(const trial *t);                                 /* rows it has */
/* The metric after `until` epochs (0: as many as were wanted; or beyond the last row: the last); NaN if there is none.  *at: the epoch it is of. */
double trial_value(const sweep *w, const trial *t, int64_t until, int64_t *at);

/* Replace sweep.h5. */
int  sweep_publish(sweep *w, problems *pr);

/* ---- running ---- */

typedef struct sweep_options {
    int  at_once, threads;           /* 0: measured (pilot.c); with Slurm as many as can be begun, with one thread */
    bool retry_failed;
    bool slurm;                      /* trials are jobs of Slurm */
    const char *slurm_options;       /* words for sbatch; NULL: none */
    int64_t poll;                    /* seconds between looks at its queue */
} sweep_options;

typedef struct sweep_events {
    void *context;
    void (*divided)(void *context, const sweep *w);                   /* see division and tried; on this machine only */
    void (*taken)(void *context, const sweep *w, const trial *t);     /* from another sweep */
    void (*began)(void *context, const sweep *w, const trial *t);
    void (*ended)(void *context, const sweep *w, const trial *t);     /* a process; see state, reason, epochs */
    void (*tick)(void *context, const sweep *w);                      /* a few times a second */
} sweep_events;

typedef enum sweep_end { SWEEP_DONE, SWEEP_INTERRUPTED, SWEEP_BROKEN } sweep_end;

/* What the processes of trials run: a verb, argv[0], and its words; the result is the exit code.  Before sweep_run and sweep_task. */
void sweep_program(int (*run)(int argc, char **argv));

/* Until all is tried, or a signal asks to stop: then trials save and end first.  Failed trials are no problem of
 * the sweep.  signals_install comes first. */
sweep_end sweep_run(sweep *w, const sweep_options *o, const sweep_events *ev, problems *pr);

/* In a job of Slurm: train the trial that SLURM_ARRAY_TASK_ID says of a list.  Asked to stop (TERM, USR1) it saves and puts the job back
 * into the queue.  false: it goes on later, or failed with a problem. */
bool sweep_task(const char *list, problems *pr);

int64_t sweep_points(const sweep *w);                                 /* that it is to try */

/* The best trial so far among those with a value; NULL if there is none. */
const trial *sweep_best(const sweep *w);

#endif
