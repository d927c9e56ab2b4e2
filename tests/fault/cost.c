/* cost.c -- what checkpoints cost: cost EXPERIMENT [pairs=N] [only=with|without] [path=value...]
 *
 * Trains in a directory that is removed afterwards, N times (4) with checkpoints and without, in turn, the first of a pair changing; prints
 * how long training stood still for them, and of time and of processor time (of all threads, the one that writes too) the median of the
 * ratios of pairs with its 95 % interval (of order statistics, so without an assumption on noise).  only: one of the two, once, for a
 * tool that counts instructions (valgrind --tool=callgrind).  COST_WAIT=1 in the environment: it stands still until they are written. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/run.h"

typedef struct timed { run *run; bool on; double seconds; int saves; } timed;

static void end_save(timed *w)
{
    problems pr = { 0 };
    int64_t step;
    run_save_end(w->run, true, &step, &pr);
    problems_print(&pr, stderr);
    problems_free(&pr);
}

static void save_timed(void *context, trainer *t, bool best)
{
    timed *w = context;
    if (!w->on) return;
    const double from = clock_seconds();
    end_save(w);
    run_save_begin(w->run, t, best);
    if (getenv("COST_WAIT")) end_save(w);
    w->seconds += clock_seconds() - from;
    w->saves++;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct spent { double wall, cpu; } spent;

static spent spent_now(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (spent){ clock_seconds(), (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) };
}

static spent train_once(const char *path, int n, char **overrides, bool on, timed *w)
{
    problems pr = { 0 };
    char dir[] = "cost-XXXXXX", line[64];
    static const char *const dirs[] = { PLUGIN_DIR };
    experiment *e = experiment_load(path, n, overrides, &pr);
    registry *r = registry_new(1, dirs);
    data *d = e ? data_open(e->data, e->dir, e->seed, &pr) : NULL;
    trainer *t = d ? trainer_new(e, r, d, &pr) : NULL;
    w->on = on;
    w->run = t && mkdtemp(dir) ? run_create(dir, e, &pr) : NULL;
    if (!w->run) {
        problems_print(&pr, stderr);
        exit(1);
    }
    const trainer_events ev = { w, save_timed, NULL, NULL };
    const spent from = spent_now();
    if (trainer_run(t, &ev, &pr) != TRAINER_DONE) problems_print(&pr, stderr);
    end_save(w);
    const spent now = spent_now();
    run_close(w->run);
    trainer_free(t);
    data_free(d);
    registry_free(r);
    experiment_free(e);
    snprintf(line, sizeof line, "rm -rf %s", dir);
    if (system(line)) perror(line);
    return (spent){ now.wall - from.wall, now.cpu - from.cpu };
}

/* The largest k of which P(Bin(n, 1/2) < k) <= 0.025: the median lies between the k-th and the k-th last with 95 %. */
static int interval_rank(int n)
{
    double p = 1, sum = 0;
    for (int i = 0; i < n; i++) p /= 2;
    for (int k = 0; k <= n; k++) {
        sum += p;
        if (sum > 0.025) return k;
        p *= (double)(n - k) / (k + 1);
    }
    return 0;
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return (x[(n - 1) / 2] + x[n / 2]) / 2;
}

enum { MOST = 100 };
typedef struct figures { double with[MOST], without[MOST], ratio[MOST]; } figures;

static void say(const char *what, figures *f, int n)
{
    const int k = interval_rank(n);
    for (int i = 0; i < n; i++) f->ratio[i] = f->with[i] / f->without[i];
    printf("%s: %.3f s with, %.3f s without; median of %d ratios: %+.2f %%", what, median(f->with, n), median(f->without, n), n,
           100 * (median(f->ratio, n) - 1));
    if (k) printf(", 95 %% between %+.2f and %+.2f %%", 100 * (f->ratio[k - 1] - 1), 100 * (f->ratio[n - k] - 1));
    putchar('\n');
}

static void compare(const char *path, int n, char **overrides, int pairs)
{
    static figures wall, cpu;
    timed on = { 0 }, off = { 0 };
    double sum = 0;
    for (int i = 0; i < pairs; i++) {
        spent with = { 0 }, without;
        if (i % 2) with = train_once(path, n, overrides, true, &on);
        without = train_once(path, n, overrides, false, &off);
        if (i % 2 == 0) with = train_once(path, n, overrides, true, &on);
        wall.with[i] = with.wall, wall.without[i] = without.wall;
        cpu.with[i] = with.cpu, cpu.without[i] = without.cpu;
        sum += with.wall;
    }
    printf("training stands still: %.2f ms for each of %d checkpoints, %.2f %% of the time\n", 1000 * on.seconds / on.saves, on.saves / pairs,
           100 * on.seconds / sum);
    say("time", &wall, pairs);
    say("processor time", &cpu, pairs);
}

int main(int argc, char **argv)
{
    int pairs = 4, at = 2;
    const char *only = NULL;
    for (; at < argc && (!strncmp(argv[at], "pairs=", 6) || !strncmp(argv[at], "only=", 5)); at++)
        if (*argv[at] == 'p') pairs = atoi(argv[at] + 6);
        else only = argv[at] + 5;
    if (argc < 2 || pairs < 1 || pairs > MOST || (only && strcmp(only, "with") && strcmp(only, "without"))) {
        fprintf(stderr, "usage: cost EXPERIMENT [pairs=1..%d] [only=with|without] [path=value...]\n", MOST);
        return 2;
    }
    if (!only) compare(argv[1], argc - at, argv + at, pairs);
    else {
        timed w = { 0 };
        train_once(argv[1], argc - at, argv + at, !strcmp(only, "with"), &w);
    }
    return 0;
}
