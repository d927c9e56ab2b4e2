/* run.h -- a run on disk: directory, lock, checkpoints, metrics, log
 *
 *   runs/NAME-0001/
 *     experiment.yaml   the resolved experiment, written once, last of what makes the directory a run
 *     checkpoints/      step-000001200.h5 (immutable), latest and best: small text files naming one
 *     metrics.h5        /epochs (with seconds and samples_per_s), /steps, /experiment; replaced whole
 *     provenance.json   host, times, versions, threads and command of each process that worked on it
 *     log.txt           what the terminal showed; its end may be torn
 *     lock              held (flock) while a process works on the run; names it
 *
 * One thread works on a run; a save that it began is written by another.
 */
#ifndef HEFT_RUN_RUN_H
#define HEFT_RUN_RUN_H

#include "run/checkpoint.h"

#define METRICS_FORMAT "heft-metrics 1"

typedef struct run {
    const char *dir;
    int         lock_fd;
    FILE       *log;
    arena      *memory;
    struct provenance *provenance;
    struct save *save;               /* under way; NULL: none */
} run;

/* Make a directory (dir NULL: runs/NAME-NNNN, the next free number) and take its lock.  A directory with anything
 * in it is refused, except for what is left of one that was killed while it was made. */
run *run_create(const char *dir, const experiment *e, problems *pr);

/* Open an existing one and take its lock; in use: names host and process of the owner.  What dead processes left
 * aside is removed, and what a killed one left undone behind its last checkpoint (latest, best, metrics.h5) is
 * done. */
run *run_open(const char *dir, problems *pr);
void run_close(run *r);                                              /* NULL: nothing */

/* Before the first step (R3): a checkpoint can be made, and the disk has room for three of them. */
int  run_ready(run *r, const trainer *t, problems *pr);

/* Save a checkpoint, `best`, metrics.h5, `latest`, in this order, and remove checkpoints beyond `keep` (never
 * latest or best).  A failure keeps what was there.
 * Begun: the state is taken, training may go on, and a thread of its own writes.  Every save is ended before the next
 * begins.  End: false if there is none, or (wait false) it is still under way; else its step, and its problems if it
 * failed. */
void run_save_begin(run *r, const trainer *t, bool best);
bool run_save_end(run *r, bool wait, int64_t *step, problems *pr);
int  run_save(run *r, const trainer *t, bool best, problems *pr);    /* both */

/* Of the name "step-000001200.h5"; -1: it is not one of a checkpoint. */
int64_t checkpoint_step(const char *name);

/* Paths of the checkpoints of a run, the oldest first, valid or not. */
int  run_checkpoints(const char *dir, arena *a, int64_t *n, char ***paths, problems *pr);

/* The checkpoint that `latest` or `best` names; NULL if there is no such file, or it names nothing that is there, or
 * after a problem: it cannot be read. */
char *run_named(const char *dir, const char *which, arena *a, problems *pr);

/* Was the newest save carried through, as `latest` tells, which comes last?  Where all checkpoints were removed, nothing is left to do. */
bool  run_is_saved(const char *dir);

/* The newest valid checkpoint of a run; damaged ones are named in `damaged` and passed over.  NULL if there is none
 * (then nothing was saved yet: start anew) or after a problem (such as: there are some, and all are damaged). */
char *run_latest(const char *dir, arena *a, problems *damaged, problems *pr);

/* CHECKPOINT|RUN of the command line: a file is itself; a run is its best checkpoint, or the latest.  A damaged
 * latest is a problem that names the newest valid one. */
char *run_resolve(const char *path, arena *a, problems *pr);

/* Was every process that worked on the run this program, with the same libraries, on a processor with the same
 * instructions? */
bool provenance_agrees(const char *dir);

/* For a process that the command line of the program is not of: the words behind its name, to the NULL, that provenance.json is to say. */
void provenance_command(char *const *words);

/* A line to log.txt and to stderr.  r NULL: to stderr. */
__attribute__((format(printf, 2, 3)))
void run_log(run *r, const char *fmt, ...);

#endif
