/* predict.c -- heft predict: what a trained model says of new data, as CSV or HDF5; or how it goes on with a text */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/session.h"

/* Predictions of all samples, in the users' units. */
typedef struct answers { int64_t n, width; float *value; int32_t *class; } answers;

static int answer(session *s, answers *a, problems *pr)
{
    trained *t = &s->trained;
    dataset *d = s->data->test;
    size_t cells;
    a->n = dataset_count(d);
    a->width = t->width;
    const bool classes = trained_classifies(t);
    if (!size_mul((size_t)a->n, (size_t)a->width, &cells) || !(a->value = block_alloc(cells, sizeof *a->value)) ||
        (classes && !(a->class = block_alloc((size_t)a->n, sizeof *a->class)))) {
        problems_add(pr, (place){ 0 }, "no memory for %lld predictions of %lld numbers", (long long)a->n, (long long)a->width);
        return -1;
    }
    const size_t before = pr->n;
    loader *l = loader_open(d, s->data, t->model->batch, false, false, 0, pr);
    if (!l) return -1;
    loader_start(l, 0, 0);
    for (const batch *b; (b = loader_next(l, pr));) trained_predict(t, b->n, b->inputs, a->value + b->first * a->width);
    loader_close(l);
    for (int64_t i = 0; i < a->n && a->class; i++) a->class[i] = trained_class(t, a->value + i * a->width);
    return pr->n > before ? -1 : 0;
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
    const model *m = s->trained.model;
    const heft_shape *out = &m->layer[m->output].plan.out;
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

/* ---- text ---- */

/* Each character at once, so that one sees it come. */
static int put(void *context, char c, problems *pr)
{
    *(bool *)context = true;
    if (putchar(c) != EOF && !fflush(stdout)) return 0;
    problems_system(pr, "standard output", "cannot be written", errno);
    return -1;
}

/* The options that go with --prompt, as given. */
typedef struct text_words { const char *length, *temperature, *top_k, *seed; } text_words;

static bool read_generation(const text_words *w, generation *g)
{
    int64_t seed = 0;
    bool good = cli_whole("--length", w->length, 0, INT64_C(1) << 40, &g->length);
    good &= cli_whole("--top-k", w->top_k, 1, 256, &g->top_k);
    good &= cli_whole("--seed", w->seed, 0, INT64_MAX, &seed);
    g->seed = (uint64_t)seed;
    if (w->temperature && (!text_real(w->temperature, &g->temperature) || !(g->temperature >= 0 && g->temperature <= 100))) {
        fprintf(stderr, "heft: error: --temperature %s: a number from 0 to 100 is needed\n", w->temperature);
        good = false;
    }
    return good;
}

/* ---- the verb ---- */

static int predict_file(session *s, const cli_args *args, const char *input, const char *output, problems *pr)
{
    bool has_targets;
    answers a = { 0 };
    int code = EXIT_USAGE;
    if (session_load(s, args->arg[0], args->n_overrides, args->override, input, &has_targets, pr) == 0) {
        code = EXIT_WORK_FAILED;
        if (answer(s, &a, pr) == 0 && write_answers(s, &a, output, pr) == 0) code = EXIT_DONE;
    }
    block_free(a.value);
    block_free(a.class);
    return code;
}

static int write_text(session *s, const cli_args *args, const generation *g, problems *pr)
{
    if (session_load_model(s, args->arg[0], args->n_overrides, args->override, pr) < 0) return EXIT_USAGE;
    bool begun = false;
    const int rc = generate(&s->trained, g, put, &begun, pr);
    if (rc == 0 && put(&begun, '\n', pr) == 0) return EXIT_DONE;
    return begun ? EXIT_WORK_FAILED : EXIT_USAGE;
}

/* Which of the two it is, and no option of the other. */
static bool check_options(const char *input, const char *output, const char *prompt, const text_words *w)
{
    const char *fault = NULL;
    if (!input == !prompt) fault = input ? "has either --input or --prompt, not both" : "needs --input FILE or --prompt TEXT";
    else if (prompt && output) fault = "writes text to the terminal; --output goes with --input";
    else if (!prompt && (w->length || w->temperature || w->top_k || w->seed))
        fault = "takes --length, --temperature, --top-k and --seed with --prompt only";
    if (fault) fprintf(stderr, "heft: error: predict %s\n", fault);
    return !fault;
}

int verb_predict(int argc, char **argv)
{
    const char *input = NULL, *output = NULL, *prompt = NULL;
    text_words words = { 0 };
    const cli_option options[] = {
        { "--input", &input, NULL, "FILE  new data, of any format that heft reads; for built-in data how many samples" },
        { "--output", &output, NULL, "FILE  .h5 or .hdf5 for HDF5, anything else is CSV (default: CSV to the terminal)" },
        { "--prompt", &prompt, NULL, "TEXT  begin with these characters and let a model of text go on" },
        { "--length", &words.length, NULL, "N  characters to add (default: 500)" },
        { "--temperature", &words.temperature, NULL, "T  below 1: likely characters more often; 0: always the likeliest (default: 1)" },
        { "--top-k", &words.top_k, NULL, "K  draw from the K likeliest characters only (default: from all)" },
        { "--seed", &words.seed, NULL, "S  of the draws (default: 0)" },
        { 0 }
    };
    cli_args args;
    static const char usage[] = "heft predict CHECKPOINT|RUN {--input FILE [--output FILE] | --prompt TEXT [--length N]} [path=value ...]";
    if (cli_read(argc, argv, options, 1, 1, usage, &args) < 0) return EXIT_USAGE;
    generation g = { .prompt = prompt, .length = 500, .temperature = 1 };
    if (!check_options(input, output, prompt, &words) || !read_generation(&words, &g)) {
        fprintf(stderr, "usage: %s\n", usage);
        return EXIT_USAGE;
    }
    problems pr = { 0 };
    session s = { 0 };
    const int code = prompt ? write_text(&s, &args, &g, &pr) : predict_file(&s, &args, input, output, &pr);
    if (code) cli_fail(&pr, code);
    session_close(&s);
    problems_free(&pr);
    return code;
}
