/* predict.c -- heft predict: what a trained model says of new data, as CSV or HDF5 */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "compute/compute.h"

/* Predictions of all samples, in the users' units: probabilities, or targets as they were before scaling. */
typedef struct answers { int64_t n, width; float *value; int32_t *class; double *mean, *scale; } answers;

typedef struct chunk { const model_layer *loss; const heft_forward *f; } chunk;

static void apply_predict(void *context, int64_t i)
{
    (void)i;
    const chunk *c = context;
    c->loss->layer->predict(c->loss->self, c->f);
}

/* The model's output for one batch, as its loss wants it seen. */
static void add_batch(const session *s, const batch *b, answers *a)
{
    const model *m = s->model;
    pass_run(s->pass, &(pass_input){ .n = b->n, .inputs = b->inputs }, false);
    float *to = a->value + b->first * a->width;
    const float *out = pass_output(s->pass);
    const model_layer *loss = &m->layer[m->loss];
    if (loss->layer->predict) {
        const float *in[] = { out, NULL };
        const heft_forward f = { .host = compute_host(), .n = b->n, .in = in, .out = to };
        compute_parallel(1, apply_predict, &(chunk){ loss, &f });
    } else memcpy(to, out, (size_t)(b->n * a->width) * sizeof *to);
    for (int64_t k = 0; k < a->width; k++)
        for (int64_t i = 0; i < b->n; i++) to[i * a->width + k] = (float)((double)to[i * a->width + k] * a->scale[k] + a->mean[k]);
}

/* The class of each answer: the most probable one, along the last axis; for a single output, whether it is over one half. */
static int find_classes(const session *s, answers *a, problems *pr)
{
    const heft_shape *out = &s->model->layer[s->model->output].plan.out;
    const int64_t k = out->rank ? out->dim[out->rank - 1] : 1;
    if (s->data->n_classes < 2 || a->width != k) return 0;
    if (!(a->class = block_alloc((size_t)a->n, sizeof *a->class))) {
        problems_add(pr, (place){ 0 }, "no memory for %lld classes", (long long)a->n);
        return -1;
    }
    for (int64_t i = 0; i < a->n; i++) {
        const float *p = a->value + i * k;
        for (int64_t j = 1; j < k; j++)
            if (p[j] > p[a->class[i]]) a->class[i] = (int32_t)j;
        if (k == 1) a->class[i] = p[0] > 0.5f;
    }
    return 0;
}

static int answer(session *s, answers *a, problems *pr)
{
    const model *m = s->model;
    dataset *d = s->data->test;
    size_t cells;
    a->n = dataset_count(d);
    a->width = heft_count(&m->layer[m->output].plan.out);
    if (!size_mul((size_t)a->n, (size_t)a->width, &cells) || !(a->value = block_alloc(cells, sizeof *a->value))) {
        problems_add(pr, (place){ 0 }, "no memory for %lld predictions of %lld numbers", (long long)a->n, (long long)a->width);
        return -1;
    }
    a->mean = arena_alloc(s->memory, (size_t)a->width, sizeof *a->mean);
    a->scale = arena_alloc(s->memory, (size_t)a->width, sizeof *a->scale);
    data_target_scale(s->data, a->width, a->mean, a->scale);
    const size_t before = pr->n;
    loader *l = loader_open(d, s->data, m->batch, false, false, 0, pr);
    if (!l) return -1;
    loader_start(l, 0, 0);
    for (const batch *b; (b = loader_next(l, pr));) add_batch(s, b, a);
    loader_close(l);
    if (pr->n > before) return -1;
    return find_classes(s, a, pr);
}

/* ---- writing ---- */

static void add_field(text *t, const char *s)
{
    if (!s[strcspn(s, ",\"\r\n")]) {
        text_add(t, s);
        return;
    }
    text_add(t, "\"");
    for (; *s; s++) text_printf(t, *s == '"' ? "\"\"" : "%c", *s);
    text_add(t, "\"");
}

static const char *class_text(const data *d, int64_t k, char buffer[32])
{
    if (d->class_name) return d->class_name[k];
    snprintf(buffer, 32, "%lld", (long long)k);
    return buffer;
}

