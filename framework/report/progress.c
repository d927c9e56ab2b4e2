#include "report/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"

#define REDRAW_SECONDS 0.1
enum { BAR_LEAST = 10, BAR_MOST = 30, BAR_FRAME = 3, WIDTH_UNKNOWN = 80 };

struct progress {
    FILE   *to;
    bool    terminal, drawn;
    int     width;
    double (*clock)(void);
    double  drawn_at;
    /* The first steps seen: of all, and of the epoch under way. */
    struct sight { double at; int64_t epoch, done; } first, epoch;
    text    line;
};

static double monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool progress_terminal(FILE *to)
{
    const char *term = getenv("TERM");
    return isatty(fileno(to)) && term && *term && strcmp(term, "dumb") != 0;
}

progress *progress_new(FILE *to, bool terminal, int width, double (*clock)(void))
{
    progress *p = calloc(1, sizeof *p);
    if (!p) memory_exhausted(sizeof *p);
    *p = (progress){ .to = to, .terminal = terminal, .width = width, .clock = clock ? clock : monotonic,
                     .drawn_at = -INFINITY };
    return p;
}

static int width_now(const progress *p)
{
    struct winsize w;
    if (p->width) return p->width;
    return ioctl(fileno(p->to), TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : WIDTH_UNKNOWN;
}

void progress_duration(double seconds, char out[32])
{
    if (!isfinite(seconds) || seconds < 0) {
        snprintf(out, 32, "?");
        return;
    }
    const double s = floor(seconds + 0.5);
    if (seconds < 0.995) snprintf(out, 32, "%.2f s", seconds);
    else if (seconds < 9.95) snprintf(out, 32, "%.1f s", seconds);
    else if (s < 60) snprintf(out, 32, "%.0f s", s);
    else if (s < 3600) snprintf(out, 32, "%d:%02d", (int)s / 60, (int)s % 60);
    else if (s < 86400) snprintf(out, 32, "%d:%02d:%02d", (int)s / 3600, (int)s / 60 % 60, (int)s % 60);
    else snprintf(out, 32, "%.0f d %d h", floor(s / 86400), (int)(fmod(s, 86400) / 3600));
}

static void add_rate(text *t, double samples_per_s)
{
    char rate[32];
    if (samples_per_s >= 100) text_count((int64_t)(samples_per_s + 0.5), rate);
    else snprintf(rate, sizeof rate, "%.3g", samples_per_s);
    text_printf(t, "  %s/s", rate);
}

/* Measurements keep their width from epoch to epoch; lr is what the user wrote far more often than one. */
static void add_figure(text *t, const char *name, double v)
{
    const double size = fabs(v);
    if (isnan(v)) text_printf(t, "  %s nan", name);              /* whatever its sign */
    else if (strcmp(name, "lr") != 0 && (v == 0 || (size >= 0.01 && size < 1000))) text_printf(t, "  %s %.4f", name, v);
    else text_printf(t, "  %s %.*g", name, size >= 1000 ? 6 : 4, v);
}

static void add_bar(text *t, double share, int width)
{
    const int full = (int)(share * width);
    text_add(t, " [");
    for (int i = 0; i < width; i++) text_add(t, i < full ? "=" : i == full ? ">" : " ");
    text_add(t, "]");
}

/* As much as there is room for: a part that does not fit is left out, and the bar takes what the figures leave. */
static void compose(text *line, const progress_now *now, double rate, double left, int width)
{
    char steps[32], duration[32];
    const double share = now->of > 0 ? (double)now->done / (double)now->of : 0;
    text middle = { 0 }, figures = { 0 }, tail = { 0 };
    line->n = 0;
    text_printf(line, "epoch %lld/%lld", (long long)now->epoch, (long long)now->epochs);
    text_count(now->step, steps);
    text_printf(&middle, " %3d %%  step %s", (int)(100 * share), steps);
    if (!isnan(now->loss)) add_figure(&middle, "loss", now->loss);
    progress_duration(left, duration);
    if (isfinite(rate)) add_rate(&tail, rate);
    if (isfinite(left)) text_printf(&tail, "  %s left", duration);

    int room = width - (int)(line->n + middle.n + tail.n) - BAR_FRAME;
    for (int i = 0; i < now->n; i++) {
        const size_t before = figures.n;
        if (isnan(now->value[i])) continue;
        add_figure(&figures, now->name[i], now->value[i]);
        if (room - (int)figures.n >= BAR_LEAST) continue;
        figures.n = before;
        break;
    }
    room -= (int)figures.n;
    if (room >= BAR_LEAST) add_bar(line, share, room < BAR_MOST ? room : BAR_MOST);
    const text *part[] = { &middle, &figures, &tail };
    for (int i = 0; i < 3; i++)
        if (line->n + part[i]->n <= (size_t)width) text_add_n(line, part[i]->s, part[i]->n);
    if (line->n > (size_t)width) line->n = (size_t)width;
    text_free(&middle);
    text_free(&figures);
    text_free(&tail);
}

bool progress_due(const progress *p) { return p->terminal && p->clock() - p->drawn_at >= REDRAW_SECONDS; }

void progress_step(progress *p, const progress_now *now)
{
    if (!p->terminal) return;
    const double t = p->clock();
    if (p->epoch.epoch != now->epoch) {
        p->epoch = (struct sight){ t, now->epoch, now->done };
        if (!p->first.epoch) p->first = p->epoch;
    }
    if (t - p->drawn_at < REDRAW_SECONDS) return;
    p->drawn_at = t;

    /* Time left goes by all that passed, validation and saving included; the rate by this epoch's steps alone. */
    const double here = (double)(now->done - p->epoch.done), spent = t - p->epoch.at;
    const double all = (double)(now->epoch - p->first.epoch) * (double)now->of + (double)(now->done - p->first.done);
    const double ahead = (double)(now->epochs - now->epoch) * (double)now->of + (double)(now->of - now->done);
    const double rate = here > 0 && spent > 0 ? here / spent : NAN;
    const double left = all > 0 ? ahead * (t - p->first.at) / all : NAN;
    const int width = width_now(p) - 1;          /* a full last column would wrap on some terminals */
    compose(&p->line, now, rate, left, width);
    fputc('\r', p->to);
    fwrite(p->line.s, 1, p->line.n, p->to);
    fputs("\033[K", p->to);
    fflush(p->to);
    p->drawn = true;
}

void progress_clear(progress *p)
{
    if (!p->drawn) return;
    fputs("\r\033[K", p->to);
    fflush(p->to);
    p->drawn = false;
    p->drawn_at = -INFINITY;
}

const char *progress_line(progress *p, int64_t epoch, int64_t epochs, int n, const char *const *name,
                          const double *value, double seconds, double samples_per_s)
{
    text *t = &p->line;
    char duration[32];
    t->n = 0;
    text_printf(t, "epoch %lld/%lld", (long long)epoch, (long long)epochs);
    for (int i = 0; i < n; i++) add_figure(t, name[i], value[i]);
    progress_duration(seconds, duration);
    if (seconds > 0) text_printf(t, "  %s", duration);
    if (samples_per_s > 0 && isfinite(samples_per_s)) add_rate(t, samples_per_s);
    return t->s;
}

const char *progress_epoch(progress *p, int64_t epoch, int64_t epochs, int n, const char *const *name,
                           const double *value, double seconds, double samples_per_s)
{
    progress_clear(p);
    const char *line = progress_line(p, epoch, epochs, n, name, value, seconds, samples_per_s);
    fprintf(p->to, "%s\n", line);
    fflush(p->to);
    return line;
}

void progress_end(progress *p)
{
    if (!p) return;
    progress_clear(p);
    text_free(&p->line);
    free(p);
}
