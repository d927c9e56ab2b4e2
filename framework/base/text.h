/* text.h -- growing strings, names, and the nearest name */
#ifndef HEFT_BASE_TEXT_H
#define HEFT_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct text { char *s; size_t n, room; } text;     /* {0} is empty; s is NUL-terminated once non-NULL */

void text_add(text *t, const char *s);
void text_add_n(text *t, const char *s, size_t n);
__attribute__((format(printf, 2, 3)))
void text_printf(text *t, const char *fmt, ...);
void text_vprintf(text *t, const char *fmt, va_list ap);
void text_free(text *t);

/* The candidate that word is another spelling or another framework's name of (text_familiar); or the one nearest to it by
 * Damerau-Levenshtein distance, if it is near enough to be a slip (at most a third of the word's length, at least 1); else NULL.
 * candidates ends with NULL. */
const char *text_nearest(const char *word, const char *const *candidates);

/* MaxPool2d is max_pool2d, and Linear is dense, where these are among the candidates; else NULL. */
const char *text_familiar(const char *word, const char *const *candidates);
typedef struct familiar_name { const char *theirs, *ours; } familiar_name;      /* theirs: in small letters and digits */
extern const familiar_name familiar_names[];                                    /* ends with NULL */

/* " (did you mean 'units'?)", of the nearest candidate, for right behind the unknown word of a message; "" if none is near. */
enum { TEXT_LONGEST = 64 };                                 /* name that is compared */
typedef struct suggestion { char s[TEXT_LONGEST + 24]; } suggestion;
suggestion text_hint(const char *word, const char *const *candidates);

/* "a, b, c"; names ends with NULL. */
void text_names(text *t, const char *const *names);

/* Index of word in "a|b|c", or -1. */
int  text_word(const char *word, size_t n, const char *alternatives);

/* A whole decimal or 0x integer, optional sign, no leading zeros; a whole JSON number (also 1e-3, .5 is
 * refused).  In the C locale; false if s is anything else or out of range. */
bool text_int(const char *s, int64_t *out);
bool text_real(const char *s, double *out);

/* The fewest decimal digits that read back as the same double (or float); integers below 1e15 have no exponent. */
void text_double(double v, char out[32]);
void text_float(float v, char out[32]);

/* 1234567 as "1,234,567"; bytes as "1.2 MiB". */
void text_count(int64_t v, char out[32]);
void text_bytes(double v, char out[32]);

/* The sizes of axes: "[28, 28, 1]"; of none "[]". */
void text_dims(text *t, int64_t n, const int64_t *dim);

#endif
