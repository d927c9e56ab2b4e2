/* pilot.c -- how the cores are divided among trials, by a short measurement
 *
 * A division is a number of trials at once with a number of threads each.  It is tried with as many processes of `heft bench` on the first
 * trial as it would have trials at work, each on its own cores, so that what they take from each other (memory, caches, the
 * other half of a core) is in the figure; the better of two looks counts, since what else the machine does only slows.  The division that ends all
 * trials first is taken; more threads must save 10 %, which is the noise of so short a look.  No result depends on it (R1).
 */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "compute/compute.h"
#include "sweep/inside.h"
#include "train/signals.h"

enum { LOOKS = 2 };
static const double window = 0.2, late = 30, pays = 20, noise = 0.1, of_memory = 0.8;

double division_seconds(const division *d, int64_t left, int64_t most, double work)
{
    const int64_t width = d->at_once < most ? d->at_once : most;
    const int64_t rounds = (left + width - 1) / width;
    return (double)rounds * work / d->rate;
}

int division_best(int n, const division *d)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (d[i].seconds < (1 - noise) * d[best].seconds) best = i;
    return best;
}

/* ---- a division at work ---- */

typedef struct copy { pid_t pid; int out; bool ended; } copy;

typedef struct pilot {
    sweep      *w;
    limits      limits;
    const char *yaml;
    int         n_cores;
    const int  *core;
    int64_t     max_rss;
} pilot;

static bool start(const pilot *p, const division *d, int i, copy *c)
{
    char threads[16], seconds[16];
    snprintf(threads, sizeof threads, "%d", d->threads);
    snprintf(seconds, sizeof seconds, "%g", window);
    int core[MOST_CORES];
    for (int k = 0; k < d->threads; k++) core[k] = p->core[(i * d->threads + k) % p->n_cores];
    *c = (copy){ .out = memfd_create("bench", MFD_CLOEXEC), .ended = true };
    if (c->out < 0) return false;
    char *argv[] = { "bench", (char *)p->yaml, "--threads", threads, "--seconds", seconds, "--json", NULL };
    c->pid = process_start(argv, c->out, &p->limits, d->threads, core);
    c->ended = c->pid < 0;
    return !c->ended;
}

static double read_rate(const copy *c)
{
    static const char key[] = "\"samples_per_s\": ";
    char said[4096] = "";
    const ssize_t n = pread(c->out, said, sizeof said - 1, 0);
    const char *at = n > 0 ? strstr(said, key) : NULL;
    return at ? strtod(at + sizeof key - 1, NULL) : 0;
}

/* Until all have ended; true: well, and in time. */
static bool wait_for(pilot *p, int n, copy *c)
{
    const double from = clock_seconds();
    bool good = true;
    for (int left = n; left;) {
        left = 0;
        const bool enough = signals_stop() || clock_seconds() - from > late || !good;
        for (int i = 0; i < n; i++) {
            int status;
            struct rusage use;
            if (c[i].ended) continue;
            if (enough) kill(c[i].pid, SIGKILL), good = false;
            if (wait4(c[i].pid, &status, WNOHANG, &use) != c[i].pid) left++;
            else {
                c[i].ended = true;
                good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
                if ((int64_t)use.ru_maxrss * 1024 > p->max_rss) p->max_rss = (int64_t)use.ru_maxrss * 1024;
            }
        }
        if (left) wait_for_child(0.05);
    }
    return good;
}

static bool look(pilot *p, division *d)
{
    arena *a = arena_new();
    copy *c = arena_alloc(a, (size_t)d->at_once, sizeof *c);
    int n = 0;
    bool good = true;
    for (; n < d->at_once && good; n++) good = start(p, d, n, &c[n]);
    good = wait_for(p, n, c) && good;
    double sum = 0;
    for (int i = 0; i < n; i++) {
        const double rate = good ? read_rate(&c[i]) : 0;
        good = rate > 0;
        sum += rate;
        if (c[i].out >= 0) close(c[i].out);
    }
    d->rate = fmax(d->rate, sum / d->at_once);
    arena_free(a);
    return good;
}

static bool measure(pilot *p, division *d)
{
    for (int i = 0; i < LOOKS; i++)
        if (!look(p, d)) return false;
    return true;
}

/* ---- the choice ---- */

static int64_t trials_left(const sweep *w)
{
    int64_t n = sweep_points(w) * w->space->seeds;
    for (int64_t i = 0; i < w->n_trials; i++) {
        const trial_state s = trial_real(w->trial[i])->state;
        n -= s == TRIAL_FINISHED || s == TRIAL_FAILED;
    }
    return n > 1 ? n : 1;
}

/* at_once 0: as many as there are cores for. */
static division divide(const pilot *p, int threads, int at_once)
{
    division d = { .threads = threads, .at_once = at_once ? at_once : p->n_cores / threads };
    const double fit = p->max_rss ? of_memory * (double)compute_memory() / (double)p->max_rss : INFINITY;
    if (!at_once && d.at_once > fit) d.at_once = fit < 1 ? 1 : (int)fit;
    return d;
}

static int by_threads(const void *a, const void *b) { return ((const division *)a)->threads - ((const division *)b)->threads; }

void pilot_run(sweep *w, int at_once, int n_cores, const int *core)
{
    pilot p = { .w = w, .limits = limits_of(w->space), .n_cores = n_cores, .core = core };
    const int most_threads = at_once ? n_cores / at_once : n_cores;
    const int64_t left = trials_left(w), most = steer_width(w->steer) * w->space->seeds;
    const double work = (double)w->samples;
    w->division = divide(&p, 1, at_once);
    bool idle = true;
    for (int64_t i = 0; i < w->n_trials; i++) idle = idle && settled(trial_real(w->trial[i]), trial_real(w->trial[i])->wanted);
    if (most_threads < 2 || idle || work <= 0) return;
    p.yaml = arena_printf(w->memory, "%s.yaml", trial_real(w->trial[0])->dir);
    for (int threads = most_threads; threads; threads = threads == most_threads ? 1 : 2 * threads < most_threads ? 2 * threads : 0) {
        division d = divide(&p, threads, at_once);
        if (d.at_once > most) d.at_once = (int)most;
        if (!measure(&p, &d)) {
            w->n_tried = 0;
            break;
        }
        d.seconds = division_seconds(&d, left, most, work);
        w->tried[w->n_tried++] = d;
        if (w->n_tried == 1 && d.seconds < pays) break;
        if (w->n_tried > 2 && d.seconds > w->tried[w->n_tried - 2].seconds) break;
    }
    qsort(w->tried, (size_t)w->n_tried, sizeof *w->tried, by_threads);
    const int threads = w->n_tried > 1 ? w->tried[division_best(w->n_tried, w->tried)].threads : 1;
    w->division = divide(&p, threads, at_once);
}
