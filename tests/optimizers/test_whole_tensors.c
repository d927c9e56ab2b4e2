/* lamb, lars and muon, which look at whole tensors, against their formulas in double (golden/optimizers.py whole). */
#include "optimizers/walk.h"

#include "golden/optimizers_whole.inc"

enum { N_GOLDEN = sizeof golden / sizeof *golden, N_SHAPES = sizeof shapes / sizeof *shapes };

static void make_spans(heft_span span[N_SHAPES])
{
    size_t at = 0;
    for (int i = 0; i < N_SHAPES; i++) {
        const size_t n = (size_t)heft_count(&shapes[i]);
        span[i] = (heft_span){ .layer = "l", .name = "w", .begin = at, .end = at + n, .shape = shapes[i] };
        at += n;
    }
    assert_int_equal(at, N);
}

/* One step of the tensors first .. last - 1. */
static void step_tensors(walk *w, uint64_t t, double lr, double decay, const heft_span *span, int first, int last,
                         const float *g)
{
    const heft_step s = { .host = w->plan.host, .t = t, .lr = (float)lr, .decay = (float)decay,
                          .begin = span[first].begin, .end = span[last - 1].end, .span = span + first,
                          .n_span = last - first, .x = w->x, .g = g, .slot = w->slot };
    w->of.plugin->optimizer.step(w->of.self, &s);
}

/* Newton-Schulz iterations enlarge the rounding of small singular values, hence the wider tolerance of muon. */
static void test_paths(void **unused)
{
    (void)unused;
    heft_span span[N_SHAPES];
    make_spans(span);
    for (int c = 0; c < N_GOLDEN; c++) {
        walk w = walk_open(golden[c].name, golden[c].options, N, start);
        assert_true(w.plan.whole_tensors);
        const double tolerance = strcmp(golden[c].name, "muon") ? 1e-6 : 1e-5;
        int row = 0;
        for (int t = 1; t <= STEPS; t++) {
            const double lr = golden[c].halved && t >= golden[c].halved ? golden[c].lr / 2 : golden[c].lr;
            step_tensors(&w, (uint64_t)t, lr, 1, span, 0, N_SHAPES, gradient[t - 1]);
            if (t == shown[row])
                near(w.of.label, (uint64_t)t, w.x, golden[c].x[row++], N, tolerance);
        }
        assert_int_equal(row, N_SHOWN);
        instance_close(&w.of);
    }
}

/* Any cut at tensors' ends gives the same bits (R1). */
static void test_ranges(void **unused)
{
    (void)unused;
    heft_span span[N_SHAPES];
    make_spans(span);
    for (int c = 0; c < N_GOLDEN; c++) {
        walk whole = walk_open(golden[c].name, golden[c].options, N, start);
        walk parts = walk_open(golden[c].name, golden[c].options, N, start);
        for (uint64_t t = 1; t <= 4; t++) {
            step_tensors(&whole, t, 0.01, 1, span, 0, N_SHAPES, gradient[t]);
            for (int i = N_SHAPES - 1; i >= 0; i--) step_tensors(&parts, t, 0.01, 1, span, i, i + 1, gradient[t]);
        }
        if (memcmp(whole.x, parts.x, sizeof start)) fail_msg("%s: weights depend on the ranges", whole.of.label);
        for (int i = 0; i < whole.plan.n_slots; i++)
            if (memcmp(whole.slot[i], parts.slot[i], sizeof start))
                fail_msg("%s: slot %d depends on the ranges", whole.of.label, i);
        instance_close(&whole.of);
        instance_close(&parts.of);
    }
}

static void test_decay_factor(void **unused)
{
    (void)unused;
    heft_span span[N_SHAPES];
    make_spans(span);
    static const char *const names[] = { "lamb", "lars", "muon" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        walk off = walk_open(names[i], "{weight_decay: 0.2}", N, start);
        walk none = walk_open(names[i], "{weight_decay: 0}", N, start);
        walk part = walk_open(names[i], "{weight_decay: 0.2}", N, start);
        walk half = walk_open(names[i], "{weight_decay: 0.1}", N, start);
        for (uint64_t t = 1; t <= 3; t++) {
            step_tensors(&off, t, 0.1, 0, span, 0, N_SHAPES, gradient[t]);
            step_tensors(&none, t, 0.1, 1, span, 0, N_SHAPES, gradient[t]);
            step_tensors(&part, t, 0.1, 0.5, span, 0, N_SHAPES, gradient[t]);
            step_tensors(&half, t, 0.1, 1, span, 0, N_SHAPES, gradient[t]);
        }
        if (memcmp(off.x, none.x, sizeof start)) fail_msg("%s: decay 0 is not no decay", off.of.label);
        near(part.of.label, 3, part.x, half.x, N, 1e-6);
        if (!memcmp(part.x, none.x, sizeof start)) fail_msg("%s: decay changes nothing", part.of.label);
        instance_close(&off.of);
        instance_close(&none.of);
        instance_close(&part.of);
        instance_close(&half.of);
    }
}

/* Without momentum and decay a step of muon is nearly orthogonal: its singular values, here all equal by symmetry of
 * the trace, are near 1, whatever the size of the gradient. */
static void test_muon_orthogonalizes(void **unused)
{
    (void)unused;
    enum { ROWS = 48, COLUMNS = 16 };
    static const double sizes[] = { 1e-4, 1, 1e6 };
    const heft_span span = { .layer = "l", .name = "w", .end = ROWS * COLUMNS,
                             .shape = { HEFT_F32, 2, { ROWS, COLUMNS } } };
    static float x[ROWS * COLUMNS], g[ROWS * COLUMNS], unit[ROWS * COLUMNS];
    random_vector(unit, ROWS * COLUMNS, 3);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (int i = 0; i < ROWS * COLUMNS; i++) g[i] = (float)(unit[i] * sizes[k]);
        walk w = walk_open("muon", "{scale: original, momentum: 0, weight_decay: 0}", ROWS * COLUMNS, x);
        step_tensors(&w, 1, 1, 1, &span, 0, 1, g);
        double trace = 0, apart = 0;
        for (int a = 0; a < COLUMNS; a++)
            for (int b = 0; b < COLUMNS; b++) {
                double dot = 0;
                for (int i = 0; i < ROWS; i++) dot += (double)w.x[i * COLUMNS + a] * w.x[i * COLUMNS + b];
                if (a == b) trace += dot / COLUMNS;
                else apart = fmax(apart, fabs(dot));
            }
        if (!(trace > 0.6 && trace < 1.3 && apart < 0.4))
            fail_msg("gradients of %g: mean square of singular values %g, columns at %g", sizes[k], trace, apart);
        instance_close(&w.of);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_decay_factor),
        cmocka_unit_test(test_muon_orthogonalizes),
    };
    compute_init(1, COMPUTE_F32);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
