/* signals.h -- INT, TERM, USR1 and XCPU only set a flag; a second INT exits at once; PIPE and XFSZ are ignored */
#ifndef HEFT_TRAIN_SIGNALS_H
#define HEFT_TRAIN_SIGNALS_H

#include <stdbool.h>

void signals_install(void);
bool signals_stop(void);             /* asked to stop: finish the step, save, exit 75 */
int  signals_which(void);            /* its number, or 0 */

#endif
