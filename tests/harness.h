/* harness.h -- one layer run by itself, as the host would run it
 *
 *     harness *h = harness_open("dense", "{units: 3}", 1, &SHAPE(8), LANES(4, 1));
 *     harness_fill(h, 1);                         // inputs, weights and dout; or write h->in[0] ... yourself
 *     harness_forward(h, true);                   // h->out
 *     harness_backward(h);                        // h->din, h->dweight
 *     harness_fold(h);                            // h->state
 *     harness_close(h);
 *
 * The minibatch is cut into the lanes given; survey, totals, forward, survey_back, backward, gradient (in small tiles)
 * and fold are called as plugin.h says, lanes and tiles in falling order, since no order is promised.  What a layer must
 * overwrite is NaN before.  Every buffer lies between red zones, checked after every pass (poisoned, under
 * AddressSanitizer).
 * Losses and metrics are layers too: h->in[1] is then the target.  Everything that fails, fails the cmocka test.
 */
#ifndef HEFT_TESTS_HARNESS_H
#define HEFT_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <heft/plugin.h>

#include "base/arena.h"
#include "base/problems.h"
#include "base/rng.h"
#include "compute/compute.h"
#include "config/options.h"
#include "plugin/registry.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p))
#endif

enum { HARNESS_ZONE = 64, HARNESS_TILE = 3, HARNESS_ROLES = HEFT_SCRATCH + 1 };

/* SHAPE(28, 28, 1): floats.  LABELS(10): one integer below 10 per sample.  LANES(4, 1): five samples in two lanes. */
#define SHAPE(...) (heft_shape){ .dtype = HEFT_F32, .dim = { __VA_ARGS__ }, \
    .rank = sizeof (int64_t[]){ __VA_ARGS__ } / sizeof(int64_t) }
#define SCALAR (heft_shape){ .dtype = HEFT_F32 }
#define LABELS(most) (heft_shape){ .dtype = HEFT_I32, .limit = most }
#define LANES(...) (const int64_t[]){ __VA_ARGS__, 0 }

typedef struct harness_buffer { char *block; size_t bytes; char name[48]; } harness_buffer;

typedef struct harness_lane {
    int64_t first, n;
    const float *in[HEFT_MAX_INPUTS];
    float  *din[HEFT_MAX_INPUTS];
    double *tally[HEFT_MAX_TENSORS], *tally_back[HEFT_MAX_TENSORS];
    float  *saved[HEFT_MAX_TENSORS], *scratch[HEFT_MAX_TENSORS], *dweight[HEFT_MAX_TENSORS];
} harness_lane;

typedef struct harness {
    char        label[160];                            /* name, options and lanes, for messages */
    arena      *memory;
    registry   *plugins;
    const heft_layer *layer;
    void       *self;
    heft_layer_plan plan;
    heft_shape  in_shape[HEFT_MAX_INPUTS];
    int         n_of[HARNESS_ROLES];                   /* tensors by role, and which */
    const heft_tensor *of[HARNESS_ROLES][HEFT_MAX_TENSORS];
    size_t      n_buffers;
    harness_buffer *buffer;

    int64_t     n;                                     /* samples */
    int         n_lanes;
    harness_lane *lane;
    heft_rng    rng;
    bool        by_gradient;                           /* use the gradient pass where there is one (true) */
    bool        frozen;                                /* no dweight is wanted */
    bool        no_din[HEFT_MAX_INPUTS];               /* din[i] is not wanted */
    float      *in[HEFT_MAX_INPUTS], *din[HEFT_MAX_INPUTS], *out, *dout;
    float      *weight[HEFT_MAX_TENSORS], *dweight[HEFT_MAX_TENSORS], *state[HEFT_MAX_TENSORS];
    double     *total[HEFT_MAX_TENSORS], *total_back[HEFT_MAX_TENSORS];
} harness;

