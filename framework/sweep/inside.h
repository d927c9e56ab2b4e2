/* inside.h -- what the files of this room share; nobody else includes it */
#ifndef HEFT_SWEEP_INSIDE_H
#define HEFT_SWEEP_INSIDE_H

#include <signal.h>

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

bool settled(const trial *t, int64_t wanted);            /* nothing is to be done for so many epochs */
bool parameter_numeric(const parameter *p);              /* all its values are numbers */

/* Into t what sweep.h5 has of it, if anything. */
void trial_recall(const sweep *w, trial *t);
int  table_recall(sweep *w, problems *pr);               /* read sweep.h5; a missing or damaged one is no problem */

/* ---- trials of other sweeps: share.c ---- */

void share_find(sweep *w, const char *with);                          /* with: share of sweep_create */
void share_take(sweep *w, trial *t, const experiment *e);             /* t has no run yet; see t->taken */
const char *share_origin(const trial *t, arena *a);                   /* "" if its run was trained here */

/* ---- processes of this machine ---- */

enum { MOST_CORES = 1024, MOST_AT_ONCE = 1000, MOST_INTERRUPTIONS = 20 };

typedef struct limits { double seconds; int64_t memory; } limits;
limits limits_of(const space *s);

/* How the process of a trial ended. */
typedef struct ending {
    int         status;              /* of waitpid */
    int64_t     max_rss;             /* bytes */
    double      seconds;
    const char *because;             /* why we ended it; NULL: we did not */
} ending;

/* Ended by somebody else, not by a fault of its own: it goes on from its checkpoint. */
bool ending_interrupted(const ending *e);

/* The processors this process may run on, in order; the count, at least 1, and at most what a quota allows. */
int  cores_list(int most, int *core);
/* Start a child that runs the program of sweep_program, on cores core[0 .. n-1] (n 0: on all); what it prints goes to `out`.
 * -1: errno says why. */
pid_t process_start(char **argv, int out, const limits *l, int n, const int *core);
/* Start `heft train` on a trial up to t->until, on cores core[0 .. n-1].  -1: errno says why. */
int  trial_start(trial *t, const limits *l, int n, const int *core);
/* Has its process ended?  One beyond its time is asked to, and then made to. */
bool trial_ended(trial *t, const limits *l, arena *a, ending *out);
/* Take the lock of a run that exists, until the file is closed.  -1 and errno: EWOULDBLOCK where a process is at work on it. */
int  hold_run(const char *dir);
bool trial_busy(const trial *t);
/* Why a trial failed: by its signal or the last error it printed. */
const char *trial_reason(const trial *t, const ending *e, int64_t memory, arena *a);

/* Block SIGCHLD, for wait_for_child; before: what was blocked, or NULL. */
void watch_children(sigset_t *before);
/* Until a child ends, but not longer than so many seconds. */
void wait_for_child(double seconds);

/* ---- how the cores are divided ---- */

/* Measure, and set w->division, n_tried and tried.  at_once 0: free to choose.  Trials have begun to exist; SIGCHLD is blocked. */
void   pilot_run(sweep *w, int at_once, int n_cores, const int *core);
/* Seconds that `left` trials of `work` samples take, of which no more than `most` can be at work. */
double division_seconds(const division *d, int64_t left, int64_t most, double work);
int    division_best(int n, const division *d);          /* of some, ordered by threads */

/* ---- launchers: where processes are ---- */

typedef struct launcher launcher;
struct launcher {
    int    at_once;                  /* trials under way at most */
    double tick, grace;              /* seconds: between looks at them; that they have to save */
    /* Start the first of these; how many.  Fewer without a problem: try again later. */
    int  (*start)(launcher *l, int n, trial *const *t, problems *pr);
    bool (*ended)(launcher *l, trial *t, ending *out);
    /* Ask all to save and end; hard: make them. */
    void (*stop)(launcher *l, bool hard);
    void (*close)(launcher *l);
};

launcher *local_launcher(sweep *w, const sweep_options *o, problems *pr);
launcher *slurm_launcher(sweep *w, const sweep_options *o, problems *pr);

/* Is the sweep in the hands of Slurm: did a process end without taking back what it had submitted? */
bool slurm_has(const char *dir);

/* A list of trials that jobs of Slurm are to train, DIR/slurm/NNNN, and the record that a job leaves of a trial. */
typedef struct task { char id[TRIAL_ID]; int64_t until; double spent; } task;
typedef struct task_list { limits limits; int threads; int64_t n; task *task; } task_list;
typedef struct task_record { bool ended; int64_t list; ending end; } task_record;

int64_t task_list_number(const char *name);               /* of a list, by its name; 0: it is none */
int  task_list_write(const char *path, const task_list *l, problems *pr);
int  task_list_read(const char *path, task_list *l, arena *a, problems *pr);
int  task_record_write(const char *run_dir, const task_record *r, problems *pr);
bool task_record_read(const char *run_dir, task_record *r, arena *a);    /* false: none, or none that can be read */

/* Run a program, found in PATH, without a shell; out: what it said.  -1 with a problem: it is not there, has no answer in time, fails. */
int  command_run(char *const *argv, double seconds, text *out, problems *pr);

void sweep_close(sweep *w);          /* give up the directory */

#endif
