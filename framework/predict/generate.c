#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "predict/trained.h"

typedef struct writer {
    trained *t;
    arena   *memory;
    const generation *g;
    int64_t  window, classes;        /* characters that the model sees; different characters */
    int32_t *token;                  /* [window] the last of the text */
    int64_t  n;                      /* of them that are there */
    float   *probability;            /* [window, classes] */
    double  *weight;                 /* [classes] */
    int32_t *order;                  /* [classes] */
} writer;

enum { MOST_TEMPERATURE = 100 };

static int check_options(const generation *g, problems *pr)
{
    const size_t before = pr->n;
    if (!*g->prompt) problems_add(pr, (place){ 0 }, "the prompt is empty; at least one character is needed");
    if (g->length < 0) problems_add(pr, (place){ 0 }, "a length of %lld; 0 characters or more are needed", (long long)g->length);
    if (!(g->temperature >= 0 && g->temperature <= MOST_TEMPERATURE))
        problems_add(pr, (place){ 0 }, "a temperature of %g; a number from 0 to %d is needed", g->temperature, MOST_TEMPERATURE);
    if (g->top_k < 0) problems_add(pr, (place){ 0 }, "the %lld likeliest characters; 1 or more, or 0 for all, are needed", (long long)g->top_k);
    return pr->n > before ? -1 : 0;
}

static int check_model(const trained *t, problems *pr)
{
    const model *m = t->model;
    const heft_shape *out = &m->layer[m->output].plan.out;
    if (!data_text_bytes(t->data)) {
        problems_add(pr, (place){ 0 }, "the model was not trained on text (format: text), so it has nothing to add to a prompt");
        return -1;
    }
    const bool fits = out->rank == 2 && out->dim[0] == t->data->input.dim[0] && out->dim[1] == t->data->n_classes;
    if (fits && m->layer[m->loss].layer->predict) return 0;
    char shape[HEFT_SHAPE_TEXT];
    if (!fits) problems_add(pr, (place){ 0 }, "the model's output is %s; to write text it must be a probability of each of %lld characters at each of %lld places",
                            heft_shape_text(out, shape), (long long)t->data->n_classes, (long long)t->data->input.dim[0]);
    else problems_add(pr, (place){ 0 }, "the loss %s gives no probabilities to draw from", m->layer[m->loss].type);
    return -1;
}

/* Probabilities at all places, the text standing at the beginning of the window and `behind` after it. */
static void look(writer *w, int32_t behind)
{
    for (int64_t i = w->n; i < w->window; i++) w->token[i] = behind;
    trained_predict(w->t, 1, (const float *)(const void *)w->token, w->probability);
}

/* Whatever stands behind the prompt must not change what the model says of its next character. */
static int check_causal(writer *w, problems *pr)
{
    const size_t window = (size_t)w->window * sizeof *w->token, bytes = (size_t)w->classes * sizeof(float);
    int32_t *const kept = arena_alloc(w->memory, 1, window);
    float *const first = arena_alloc(w->memory, 1, bytes);
    const int64_t n = w->n;
    memcpy(kept, w->token, window);
    if (w->n == w->window) w->n--;
    const float *const next = w->probability + (w->n - 1) * w->classes;
    look(w, 0);
    memcpy(first, next, bytes);
    look(w, (int32_t)w->classes - 1);
    const bool causal = !memcmp(first, next, bytes);
    memcpy(w->token, kept, window);
    w->n = n;
    if (causal) return 0;
    problems_add(pr, (place){ 0 }, "the model looks ahead: what stands behind a character changes what it says of the next one; "
                 "one that writes text must not (multi_head_attention: causal: true; no reverse)");
    return -1;
}

static int by_weight(const void *a, const void *b, void *context)
{
    const double *weight = context;
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return weight[x] != weight[y] ? (weight[x] < weight[y]) - (weight[x] > weight[y]) : (x > y) - (x < y);
}

/* By the inverse of the cumulated weights, the most probable character first. */
static int32_t draw(writer *w, const float *p, int64_t i)
{
    const generation *g = w->g;
    for (int32_t k = 0; k < w->classes; k++) w->weight[w->order[k] = k] = (double)p[k];
    qsort_r(w->order, (size_t)w->classes, sizeof *w->order, by_weight, w->weight);
    const double most = w->weight[w->order[0]];
    if (g->temperature <= 0 || !(most > 0)) return w->order[0];
    const int64_t n = g->top_k && g->top_k < w->classes ? g->top_k : w->classes;
    double sum = 0;
    for (int64_t k = 0; k < n; k++) {
        double *v = &w->weight[w->order[k]];
        sum += *v = pow(*v / most, 1 / g->temperature);
    }
    heft_rng r = rng_key(g->seed, RNG_GENERATE, (uint64_t)i, 0);
    double left = (double)heft_uniform(&r) * sum;
    int64_t k = 0;
    while (k < n - 1 && (left -= w->weight[w->order[k]]) >= 0) k++;
    return w->order[k];
}

static void push(writer *w, int32_t token)
{
    if (w->n == w->window) memmove(w->token, w->token + 1, (size_t)--w->n * sizeof *w->token);
    w->token[w->n++] = token;
}

static int take_prompt(writer *w, problems *pr)
{
    const size_t n = strlen(w->g->prompt);
    uint8_t *bytes = (uint8_t *)arena_strdup(w->memory, w->g->prompt);
    if (data_text_tokens(w->t->data, "prompt", bytes, n, pr) < 0) return -1;
    for (size_t i = 0; i < n; i++) push(w, bytes[i]);
    return 0;
}

static int go_on(writer *w, generation_put *put, void *context, problems *pr)
{
    if (take_prompt(w, pr) < 0 || (w->window > 1 && check_causal(w, pr) < 0)) return -1;
    for (const char *c = w->g->prompt; *c; c++)
        if (put(context, *c, pr) < 0) return -1;
    const uint8_t *byte = data_text_bytes(w->t->data);
    for (int64_t i = 0; i < w->g->length; i++) {
        look(w, 0);
        const int32_t token = draw(w, w->probability + (w->n - 1) * w->classes, i);
        if (put(context, (char)byte[token], pr) < 0) return -1;
        push(w, token);
    }
    return 0;
}

int generate(trained *t, const generation *g, generation_put *put, void *context, problems *pr)
{
    if (check_model(t, pr) < 0 || check_options(g, pr) < 0) return -1;
    writer w = { .t = t, .memory = arena_new(), .g = g, .window = t->data->input.dim[0], .classes = t->data->n_classes };
    w.token = arena_alloc(w.memory, (size_t)w.window, sizeof *w.token);
    w.probability = arena_alloc(w.memory, (size_t)t->width, sizeof *w.probability);
    w.weight = arena_alloc(w.memory, (size_t)w.classes, sizeof *w.weight);
    w.order = arena_alloc(w.memory, (size_t)w.classes, sizeof *w.order);
    const int rc = go_on(&w, put, context, pr);
    arena_free(w.memory);
    return rc;
}
