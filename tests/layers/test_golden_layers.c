/* Every layer against PyTorch: tests/golden/layers.py says how the numbers were made. */
#include "harness.h"

typedef struct golden {
    const char *name, *options;
    int         n_in;
    heft_shape  in[4];
    float       scale;                                 /* inputs are in [-scale, scale) */
    size_t      n;
    const float *want;
} golden;

static const golden cases[] = {
#include "golden/layers.inc"
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

static const double ABSOLUTE = 4e-6, RELATIVE = 4e-6;

static const float *compare(const harness *h, const golden *g, const float *want, const char *what, size_t n,
                            const float *got)
{
    if (want + n > g->want + g->n) fail_msg("%s: more numbers than PyTorch's %zu at %s", h->label, g->n, what);
    harness_near(h, what, n, got, want, ABSOLUTE, RELATIVE);
    return want + n;
}

static void run_case(const golden *g, uint64_t seed, const int64_t *lanes)
{
    harness *h = harness_open(g->name, g->options, g->n_in, g->in, lanes);
    const size_t n_out = (size_t)h->n * harness_count(&h->plan.out);
    const float *want = g->want;
    harness_fill(h, seed);
    for (int i = 0; i < g->n_in; i++)
        for (size_t j = 0; j < (size_t)h->n * harness_count(&g->in[i]); j++) h->in[i][j] *= g->scale;

    harness_forward(h, true);
    want = compare(h, g, want, "out", n_out, h->out);
    harness_backward(h);
    for (int i = 0; i < g->n_in; i++)
        want = compare(h, g, want, "din", (size_t)h->n * harness_count(&g->in[i]), h->din[i]);
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) {
        const heft_tensor *t = h->of[HEFT_WEIGHT][i];
        want = compare(h, g, want, t->name, harness_count(&t->shape), h->dweight[i]);
    }
    harness_fold(h);
    for (int i = 0; i < h->n_of[HEFT_STATE]; i++) {
        const heft_tensor *t = h->of[HEFT_STATE][i];
        want = compare(h, g, want, t->name, harness_count(&t->shape), h->state[i]);
    }
    const size_t left = (size_t)(g->want + g->n - want);
    if (left && left != n_out) fail_msg("%s: %zu of PyTorch's numbers are left over", h->label, left);
    harness_forward(h, false);
    compare(h, g, left ? want : g->want, "out of evaluation", n_out, h->out);

    if (h->layer->gradient) {                          /* what backward gives where the host does not use it */
        want = g->want + n_out;
        h->by_gradient = false;
        harness_forward(h, true);
        harness_backward(h);
        for (int i = 0; i < g->n_in; i++) want += (size_t)h->n * harness_count(&g->in[i]);
        for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++)
            want = compare(h, g, want, "weight by backward", harness_count(&h->of[HEFT_WEIGHT][i]->shape),
                           h->dweight[i]);
    }
    harness_close(h);
}

static void in_lanes(const int64_t *lanes)
{
    for (size_t i = 0; i < N_CASES; i++) run_case(&cases[i], i + 1, lanes);
}

static void one_lane(void **state)     { (void)state; in_lanes(LANES(4)); }
static void two_lanes(void **state)    { (void)state; in_lanes(LANES(3, 1)); }
static void uneven_lanes(void **state) { (void)state; in_lanes(LANES(1, 2, 1)); }

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_lane),
        cmocka_unit_test(two_lanes),
        cmocka_unit_test(uneven_lanes),
    };
    return cmocka_run_group_tests_name("layers against PyTorch", tests, NULL, NULL);
}
