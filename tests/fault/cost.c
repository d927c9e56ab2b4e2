/* cost.c -- what checkpoints cost: cost EXPERIMENT [path=value...]
 *
 * Trains in a directory that is removed afterwards, four times with checkpoints and four times without, in turn; prints how long
 * training stood still for them, and the medians of both.  COST_WAIT=1 in the environment: it stands still until they are written. */
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

int main(int argc, char **argv)
{
    enum { TIMES = 4 };
    double with[TIMES], without[TIMES], sum = 0;
    timed on = { 0 }, off = { 0 };
    if (argc < 2) {
        fputs("usage: cost EXPERIMENT [path=value...]\n", stderr);
        return 2;
    }
    for (int i = 0; i < TIMES; i++) {
        without[i] = train_once(argv[1], argc - 2, argv + 2, false, &off);
        sum += with[i] = train_once(argv[1], argc - 2, argv + 2, true, &on);
    }
    qsort(with, TIMES, sizeof *with, by_value);
    qsort(without, TIMES, sizeof *without, by_value);
    printf("checkpoints: %.2f ms each, %.2f %% of the time; a run %.2f s with them and %.2f s without (least of %d: %.2f and %.2f)\n",
           1000 * on.seconds / on.saves, 100 * on.seconds / sum, (with[1] + with[2]) / 2, (without[1] + without[2]) / 2, TIMES, with[0],
           without[0]);
    return 0;
}
