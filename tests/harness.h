/* harness.h -- one layer run by itself, as the host would run it: the rig of the plugin room, for cmocka
 *
 *     harness *h = harness_open("dense", "{units: 3}", 1, &SHAPE(8), LANES(4, 1));
 *     harness_fill(h, 1);                         // inputs, weights and dout; or write h->in[0] ... yourself
 *     harness_forward(h, true);                   // h->out
 *     harness_backward(h);                        // h->din, h->dweight
 *     harness_fold(h);                            // h->state
 *     harness_close(h);
 *
 * How passes are called, what is poisoned and what is watched: plugin/rig.h.  The red zones are poisoned under
 * AddressSanitizer.  Everything that fails, fails the cmocka test.
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
#include "plugin/rig.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p))
#endif

/* SHAPE(28, 28, 1): floats.  LABELS(10): one integer below 10 per sample.  LANES(4, 1): five samples in two lanes. */
#define SHAPE(...) (heft_shape){ .dtype = HEFT_F32, .dim = { __VA_ARGS__ }, \
    .rank = sizeof (int64_t[]){ __VA_ARGS__ } / sizeof(int64_t) }
#define SCALAR (heft_shape){ .dtype = HEFT_F32 }
#define LABELS(most) (heft_shape){ .dtype = HEFT_I32, .limit = most }
#define LANES(...) (const int64_t[]){ __VA_ARGS__, 0 }

typedef rig harness;

static inline size_t harness_count(const heft_shape *s) { return (size_t)heft_count(s); }

static inline void harness_undefine(float *x, size_t n)
{
    for (size_t i = 0; x && i < n; i++) x[i] = NAN;
}

/* ---- red zones ----------------------------------------------------------------- */

static inline void harness_poison(const rig_buffer *b)
{
    ASAN_POISON_MEMORY_REGION(b->block, RIG_ZONE);
    ASAN_POISON_MEMORY_REGION(b->block + RIG_ZONE + b->bytes, RIG_ZONE);
}

static inline void harness_unpoison(const rig_buffer *b)
{
    ASAN_UNPOISON_MEMORY_REGION(b->block, b->bytes + 2 * RIG_ZONE);
}

/* Before and after what inspects them. */
static inline void harness_open_zones(const harness *h)
{
    for (size_t i = 0; i < h->n_buffers; i++) harness_unpoison(&h->buffer[i]);
}

static inline void harness_close_zones(const harness *h)
{
    for (size_t i = 0; i < h->n_buffers; i++) harness_poison(&h->buffer[i]);
}

/* The rig looks into the zones by itself; under AddressSanitizer they are closed, and what touches them ends the test. */
static inline void harness_check_zones(const harness *h, const char *pass)
{
    (void)pass;
    if (h->trespass[0]) fail_msg("%s: %s", h->label, h->trespass);
}

__attribute__((format(printf, 4, 5)))
static inline void *harness_alloc(harness *h, size_t count, size_t size, const char *name, ...)
{
    char label[48];
    va_list ap;
    va_start(ap, name);
    vsnprintf(label, sizeof label, name, ap);
    va_end(ap);
    void *x = rig_alloc(h, count, size, "%s", label);
    assert_non_null(x);
    harness_poison(&h->buffer[h->n_buffers - 1]);
    return x;
}

/* ---- opening ------------------------------------------------------------------- */

static inline const heft_layer *harness_find(registry *r, const char *name)
{
    problems pr = { 0 };
    const plugin *p = registry_find(r, HEFT_LAYER, name, (place){ 0 }, &pr);
    if (!p) fail_msg("%s", pr.item[0].text);
    return &p->layer;
}

/* options "": none.  lanes: samples of each, ends with 0. */
static inline harness *harness_open(const char *name, const char *options, int n_in, const heft_shape *in,
                                    const int64_t *lanes)
{
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    text said = { 0 };
    text_add(&said, "");
    rig *h = rig_open(harness_find(r, name), options, n_in, in, lanes, NULL, &said);
    if (!h) fail_msg("%s %s: refused: %s", name, options, said.s);
    text_free(&said);
    h->plugins = r;
    h->watch = true;
#ifdef __SANITIZE_ADDRESS__
    h->watch = false;
#endif
    harness_close_zones(h);
    return h;
}

static inline void harness_close(harness *h)
{
    registry *r = h->plugins;
    harness_open_zones(h);
    rig_close(h);
    registry_free(r);
}

/* What options or plan say against these inputs; "" if they are accepted. */
static inline void harness_refusal(const char *name, const char *options, int n_in, const heft_shape *in,
                                   char *said, size_t room)
{
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    arena *a = arena_new();
    heft_layer_plan plan;
    text t = { 0 };
    text_add(&t, "");
    const bool good = rig_plan(a, harness_find(r, name), options, n_in, in, 32, &plan, NULL, &t);
    snprintf(said, room, "%s", good ? "" : t.s);
    text_free(&t);
    arena_free(a);
    registry_free(r);
}

/* ---- passes -------------------------------------------------------------------- */

static inline void harness_forward(harness *h, bool train)
{
    rig_forward(h, train);
    harness_check_zones(h, "forward");
}

static inline void harness_backward(harness *h)
{
    rig_backward(h);
    harness_check_zones(h, "backward");
}

static inline void harness_fold(harness *h)
{
    rig_fold(h);
    harness_check_zones(h, "fold");
}

/* ---- values and checks --------------------------------------------------------- */

static inline void harness_random(float *x, size_t n, uint64_t seed, float low, float high) { rig_random(x, n, seed, low, high); }

static inline void harness_fill(harness *h, uint64_t seed) { rig_fill(h, seed); }

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
