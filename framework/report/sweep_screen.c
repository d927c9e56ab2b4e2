#include "report/sweep_screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "report/columns.h"
#include "report/progress.h"
#include "report/settings.h"

static const double redraw_every = 0.25, read_every = 1;
enum { CURVE = 12, LINES_SHOWN = 16, OTHER_LINES = 6 };     /* the two of the head, two of the table's, the best, the cursor's */

struct sweep_screen {
    FILE  *to;
    bool   terminal;
    int    lines;                    /* drawn and still there */
    int    width[LINES_SHOWN + OTHER_LINES];
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

static struct winsize size_of(FILE *to)
{
    struct winsize size = { 0 };
    if (ioctl(fileno(to), TIOCGWINSZ, &size) < 0 || size.ws_col < 20 || size.ws_row < 2) size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
    return size;
}

/* A terminal that has become narrower has broken the lines that were drawn. */
static void clear(sweep_screen *s)
{
    const int across = size_of(s->to).ws_col;
    int rows = 0;
    for (int i = 0; i < s->lines; i++) rows += s->width[i] > across ? (s->width[i] + across - 1) / across : 1;
    if (rows) fprintf(s->to, "\033[%dA\033[J", rows);
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

/* A number in few digits, of a layer or optimizer with its options the type. */
static const char *brief(const point *p, int i, arena *a)
{
    const char *v = p->value[i];
    if (!v) return "";
    if (isfinite(p->number[i])) return arena_printf(a, "%.3g", p->number[i]);
    return *v == '{' ? arena_strndup(a, v + 1, strcspn(v + 1, ":")) : v;
}

static void add_trial(columns *c, const sweep *w, const trial *t, const char *mark, arena *a)
{
    const char **cell = arena_alloc(a, (size_t)w->space->n + 5, sizeof *cell);
    text line = { 0 };
    int64_t at;
    const double v = trial_value(w, t, 0, &at);
    curve(w, t, &line);
    cell[0] = mark;
    cell[1] = arena_printf(a, "%lld", (long long)t->number);
    cell[2] = arena_printf(a, "%lld", (long long)at);
    cell[3] = isfinite(v) ? arena_printf(a, "%.5g", v) : "";
    cell[4] = line.s ? arena_strdup(a, line.s) : "";
    for (int i = 0; i < w->space->n; i++) cell[5 + i] = brief(t->point, i, a);
    columns_add(c, cell);
    text_free(&line);
}

static void add_heading(const sweep *w, const char **heading, char *align, arena *a)
{
    static const char *const fixed[] = { "", "trial", "epoch", "", "curve" };
    const int n = w->space->n;
    const char **path = arena_alloc(a, (size_t)n, sizeof *path);
    for (int i = 0; i < n; i++) path[i] = w->space->parameter[i].path;
    for (int i = 0; i < 5; i++) heading[i] = fixed[i], align[i] = i && i < 4 ? 'r' : 'l';
    heading[3] = w->space->metric;
    for (int i = 0; i < n; i++) heading[5 + i] = path_short((size_t)n, path, path[i]), align[5 + i] = 'l';
}

static bool begins_letter(char c) { return ((unsigned char)c & 0xC0) != 0x80; }

/* A line, cut to the width of the screen. */
static void put(sweep_screen *s, const char *line, size_t bytes)
{
    const int across = size_of(s->to).ws_col - 1;
    int letters = 0, width = 0;
    for (const char *c = line; c < line + bytes; c++) letters += begins_letter(*c);
    const int most = letters > across ? across - 1 : across;
    for (const char *c = line; c < line + bytes; c++) {
        if (begins_letter(*c) && width++ == most) break;
        fputc(*c, s->to);
    }
    fputs(letters > across ? "…\n" : "\n", s->to);
    s->width[s->lines++] = letters < across ? letters : across;
}

static void put_lines(sweep_screen *s, const text *t)
{
    for (const char *at = t->s; at && *at;) {
        const size_t n = strcspn(at, "\n");
        put(s, at, n);
        at += n + (at[n] == '\n');
    }
}

static void draw(sweep_screen *s, const sweep *w)
{
    int64_t n[6] = { 0 };
    char left[32], spent[32];
    arena *a = arena_new();
    text t = { 0 };
    count(w, n);
    clear(s);
    progress_duration(time_left(s, w), left);
    progress_duration(clock_seconds() - s->began, spent);
    text_printf(&t, "%s  %s, about %s left\n%lld of %lld trials begun: %lld at work, %lld finished, %lld paused, %lld failed\n", w->dir, spent, left,
                (long long)w->n_trials, (long long)(sweep_points(w) * w->space->seeds), (long long)n[TRIAL_RUNNING], (long long)n[TRIAL_FINISHED],
                (long long)n[TRIAL_PAUSED], (long long)n[TRIAL_FAILED]);
    const char **heading = arena_alloc(a, (size_t)w->space->n + 5, sizeof *heading);
    char *align = arena_alloc(a, (size_t)w->space->n + 6, 1);
    add_heading(w, heading, align, a);
    columns *c = columns_new(w->space->n + 5, heading, align);
    const int room = size_of(s->to).ws_row - OTHER_LINES, most = room < LINES_SHOWN ? room : LINES_SHOWN;
    int shown = 0;
    for (int64_t i = 0; i < w->n_trials && shown < most; i++)
        if (w->trial[i]->state == TRIAL_RUNNING) add_trial(c, w, w->trial[i], "", a), shown++;
    const trial *best = sweep_best(w);
    if (best) add_trial(c, w, trial_real((trial *)best), "best", a);
    columns_write(c, &t);
    columns_free(c);
    put_lines(s, &t);
    text_free(&t);
    arena_free(a);
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

static void say(sweep_screen *s, const sweep *w, const trial *t, const char *what, const char *how)
{
    text set = { 0 };
    int64_t at;
    const double v = trial_value(w, t, 0, &at);
    clear(s);
    point_text(w->space, t->point, &set);
    fprintf(s->to, "trial %lld %s", (long long)t->number, what);
    if (t->state == TRIAL_FAILED) fprintf(s->to, ": %s", t->reason);
    else if (isfinite(v)) fprintf(s->to, "  epoch %lld  %s %.6g", (long long)at, w->space->metric, v);
    fprintf(s->to, "  %s  %s\n", how, set.s);
    text_free(&set);
}

void sweep_screen_taken(sweep_screen *s, const sweep *w, const trial *t)
{
    if (!s->terminal) say(s, w, t, "taken", t->origin);
}

void sweep_screen_ended(sweep_screen *s, const sweep *w, const trial *t)
{
    char seconds[32];
    s->ended++;
    progress_duration(t->seconds, seconds);
    if (!s->terminal || t->state == TRIAL_FAILED)
        say(s, w, t, t->state == TRIAL_WAITING ? "interrupted" : trial_state_name(t->state), seconds);
}

void sweep_screen_end(sweep_screen *s)
{
    if (!s) return;
    clear(s);
    fflush(s->to);
    free(s);
}
