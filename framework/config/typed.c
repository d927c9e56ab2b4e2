#include "config/typed.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/internal.h"

int field_refuse(const field *f, place at, const char *fmt, ...)
{
    text t = { 0 };
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    problems_add(f->pr, at, "%s: %s%s%s%s", f->name, t.s, f->doc ? " (" : "", f->doc ? f->doc : "", f->doc ? ")" : "");
    text_free(&t);
    return -1;
}

static int refuse_other(const field *f, const node *n)
{
    return field_refuse(f, n->at, "expected %s, found %s", f->expected, node_show(n).s);
}

/* A number's text: a plain scalar that is there. */
static int need_plain(const field *f, const node *n)
{
    if (n->kind != NODE_SCALAR || node_is_null(n)) return refuse_other(f, n);
    double v;
    if (n->quoted && text_real(n->text, &v))
        return field_refuse(f, n->at, "\"%s\" is a string because of its quotes; write %s without them", n->text,
                            n->text);
    return n->quoted ? refuse_other(f, n) : 0;
}

/* Text that is no number here, though it is one elsewhere. */
static int refuse_number(const field *f, const node *n)
{
    char *end, good[32];
    const char *s = n->text + (*n->text == '-' || *n->text == '+' || *n->text == '.');
    if (!strcasecmp(s, "nan") || !strcasecmp(s, "inf") || !strcasecmp(s, ".inf") || !strcasecmp(s, "infinity"))
        return field_refuse(f, n->at, "'%s' is not a finite number; expected %s", n->text, f->expected);
    const double v = strtod(n->text, &end);
    if (end == n->text || *end) return refuse_other(f, n);
    if (!isfinite(v))
        return field_refuse(f, n->at, "%s is beyond the range of numbers; expected %s", node_show(n).s, f->expected);
    text_double(v, good);
    const bool zero = s[0] == '0' && s[1] >= '0' && s[1] <= '9';
    return field_refuse(f, n->at, "%s %s; write %s", node_show(n).s,
                        zero ? "has a leading zero" : "is not how a number is written here", good);
}

int typed_int(const field *f, const node *n, int64_t min, int64_t max, int64_t *out)
{
    int64_t v = 0;
    double real = 0;
    if (need_plain(f, n) < 0) return -1;
    const char *s = n->text;
    const bool whole = text_int(s, &v);
    if (!whole) {
        if (!text_real(s, &real)) return refuse_number(f, n);
        if (real != trunc(real)) return field_refuse(f, n->at, "%s is not a whole number; expected %s", s, f->expected);
        v = real >= 0x1p63 ? INT64_MAX : real < -0x1p63 ? INT64_MIN : (int64_t)real;
    }
    if (v < min || (!whole && real < -0x1p63)) return field_refuse(f, n->at, "%s is below %lld", s, (long long)min);
    if (v > max || (!whole && real >= 0x1p63)) return field_refuse(f, n->at, "%s is above %lld", s, (long long)max);
    *out = v;
    return 0;
}

int typed_real(const field *f, const node *n, double min, double max, double *out)
{
    double v;
    char bound[32];
    if (need_plain(f, n) < 0) return -1;
    if (!text_real(n->text, &v)) return refuse_number(f, n);
    text_double(v < min ? min : max, bound);
    if (v < min || v > max) return field_refuse(f, n->at, "%s is %s %s", n->text, v < min ? "below" : "above", bound);
    *out = v;
    return 0;
}

int typed_bool(const field *f, const node *n, bool *out)
{
    static const char *const yes[] = { "yes", "on", "y", "true", "1" }, *const no[] = { "no", "off", "n", "false", "0" };
    if (n->kind != NODE_SCALAR || node_is_null(n)) return refuse_other(f, n);
    if (!n->quoted && (!strcmp(n->text, "true") || !strcmp(n->text, "false"))) {
        *out = *n->text == 't';
        return 0;
    }
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        const bool means_yes = !strcasecmp(n->text, yes[i]);
        if (means_yes || !strcasecmp(n->text, no[i]))
            return field_refuse(f, n->at, "%s is not true or false; write %s%s", node_show(n).s,
                                means_yes ? "true" : "false", n->quoted ? " without quotes" : "");
    }
    return refuse_other(f, n);
}

static const char **split(arena *a, const char *words)
{
    size_t n = 0, k = 0;
    for (const char *s = words; *s; s++) n += *s == '|';
    const char **out = arena_alloc(a, n + 2, sizeof *out);
    for (const char *s = words; *s;) {
        const size_t m = strcspn(s, "|");
        out[k++] = arena_strndup(a, s, m);
        s += m + (s[m] != 0);
    }
    return out;
}

int typed_word(const field *f, const node *n, const char *words, int *out)
{
    if (n->kind != NODE_SCALAR || (!n->quoted && !*n->text)) return refuse_other(f, n);
    const int i = text_word(n->text, strlen(n->text), words);
    if (i >= 0) {
        *out = i;
        return 0;
    }
    arena *a = arena_new();
    field_refuse(f, n->at, "expected %s, found %s%s", f->expected, node_show(n).s, text_hint(n->text, split(a, words)).s);
    arena_free(a);
    return -1;
}

int typed_string(const field *f, const node *n, const char **out)
{
    if (n->kind != NODE_SCALAR || node_is_null(n)) return refuse_other(f, n);
    *out = n->text;
    return 0;
}

int64_t int_bound(double v)
{
    return v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}

/* Beyond these, a bound is there only because the table wants a number. */
static const double many = 1e15, huge_real = 1e30;

void range_int_text(int64_t min, int64_t max, text *out)
{
    const bool low = (double)min > -many, high = (double)max < many;
    if (low && high) text_printf(out, " %lld to %lld", (long long)min, (long long)max);
    else if (low) text_printf(out, " of at least %lld", (long long)min);
    else if (high) text_printf(out, " of at most %lld", (long long)max);
}

void range_real_text(double min, double max, text *out)
{
    char from[32], to[32];
    text_double(min, from);
    text_double(max, to);
    const bool low = min > -huge_real, high = max < huge_real;
    if (low && high) text_printf(out, " %s to %s", from, to);
    else if (low) text_printf(out, " of at least %s", from);
    else if (high) text_printf(out, " of at most %s", to);
}
