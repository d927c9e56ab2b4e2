/* sweep_screen.h -- what a person sees while a sweep runs
 *
 * On a terminal one screenful, redrawn in place: what is done, a line for each trial under way with its curve, the best so far, the
 * time left.  Elsewhere one line for each trial that ends.  stderr only.
 */
#ifndef HEFT_REPORT_SWEEP_SCREEN_H
#define HEFT_REPORT_SWEEP_SCREEN_H

#include <stdio.h>
#include "sweep/sweep.h"

typedef struct sweep_screen sweep_screen;

sweep_screen *sweep_screen_new(FILE *to, bool terminal);
void sweep_screen_divided(sweep_screen *s, const sweep *w);
void sweep_screen_began(sweep_screen *s, const sweep *w, const trial *t);
void sweep_screen_ended(sweep_screen *s, const sweep *w, const trial *t);
void sweep_screen_tick(sweep_screen *s, const sweep *w);
void sweep_screen_end(sweep_screen *s);              /* clears and frees; NULL: nothing */

/* The last `width` numbers as blocks of eight heights, those that are not finite as spaces; "" if there are none. */
void sparkline(int64_t n, const double *v, int width, text *out);

#endif
