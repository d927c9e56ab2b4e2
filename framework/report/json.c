#include "report/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7), or 0. */
static int sequence(const unsigned char *s)
{
    if (s[0] < 0x80) return 1;
    const int n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    const unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) return 0;
    for (int i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    return n;
}

static void quote(text *t, const char *s)
{
    text_add(t, "\"");
    while (*s) {
        const unsigned char c = (unsigned char)*s;
        const int n = sequence((const unsigned char *)s);
        if (c == '"' || c == '\\') text_printf(t, "\\%c", c);
        else if (c == '\n') text_add(t, "\\n");
        else if (c == '\t') text_add(t, "\\t");
        else if (c < 0x20 || c == 0x7f) text_printf(t, "\\u%04x", c);
        else if (!n) text_add(t, "\xef\xbf\xbd");
        else text_add_n(t, s, (size_t)n);
        s += n ? n : 1;
    }
    text_add(t, "\"");
}

/* A value never ends in an opening bracket: strings end in a quote. */
static void begin(text *t, const char *key)
{
    if (t->n && !strchr("{[\n", t->s[t->n - 1])) text_add(t, ", ");
    if (!key) return;
    quote(t, key);
    text_add(t, ": ");
}

void json_open(text *t, const char *key, char bracket)
{
    begin(t, key);
    text_add_n(t, &bracket, 1);
}

void json_close(text *t, char bracket) { text_add_n(t, &bracket, 1); }

void json_string(text *t, const char *key, const char *value)
{
    begin(t, key);
    if (value) quote(t, value);
    else text_add(t, "null");
}

void json_int(text *t, const char *key, int64_t value)
{
    begin(t, key);
    text_printf(t, "%" PRId64, value);
}

void json_real(text *t, const char *key, double value)
{
    char digits[32] = "null";
    begin(t, key);
    if (isfinite(value)) text_double(value, digits);
    text_add(t, digits);
}

void json_bool(text *t, const char *key, bool value)
{
    begin(t, key);
    text_add(t, value ? "true" : "false");
}

void json_end(text *t, FILE *to)
{
    text_add(t, "\n");
    fwrite(t->s, 1, t->n, to);
    fflush(to);
    text_free(t);
}
