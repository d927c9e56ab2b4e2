/* cost.c -- what checkpoints cost: cost EXPERIMENT [pairs=N] [path=value...]
 *
 * Trains in a directory that is removed afterwards, N times (4) with checkpoints and without, in turn, the first of a pair changing; prints
 * how long training stood still for them, and the median of the ratios of pairs with its 95 % interval (of order statistics, so
 * without an assumption on noise).  COST_WAIT=1 in the environment: it stands still until they are written. */
#include <stdlib.h>
#include <string.h>
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

static double train_once(const char *path, int n, char **overrides, bool on, timed *w)
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
    const double from = clock_seconds();
    if (trainer_run(t, &ev, &pr) != TRAINER_DONE) problems_print(&pr, stderr);
    end_save(w);
    const double seconds = clock_seconds() - from;
    run_close(w->run);
    trainer_free(t);
    data_free(d);
    registry_free(r);
    experiment_free(e);
    snprintf(line, sizeof line, "rm -rf %s", dir);
    if (system(line)) perror(line);
    return seconds;
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

int main(int argc, char **argv)
{
    enum { MOST = 100 };
    double with[MOST], without[MOST], ratio[MOST], sum = 0;
    timed on = { 0 }, off = { 0 };
    int pairs = 4, given = 0;
    if (argc > 2 && !strncmp(argv[2], "pairs=", 6)) pairs = atoi(argv[2] + 6), given = 1;
    if (argc < 2 || pairs < 1 || pairs > MOST) {
        fprintf(stderr, "usage: cost EXPERIMENT [pairs=1..%d] [path=value...]\n", MOST);
        return 2;
    }
    const int n = argc - 2 - given;
    char **overrides = argv + 2 + given;
    for (int i = 0; i < pairs; i++) {
        if (i % 2) with[i] = train_once(argv[1], n, overrides, true, &on);
        without[i] = train_once(argv[1], n, overrides, false, &off);
        if (i % 2 == 0) with[i] = train_once(argv[1], n, overrides, true, &on);
        sum += with[i];
        ratio[i] = with[i] / without[i];
        printf("%d: %.3f s with, %.3f s without, %+.2f %%\n", i + 1, with[i], without[i], 100 * (ratio[i] - 1));
    }
    printf("checkpoints: %.2f ms each, %.2f %% of the time; a run %.2f s with them and %.2f s without\n", 1000 * on.seconds / on.saves,
           100 * on.seconds / sum, median(with, pairs), median(without, pairs));
    const int k = interval_rank(pairs);
    printf("median of %d ratios: %+.2f %%", pairs, 100 * (median(ratio, pairs) - 1));
    if (k) printf(", 95 %% between %+.2f and %+.2f %%", 100 * (ratio[k - 1] - 1), 100 * (ratio[pairs - k] - 1));
    putchar('\n');
    return 0;
}
