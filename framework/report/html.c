#include "report/html.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void html_text(text *o, const char *s)
{
    for (; s && *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'') text_printf(o, "&#%d;", c);
        else if (c < 0x20 && c != '\n' && c != '\t') text_add(o, "\xef\xbf\xbd");          /* no character of HTML's */
        else text_add_n(o, s, 1);
    }
}

void html_number(text *o, double v)
{
    if (isfinite(v)) text_printf(o, "%.6g", v);
    else text_add(o, isnan(v) ? "-" : v > 0 ? "inf" : "-inf");
}

void html_cell(text *o, const char *s)
{
    text_add(o, "<td>");
    html_text(o, s);
    text_add(o, "</td>");
}

void html_cell_number(text *o, double v)
{
    text_add(o, "<td class=n>");
    html_number(o, v);
    text_add(o, "</td>");
}

void html_heading(text *o, const char *const *name)
{
    text_add(o, "<thead><tr>");
    for (; *name; name++) {
        text_add(o, "<th>");
        html_text(o, *name);
        text_add(o, "</th>");
    }
    text_add(o, "</tr></thead>\n");
}

void html_bar(text *o, double share)
{
    if (isnan(share)) text_add(o, "<td>-</td>");
    else text_printf(o, "<td><span class=bar style=\"width:%.0fpx\"></span> %.2f</td>", 200 * fmin(1, fmax(0, share)), share);
}

/* ---- scales ---- */

enum { LEFT = 56, RIGHT = 12, TOP = 10, BOTTOM = 26, WIDTH = 460, HEIGHT = 240, TICKS = 5 };
static const double spans_a_lot = 50, rounding = 1e-12;

typedef struct scale { double low, high, from, to; bool log; } scale;

/* On the page; x is a logarithm where s->log. */
static double along(const scale *s, double x)
{
    return s->from + (s->to - s->from) * (s->high > s->low ? (x - s->low) / (s->high - s->low) : 0.5);
}

static double at(const scale *s, double v) { return along(s, s->log ? log10(v) : v); }

static void widen(scale *s, double v)
{
    if (!isfinite(v)) return;
    if (!(s->low <= v)) s->low = v;              /* also where it is NaN */
    if (!(s->high >= v)) s->high = v;
}

/* What a scale of values from low to high looks like; those that rounding alone tells apart are one. */
static void settle(scale *s)
{
    if (isnan(s->low)) s->low = 0, s->high = 1;
    if (s->high - s->low <= rounding * fmax(fabs(s->low), fabs(s->high))) s->high = s->low;
    s->log = s->low > 0 && s->high / s->low >= spans_a_lot;
    if (s->log) s->low = log10(s->low), s->high = log10(s->high);
}

/* A round distance of at most TICKS marks: 1, 2 or 5 times a power of ten. */
static double round_step(double span)
{
    const double raw = span / TICKS, power = pow(10, floor(log10(raw))), times = raw / power;
    return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

static void mark(text *o, bool upright, double p, double v)
{
    if (upright) text_printf(o, "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f /><text class=r x=%d y=%.1f>", LEFT, WIDTH - RIGHT, p, p, LEFT - 6, p + 4);
    else text_printf(o, "<text class=m x=%.1f y=%d>", p, HEIGHT - 8);
    text_printf(o, "%.6g</text>", v);
}

static void marks(text *o, const scale *s, bool upright, bool whole)
{
    if (!(s->high > s->low)) {
        mark(o, upright, along(s, s->low), s->low);
        return;
    }
    double step = round_step(s->high - s->low);
    if ((whole || s->log) && step < 1) step = 1;
    const double first = ceil(s->low / step - 1e-9) * step, last = floor((s->high - first) / step + 1e-9);
    for (int k = 0; k <= last; k++) {
        const double x = first + k * step;
        mark(o, upright, along(s, x), s->log ? pow(10, x) : fabs(x) < 1e-9 * step ? 0 : x);
    }
}

/* ---- curves ---- */

/* From a bluish grey over violet to orange, which can be told apart on light and dark; .shades of the style sheet has the same. */
static void put_shade(text *o, double shade)
{
    static const double stop[3][3] = { { 120, 142, 172 }, { 150, 100, 180 }, { 235, 95, 20 } };
    const double t = 2 * fmin(1, fmax(0, shade)), f = t - (t >= 1);
    const double *a = stop[t >= 1], *b = stop[t >= 1 ? 2 : 1];
    text_printf(o, "rgb(%.0f,%.0f,%.0f)", a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1]), a[2] + f * (b[2] - a[2]));
}

static void open_line(text *o, double shade)
{
    if (shade < 0) {
        text_printf(o, "<g class=s%.0f>", -shade);
        return;
    }
    text_add(o, "<g stroke=\"");
    put_shade(o, shade);
    text_add(o, "\">");
}

