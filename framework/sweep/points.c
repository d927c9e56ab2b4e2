/* points.c -- from quantiles to values, and what a point may be */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/inside.h"

/* Of a number that was drawn: enough to be as good as any, few enough to be read. */
enum { MOST_COUNTED = 1000000, DIGITS = 6 };

/* ---- the normal distribution ---- */

/* Its quantile function: P. J. Acklam's rational approximation, made exact by one step of Halley's method. */
double normal_quantile(double p)
{
    static const double a[] = { -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02,
                                -3.066479806614716e+01, 2.506628277459239e+00 };
    static const double b[] = { -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                                -1.328068155288572e+01 };
    static const double c[] = { -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00,
                                4.374664141464968e+00, 2.938163982698783e+00 };
    static const double d[] = { 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00 };
    const double low = 0.02425;
    if (p < 1e-300) p = 1e-300;
    if (p > 1 - 0x1p-53) p = 1 - 0x1p-53;
    double x;
    if (p >= low && p <= 1 - low) {
        const double q = p - 0.5, r = q * q;
        x = (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
            (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
    } else {
        const double q = sqrt(-2 * log(p < low ? p : 1 - p));
        x = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
            ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
        if (p > 1 - low) x = -x;
    }
    const double e = normal_cdf(x) - p, u = e * sqrt(2 * M_PI) * exp(x * x / 2);
    return x - u / (1 + x * u / 2);
}

double normal_cdf(double x) { return 0.5 * erfc(-x / M_SQRT2); }

/* ---- one parameter ---- */

int64_t parameter_count(const parameter *p)
{
    double n = 0;
    if (p->spread == SPREAD_VALUES) return (int64_t)p->n;
    if (p->spread == SPREAD_INT_UNIFORM || (p->spread == SPREAD_UNIFORM && p->q > 0))
        n = floor((p->max - p->min) / (p->q > 0 ? p->q : 1) * (1 + 1e-12)) + 1;
    return n >= 1 && n <= MOST_COUNTED ? (int64_t)n : 0;
}

double parameter_quantile(const parameter *p, int64_t k)
{
    return ((double)k + 0.5) / (double)parameter_count(p);
}

static double clamp(double v, double lo, double hi) { return v < lo ? lo : v > hi ? hi : v; }

/* To a multiple of q above min that is not beyond max. */
static double rounded(const parameter *p, double v)
{
    if (p->q <= 0) return v;
    if (p->spread == SPREAD_NORMAL || p->spread == SPREAD_LOG_NORMAL) return p->q * round(v / p->q);
    const double most = floor((p->max - p->min) / p->q * (1 + 1e-12));
    return p->min + p->q * clamp(round((v - p->min) / p->q), 0, most);
}

static double quantile(const parameter *p, double u)
{
    const int64_t n = parameter_count(p);
    const double q = p->q > 0 ? p->q : 1;
    double k;
    switch (p->spread) {
    case SPREAD_INT_UNIFORM:
        k = n ? (double)n : floor((p->max - p->min) / q) + 1;
        return p->min + q * clamp(floor(u * k), 0, k - 1);
    case SPREAD_UNIFORM:
        if (n) return p->min + q * clamp(floor(u * (double)n), 0, (double)n - 1);
        return rounded(p, clamp(p->min + u * (p->max - p->min), p->min, p->max));
    case SPREAD_LOG_UNIFORM: return rounded(p, clamp(exp(log(p->min) + u * (log(p->max) - log(p->min))), p->min, p->max));
    case SPREAD_NORMAL:      return rounded(p, p->mu + p->sigma * normal_quantile(u));
    case SPREAD_LOG_NORMAL:  return rounded(p, exp(p->mu + p->sigma * normal_quantile(u)));
    default:                 return NAN;
    }
}

/* ---- points ---- */

point *point_new(const space *s, arena *a)
{
    point *p = arena_alloc(a, 1, sizeof *p);
    const size_t n = (size_t)s->n;
    *p = (point){ arena_alloc(a, n, sizeof *p->value), arena_alloc(a, n, sizeof *p->t), arena_alloc(a, n, sizeof *p->number) };
    for (size_t i = 0; i < n; i++) p->t[i] = p->number[i] = NAN;
    return p;
}

void point_copy(const space *s, const point *from, point *to, arena *a)
{
    for (int i = 0; i < s->n; i++) {
        to->value[i] = from->value[i] ? arena_strdup(a, from->value[i]) : NULL;
        to->t[i] = from->t[i];
        to->number[i] = from->number[i];
    }
}

void point_choose(const space *s, int i, size_t k, point *p)
{
    p->value[i] = s->parameter[i].value[k];
    p->t[i] = (double)k;
    if (!text_real(p->value[i], &p->number[i])) p->number[i] = NAN;
}

static double shortened(int digits, double v)
{
    char t[40];
    snprintf(t, sizeof t, "%.*g", digits, v);
    return strtod(t, NULL);
}

void point_draw(const space *s, int i, double u, point *p, arena *a)
{
    const parameter *q = &s->parameter[i];
    if (q->spread == SPREAD_VALUES) {
        size_t k = 0;
        while (k + 1 < q->n && u >= q->upto[k]) k++;
        point_choose(s, i, k, p);
        return;
    }
    char digits[32];
    double v = quantile(q, u);
    if (q->q > 0) v = shortened(12, v);                          /* 0.3, not 0.30000000000000004 */
    else if (q->spread != SPREAD_INT_UNIFORM) {
        v = shortened(DIGITS, v);
        if (q->min < q->max) v = clamp(v, q->min, q->max);
    }
    text_double(v, digits);
    p->value[i] = arena_strdup(a, digits);
    p->number[i] = v;
    const int64_t n = parameter_count(q);
    p->t[i] = n ? parameter_quantile(q, (int64_t)clamp(floor(u * (double)n), 0, (double)n - 1)) : clamp(u, 0, 1);
}

bool point_active(const space *s, int i, const point *p)
{
    const parameter *q = &s->parameter[i];
    for (size_t c = 0; c < q->n_when; c++) {
        const condition *w = &q->when[c];
        if (!p->value[w->parameter]) return false;
        bool met = false;
        for (size_t k = 0; k < w->n; k++) met |= p->t[w->parameter] == (double)w->value[k];
        if (!met) return false;
    }
    return true;
}

static double total(int n, const operand *o, const point *p)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += o[i].parameter < 0 ? o[i].number : o[i].number * p->number[o[i].parameter];
    return sum;
}

bool point_allowed(const space *s, const point *p)
{
    for (int i = 0; i < s->n_constraints; i++) {
        const constraint *c = &s->constraint[i];
        const double a = total(c->n_left, c->left, p), b = total(c->n_right, c->right, p);
        if (isnan(a) || isnan(b)) continue;
        const bool good[] = { a < b, a <= b, a > b, a >= b, a == b, a != b };
        if (!good[c->relation]) return false;
    }
    return true;
}

bool point_equal(const space *s, const point *a, const point *b)
{
    for (int i = 0; i < s->n; i++)
        if (!a->value[i] != !b->value[i] || (a->value[i] && strcmp(a->value[i], b->value[i]))) return false;
    return true;
}

void point_text(const space *s, const point *p, text *out)
{
    text_add(out, "");
    const size_t from = out->n;
    for (int i = 0; i < s->n; i++)
        if (p->value[i]) text_printf(out, "%s%s=%s", out->n > from ? " " : "", s->parameter[i].path, p->value[i]);
}

/* ---- flow style ---- */

/* Plain in brackets as anywhere: no indicator inside, nor a space at the ends. */
static bool is_plain(const char *s)
{
    if (!*s || !(isalnum((unsigned char)*s) || strchr("./_+", *s) || (*s == '-' && s[1] && s[1] != ' '))) return false;
    for (const char *c = s; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("./_+- ", *c)) return false;
    return s[strlen(s) - 1] != ' ';
}

static void scalar_write(const char *s, bool quoted, text *out)
{
    if (!quoted && (is_plain(s) || !*s)) {
        text_add(out, *s ? s : "null");
        return;
    }
    text_add(out, "\"");
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') text_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f) text_printf(out, "\\x%02X", c);
        else text_add_n(out, s, 1);
    }
    text_add(out, "\"");
}

void flow_write(const node *n, text *out)
{
    if (n->kind == NODE_SCALAR) {
        scalar_write(n->text, n->quoted, out);
        return;
    }
    text_add(out, n->kind == NODE_LIST ? "[" : "{");
    for (size_t i = 0; i < n->n; i++) {
        if (i) text_add(out, ", ");
        if (n->kind == NODE_MAP) {
            scalar_write(n->pair[i].key, false, out);
            text_add(out, ": ");
        }
        flow_write(n->kind == NODE_LIST ? n->item[i] : n->pair[i].value, out);
    }
    text_add(out, n->kind == NODE_LIST ? "]" : "}");
}
