/* R1: results depend on the work alone, not on who does it, when, or with how many others. */
#include "compute/reference.h"

#include <pthread.h>
#include <unistd.h>

enum { SHAPES = 27, TASKS = 3 * SHAPES };

/* Task i does shape i % SHAPES with numbers of its own, and leaves a hash of what came out. */
typedef struct work { uint64_t *hash; int shift; } work;

static uint64_t do_gemm(int i, int64_t m, int64_t n, int64_t k, bool ta, bool tb, float beta)
{
    const gemm_case g = { ta, tb, m, n, k, 1, beta, 0, 0, 0 };
    float *a = numbers((uint64_t)i, gemm_a_size(&g)), *b = numbers(7, gemm_b_size(&g)),
          *c = numbers(9, gemm_c_size(&g));
    compute_host()->gemm(ta, tb, m, n, k, 1, a, gemm_lda(&g), b, gemm_ldb(&g), beta, c, gemm_ldc(&g));
    const uint64_t h = hash(1, c, gemm_c_size(&g) * sizeof *c);
    block_free(a);
    block_free(b);
    block_free(c);
    return h;
}

static uint64_t do_conv(int i, conv_case v)
{
    const heft_host *host = compute_host();
    float *x = numbers((uint64_t)i, conv_x_size(&v)), *w = numbers(7, conv_w_size(&v)),
          *y = numbers(8, conv_y_size(&v));
    float *bias = numbers(9, (size_t)v.c.oc), *dx = filled(0, conv_x_size(&v));
    host->conv(&v.c, v.n, x, w, bias, y);
    host->conv_back_data(&v.c, v.n, y, w, dx);
    host->conv_back_weight(&v.c, v.n, x, y, w, bias);
    uint64_t h = hash(1, y, conv_y_size(&v) * sizeof *y);
    h = hash(h, dx, conv_x_size(&v) * sizeof *dx);
    h = hash(h, w, conv_w_size(&v) * sizeof *w);
    h = hash(h, bias, (size_t)v.c.oc * sizeof *bias);
    float *all[] = { x, w, y, bias, dx };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) block_free(all[k]);
    return h;
}

static uint64_t do_shape(int i, int shape)
{
    switch (shape) {
    case 0:  return do_gemm(i, 32, 256, 784, false, false, 1);
    case 1:  return do_gemm(i, 32, 64, 13, false, false, 1);
    case 2:  return do_gemm(i, 32, 1, 64, false, false, 1);
    case 3:  return do_gemm(i, 1, 64, 64, false, false, 0);
    case 4:  return do_gemm(i, 32, 10, 256, false, false, 1);
    case 5:  return do_gemm(i, 4, 4, 4, false, false, 0);
    case 6:  return do_gemm(i, 784, 64, 32, true, false, 1);
    case 7:  return do_gemm(i, 64, 1, 32, true, false, 1);
    case 8:  return do_gemm(i, 32, 784, 256, false, true, 0);
    case 9:  return do_gemm(i, 32, 64, 64, false, true, 0);
    case 10: return do_gemm(i, 32, 64, 1, false, true, 0);
    case 11: return do_gemm(i, 31, 129, 65, true, true, 0.5f);
    case 12: return do_conv(i, square("", 4, 12, 1, 32, 3, 1, 1, 0, 0, 1));
    case 13: return do_conv(i, square("", 4, 8, 16, 16, 3, 1, 1, 1, 1, 1));
    case 14: return do_conv(i, square("", 4, 8, 16, 32, 3, 2, 1, 0, 1, 1));
    case 15: return do_conv(i, square("", 4, 8, 16, 32, 1, 2, 1, 0, 0, 1));
    case 16: return do_conv(i, square("", 4, 8, 32, 32, 1, 1, 1, 0, 0, 1));
    case 17: return do_conv(i, square("", 4, 8, 32, 32, 3, 1, 1, 1, 1, 32));
    case 18: return do_conv(i, square("", 4, 8, 64, 64, 3, 1, 1, 1, 1, 4));
    case 19: return do_conv(i, square("", 4, 7, 17, 17, 3, 1, 1, 1, 1, 1));
    case 20: return do_conv(i, square("", 3, 8, 16, 16, 3, 1, 2, 2, 2, 1));
    case 21: return do_conv(i, square("", 3, 8, 3, 6, 3, 1, 1, 1, 1, 3));
    case 22: return do_conv(i, square("", 4, 12, 3, 16, 5, 1, 1, 2, 2, 1));
    case 23: return do_conv(i, square("", 3, 16, 32, 32, 3, 1, 1, 1, 1, 1));
    case 24: return do_conv(i, square("", 2, 18, 32, 64, 3, 1, 1, 0, 0, 1));
    case 25: return do_conv(i, square("", 3, 12, 1, 32, 5, 1, 1, 2, 2, 1));
    default: return do_conv(i, square("", 4, 6, 64, 64, 3, 1, 1, 1, 1, 1));
    }
}

