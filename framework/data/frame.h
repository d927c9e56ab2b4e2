/* frame.h -- a table of text cells, as a csv file has it
 *
 * RFC 4180: fields between separators, quoted where they hold separators, quotes (doubled) or line ends.  Spaces
 * around an unquoted field are not part of it; empty lines are passed over; a UTF-8 byte order mark is dropped.
 */
#ifndef HEFT_DATA_FRAME_H
#define HEFT_DATA_FRAME_H

#include "data/source.h"

typedef struct frame {
    const char *name;                /* the file */
    char       *bytes;               /* its content, cells NUL-terminated in place; a block */
    int64_t     n_columns, n_rows;
    const char **column;             /* [n_columns] distinct names */
    size_t     *cell;                /* [n_rows][n_columns] where each begins; a block */
    int        *line;                /* [n_rows] where each begins; a block */
} frame;

/* Takes the bytes (a block, NUL behind its n).  names: of the columns, if the file has no header (NULL: it has).
 * NULL after problems, the bytes being freed. */
frame *frame_parse(arena *a, const char *name, char *bytes, size_t n, char separator, int64_t n_names,
                   const char **names,
                   problems *pr);
void   frame_free(frame *f);         /* NULL: nothing */

const char *frame_cell(const frame *f, int64_t row, int64_t column);
place  frame_place(const frame *f, int64_t row, int64_t column);
int64_t frame_column(const frame *f, const char *name);          /* -1: there is none */
/* text_hint of these, and "; its columns are a, b, c" */
void   frame_columns_text(const frame *f, const char *wanted, text *out);

/* A cell as a number.  CELL_INFINITE: a number, but not a finite one. */
typedef enum cell_kind { CELL_NUMBER, CELL_TEXT, CELL_MISSING, CELL_INFINITE } cell_kind;
typedef struct cell_words {
    int64_t      n;
    const char **word;               /* [n] that are missing, besides "", NA and nan */
    bool         comma;              /* in numbers, for the point */
} cell_words;
cell_kind cell_read(const char *s, const cell_words *words, double *out);
/* A number if a comma were a point, and not as it stands? */
bool cell_has_comma(const char *s);

/* Numbers by value, and before all texts; texts by their bytes. */
int category_order(const char *a, const char *b);

/* The index of a string among n distinct ones, by bisection. */
typedef struct lookup { int64_t n; struct named *sorted; } lookup;
lookup  lookup_new(arena *a, int64_t n, const char *const *names);
int64_t lookup_find(const lookup *l, const char *s);             /* -1: it is not among them */

/* ---- tables as sources (table.c, table_fit.c) ---- */

typedef struct table_options {
    char         separator;
    int          missing, unseen, task;
    bool         one_hot_none;                       /* texts are refused */
    cell_words words;
    int64_t      n_targets, n_drop, n_inputs, n_one_hot, n_columns;
    const char **target, **drop, **inputs, **one_hot, **columns;
    const char *weight;                              /* a column, or NULL */
} table_options;

typedef struct table_source {
    source       base;
    frame       *frame;              /* until it is encoded */
    const table_options *options;
    float       *x;                  /* [count][columns]; a block */
    float       *y;                  /* [count][targets] or int32 labels; a block; NULL: none */
} table_source;

source *table_source_new(arena *a, frame *f, const table_options *options);
/* What the training split shows, into o->fit; then all of the opening's sources. */
int  table_fit(opening *o, problems *pr);
/* The frame's cells as numbers by the fit; the frame is freed.  Targets may be absent if `predict`. */
int  table_encode(const data_fit *fit, table_source *t, bool predict, arena *a, problems *pr);
/* For a model that was trained on other data than a table: every column is a number, in the order of the inputs;
 * one more, named label, target or class, is the target. */
int  table_encode_plain(opening *o, table_source *t, problems *pr);

#endif