/* ---- buffers ------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5)))
static inline void *harness_alloc(harness *h, size_t count, size_t size, const char *name, ...)
{
    h->buffer = arena_grow(h->memory, h->buffer, h->n_buffers, h->n_buffers + 1, sizeof *h->buffer);
    harness_buffer *b = &h->buffer[h->n_buffers++];
    va_list ap;
    va_start(ap, name);
    vsnprintf(b->name, sizeof b->name, name, ap);
    va_end(ap);
    b->bytes = count * size;
    b->block = block_alloc(b->bytes + 2 * HARNESS_ZONE, 1);
    assert_non_null(b->block);
    memset(b->block, 0xA5, HARNESS_ZONE);
    memset(b->block + HARNESS_ZONE + b->bytes, 0xA5, HARNESS_ZONE);
    ASAN_POISON_MEMORY_REGION(b->block, HARNESS_ZONE);
    ASAN_POISON_MEMORY_REGION(b->block + HARNESS_ZONE + b->bytes, HARNESS_ZONE);
    return b->block + HARNESS_ZONE;
}

static inline void harness_check_zones(const harness *h, const char *pass)
{
#ifndef __SANITIZE_ADDRESS__
    for (size_t i = 0; i < h->n_buffers; i++) {
        const harness_buffer *b = &h->buffer[i];
        for (size_t j = 0; j < HARNESS_ZONE; j++)
            if ((unsigned char)b->block[j] != 0xA5 || (unsigned char)b->block[HARNESS_ZONE + b->bytes + j] != 0xA5)
                fail_msg("%s: %s wrote outside %s", h->label, pass, b->name);
    }
#else
    (void)h, (void)pass;
#endif
}

static inline size_t harness_count(const heft_shape *s) { return (size_t)heft_count(s); }

static inline void harness_undefine(float *x, size_t n)
{
    for (size_t i = 0; x && i < n; i++) x[i] = NAN;
}

/* ---- opening ------------------------------------------------------------------- */

/* Where the registry's answer comes from. */
static inline const heft_layer *harness_find(harness *h, const char *name, problems *pr)
{
    h->plugins = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const plugin *p = registry_find(h->plugins, HEFT_LAYER, name, (place){0}, pr);
    return p ? &p->layer : NULL;
}

/* Finds, reads options and plans; false with what was said. */
static inline bool harness_plan(harness *h, const char *name, const char *options, int n_in, const heft_shape *in,
                                int64_t lane_max, char *said, size_t room)
{
    problems pr = {0};
    memcpy(h->in_shape, in, (size_t)n_in * sizeof *in);
    h->layer = harness_find(h, name, &pr);
    const node *map = h->layer && options[0] ? node_parse(h->memory, "options", options, strlen(options), &pr) : NULL;
    if (h->layer && !pr.n) {
        const heft_head *head = &h->layer->head;
        h->self = arena_alloc(h->memory, head->instance_size + 1, 1);
        if (head->options || map)
            options_read(head->options ? head->options : (const heft_option[]){ HEFT_OPT_END }, map, (place){0}, name,
                         NULL, h->self, h->memory, &pr);
    }
    said[0] = 0;
    if (pr.n) {
        snprintf(said, room, "%s", pr.item[0].text);
        problems_free(&pr);
        return false;
    }
    if (n_in < h->layer->min_in || n_in > h->layer->max_in) {
        snprintf(said, room, "takes %d to %d inputs", h->layer->min_in, h->layer->max_in);
        return false;
    }
    h->plan = (heft_layer_plan){ .host = compute_host(), .n_in = n_in, .in = h->in_shape, .lane_max = lane_max };
    if (!h->layer->plan(h->self, &h->plan)) return true;
    snprintf(said, room, "%s", h->plan.error.text);
    return false;
}

static inline void harness_allocate(harness *h, const int64_t *lanes)
{
    const size_t n = (size_t)h->n;
    const heft_layer_plan *p = &h->plan;
    for (int i = 0; i < p->n_in; i++) {
        h->in[i] = harness_alloc(h, n * harness_count(&p->in[i]), sizeof(float), "in[%d]", i);
        h->din[i] = harness_alloc(h, n * harness_count(&p->in[i]), sizeof(float), "din[%d]", i);
    }
    h->out = harness_alloc(h, n * harness_count(&p->out), sizeof(float), "out");
    h->dout = harness_alloc(h, n * harness_count(&p->out), sizeof(float), "dout");
    for (int i = 0; i < p->n_tensors; i++) {
        const heft_tensor *t = &p->tensor[i];
        const size_t count = harness_count(&t->shape);
        const int k = h->n_of[t->role]++;
        h->of[t->role][k] = t;
        if (t->role == HEFT_WEIGHT) {
            h->weight[k] = harness_alloc(h, count, sizeof(float), "weight %s", t->name);
            h->dweight[k] = harness_alloc(h, count, sizeof(float), "dweight %s", t->name);
        } else if (t->role == HEFT_STATE) {
            h->state[k] = harness_alloc(h, count, sizeof(float), "state %s", t->name);
            for (size_t j = 0; j < count; j++) h->state[k][j] = t->init && !strcmp(t->init, "ones");
        } else if (t->role == HEFT_TALLY) {
            h->total[k] = harness_alloc(h, count, sizeof(double), "total %s", t->name);
        } else if (t->role == HEFT_TALLY_BACK) {
            h->total_back[k] = harness_alloc(h, count, sizeof(double), "total_back %s", t->name);
        }
    }
    h->lane = arena_alloc(h->memory, (size_t)h->n_lanes, sizeof *h->lane);
    int64_t first = 0;
    for (int i = 0; i < h->n_lanes; i++) {
        harness_lane *l = &h->lane[i];
        *l = (harness_lane){ .first = first, .n = lanes[i] };
        first += lanes[i];
        int k[HARNESS_ROLES] = {0};
        for (int j = 0; j < p->n_tensors; j++) {
            const heft_tensor *t = &p->tensor[j];
            const size_t count = harness_count(&t->shape) * (t->per_sample ? (size_t)l->n : 1);
            void *lists[HARNESS_ROLES] = { l->dweight, NULL, l->tally, l->tally_back, l->saved, l->scratch };
            const bool tally = t->role == HEFT_TALLY || t->role == HEFT_TALLY_BACK;
            if (lists[t->role])
                ((void **)lists[t->role])[k[t->role]++] =
                    harness_alloc(h, count, tally ? sizeof(double) : sizeof(float), "lane %d's %s", i, t->name);
        }
    }
}

