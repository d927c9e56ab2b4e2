/* problems.h -- what is wrong, and where
 *
 * Every function that can fail takes a `problems *` last and returns -1, NULL or false after adding at least one
 * entry to it.  All that can be found is collected, so that a user sees every mistake of a file in one go.
 * A text states what was found and what would have been accepted, in one line, without a full stop.
 */
#ifndef HEFT_BASE_PROBLEMS_H
#define HEFT_BASE_PROBLEMS_H

#include <stddef.h>
#include <stdio.h>

/* A position in a text file (line and column from 1, in characters), in a file as a whole (line 0; file may also be
 * a path in an HDF5 file, "run.h5:/layers/conv1"), or nowhere (file NULL). */
typedef struct place { const char *file; int line, column; } place;

typedef struct problem { place at; char *text; } problem;

typedef struct problems {
    size_t   n;
    problem *item;
    size_t   room;
} problems;                                       /* {0} is empty */

__attribute__((format(printf, 3, 4)))
void problems_add(problems *p, place at, const char *fmt, ...);

/* "path: fact: strerror(error)". */
void problems_system(problems *p, const char *path, const char *fact, int error);

void problems_append(problems *to, const problems *from);        /* copies of them */
void problems_free(problems *p);

/* All of them, ordered by position, as file:line:column: error: text, with the source line and a caret
 * where the file can be read again; at most 20, then how many more. */
void problems_print(const problems *p, FILE *to);

#endif