static void task(void *context, int64_t i)
{
    const work *w = context;
    const int own = (int)((i + w->shift) % TASKS);               /* who gets which changes with the shift */
    w->hash[own] = do_shape(own, own % SHAPES);
}

static void threads(compute_precision precision)
{
    static const int count[] = { 1, 2, 3, 4, 8, 2, 1 };
    uint64_t first[TASKS], again[TASKS];
    for (size_t t = 0; t < sizeof count / sizeof *count; t++) {
        compute_init(count[t], precision);
        compute_parallel(TASKS, task, &(work){ t ? again : first, 5 * (int)t });
        for (int i = 0; t && i < TASKS; i++)
            if (again[i] != first[i])
                fail_msg("precision %d, %d threads: task %d (shape %d) has other bits", precision, count[t], i,
                         i % SHAPES);
    }
    for (int i = 0; i < SHAPES; i++) assert_true(first[i] != first[i + SHAPES]);    /* the hash sees the numbers */
}

/* First use by all threads at once: each makes its primitives, in a region, at the same time.  Runs first,
 * before any is made. oneDNN's kernels hang here if they were made for more than one thread. */
static void first_task(void *context, int64_t i)
{
    uint64_t (*h)[SHAPES] = context;
    for (int s = 0; s < SHAPES; s++) h[i][s] = do_shape(0, s);
}

static void *other_thread(void *h)
{
    first_task(h, 0);
    return NULL;
}

static void test_first_use(void **state)
{
    (void)state;
    alarm(120);
    uint64_t h[4][SHAPES], alone[SHAPES];
    compute_init(4, COMPUTE_F32);
    compute_parallel(4, first_task, h);
    for (int i = 1; i < 4; i++) assert_memory_equal(h[i], h[0], sizeof h[0]);

    pthread_t t[3];                                  /* threads OpenMP knows nothing of */
    uint64_t other[3][SHAPES];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&t[i], NULL, other_thread, other[i]), 0);
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < 3; i++) assert_memory_equal(other[i], h[0], sizeof h[0]);
    for (int s = 0; s < SHAPES; s++) alone[s] = do_shape(0, s);
    assert_memory_equal(alone, h[0], sizeof alone);
    alarm(0);
}

static void test_f32(void **state)
{
    (void)state;
    alarm(120);
    threads(COMPUTE_F32);
    alarm(0);
}

static void test_bf16(void **state)
{
    (void)state;
    alarm(120);
    threads(COMPUTE_BF16);
    alarm(0);
}

/* More shapes than a thread keeps primitives for. */
static void test_many_shapes(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    const uint64_t before = do_shape(0, 9);
    for (int i = 0; i < 1100; i++) do_gemm(0, 40, 40, 21 + i, false, true, 0);
    assert_true(do_shape(0, 9) == before);
    const uint64_t image = do_shape(0, 23);
    for (int64_t size = 6; size < 50; size++) do_conv(0, square("", 1, size, 32, 32, 2, 1, 1, 1, 0, 1));
    assert_true(do_shape(0, 23) == image);
}

/* A region of another thread's, as of a program that uses heft as a library. */
static void *own_region(void *h)
{
    compute_parallel(4, first_task, h);
    return NULL;
}

static void test_region_elsewhere(void **state)
{
    (void)state;
    alarm(120);
    compute_init(2, COMPUTE_F32);
    uint64_t h[4][SHAPES], mine[4][SHAPES];
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, own_region, h), 0);
    pthread_join(t, NULL);
    compute_parallel(4, first_task, mine);
    assert_memory_equal(h, mine, sizeof h);
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_use),
        cmocka_unit_test(test_f32),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_many_shapes),
        cmocka_unit_test(test_region_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
