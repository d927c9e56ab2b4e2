/* table.h -- rows of named numbers: one compound data set that pandas.read_hdf opens
 *
 * Columns are fixed when the table is made; a value that was not measured is NaN (0 in an integer column).
 */
#ifndef HEFT_HDF_TABLE_H
#define HEFT_HDF_TABLE_H

#include "hdf/hdf.h"

typedef struct table_column {
    const char *name;            /* lower_snake, unique */
    const char *unit;            /* "s", "1/s", "" */
    bool        whole;           /* stored as u64 instead of f64 */
} table_column;

typedef struct table {
    int           n_columns;
    table_column *column;        /* owned */
    int64_t       n_rows, room;
    double       *cell;          /* [n_rows][n_columns]; whole numbers are exact up to 2^53 */
} table;

table  *table_new(int n, const table_column *columns);          /* copies names and units */
double *table_add_row(table *t);                                /* NaN everywhere; valid until the next call */
int     table_find(const table *t, const char *name);           /* column, or -1 */
double *table_row(const table *t, int64_t row);
void    table_free(table *t);

int     table_write(const table *t, hdf_file *f, const char *path, problems *pr);
table  *table_read(hdf_file *f, const char *path, problems *pr); /* NULL after a problem */

#endif
