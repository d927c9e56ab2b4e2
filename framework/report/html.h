/* html.h -- pieces of a page: texts, curves, bars, matrices, settings side by side.  Drawings are inline SVG.
 *
 * Names and texts come from files, so all of them are escaped here.  Colours are those of the page's style sheet, for light and dark.
 */
#ifndef HEFT_REPORT_HTML_H
#define HEFT_REPORT_HTML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

void html_text(text *o, const char *s);                  /* NULL: nothing */
void html_number(text *o, double v);                     /* in six digits; "-": not a number */
void html_cell(text *o, const char *s);                  /* <td> */
void html_cell_number(text *o, double v);
void html_heading(text *o, const char *const *name);     /* a row of <th>, to the NULL */

/* A curve: n points, NaN where there is none.  shade: 0 (the worst) to 1 (the best) among many; negative: -1, -2, -3, one of few. */
typedef struct curve { const char *name; double shade; int64_t n; const double *x, *y; } curve;

/* Curves over epochs, with their names where they are few; the last is on top.  Logarithmic where values are positive and span a lot. */
void html_curves(text *o, const char *title, size_t n, const curve *c);

/* How often values of n equal parts from low to high occur. */
void html_histogram(text *o, int n, const int64_t *count, double low, double high);

void html_bar(text *o, double share);                    /* a cell with a bar, 0 to 1; "-": NaN */

/* Rows of counts, each shaded by its share of the row; name NULL: numbers. */
void html_matrix(text *o, int64_t rows, int64_t columns, const float *value, const char *const *name);

/* An axis: n values, one a line; number NaN where `word` is to stand, word NULL where there is nothing. */
typedef struct axis { const char *name; const char *const *word; const double *number; } axis;

/* Lines across parallel axes (A. Inselberg, The Visual Computer 1, 1985); n lines, shaded as curves, the last on top. */
void html_parallel(text *o, size_t n_axes, const axis *a, size_t n, const char *const *name, const double *shade);

#endif
