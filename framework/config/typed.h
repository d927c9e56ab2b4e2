/* typed.h -- one scalar as a number, boolean, word or string, or a problem that says what would be accepted
 *
 * Internal to this room: the one place where text becomes typed, behind options.h.
 */
#ifndef HEFT_CONFIG_TYPED_H
#define HEFT_CONFIG_TYPED_H

#include "config/node.h"

typedef struct field {
    const char *name;            /* "dense.units" */
    const char *doc;             /* NULL: none; stands in parentheses behind the message */
    const char *expected;        /* "integer 1 to 8" */
    problems   *pr;
} field;

__attribute__((format(printf, 3, 4)))
int field_refuse(const field *f, place at, const char *fmt, ...);    /* -1 */

int typed_int(const field *f, const node *n, int64_t min, int64_t max, int64_t *out);
int typed_real(const field *f, const node *n, double min, double max, double *out);
int typed_bool(const field *f, const node *n, bool *out);
int typed_word(const field *f, const node *n, const char *words, int *out);
int typed_string(const field *f, const node *n, const char **out);

/* A bound of an option table as an integer; doubles beyond int64_t mean its ends. */
int64_t int_bound(double v);

/* "1 to 8", "at least 1", "at most 8" or "" with a space in front; bounds out of any use count as none. */
void range_int_text(int64_t min, int64_t max, text *out);
void range_real_text(double min, double max, text *out);

#endif
