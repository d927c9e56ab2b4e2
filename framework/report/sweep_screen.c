#include "report/sweep_screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "report/columns.h"
#include "report/progress.h"

static const double redraw_every = 0.25, read_every = 1;
enum { CURVE = 16, LINES_SHOWN = 16 };

struct sweep_screen {
    FILE  *to;
    bool   terminal;
    int    lines;                    /* drawn and still there */
    double began, drawn, read;
    int64_t ended;
};

void sparkline(int64_t n, const double *v, int width, text *out)
{
    static const char *const block[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    double lo = INFINITY, hi = -INFINITY;
    const int64_t from = n > width ? n - width : 0;
    text_add(out, "");
    for (int64_t i = from; i < n; i++)
        if (isfinite(v[i])) lo = fmin(lo, v[i]), hi = fmax(hi, v[i]);
    for (int64_t i = from; i < n; i++) {
        const double at = hi > lo ? (v[i] - lo) / (hi - lo) : 0.5;
        text_add(out, isfinite(v[i]) ? block[(int)fmin(7, floor(8 * at))] : " ");
    }
}

sweep_screen *sweep_screen_new(FILE *to, bool terminal)
{
    sweep_screen *s = calloc(1, sizeof *s);
    if (!s) memory_exhausted(sizeof *s);
    *s = (sweep_screen){ .to = to, .terminal = terminal, .began = clock_seconds() };
    return s;
}

static void clear(sweep_screen *s)
{
    if (s->lines) fprintf(s->to, "\033[%dA\033[J", s->lines);
    s->lines = 0;
}

static void curve(const sweep *w, const trial *t, text *out)
{
    const int c = t->epochs ? table_find(t->epochs, w->space->metric) : -1;
    const int64_t n = c < 0 ? 0 : t->epochs->n_rows;
    double *v = calloc((size_t)n + 1, sizeof *v);
    for (int64_t i = 0; v && i < n; i++) v[i] = table_row(t->epochs, i)[c];
    if (v) sparkline(n, v, CURVE, out);
    free(v);
}

static void count(const sweep *w, int64_t by_state[6])
{
    for (int64_t i = 0; i < w->n_trials; i++) by_state[trial_real(w->trial[i])->state]++;
}

/* Of the trials as a whole: what is left takes as long as what was done. */
static double time_left(const sweep_screen *s, const sweep *w)
{
    int64_t at, n = 0, of = sweep_points(w);
    double epochs = 0;
    for (int64_t i = 0; i < w->n_trials; i++) {
        const trial *t = w->trial[i];
        if (t->same) continue;
        trial_value(w, t, 0, &at);
        n++;
        epochs += t->state == TRIAL_FAILED || t->state == TRIAL_FINISHED || t->wanted == TO_THE_END ? (w->epochs ? fmax((double)at / (double)w->epochs, t->state != TRIAL_RUNNING && t->state != TRIAL_WAITING) : 0)
                  : (double)at / (double)(t->wanted ? t->wanted : 1);
    }
    if (!s->ended || epochs <= 0) return NAN;
    const double done = epochs / (double)(of * w->space->seeds);
    return done >= 1 ? 0 : (clock_seconds() - s->began) * (1 - done) / done;
}

static void line_of(const sweep *w, const trial *t, text *out)
{
    text set = { 0 }, line = { 0 };
    int64_t at;
    const double v = trial_value(w, t, 0, &at);
    point_text(w->space, t->point, &set);
    text_printf(out, "  trial %-4lld epoch %-4lld ", (long long)t->number, (long long)at);
    if (isfinite(v)) text_printf(out, "%-9.5g ", v);
    else text_add(out, "          ");
    curve(w, t, &line);
    text_printf(out, "%s%*s  %s", line.s, (int)(CURVE - text_width(line.s)), "", set.s);
    text_free(&line);
    text_free(&set);
}

static int screen_width(FILE *to)
{
    struct winsize size;
    return ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

/* A line, cut to the width of the screen. */
static void put(sweep_screen *s, const char *line)
{
    int left = screen_width(s->to) - 1;
    for (const char *c = line; *c; c++) {
        if (((unsigned char)*c & 0xC0) != 0x80 && left-- <= 0) break;
        fputc(*c, s->to);
    }
    fputs("\n", s->to);
    s->lines++;
}

static void draw(sweep_screen *s, const sweep *w)
{
    int64_t n[6] = { 0 };
    char left[32], spent[32];
    text t = { 0 };
    count(w, n);
    clear(s);
    progress_duration(time_left(s, w), left);
    progress_duration(clock_seconds() - s->began, spent);
    text_printf(&t, "%s: %lld trials begun, %lld finished, %lld paused, %lld failed; %s so far, about %s left", w->dir, (long long)w->n_trials,
                (long long)n[TRIAL_FINISHED], (long long)n[TRIAL_PAUSED], (long long)n[TRIAL_FAILED], spent, left);
    put(s, t.s);
    text_free(&t);
    int shown = 0;
    for (int64_t i = 0; i < w->n_trials && shown < LINES_SHOWN; i++) {
        if (w->trial[i]->state != TRIAL_RUNNING) continue;
        line_of(w, w->trial[i], &t);
        put(s, t.s);
        text_free(&t);
        shown++;
    }
    const trial *best = sweep_best(w);
    if (best) {
        text_add(&t, "best:");
        line_of(w, best, &t);
        put(s, t.s);
        text_free(&t);
    }
    fflush(s->to);
}

void sweep_screen_tick(sweep_screen *s, const sweep *w)
{
    const double now = clock_seconds();
    if (!s->terminal || now - s->drawn < redraw_every) return;
    if (now - s->read >= read_every) {
        for (int64_t i = 0; i < w->n_trials; i++)
            if (w->trial[i]->state == TRIAL_RUNNING) trial_read(w->trial[i]);
        s->read = now;
    }
    draw(s, w);
    s->drawn = now;
}

void sweep_screen_divided(sweep_screen *s, const sweep *w)
{
    const division *d = &w->division;
    fprintf(s->to, "%d trial%s at once, %d thread%s each", d->at_once, d->at_once == 1 ? "" : "s", d->threads, d->threads == 1 ? "" : "s");
    for (int i = 0; i < w->n_tried; i++) {
        char rate[32];
        const division *x = &w->tried[i];
        text_count((int64_t)x->rate, rate);
        fprintf(s->to, "%s%d with %d thread%s: %s samples/s each", i ? "; " : " (measured: ", x->at_once, x->threads, x->threads == 1 ? "" : "s", rate);
    }
    fputs(w->n_tried ? ")\n" : "\n", s->to);
}

void sweep_screen_began(sweep_screen *s, const sweep *w, const trial *t)
{
    (void)t;
    sweep_screen_tick(s, w);
}

void sweep_screen_ended(sweep_screen *s, const sweep *w, const trial *t)
{
    text set = { 0 };
    char seconds[32];
    int64_t at;
    s->ended++;
    if (s->terminal && t->state != TRIAL_FAILED) return;
    const double v = trial_value(w, t, 0, &at);
    clear(s);
    point_text(w->space, t->point, &set);
    progress_duration(t->seconds, seconds);
    fprintf(s->to, "trial %lld %s", (long long)t->number, t->state == TRIAL_WAITING ? "interrupted" : trial_state_name(t->state));
    if (t->state == TRIAL_FAILED) fprintf(s->to, ": %s", t->reason);
    else if (isfinite(v)) fprintf(s->to, "  epoch %lld  %s %.6g", (long long)at, w->space->metric, v);
    fprintf(s->to, "  %s  %s\n", seconds, set.s);
    text_free(&set);
}

void sweep_screen_end(sweep_screen *s)
{
    if (!s) return;
    clear(s);
    fflush(s->to);
    free(s);
}