static inline void harness_close(harness *h)
{
    for (size_t i = 0; i < h->n_buffers; i++) {
        ASAN_UNPOISON_MEMORY_REGION(h->buffer[i].block, h->buffer[i].bytes + 2 * HARNESS_ZONE);
        block_free(h->buffer[i].block);
    }
    registry_free(h->plugins);
    arena_free(h->memory);
}

/* options "": none.  lanes: samples of each, ends with 0. */
static inline harness *harness_open(const char *name, const char *options, int n_in, const heft_shape *in,
                                    const int64_t *lanes)
{
    arena *a = arena_new();
    harness *h = arena_alloc(a, 1, sizeof *h);
    char said[320];
    int64_t most = 0;
    *h = (harness){ .memory = a, .rng = rng_key(1, RNG_TEST, 0, 0), .by_gradient = true };
    for (; lanes[h->n_lanes]; h->n_lanes++) {
        h->n += lanes[h->n_lanes];
        most = lanes[h->n_lanes] > most ? lanes[h->n_lanes] : most;
    }
    snprintf(h->label, sizeof h->label, "%s %s, %d lanes", name, options, h->n_lanes);
    if (!harness_plan(h, name, options, n_in, in, most, said, sizeof said)) fail_msg("%s: refused: %s", h->label, said);
    harness_allocate(h, lanes);
    return h;
}

/* What options or plan say against these inputs; "" if they are accepted. */
static inline void harness_refusal(const char *name, const char *options, int n_in, const heft_shape *in,
                                   char *said, size_t room)
{
    harness h = { .memory = arena_new() };
    harness_plan(&h, name, options, n_in, in, 32, said, room);
    harness_close(&h);
}

/* ---- passes -------------------------------------------------------------------- */

static inline void harness_sum(const harness *h, heft_role role)
{
    double *const *total = role == HEFT_TALLY ? h->total : h->total_back;
    for (int i = 0; i < h->n_of[role]; i++)
        for (size_t j = 0; j < harness_count(&h->of[role][i]->shape); j++) {
            total[i][j] = 0;
            for (int k = 0; k < h->n_lanes; k++)
                total[i][j] += (role == HEFT_TALLY ? h->lane[k].tally : h->lane[k].tally_back)[i][j];
        }
}

/* Tallies to zero, scratch to NaN; saved too, before a forward. */
static inline void harness_clear(const harness *h, harness_lane *l, bool forward)
{
    const heft_role tallies = forward ? HEFT_TALLY : HEFT_TALLY_BACK;
    for (int i = 0; i < h->n_of[tallies]; i++)
        memset((forward ? l->tally : l->tally_back)[i], 0, harness_count(&h->of[tallies][i]->shape) * sizeof(double));
    for (int i = 0; i < h->n_of[HEFT_SAVED] && forward; i++) {
        const heft_tensor *t = h->of[HEFT_SAVED][i];
        harness_undefine(l->saved[i], harness_count(&t->shape) * (t->per_sample ? (size_t)l->n : 1));
    }
    for (int i = 0; i < h->n_of[HEFT_SCRATCH]; i++) {
        const heft_tensor *t = h->of[HEFT_SCRATCH][i];
        harness_undefine(l->scratch[i], harness_count(&t->shape) * (t->per_sample ? (size_t)l->n : 1));
    }
    for (int i = 0; i < h->plan.n_in; i++) {
        const size_t at = (size_t)l->first * harness_count(&h->in_shape[i]);
        l->in[i] = h->in[i] + at;
        l->din[i] = h->no_din[i] || h->in_shape[i].dtype == HEFT_I32 ? NULL : h->din[i] + at;
    }
}

