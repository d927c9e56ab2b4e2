/* heft.c -- heft.h: a handle around a trained model, one lock, and failures as text */
#include <heft/heft.h>

#include <pthread.h>
#include <setjmp.h>
#include <string.h>

#include "compute/compute.h"
#include "predict/trained.h"

_Static_assert((int)HEFT_MOST_AXES >= (int)HEFT_MAX_RANK, "a shape of plugin.h fits into one of heft.h");

struct heft_model {
    trained trained;
    data   *data;
    float  *inputs;                  /* [batch, input size]; a block */
};

/* Threads and precision are the process's, so models take turns; `set` is the one they are set for. */
static struct {
    pthread_mutex_t   lock;
    int               models;
    const heft_model *set;
    bool              broken;        /* memory ran out somewhere in the middle, perhaps under a lock */
} library = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local char message[8192];
static _Thread_local jmp_buf escape;

static void run_out(size_t bytes)
{
    (void)bytes;
    longjmp(escape, 1);
}

static compute_guest begin(void)
{
    message[0] = 0;
    pthread_mutex_lock(&library.lock);
    memory_handler = run_out;
    return compute_enter();
}

static void end(compute_guest guest)
{
    memory_handler = NULL;
    compute_leave(guest);
    pthread_mutex_unlock(&library.lock);
}

/* The problems as the message; they are freed. */
static void keep(problems *pr)
{
    FILE *f = fmemopen(message, sizeof message, "w");
    if (f) {
        problems_print(pr, f);
        fclose(f);
    }
    message[sizeof message - 1] = 0;
    size_t n = strlen(message);
    if (n && message[n - 1] == '\n') message[n - 1] = 0;
    problems_free(pr);
}

static void no_memory(void)
{
    library.broken = true;
    snprintf(message, sizeof message, "heft: error: out of memory");
}

static bool refuse_broken(void)
{
    if (library.broken) snprintf(message, sizeof message, "heft: error: memory ran out in an earlier call; nothing more can be done in this process");
    return library.broken;
}

static void set_threads(const heft_model *m)
{
    if (library.set == m) return;
    compute_init((int)m->trained.options.threads, (compute_precision)m->trained.options.precision);
    library.set = m;
}

static void release(heft_model *m)
{
    trained_close(&m->trained);
    if (m->data) data_free(m->data);
    block_free(m->inputs);
    block_free(m);
}

static int load(heft_model *m, const char *path, int threads, problems *pr)
{
    trained *t = &m->trained;
    char how_many[40] = "train.threads=auto", *overrides[] = { how_many };
    if (threads) snprintf(how_many, sizeof how_many, "train.threads=%d", threads);
    library.set = NULL;
    if (trained_open(t, path, 1, overrides, pr) < 0) return -1;
    struct data_fit *fit = checkpoint_data_fit(t->checkpoint, t->memory, pr);
    if (!fit) return -1;
    m->data = data_of_fit(fit);
    if (trained_load(t, m->data, pr) < 0) return -1;
    library.set = m;
    size_t cells;
    if (size_mul((size_t)t->model->batch, (size_t)heft_input_size(m), &cells)) m->inputs = block_alloc(cells, sizeof *m->inputs);
    if (m->inputs) return 0;
    problems_add(pr, (place){ path, 0, 0 }, "no memory for %lld samples", (long long)t->model->batch);
    return -1;
}

heft_model *heft_open(const char *path, int threads)
{
    problems pr = { 0 };
    heft_model *m = block_alloc(1, sizeof *m);
    heft_model *volatile opened = NULL;
    const compute_guest guest = begin();
    if (setjmp(escape)) no_memory();
    else if (!m) no_memory();
    else if (!refuse_broken()) {
        if (!path) problems_add(&pr, (place){ 0 }, "no path is given; that of a checkpoint or a run is needed");
        else if (threads < 0) problems_add(&pr, (place){ 0 }, "%d threads; 1 or more, or 0 for all, are needed", threads);
        else if (load(m, path, threads, &pr) == 0) opened = m;
        if (opened) library.models++;
        else {
            keep(&pr);
            release(m);
        }
    }
    end(guest);
    return opened;
}

void heft_close(heft_model *m)
{
    if (!m) return;
    const compute_guest guest = begin();
    if (setjmp(escape)) no_memory();
    else if (!library.broken) {
        if (library.set == m) library.set = NULL;
        release(m);
        if (!--library.models) compute_init(1, COMPUTE_F32);         /* ends the threads */
    }
    end(guest);
}

const char *heft_last_error(void) { return message; }
const char *heft_version(void) { return HEFT_VERSION; }

