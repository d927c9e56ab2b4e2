/* progress.h -- what a person sees while a run trains
 *
 * On a terminal one line, redrawn at most 10 times a second and never wider than the terminal:
 *
 *     epoch 3/10 [=======>      ]  52 %  step 1,234  loss 0.1234  accuracy 0.9631  14,285/s  1:23 left
 *
 * Everywhere else only the line that progress_epoch makes, one an epoch.  Nothing here writes to stdout.  Main
 * thread only.
 */
#ifndef HEFT_REPORT_PROGRESS_H
#define HEFT_REPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct progress progress;

/* Is it a terminal on which a line can be redrawn? */
bool progress_terminal(FILE *to);

/* width: columns of the terminal; 0: ask it before every drawing.  clock: seconds, never going back; NULL: the
 * system's monotonic one. */
progress *progress_new(FILE *to, bool terminal, int width, double (*clock)(void));

typedef struct progress_now {
    int64_t epoch, epochs;           /* the one under way, from 1; of how many */
    int64_t done, of;                /* samples of this epoch */
    int64_t step;                    /* in all epochs */
    double  loss;                    /* NaN: not shown */
    int     n;                       /* further figures, shown as far as there is room */
    const char *const *name;
    const double      *value;
} progress_now;

/* Would a step be drawn now?  Where the figures cost something. */
bool progress_due(const progress *p);

/* After a step.  Cheap where nothing is drawn, so it may be called at every one. */
void progress_step(progress *p, const progress_now *now);

/* Remove the line, so that something else can be printed; the next step draws it again. */
void progress_clear(progress *p);

/* "epoch 3/10  loss 0.1234  accuracy 0.9631  val_loss 0.1101  lr 0.001  4.2 s  14,285/s".  Seconds and
 * rate are left out where they are not positive.  The text is p's until the next call. */
const char *progress_line(progress *p, int64_t epoch, int64_t epochs, int n, const char *const *name,
                          const double *value, double seconds, double samples_per_s);

/* The same, printed in place of the redrawn line.  Print or log the result of progress_line instead (after
 * progress_clear) where the log prints to the terminal too. */
const char *progress_epoch(progress *p, int64_t epoch, int64_t epochs, int n, const char *const *name,
                           const double *value, double seconds, double samples_per_s);

void progress_end(progress *p);      /* clears and frees; NULL: nothing */

/* "0.05 s", "4.2 s", "12 s", "1:23", "2:03:45", "3 d 4 h"; "?" if it is not known (not finite or negative). */
void progress_duration(double seconds, char out[32]);

#endif
