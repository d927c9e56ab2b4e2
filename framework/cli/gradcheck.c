/* gradcheck.c -- heft gradcheck: gradients of an experiment's model against central differences
 *
 * One minibatch, every weight tensor by itself, along its own gradient and along random directions: with a unit vector d,
 * (f(x + h d) - f(x - h d)) / 2h against g . d.  The loss is f32, so each figure has a noise of about 1e-7 |f| / h; of several h the
 * best counts, which also steps over the kinks of relu and max.
 */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "compute/compute.h"
#include "report/columns.h"

enum { DIRECTIONS = 4 };

typedef struct probe { trainer *t; pass_input in; const float *gradient; float *kept; } probe;

static double loss_at(const probe *p, const model_span *s, const double *d, double h)
{
    model *m = p->t->model;
    for (size_t i = s->span.begin; i < s->span.end; i++) m->x[i] = (float)((double)p->kept[i] + h * d[i - s->span.begin]);
    const double loss = pass_run(p->t->train_pass, &p->in, false);
    memcpy(m->x + s->span.begin, p->kept + s->span.begin, (s->span.end - s->span.begin) * sizeof(float));
    return loss;
}

/* Error along d, relative to the length of the gradient, less what rounding explains. */
static double error_along(const probe *p, const model_span *s, const double *d, double length)
{
    static const double steps[] = { 1e-1, 3e-2, 1e-2, 3e-3, 1e-3 };
    double expected = 0, best = INFINITY;
    for (size_t i = s->span.begin; i < s->span.end; i++) expected += (double)p->gradient[i] * d[i - s->span.begin];
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        const double h = steps[k], up = loss_at(p, s, d, h), down = loss_at(p, s, d, -h);
        const double noise = 4e-7 * (fabs(up) + fabs(down)) / (2 * h);
        const double error = fmax(0, fabs((up - down) / (2 * h) - expected) - noise) / fmax(length, noise);
        if (error < best) best = error;
    }
    return best;
}

static double worst_error(const probe *p, const model_span *s, double *length)
{
    const size_t n = s->span.end - s->span.begin;
    double *d = block_alloc(n, sizeof *d), sum = 0, worst = 0;
    if (!d) memory_exhausted(n * sizeof *d);
    for (size_t i = 0; i < n; i++) sum += (double)p->gradient[s->span.begin + i] * (double)p->gradient[s->span.begin + i];
    *length = sqrt(sum);
    heft_rng r = rng_key(p->in.seed, RNG_TEST, rng_name(s->span.layer), rng_name(s->span.name));
    for (int k = 0; k <= DIRECTIONS; k++) {
        double norm = 0;
        for (size_t i = 0; i < n; i++) {
            d[i] = k ? (double)heft_normal(&r) : (double)p->gradient[s->span.begin + i];
            norm += d[i] * d[i];
        }
        if (norm == 0) continue;
        for (size_t i = 0; i < n; i++) d[i] /= sqrt(norm);
        worst = fmax(worst, error_along(p, s, d, *length));
    }
    block_free(d);
    return worst;
}

static int check(trainer *t, double tolerance, problems *pr)
{
    model *m = t->model;
    loader_start(t->loader, 0, 0);
    const batch *b = loader_next(t->loader, pr);
    if (!b) return EXIT_WORK_FAILED;
    probe p = { .t = t, .in = { .n = b->n, .inputs = b->inputs, .targets = b->targets, .weights = b->weights, .seed = t->experiment->seed } };
    pass_run(t->train_pass, &p.in, true);
    pass_sum(t->train_pass, 0, m->n_trained);
    p.gradient = pass_gradient(t->train_pass);
    p.kept = block_alloc(m->n_weights, sizeof *p.kept);
    if (!p.kept) memory_exhausted(m->n_weights * sizeof *p.kept);
    memcpy(p.kept, m->x, m->n_weights * sizeof *p.kept);

    const model_span *s;
    const size_t n = model_spans(m, t->memory, &s);
    columns *c = columns_new(5, (const char *const[]){ "layer", "tensor", "gradient", "error", "" }, "llrrl");
    int code = EXIT_DONE;
    for (size_t i = 0; i < n; i++) {
        double length;
        const double error = worst_error(&p, &s[i], &length);
        const bool good = error <= tolerance;
        if (!good) code = EXIT_WORK_FAILED;
        char g[32], e[32];
        snprintf(g, sizeof g, "%.3g", length);
        snprintf(e, sizeof e, "%.2g", error);
        columns_add(c, (const char *const[]){ s[i].span.layer, s[i].span.name, g, e, good ? "agrees" : "DIFFERS" });
    }
    columns_print(c);
    block_free(p.kept);
    return code;
}

int verb_gradcheck(int argc, char **argv)
{
    const char *tolerance_text = "0.01";
    const cli_option options[] = {
        { "--tolerance", &tolerance_text, NULL, "X  largest error, relative to the gradient's length (default: 0.01)" },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, options, 1, 1, "heft gradcheck FILE [path=value ...] [--tolerance X]", &args) < 0) return EXIT_USAGE;
    double tolerance;
    if (!text_real(tolerance_text, &tolerance) || tolerance <= 0) {
        fprintf(stderr, "heft: error: --tolerance %s: a number over 0\n", tolerance_text);
        return EXIT_USAGE;
    }
    problems pr = { 0 };
    session s = { 0 };
    int code = EXIT_USAGE;
    experiment *e = experiment_load(args.arg[0], args.n_overrides, args.override, &pr);
    if (e && session_train(&s, e, &pr) == 0) code = check(s.trainer, tolerance, &pr);
    if (pr.n) cli_fail(&pr, code);
    session_close(&s);
    problems_free(&pr);
    return code;
}
