/* matrices.h -- named matrices of one kind or another, as metrics give them: a confusion matrix for each split
 *
 * Below a group each is a data set of rank 2 at its name ("confusion_matrix/validation"), with the attribute `epoch` that
 * it is of.  `class_name`, beside them, names rows and columns where they are classes with names.
 */
#ifndef HEFT_HDF_MATRICES_H
#define HEFT_HDF_MATRICES_H

#include "hdf/hdf.h"

typedef struct matrix {
    const char *name;
    int64_t     dim[2];
    int64_t     epoch;           /* 0: not measured yet, and not written */
    float      *value;
} matrix;

typedef struct matrices {
    arena      *memory;
    int64_t     n, n_names;
    matrix     *item;
    const char **class_name;     /* [n_names] */
} matrices;

matrices *matrices_new(void);                                        /* none */
void      matrices_free(matrices *m);                                /* NULL: nothing */
matrix   *matrices_add(matrices *m, const char *name, int64_t rows, int64_t columns);    /* zero; valid until the next */
matrix   *matrices_find(const matrices *m, const char *name);        /* NULL if there is none */

/* Nothing where none has been measured. */
int       matrices_write(const matrices *m, hdf_file *f, const char *group, problems *pr);
matrices *matrices_read(hdf_file *f, const char *group, problems *pr);   /* none if there is no such group; NULL after a problem */

#endif
