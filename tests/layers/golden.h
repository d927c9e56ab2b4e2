/* golden.h -- layers held against the numbers of a table that a script under tests/golden/ wrote
 *
 *     static const golden cases[] = {
 *     #include "golden/layers.inc"
 *     };
 *     GOLDEN_MAIN("layers against PyTorch")
 */
#ifndef HEFT_TESTS_GOLDEN_H
#define HEFT_TESTS_GOLDEN_H

#include "harness.h"

typedef struct golden {
    const char *name, *options;
    int         n_in;
    heft_shape  in[4];
    float       scale;                                 /* inputs are in [-scale, scale) */
    size_t      n;
    const float *want;
} golden;

#define GOLDEN_ABSOLUTE 4e-6
#define GOLDEN_RELATIVE 4e-6

static inline const float *golden_compare(const harness *h, const golden *g, const float *want, const char *what,
                                          size_t n, const float *got)
{
    if (want + n > g->want + g->n) fail_msg("%s: more numbers than PyTorch's %zu at %s", h->label, g->n, what);
    harness_near(h, what, n, got, want, GOLDEN_ABSOLUTE, GOLDEN_RELATIVE);
    return want + n;
}

static inline void golden_run(const golden *g, uint64_t seed, const int64_t *lanes)
{
    harness *h = harness_open(g->name, g->options, g->n_in, g->in, lanes);
    const size_t n_out = (size_t)h->n * harness_count(&h->plan.out);
    const float *want = g->want;
    harness_fill(h, seed);
    for (int i = 0; i < g->n_in; i++)
        for (size_t j = 0; g->in[i].dtype == HEFT_F32 && j < (size_t)h->n * harness_count(&g->in[i]); j++)
            h->in[i][j] *= g->scale;

    harness_forward(h, true);
    want = golden_compare(h, g, want, "out", n_out, h->out);
    harness_backward(h);
    for (int i = 0; i < g->n_in; i++)
        if (g->in[i].dtype == HEFT_F32)
            want = golden_compare(h, g, want, "din", (size_t)h->n * harness_count(&g->in[i]), h->din[i]);
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) {
        const heft_tensor *t = h->of[HEFT_WEIGHT][i];
        want = golden_compare(h, g, want, t->name, harness_count(&t->shape), h->dweight[i]);
    }
    harness_fold(h);
    for (int i = 0; i < h->n_of[HEFT_STATE]; i++) {
        const heft_tensor *t = h->of[HEFT_STATE][i];
        want = golden_compare(h, g, want, t->name, harness_count(&t->shape), h->state[i]);
    }
    const size_t left = (size_t)(g->want + g->n - want);
    if (left && left != n_out) fail_msg("%s: %zu of PyTorch's numbers are left over", h->label, left);
    harness_forward(h, false);
    golden_compare(h, g, left ? want : g->want, "out of evaluation", n_out, h->out);

    if (h->layer->gradient) {                          /* what backward gives where the host does not use it */
        want = g->want + n_out;
        h->by_gradient = false;
        harness_forward(h, true);
        harness_backward(h);
        for (int i = 0; i < g->n_in; i++) want += (size_t)h->n * harness_count(&g->in[i]);
        for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++)
            want = golden_compare(h, g, want, "weight by backward", harness_count(&h->of[HEFT_WEIGHT][i]->shape),
                                  h->dweight[i]);
    }
    harness_close(h);
}

/* The whole table in lanes; the seed of a case is its number. */
#define GOLDEN_LANES(name, ...) \
    static void name(void **state) \
    { \
        (void)state; \
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) golden_run(&cases[i], i + 1, LANES(__VA_ARGS__)); \
    }

#define GOLDEN_MAIN(title) \
    GOLDEN_LANES(one_lane, 4) \
    GOLDEN_LANES(two_lanes, 3, 1) \
    GOLDEN_LANES(uneven_lanes, 1, 2, 1) \
    int main(void) \
    { \
        compute_init(1, COMPUTE_F32); \
        const struct CMUnitTest tests[] = { \
            cmocka_unit_test(one_lane), cmocka_unit_test(two_lanes), cmocka_unit_test(uneven_lanes) }; \
        return cmocka_run_group_tests_name(title, tests, NULL, NULL); \
    }

#endif
