/* run.h -- a run on disk: directory, lock, checkpoints, metrics, log
 *
 *   runs/NAME-0001/ experiment.yaml metrics.h5 checkpoints/step-000001200.h5 latest best log.txt provenance.json lock
 */
#ifndef HEFT_RUN_RUN_H
#define HEFT_RUN_RUN_H

#include "run/checkpoint.h"

typedef struct run {
    const char *dir;
    int         lock_fd;
    FILE       *log;
    arena      *memory;
    double      seconds_before;      /* of earlier processes, from metrics.h5 */
} run;

/* Make a directory (dir NULL: runs/NAME-NNNN, the next free number) and take its lock.  An existing run is refused. */
run *run_create(const char *dir, const experiment *e, problems *pr);
/* Open an existing one and take its lock; in use: names host and process of the owner. */
run *run_open(const char *dir, problems *pr);
void run_close(run *r);

/* Save a checkpoint, `latest`, `best`, metrics.h5, and remove checkpoints beyond `keep` (never latest or best).  A failure keeps what was there. */
int  run_save(run *r, trainer *t, bool best, problems *pr);
int  run_write_metrics(run *r, const trainer *t, problems *pr);

/* The newest valid checkpoint of a run; damaged ones are named in `damaged` and passed over.  NULL if there is none (then nothing was saved
 * yet: start anew) or after a problem. */
char *run_latest(const char *dir, arena *a, problems *damaged, problems *pr);

/* CHECKPOINT|RUN of the command line: a file is itself; a run is its best checkpoint, or the latest. */
char *run_resolve(const char *path, arena *a, problems *pr);

/* A line to log.txt and to stderr. */
__attribute__((format(printf, 2, 3)))
void run_log(run *r, const char *fmt, ...);

#endif