static void close_line(text *o, const char *name, double value)
{
    text_add(o, "<title>");
    html_text(o, name);
    text_add(o, ": ");
    html_number(o, value);
    text_add(o, "</title></g>\n");
}

static bool fits(const scale *s, double v) { return isfinite(v) && (!s->log || v > 0); }

static void put_dot(text *o, const double *at) { text_printf(o, "<path class=dot d=\"M%.1f %.1fh.1\"/>", at[0], at[1]); }

/* Of long curves every k-th point, and the last; a point by itself is a dot. */
static void put_curve(text *o, const curve *c, const scale *x, const scale *y)
{
    enum { MOST = 400 };
    const int64_t step = (c->n + MOST - 1) / MOST;
    double last = NAN, dot[2] = { 0 };
    text path = { 0 };
    int run = 0;
    open_line(o, c->shade);
    for (int64_t i = 0; i < c->n; i = i + 1 < c->n && i + step >= c->n ? c->n - 1 : i + step) {
        const bool there = fits(y, c->y[i]) && isfinite(c->x[i]);
        if (!there && run == 1) put_dot(o, dot);
        run = there ? run + 1 : 0;
        if (!there) continue;
        last = c->y[i];
        dot[0] = at(x, c->x[i]);
        dot[1] = at(y, last);
        text_printf(&path, "%s%.1f %.1f", run == 1 ? "M" : "L", dot[0], dot[1]);
    }
    if (run == 1) put_dot(o, dot);
    if (path.n) text_printf(o, "<path d=\"%s\"/>", path.s);
    text_free(&path);
    close_line(o, c->name, last);
}

static void put_names(text *o, size_t n, const curve *c)
{
    double x = LEFT + 8;
    for (size_t i = 0; i < n && n > 1; i++) {
        if (c[i].shade >= 0) return;
        text_printf(o, "<g class=s%.0f><path d=\"M%.1f %dh14\"/></g><text x=%.1f y=%d>", -c[i].shade, x, TOP - 4, x + 18, TOP);
        html_text(o, c[i].name);
        text_add(o, "</text>");
        x += 34 + 6.5 * (double)strlen(c[i].name);
    }
}

void html_curves(text *o, const char *title, size_t n, const curve *c)
{
    scale x = { NAN, NAN, LEFT, WIDTH - RIGHT, false }, y = { NAN, NAN, HEIGHT - BOTTOM, TOP + 8, false };
    for (size_t i = 0; i < n; i++)
        for (int64_t k = 0; k < c[i].n; k++)
            if (isfinite(c[i].y[k])) widen(&x, c[i].x[k]), widen(&y, c[i].y[k]);
    if (isnan(y.low)) return;
    settle(&y);
    text_add(o, "<figure><figcaption>");
    html_text(o, title);
    text_printf(o, "</figcaption><svg viewBox=\"0 0 %d %d\" role=img>", WIDTH, HEIGHT);
    marks(o, &y, true, false);
    marks(o, &x, false, true);
    for (size_t i = 0; i < n; i++) put_curve(o, &c[i], &x, &y);
    put_names(o, n, c);
    text_add(o, "</svg></figure>\n");
}

/* ---- distributions ---- */

void html_histogram(text *o, int n, const int64_t *count, double low, double high)
{
    enum { H = 28, W = 5 };
    int64_t most = 1;
    for (int i = 0; i < n; i++) most = count[i] > most ? count[i] : most;
    text_printf(o, "<td><svg class=bins width=%d height=%d>", n * W, H);
    for (int i = 0; i < n; i++) {
        const double h = (double)H * (double)count[i] / (double)most, from = low + (high - low) * i / n;
        if (!count[i]) continue;
        text_printf(o, "<rect x=%d y=%.1f width=%d height=%.1f><title>%lld from %.4g</title></rect>", i * W, H - fmax(h, 1), W - 1, fmax(h, 1),
                    (long long)count[i], from);
    }
    text_add(o, "</svg></td>");
}

static void put_name(text *o, int64_t i, const char *const *name)
{
    text_add(o, "<th>");
    if (name) html_text(o, name[i]);
    else text_printf(o, "%lld", (long long)i);
    text_add(o, "</th>");
}

void html_matrix(text *o, int64_t rows, int64_t columns, const float *value, const char *const *name)
{
    text_add(o, "<div class=wide><table class=matrix><tr><th></th>");
    for (int64_t j = 0; j < columns; j++) put_name(o, j, name);
    text_add(o, "</tr>\n");
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;
        for (int64_t j = 0; j < columns; j++) sum += fmax(0, (double)value[i * columns + j]);
        text_add(o, "<tr>");
        put_name(o, i, name);
        for (int64_t j = 0; j < columns; j++) {
            const double v = (double)value[i * columns + j], share = sum > 0 && v > 0 ? v / sum : 0;
            text_printf(o, "<td style=\"background:rgba(235,95,20,%.2f)\">", 0.85 * share);
            html_number(o, v);
            text_add(o, "</td>");
        }
        text_add(o, "</tr>\n");
    }
    text_add(o, "</table></div>\n");
}

