/* board.h -- the runs of a sweep, or of any folder, side by side
 *
 * A run is known by the settings of its experiment.  Runs that differ in nothing
 * but seed, name and number of threads are repeats of one point.
 */
#ifndef HEFT_REPORT_BOARD_H
#define HEFT_REPORT_BOARD_H

#include "base/arena.h"
#include "base/problems.h"
#include "hdf/table.h"
#include "report/settings.h"
#include "report/statistics.h"

typedef struct board_run {
    const char *name, *dir, *state, *reason;     /* state: of a sweep's table; "" elsewhere */
    settings    settings;
    table      *epochs;                          /* NULL: nothing was measured */
    double      value;                           /* of the metric; NaN */
    int64_t     n_epochs;
    size_t      point;
} board_run;

typedef struct board_point {
    size_t      n, *run;                         /* those with a value first */
    sample_mean mean;
    double      interval;                        /* half of it; NaN */
    double      welch;                           /* p against the best point; NaN */
    bool        tied;                            /* cannot be told from the best */
} board_point;

typedef struct board {
    arena      *memory;
    const char *metric;
    bool        maximize, of_best;
    size_t      n, room;
    board_run  *run;
    size_t      n_varied;
    const char **varied;                         /* paths in which runs differ, in the order of the first experiment */
    size_t      n_points;
    board_point *point;                          /* the best first; those without a value last */
} board;

/* dir: a sweep, a run, or a folder of either's runs.  metric NULL: the sweep's, or val_loss, or loss.  NULL after problems. */
board *board_read(const char *dir, const char *metric, problems *pr);
void   board_free(board *b);

const char *run_setting(const board_run *r, const char *path);                  /* NULL: it has none */
double      run_metric(const board *b, const board_run *r, const char *name);   /* NaN: none */

/* Keep only runs that a condition holds for: path=value, or with != < <= > >=; of settings or metrics.  Several with commas between.
 * Call before board_rank. */
int  board_filter(board *b, const char *conditions, problems *pr);
/* Points from runs, the best first.  by: NULL the metric; or a setting or a metric, rising. */
int  board_rank(board *b, const char *by, problems *pr);
/* How much a varied path matters to the metric: rank_effect over its values, numbers with more than six values in four
 * groups of equal size.  NaN: unknown. */
double board_importance(const board *b, const char *path);

#endif