static inline heft_forward harness_forward_view(harness *h, harness_lane *l, bool train, bool surveyed)
{
    return (heft_forward){
        .host = h->plan.host, .first = l->first, .n = l->n, .train = train, .rng = h->rng, .in = l->in,
        .out = h->out + (size_t)l->first * harness_count(&h->plan.out),
        .weight = (const float *const *)h->weight, .state = (const float *const *)h->state, .tally = l->tally,
        .total = surveyed ? (const double *const *)h->total : NULL, .saved = train ? l->saved : NULL,
        .scratch = l->scratch };
}

static inline void harness_forward(harness *h, bool train)
{
    const bool survey = train && h->layer->survey;
    harness_undefine(h->out, (size_t)h->n * harness_count(&h->plan.out));
    for (int i = h->n_lanes - 1; i >= 0; i--) {
        harness_clear(h, &h->lane[i], true);
        const heft_forward f = harness_forward_view(h, &h->lane[i], train, false);
        if (survey) h->layer->survey(h->self, &f);
    }
    if (survey) harness_sum(h, HEFT_TALLY);
    for (int i = h->n_lanes - 1; i >= 0; i--) {
        const heft_forward f = harness_forward_view(h, &h->lane[i], train, survey);
        h->layer->forward(h->self, &f);
    }
    if (!survey) harness_sum(h, HEFT_TALLY);
    harness_check_zones(h, "forward");
}

/* A weight's gradient by the gradient pass, in tiles of a few rows. */
static inline void harness_gradient(harness *h, int i)
{
    const heft_shape *s = &h->of[HEFT_WEIGHT][i]->shape;
    const int64_t rows = s->rank ? s->dim[0] : 1;
    harness_undefine(h->dweight[i], harness_count(s));
    for (int64_t begin = (rows - 1) / HARNESS_TILE * HARNESS_TILE; begin >= 0; begin -= HARNESS_TILE) {
        const heft_gradient g = {
            .host = h->plan.host, .n = h->n, .tensor = i, .begin = begin,
            .end = begin + HARNESS_TILE < rows ? begin + HARNESS_TILE : rows,
            .in = (const float *const *)h->in, .dout = h->dout, .dweight = h->dweight[i] };
        h->layer->gradient(h->self, &g);
    }
}

static inline void harness_backward(harness *h)
{
    const uint32_t whole = h->by_gradient && h->layer->gradient ? h->layer->gradient_of : 0;
    heft_backward *b = calloc((size_t)h->n_lanes, sizeof *b);
    assert_non_null(b);
    for (int i = 0; i < h->plan.n_in; i++) harness_undefine(h->din[i], (size_t)h->n * harness_count(&h->in_shape[i]));
    for (int i = h->n_lanes - 1; i >= 0; i--) {
        harness_lane *l = &h->lane[i];
        const size_t at = (size_t)l->first * harness_count(&h->plan.out);
        harness_clear(h, l, false);
        b[i] = (heft_backward){
            .host = h->plan.host, .first = l->first, .n = l->n, .rng = h->rng, .in = l->in, .out = h->out + at,
            .dout = h->dout + at, .din = l->din, .weight = (const float *const *)h->weight,
            .state = (const float *const *)h->state, .saved = (const float *const *)l->saved, .scratch = l->scratch,
            .tally = l->tally_back, .total = h->layer->survey ? (const double *const *)h->total : NULL };
        if (h->layer->survey_back) h->layer->survey_back(h->self, &b[i]);
    }
    harness_sum(h, HEFT_TALLY_BACK);
    for (int i = h->n_lanes - 1; i >= 0; i--) {
        float *dw[HEFT_MAX_TENSORS] = {0};
        for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++) {
            memset(h->lane[i].dweight[j], 0, harness_count(&h->of[HEFT_WEIGHT][j]->shape) * sizeof(float));
            dw[j] = h->frozen || whole >> j & 1 ? NULL : h->lane[i].dweight[j];
        }
        b[i].dweight = dw;
        b[i].total_back = h->layer->survey_back ? (const double *const *)h->total_back : NULL;
        h->layer->backward(h->self, &b[i]);
    }
    free(b);
    for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++) {
        if (whole >> j & 1) {
            harness_gradient(h, j);
            continue;
        }
        const size_t count = harness_count(&h->of[HEFT_WEIGHT][j]->shape);
        memset(h->dweight[j], 0, count * sizeof(float));
        for (int i = 0; i < h->n_lanes; i++)
            for (size_t k = 0; k < count; k++) h->dweight[j][k] += h->lane[i].dweight[j][k];
    }
    harness_check_zones(h, "backward");
}

