#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static void reserve(text *t, size_t more)
{
    if (t->room - t->n > more) return;
    size_t room = t->room ? t->room : 64;
    while (room - t->n <= more) room *= 2;
    char *s = realloc(t->s, room);
    if (!s) memory_exhausted(room);
    t->s = s;
    t->room = room;
}

void text_add_n(text *t, const char *s, size_t n)
{
    reserve(t, n);
    if (n) memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

void text_add(text *t, const char *s) { text_add_n(t, s, strlen(s)); }

void text_vprintf(text *t, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    const int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0) return;
    reserve(t, (size_t)n);
    vsnprintf(t->s + t->n, (size_t)n + 1, fmt, ap);
    t->n += (size_t)n;
}

void text_printf(text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(t, fmt, ap);
    va_end(ap);
}

void text_free(text *t)
{
    free(t->s);
    *t = (text){ 0 };
}

/* Optimal string alignment: Damerau and Levenshtein's distance with adjacent transpositions. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t d[3][TEXT_LONGEST + 1];
    for (size_t j = 0; j <= nb; j++) d[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *row = d[i % 3], *up = d[(i - 1) % 3], *upup = d[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = up[j - 1] + (a[i - 1] != b[j - 1]);
            if (up[j] + 1 < best) best = up[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && upup[j - 2] + 1 < best)
                best = upup[j - 2] + 1;
            row[j] = best;
        }
    }
    return d[na % 3][nb];
}

const char *text_nearest(const char *word, const char *const *candidates)
{
    const size_t n = strlen(word);
    const char *nearest = text_familiar(word, candidates);
    if (nearest || !n || n > TEXT_LONGEST) return nearest;
    size_t best = n / 3 > 1 ? n / 3 + 1 : 2;
    for (; *candidates; candidates++) {
        const size_t m = strlen(*candidates);
        if (m > TEXT_LONGEST) continue;
        const size_t d = distance(word, n, *candidates, m);
        if (d < best) {
            best = d;
            nearest = *candidates;
        }
    }
    return nearest;
}

suggestion text_hint(const char *word, const char *const *candidates)
{
    suggestion h = { "" };
    const char *nearest = text_nearest(word, candidates);
    if (nearest) snprintf(h.s, sizeof h.s, " (did you mean '%s'?)", nearest);
    return h;
}

void text_names(text *t, const char *const *names)
{
    for (size_t i = 0; names[i]; i++) text_printf(t, "%s%s", i ? ", " : "", names[i]);
}

int text_word(const char *word, size_t n, const char *alternatives)
{
    for (int i = 0; alternatives && *alternatives; i++) {
        const size_t m = strcspn(alternatives, "|");
        if (m == n && !memcmp(word, alternatives, n)) return i;
        alternatives += m;
        if (*alternatives) alternatives++;
    }
    return -1;
}

static bool digits(const char **s, const char *set)
{
    const size_t n = strspn(*s, set);
    *s += n;
    return n > 0;
}

bool text_int(const char *s, int64_t *out)
{
    const char *p = s + (*s == '-' || *s == '+');
    int base = 10;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        p += 2;
        base = 16;
        if (!digits(&p, "0123456789abcdefABCDEF")) return false;
    } else {
        if (p[0] == '0' && p[1]) return false;
        if (!digits(&p, "0123456789")) return false;
    }
    if (*p) return false;
    errno = 0;
    const long long v = strtoll(s, NULL, base);
    if (errno) return false;
    *out = v;
    return true;
}

bool text_real(const char *s, double *out)
{
    int64_t whole;
    if (text_int(s, &whole)) {
        *out = (double)whole;
        return true;
    }
    const char *p = s + (*s == '-' || *s == '+');
    if (p[0] == '0' && p[1] >= '0' && p[1] <= '9') return false;
    if (!digits(&p, "0123456789")) return false;
    if (*p == '.') {
        p++;
        if (!digits(&p, "0123456789")) return false;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '-' || *p == '+';
        if (!digits(&p, "0123456789")) return false;
    }
    if (*p) return false;
    const double v = strtod(s, NULL);            /* the program never leaves the C locale */
    if (!isfinite(v)) return false;
    *out = v;
    return true;
}

/* 100, not the 1e+02 that %g makes of a number whose digits end before its point; exact below 1e15. */
static void without_exponent(double v, char out[32])
{
    if (v == trunc(v) && fabs(v) < 1e15 && strchr(out, 'e')) snprintf(out, 32, "%.0f", v);
}

void text_double(double v, char out[32])
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, 32, "%.*g", digits, v);
        if (strtod(out, NULL) == v) break;
    }
    without_exponent(v, out);
}

void text_float(float v, char out[32])
{
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(out, 32, "%.*g", digits, (double)v);
        if (strtof(out, NULL) == v) break;
    }
    without_exponent((double)v, out);
}

void text_count(int64_t v, char out[32])
{
    char plain[32];
    const int n = snprintf(plain, sizeof plain, "%lld", (long long)v);
    int to = 0;
    for (int i = 0; i < n; i++) {
        out[to++] = plain[i];
        const int left = n - 1 - i;
        if (left && left % 3 == 0 && plain[i] != '-') out[to++] = ',';
    }
    out[to] = 0;
}

void text_bytes(double v, char out[32])
{
    static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    int i = 0;
    for (; i < 4 && v >= 1024; i++) v /= 1024;
    snprintf(out, 32, i ? "%.1f %s" : "%.0f %s", v, unit[i]);
}

void text_dims(text *t, int64_t n, const int64_t *dim)
{
    text_add(t, "[");
    for (int64_t i = 0; i < n; i++) text_printf(t, "%s%lld", i ? ", " : "", (long long)dim[i]);
    text_add(t, "]");
}