static void add_number(text *t, float v)
{
    char s[32];
    text_float(v, s);
    text_printf(t, ",%s", s);
}

static void write_csv(const data *d, const answers *a, text *t)
{
    char buffer[32];
    text_add(t, "sample");
    if (a->class) text_add(t, ",class,probability");
    for (int64_t k = 0; k < a->width && !(a->class && a->width == 1); k++) {
        text_add(t, ",");
        if (a->class) {
            char name[300];
            snprintf(name, sizeof name, "p_%s", class_text(d, k, buffer));
            add_field(t, name);
        } else if (a->width == 1) add_field(t, d->target_name ? d->target_name : "output");
        else text_printf(t, "output_%lld", (long long)k);
    }
    text_add(t, "\n");
    for (int64_t i = 0; i < a->n; i++) {
        const float *v = a->value + i * a->width;
        text_printf(t, "%lld", (long long)i);
        if (a->class) {
            const float p = a->width > 1 ? v[a->class[i]] : a->class[i] ? v[0] : 1 - v[0];
            text_add(t, ",");
            add_field(t, class_text(d, a->class[i], buffer));
            add_number(t, p);
        }
        for (int64_t k = 0; k < a->width && !(a->class && a->width == 1); k++) add_number(t, v[k]);
        text_add(t, "\n");
    }
}

static int write_hdf(const session *s, const answers *a, const char *path, problems *pr)
{
    const heft_shape *out = &s->model->layer[s->model->output].plan.out;
    int64_t dim[HDF_MAX_RANK] = { a->n };
    for (int32_t i = 0; i < out->rank; i++) dim[i + 1] = out->dim[i];
    hdf_file *f = hdf_create(pr);
    if (!f) return -1;
    if (hdf_write(f, "/predictions", HDF_F32, 1 + out->rank, dim, a->value, pr) < 0 ||
        (a->class && hdf_write(f, "/class", HDF_I32, 1, dim, a->class, pr) < 0) ||
        (a->class && s->data->class_name && hdf_write_texts(f, "/class_name", s->data->n_classes, s->data->class_name, pr) < 0)) {
        hdf_discard(f);
        return -1;
    }
    return hdf_publish(f, "heft-predictions 1", path, pr);
}

static bool ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

static int write_answers(const session *s, const answers *a, const char *path, problems *pr)
{
    if (path && (ends_with(path, ".h5") || ends_with(path, ".hdf5"))) return write_hdf(s, a, path, pr);
    text t = { 0 };
    write_csv(s->data, a, &t);
    int rc = 0;
    if (path) rc = file_publish(path, t.s, t.n, pr);
    else if (fwrite(t.s, 1, t.n, stdout) != t.n || fflush(stdout)) {
        problems_system(pr, "standard output", "cannot be written", errno);
        rc = -1;
    }
    text_free(&t);
    return rc;
}

int verb_predict(int argc, char **argv)
{
    const char *input = NULL, *output = NULL;
    bool has_targets;
    const cli_option options[] = {
        { "--input", &input, NULL, "FILE  new data, of any format that heft reads; for built-in data how many samples" },
        { "--output", &output, NULL, "FILE  .h5 or .hdf5 for HDF5, anything else is CSV (default: CSV to the terminal)" },
        { 0 }
    };
    cli_args args;
    static const char usage[] = "heft predict CHECKPOINT|RUN --input FILE [--output FILE] [path=value ...]";
    if (cli_read(argc, argv, options, 1, 1, usage, &args) < 0) return EXIT_USAGE;
    if (!input) {
        fprintf(stderr, "heft: error: predict needs --input FILE\nusage: %s\n", usage);
        return EXIT_USAGE;
    }
    problems pr = { 0 };
    session s = { 0 };
    answers a = { 0 };
    int code = EXIT_USAGE;
    if (session_load(&s, args.arg[0], args.n_overrides, args.override, input, &has_targets, &pr) == 0) {
        code = EXIT_WORK_FAILED;
        if (answer(&s, &a, &pr) == 0 && write_answers(&s, &a, output, &pr) == 0) code = EXIT_DONE;
    }
    if (code) cli_fail(&pr, code);
    block_free(a.value);
    block_free(a.class);
    session_close(&s);
    problems_free(&pr);
    return code;
}