/* ---- parallel axes ---- */

enum { APART = 118, HIGH = 300, UNDER = 40, LABELS = 12, MANY = 200 };

/* Words in the order in which they first come. */
typedef struct words { size_t n; const char **word; } words;

static size_t word_index(const words *w, const char *s)
{
    size_t i = 0;
    while (i < w->n && strcmp(w->word[i], s)) i++;
    return i;
}

typedef struct place_of { scale s; bool numbers; words w; } place_of;

static place_of place_axis(const axis *x, size_t n, arena *a)
{
    place_of p = { .s = { NAN, NAN, HIGH - UNDER, 40, false }, .numbers = true, .w = { 0, arena_alloc(a, n + 1, sizeof(char *)) } };
    for (size_t i = 0; i < n; i++) {
        if (!x->word[i]) continue;
        p.numbers = p.numbers && isfinite(x->number[i]);
        widen(&p.s, x->number[i]);
        if (word_index(&p.w, x->word[i]) == p.w.n) p.w.word[p.w.n++] = x->word[i];
    }
    if (!p.numbers) p.s.low = 0, p.s.high = p.w.n > 1 ? (double)p.w.n - 1 : 0;
    else settle(&p.s);
    return p;
}

static double height_of(const place_of *p, const axis *x, size_t i)
{
    if (!x->word[i]) return HIGH - 6;
    return p->numbers ? at(&p->s, x->number[i]) : along(&p->s, (double)word_index(&p->w, x->word[i]));
}

/* Text in a column of an axis, cut to what there is room for. */
static void put_label(text *o, double x, double y, const char *s)
{
    enum { MOST = 17 };
    text_printf(o, "<text class=m x=%.1f y=%.1f>", x, y);
    text cut = { 0 };
    const size_t n = strlen(s);
    size_t from = n > MOST ? n - MOST : 0;
    while (from && ((unsigned char)s[from] & 0xc0) == 0x80) from--;
    if (from) text_add(&cut, "\xe2\x80\xa6");
    text_add(&cut, s + from);
    html_text(o, cut.s);
    text_free(&cut);
    text_add(o, "<title>");
    html_text(o, s);
    text_add(o, "</title></text>");
}

static void put_axis(text *o, const place_of *p, const axis *x, double across)
{
    text_printf(o, "<line class=axis x1=%.1f x2=%.1f y1=40 y2=%d />", across, across, HIGH - UNDER);
    put_label(o, across, 14, x->name);
    if (p->numbers && p->w.n) {
        const double low = p->s.log ? pow(10, p->s.low) : p->s.low, high = p->s.log ? pow(10, p->s.high) : p->s.high;
        text_printf(o, "<text class=m x=%.1f y=32>%.5g</text>", across, high);
        if (high > low) text_printf(o, "<text class=m x=%.1f y=%d>%.5g</text>", across, HIGH - UNDER + 14, low);
    }
    for (size_t i = 0; !p->numbers && i < p->w.n && i < LABELS; i++) put_label(o, across, along(&p->s, (double)i) - 4, p->w.word[i]);
}

void html_parallel(text *o, size_t n_axes, const axis *x, size_t n, const char *const *name, const double *shade)
{
    arena *a = arena_new();
    place_of *p = arena_alloc(a, n_axes + 1, sizeof *p);
    for (size_t k = 0; k < n_axes; k++) p[k] = place_axis(&x[k], n, a);
    text_printf(o, "<div class=wide><svg class=\"parallel%s\" viewBox=\"0 0 %zu %d\" style=\"min-width:%zupx;max-width:%zupx\">", n > MANY ? " many" : "",
                n_axes * APART, HIGH, n_axes * APART * 3 / 4, n_axes * APART * 3 / 2);
    for (size_t i = 0; i < n; i++) {
        open_line(o, shade[i]);
        text_add(o, "<path d=\"");
        for (size_t k = 0; k < n_axes; k++)
            text_printf(o, "%s%.1f %.1f", k ? "L" : "M", ((double)k + 0.5) * APART, height_of(&p[k], &x[k], i));
        text_add(o, "\"/>");
        close_line(o, name[i], x[n_axes - 1].number[i]);
    }
    for (size_t k = 0; k < n_axes; k++) put_axis(o, &p[k], &x[k], ((double)k + 0.5) * APART);
    text_add(o, "</svg></div>\n");
    arena_free(a);
}
