/* columns.h -- aligned tables of text
 *
 *     columns *c = columns_new(3, (const char *const[]){ "layer", "type", "parameters" }, "llr");
 *     columns_add(c, (const char *const[]){ "hidden", "dense", "200,960" });
 *     columns_print(c);
 *
 * Widths count characters of UTF-8, not bytes.
 */
#ifndef HEFT_REPORT_COLUMNS_H
#define HEFT_REPORT_COLUMNS_H

#include <stddef.h>
#include "base/text.h"

typedef struct columns columns;

/* align: one letter a column, 'l' or 'r'.  heading NULL: the table has none. */
columns *columns_new(int n, const char *const *heading, const char *align);
void     columns_add(columns *c, const char *const *cell);       /* copied; NULL is an empty cell */
void     columns_rule(columns *c);                               /* a line across, for totals below it */
void     columns_write(const columns *c, text *out);             /* every line indented by two and ended by \n */
void     columns_print(columns *c);                              /* to stdout, and free it */
void     columns_free(columns *c);                               /* NULL: nothing */

size_t   text_width(const char *utf8);                           /* characters */

#endif