/* ---- what a model takes and gives ---- */

static int shape_of(const heft_shape *s, int64_t dim[HEFT_MOST_AXES])
{
    for (int32_t i = 0; i < s->rank; i++) dim[i] = s->dim[i];
    return s->rank;
}

static const heft_shape *output_of(const heft_model *m) { return &m->trained.model->layer[m->trained.model->output].plan.out; }

int     heft_input_shape(const heft_model *m, int64_t dim[HEFT_MOST_AXES]) { return shape_of(&m->data->input, dim); }
int     heft_output_shape(const heft_model *m, int64_t dim[HEFT_MOST_AXES]) { return shape_of(output_of(m), dim); }
int64_t heft_input_size(const heft_model *m) { return heft_count(&m->data->input); }
int64_t heft_output_size(const heft_model *m) { return m->trained.width; }
int64_t heft_input_tokens(const heft_model *m) { return m->data->input.dtype == HEFT_I32 ? m->data->input.limit : 0; }
int64_t heft_classes(const heft_model *m) { return m->data->n_classes; }

const char *heft_input_name(const heft_model *m, int64_t i)
{
    return m->data->column_name && i >= 0 && i < m->data->n_columns ? m->data->column_name[i] : NULL;
}

const char *heft_class_name(const heft_model *m, int64_t k)
{
    return m->data->class_name && k >= 0 && k < m->data->n_classes ? m->data->class_name[k] : NULL;
}

/* ---- predictions ---- */

static int predict(heft_model *m, int64_t n, const float *inputs, float *outputs, int32_t *classes, problems *pr)
{
    trained *t = &m->trained;
    const int64_t most = t->model->batch, in = heft_input_size(m), out = t->width;
    size_t cells;
    if (n < 0 || !size_mul((size_t)n, (size_t)(in > out ? in : out) * sizeof(float), &cells))
        problems_add(pr, (place){ 0 }, "%lld samples; 0 or more, as many as memory can hold, are needed", (long long)n);
    if (n && (!inputs || !outputs)) problems_add(pr, (place){ 0 }, "no %s are given", inputs ? "outputs" : "inputs");
    if (classes && !trained_classifies(t))
        problems_add(pr, (place){ 0 }, "classes are asked for; the model gives %lld numbers for a sample, not one class", (long long)out);
    if (pr->n) return -1;
    set_threads(m);
    for (int64_t at = 0; at < n; at += most) {
        const int64_t k = n - at < most ? n - at : most;
        if (data_from_numbers(m->data, at, k, inputs, m->inputs, pr) < 0) return -1;
        trained_predict(t, k, m->inputs, outputs + at * out);
    }
    for (int64_t i = 0; i < n && classes; i++) classes[i] = trained_class(t, outputs + i * out);
    return 0;
}

int heft_predict(heft_model *m, int64_t n, const float *inputs, float *outputs, int32_t *classes)
{
    problems pr = { 0 };
    volatile int rc = -1;
    const compute_guest guest = begin();
    if (setjmp(escape)) no_memory();
    else if (!refuse_broken()) {
        if (!m) problems_add(&pr, (place){ 0 }, "no model is given; heft_open returns one");
        else rc = predict(m, n, inputs, outputs, classes, &pr);
        if (pr.n) keep(&pr);
    }
    end(guest);
    return rc;
}

/* ---- text ---- */

typedef struct page { size_t skip; char *to; } page;      /* what stands in front, the prompt, is the caller's already */

static int put(void *context, char c, problems *pr)
{
    page *p = context;
    (void)pr;
    if (p->skip) p->skip--;
    else *p->to++ = c;
    return 0;
}

static int write_on(heft_model *m, const generation *g, char *to, problems *pr)
{
    page p = { strlen(g->prompt), to };
    set_threads(m);
    if (generate(&m->trained, g, put, &p, pr) < 0) return -1;
    *p.to = 0;
    return 0;
}

int heft_generate(heft_model *m, const char *prompt, int64_t length, double temperature, int64_t top_k, uint64_t seed, char *to)
{
    problems pr = { 0 };
    volatile int rc = -1;
    const compute_guest guest = begin();
    if (setjmp(escape)) no_memory();
    else if (!refuse_broken()) {
        const generation g = { prompt, length, temperature, top_k, seed };
        if (!m) problems_add(&pr, (place){ 0 }, "no model is given; heft_open returns one");
        else if (!prompt || !to) problems_add(&pr, (place){ 0 }, "no %s is given", prompt ? "room for text" : "prompt");
        else rc = write_on(m, &g, to, &pr);
        if (pr.n) keep(&pr);
    }
    end(guest);
    return rc;
}
