/* read.h -- between the files that read the section */
#ifndef HEFT_SWEEP_READ_H
#define HEFT_SWEEP_READ_H

#include "sweep/inside.h"

void read_parameters(space *s, const node *section, arena *a, problems *pr);
void read_constraints(space *s, const node *section, arena *a, problems *pr);

const heft_option *sweep_parameter_table(void);

#endif
