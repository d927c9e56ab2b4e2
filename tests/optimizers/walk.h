/* walk.h -- an optimizer that walks over n weights, step by step */
#ifndef HEFT_TESTS_WALK_H
#define HEFT_TESTS_WALK_H

#include "optimizers/instance.h"

/* An optimizer over n weights, with its slots. */
typedef struct walk {
    instance of;
    heft_optimizer_plan plan;
    size_t   n;
    float   *x, *slot[HEFT_MAX_SLOTS];
} walk;

static inline walk walk_open(const char *name, const char *options, size_t n, const float *x)
{
    walk w = { .of = instance_open(HEFT_OPTIMIZER, name, options), .n = n };
    if (w.of.said[0]) fail_msg("%s: %s", w.of.label, w.of.said);
    w.plan = (heft_optimizer_plan){ .host = compute_host(), .n = n };
    if (w.of.plugin->optimizer.plan(w.of.self, &w.plan)) fail_msg("%s: %s", w.of.label, w.plan.error.text);
    w.x = arena_alloc(w.of.memory, n, sizeof *w.x);
    memcpy(w.x, x, n * sizeof *x);
    for (int i = 0; i < w.plan.n_slots; i++)
        w.slot[i] = arena_alloc(w.of.memory, (size_t)w.plan.slot[i].rows * n, sizeof(float));
    return w;
}

static inline void walk_step(walk *w, uint64_t t, double lr, double decay, size_t begin, size_t end, const float *g)
{
    const heft_step s = { .host = w->plan.host, .t = t, .lr = (float)lr, .decay = (float)decay,
                          .begin = begin, .end = end, .x = w->x, .g = g, .slot = w->slot };
    w->of.plugin->optimizer.step(w->of.self, &s);
}

static inline void near(const char *label, uint64_t t, const float *got, const float *want, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= tolerance * (1 + fabs(want[i]))))
            fail_msg("%s, step %d: x[%zu] is %.9g, expected %.9g", label, (int)t, i, got[i], want[i]);
}

static inline void random_vector(float *x, size_t n, uint64_t seed)
{
    heft_rng r = rng_key(seed, RNG_TEST, 0, 0);
    for (size_t i = 0; i < n; i++) x[i] = heft_normal(&r);
}

#endif
