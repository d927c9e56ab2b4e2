/* json.h -- JSON, one object a line, for --json
 *
 *     text t = { 0 };
 *     json_open(&t, NULL, '{');
 *     json_string(&t, "layer", name);
 *     json_open(&t, "shape", '[');  json_int(&t, NULL, 10);  json_close(&t, ']');
 *     json_close(&t, '}');
 *     json_end(&t, stdout);
 *
 * Commas are placed by these functions.  key is NULL inside a list.  Not-a-number and infinities are null, which is
 * all that JSON has for them.
 */
#ifndef HEFT_REPORT_JSON_H
#define HEFT_REPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/text.h"

void json_open(text *t, const char *key, char bracket);          /* '{' or '[' */
void json_close(text *t, char bracket);                          /* '}' or ']' */
void json_string(text *t, const char *key, const char *value);   /* NULL: null.  What is no UTF-8: U+FFFD */
void json_int(text *t, const char *key, int64_t value);
void json_real(text *t, const char *key, double value);          /* reads back as the same double */
void json_bool(text *t, const char *key, bool value);
void json_end(text *t, FILE *to);                                /* writes the line, flushes it and frees t */

#endif
