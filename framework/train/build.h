/* build.h -- between the files of this room: the sections behind trainer_new */
#ifndef HEFT_TRAIN_BUILD_H
#define HEFT_TRAIN_BUILD_H

#include "train/trainer.h"

/* These need t->epochs, whose columns they name. */
void read_stop(const node *section, trainer *t, problems *pr);
void read_checkpoint_options(const node *section, trainer *t, problems *pr);

/* Resolve a monitored column; mode 0 auto, 1 min, 2 max. */
bool monitor_find(const trainer *t, const char *column, int mode, place at, const char *what, monitor *out, problems *pr);

#endif
