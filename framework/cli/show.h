/* show.h -- between the files of the verb show */
#ifndef HEFT_CLI_SHOW_H
#define HEFT_CLI_SHOW_H

#include "report/shown.h"

enum { SHOW_ROWS = 5 };              /* of the metrics that are printed */

void show_text(const shown *w);
void show_json(const shown *w);

/* Where two CHECKPOINT|RUN differ.  The exit code: 0 equal, 1 different, 2 after problems. */
int show_diff(const char *a, const char *b, bool as_json, problems *pr);

/* Whether a file that heft wrote, or all of a run or a sweep, is good: a line (or object) for each to stdout.  How many are not. */
int show_verify(const char *path, bool as_json);

#endif
