/* bench.c -- heft bench: the training step alone, its batch in memory */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "compute/compute.h"
#include "report/columns.h"
#include "report/json.h"

enum { WINDOWS = 10 };

typedef struct bench {
    trainer   *t;
    pass_input in;
    double     median, best;             /* samples per second */
    double     step_seconds;             /* of the profiled steps, with what measuring costs */
    double     update_seconds;           /* sums over lanes and the optimizer */
    pass_times times;                    /* per step */
    double     peak;                     /* GFLOP/s of a large matrix product on all threads */
} bench;

static void step(bench *b)
{
    trainer *t = b->t;
    optimizer_step(t->optimizer, t->model, t->train_pass, &b->in, ++b->in.step, 1e-9);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void time_steps(bench *b, double seconds)
{
    for (int i = 0; i < 3; i++) step(b);
    double from = clock_seconds();
    step(b);
    const double once = clock_seconds() - from;
    const double fit = seconds / WINDOWS / (once > 1e-7 ? once : 1e-7);
    const int64_t per_window = fit < 1 ? 1 : (int64_t)fit;
    double rate[WINDOWS];
    for (int w = 0; w < WINDOWS; w++) {
        from = clock_seconds();
        for (int64_t i = 0; i < per_window; i++) step(b);
        rate[w] = (double)(per_window * b->in.n) / (clock_seconds() - from);
    }
    qsort(rate, WINDOWS, sizeof *rate, ascending);
    b->median = (rate[WINDOWS / 2 - 1] + rate[WINDOWS / 2]) / 2;
    b->best = rate[WINDOWS - 1];
}

static void profile(bench *b, double seconds, arena *a)
{
    const size_t n = (size_t)b->t->model->n_layers;
    b->times = (pass_times){ arena_alloc(a, n, sizeof(double)), arena_alloc(a, n, sizeof(double)), arena_alloc(a, n, sizeof(double)) };
    pass_profile(b->t->train_pass, &b->times);
    const double from = clock_seconds();
    double elapsed = 0;
    int64_t steps = 0;
    for (; elapsed < seconds || !steps; elapsed = clock_seconds() - from, steps++) step(b);
    pass_profile(b->t->train_pass, NULL);
    for (size_t i = 0; i < n; i++) {
        b->times.forward[i] /= (double)steps;
        b->times.backward[i] /= (double)steps;
        b->times.tiles[i] /= (double)steps;
    }
    b->step_seconds = elapsed / (double)steps;
    b->update_seconds = (elapsed - b->times.pass) / (double)steps;
}

/* ---- the machine's peak: one matrix product a thread ---- */

enum { SIDE = 512, PITCH = SIDE + 16 };          /* rows a power of two apart share a few sets of the caches */

typedef struct product { const float *a, *b; float *c; } product;

static void multiply(void *context, int64_t i)
{
    const product *p = context;
    compute_host()->gemm(false, false, SIDE, SIDE, SIDE, 1, p->a, PITCH, p->b, PITCH, 0, p->c + i * SIDE * PITCH, PITCH);
}

/* The best of 20: call it at several times, since what else the machine does changes. */
static double measure_peak(void)
{
    const int64_t threads = compute_threads();
    float *ab = block_alloc(2 * SIDE * PITCH, sizeof *ab), *c = block_alloc((size_t)(threads * SIDE * PITCH), sizeof *c);
    double best = NAN;
    for (int i = 0; ab && i < 2 * SIDE * PITCH; i++) ab[i] = 1e-3f * (float)(i % 97);
    for (int k = 0; ab && c && k < 20; k++) {
        const double from = clock_seconds();
        compute_parallel(threads, multiply, &(product){ ab, ab + SIDE * PITCH, c });
        best = fmax(best, (double)threads * 2e-9 * SIDE * SIDE * SIDE / (clock_seconds() - from));
    }
    block_free(ab);
    block_free(c);
    return best;
}

/* ---- results ---- */

/* Forward and backward of a layer, per step: products with weights are done once forward and twice backward. */
static double flops(const bench *b, int i)
{
    const model_layer *l = &b->t->model->layer[i];
    return l->plan.flops * (double)b->in.n * (l->differentiated ? l->n_in && l->in[0] < 0 ? 2 : 3 : 1);
}

static double median_step(const bench *b) { return (double)b->in.n / b->median; }
static double busy(const bench *b, int i) { return b->times.forward[i] + b->times.backward[i] + b->times.tiles[i]; }

/* Most bytes of memory the process has had so far. */
static int64_t peak_memory(void)
{
    struct rusage use;
    return getrusage(RUSAGE_SELF, &use) == 0 ? (int64_t)use.ru_maxrss * 1024 : 0;
}

static void add_line(columns *c, const char *name, const char *type, double f, double g, double t, double rate, double share)
{
    char cell[5][32] = { "", "", "", "", "" };
    const double value[] = { 1e3 * f, 1e3 * g, 1e3 * t, rate, 100 * share };
    static const char *const format[] = { "%.3f", "%.3f", "%.3f", "%.1f", "%.1f %%" };
    for (int i = 0; i < 5; i++)
        if (value[i] > 0 && isfinite(value[i])) snprintf(cell[i], sizeof cell[i], format[i], value[i]);
    columns_add(c, (const char *const[]){ name, type, cell[0], cell[1], cell[2], cell[3], cell[4] });
}

static void print_table(const bench *b)
{
    const model *m = b->t->model;
    const double thread_seconds = b->step_seconds * compute_threads();
    double all = 0, work = 0, heavy = 0;
    columns *c = columns_new(7, (const char *const[]){ "layer", "type", "forward ms", "backward ms", "tiles ms", "GFLOP/s", "share" }, "llrrrrr");
    for (int i = 0; i <= m->loss; i++) {
        const double t = busy(b, i);
        all += t;
        work += flops(b, i);
        if (flops(b, i) > 0) heavy += t;
        add_line(c, m->layer[i].name, m->layer[i].type, b->times.forward[i], b->times.backward[i], b->times.tiles[i], 1e-9 * flops(b, i) / t, t / thread_seconds);
    }
    columns_rule(c);
    const double update = b->update_seconds * compute_threads();
    add_line(c, "update", "", 0, 0, 0, 0, update / thread_seconds);
    add_line(c, "waiting", "", 0, 0, 0, 0, fmax(0, thread_seconds - update - all) / thread_seconds);
    add_line(c, "step", "", 0, 0, 0, 1e-9 * work / b->step_seconds, 1);
    columns_print(c);
    printf("\n  %.0f samples/s (best %.0f), %.4f ms a step, %d thread%s; %.0f %% of the measured peak of %.0f GFLOP/s (%s); %.0f MiB\n",
           b->median, b->best, 1e3 * median_step(b), compute_threads(), compute_threads() == 1 ? "" : "s",
           100e-9 * work / median_step(b) / b->peak, b->peak, compute_describe(), (double)peak_memory() / (1 << 20));
}

static void print_json(const bench *b)
{
    const model *m = b->t->model;
    text t = { 0 };
    json_open(&t, NULL, '{');
    json_string(&t, "workload", b->t->experiment->name);
    json_real(&t, "samples_per_s", b->median);
    json_real(&t, "best_samples_per_s", b->best);
    json_int(&t, "params", (int64_t)m->n_weights);
    json_int(&t, "batch", b->in.n);
    json_int(&t, "threads", compute_threads());
    json_string(&t, "precision", compute_precision_now() == COMPUTE_BF16 ? "bf16" : "f32");
    json_real(&t, "step_ms", 1e3 * median_step(b));
    json_real(&t, "update_ms", 1e3 * b->update_seconds);
    json_real(&t, "peak_gflops", b->peak);
    json_int(&t, "peak_memory_bytes", peak_memory());
    json_string(&t, "machine", compute_describe());
    json_open(&t, "layers", '[');
    for (int i = 0; i <= m->loss; i++) {
        json_open(&t, NULL, '{');
        json_string(&t, "name", m->layer[i].name);
        json_string(&t, "type", m->layer[i].type);
        json_real(&t, "forward_ms", 1e3 * b->times.forward[i]);
        json_real(&t, "backward_ms", 1e3 * (b->times.backward[i] + b->times.tiles[i]));
        json_real(&t, "gflop", 1e-9 * flops(b, i));
        json_close(&t, '}');
    }
    json_close(&t, ']');
    json_close(&t, '}');
    json_end(&t, stdout);
}

static int run_bench(session *s, double seconds, bool as_json, problems *pr)
{
    trainer *t = s->trainer;
    loader_start(t->loader, 0, 0);
    const batch *first = loader_next(t->loader, pr);
    if (!first) return EXIT_WORK_FAILED;
    bench b = { .t = t, .in = { .n = first->n, .inputs = first->inputs, .targets = first->targets, .weights = first->weights, .seed = t->experiment->seed } };
    b.peak = measure_peak();
    time_steps(&b, seconds);
    b.peak = fmax(b.peak, measure_peak());
    profile(&b, seconds / WINDOWS, t->memory);
    b.peak = fmax(b.peak, measure_peak());
    if (as_json) print_json(&b);
    else print_table(&b);
    return EXIT_DONE;
}

int verb_bench(int argc, char **argv)
{
    const char *threads = NULL, *seconds_text = "5";
    bool as_json = false;
    const cli_option options[] = {
        { "--threads", &threads, NULL, "N  as train.threads=N" },
        { "--seconds", &seconds_text, NULL, "S  how long to measure (default: 5)" },
        { "--json", NULL, &as_json, "one JSON object" },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, options, 1, 1, "heft bench FILE [path=value ...] [--threads N] [--seconds S] [--json]", &args) < 0)
        return EXIT_USAGE;
    double seconds;
    if (!text_real(seconds_text, &seconds) || seconds <= 0 || seconds > 1e6) {
        fprintf(stderr, "heft: error: --seconds %s: a number over 0\n", seconds_text);
        return EXIT_USAGE;
    }
    problems pr = { 0 };
    session s = { .memory = arena_new() };
    char **over = arena_alloc(s.memory, (size_t)args.n_overrides + 1, sizeof *over);
    memcpy(over, args.override, (size_t)args.n_overrides * sizeof *over);
    if (threads) over[args.n_overrides++] = arena_printf(s.memory, "train.threads=%s", threads);
    int code = EXIT_USAGE;
    experiment *e = experiment_load(args.arg[0], args.n_overrides, over, &pr);
    if (e && session_train(&s, e, &pr) == 0) code = run_bench(&s, seconds, as_json, &pr);
    if (pr.n) cli_fail(&pr, code);
    session_close(&s);
    problems_free(&pr);
    return code;
}