static inline void harness_fold(harness *h)
{
    if (!h->layer->fold) return;
    const heft_fold f = { .total = (const double *const *)h->total, .state = h->state, .n = h->n };
    h->layer->fold(h->self, &f);
    harness_check_zones(h, "fold");
}

/* ---- values and checks --------------------------------------------------------- */

/* Uniform in [low, high). */
static inline void harness_random(float *x, size_t n, uint64_t seed, float low, float high)
{
    heft_rng r = rng_key(seed, RNG_TEST, 1, 0);
    for (size_t i = 0; i < n; i++) x[i] = low + (high - low) * heft_uniform(&r);
}

/* Inputs (integers below their limit), weights and dout, in [-1, 1). */
static inline void harness_fill(harness *h, uint64_t seed)
{
    for (int i = 0; i < h->plan.n_in; i++) {
        const size_t n = (size_t)h->n * harness_count(&h->in_shape[i]);
        heft_rng r = rng_key(seed, RNG_TEST, 2, (uint64_t)i);
        if (h->in_shape[i].dtype == HEFT_I32)
            for (size_t j = 0; j < n; j++)
                ((int32_t *)(void *)h->in[i])[j] = (int32_t)rng_below(&r, (uint64_t)h->in_shape[i].limit);
        else
            harness_random(h->in[i], n, seed * 100 + (uint64_t)i, -1, 1);
    }
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++)
        harness_random(h->weight[i], harness_count(&h->of[HEFT_WEIGHT][i]->shape), seed * 100 + 30 + (uint64_t)i,
                       -1, 1);
    harness_random(h->dout, (size_t)h->n * harness_count(&h->plan.out), seed * 100 + 99, -1, 1);
}

/* |got - want| <= absolute + relative |want|; infinities and NaN must be the same. */
static inline void harness_near(const harness *h, const char *what, size_t n, const float *got, const float *want,
                                double absolute, double relative)
{
    for (size_t i = 0; i < n; i++) {
        const double g = got[i], w = want[i];
        const bool same = g == w || (isnan(g) && isnan(w));
        if (!same && !(fabs(g - w) <= absolute + relative * fabs(w)))
            fail_msg("%s: %s[%zu] is %.9g, expected %.9g", h->label, what, i, g, w);
    }
}

static inline double harness_objective(harness *h)
{
    double sum = 0;
    harness_forward(h, true);
    for (size_t i = 0; i < (size_t)h->n * harness_count(&h->plan.out); i++) sum += (double)h->out[i] * h->dout[i];
    return sum;
}

static inline void harness_check_difference(harness *h, const char *what, size_t n, float *x, const float *analytic,
                                            double step, double tolerance)
{
    const size_t stride = n / 61 + 1;                  /* a sample of a large tensor */
    for (size_t i = 0; i < n; i += stride) {
        const float kept = x[i], up = kept + (float)step, down = kept - (float)step;
        x[i] = up;
        const double high = harness_objective(h);
        x[i] = down;
        const double low = harness_objective(h);
        x[i] = kept;
        const double slope = (high - low) / ((double)up - (double)down);
        if (!(fabs(slope - analytic[i]) <= tolerance * (1 + fabs(slope))))
            fail_msg("%s: %s[%zu] is %.7g, by differences %.7g", h->label, what, i, analytic[i], slope);
    }
}

/* din and dweight against central differences of sum(out * dout), as the buffers stand. */
static inline void harness_check_gradients(harness *h, double step, double tolerance)
{
    harness_forward(h, true);
    harness_backward(h);
    for (int i = 0; i < h->plan.n_in; i++)
        if (h->in_shape[i].dtype == HEFT_F32 && !h->no_din[i])
            harness_check_difference(h, "din", (size_t)h->n * harness_count(&h->in_shape[i]), h->in[i], h->din[i],
                                     step, tolerance);
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++)
        harness_check_difference(h, h->of[HEFT_WEIGHT][i]->name, harness_count(&h->of[HEFT_WEIGHT][i]->shape),
                                 h->weight[i], h->dweight[i], step, tolerance);
}

#endif
