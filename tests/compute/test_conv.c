#include "compute/reference.h"

typedef struct forms {
    const char *name;
    void (*forward)(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y);
    void (*data)(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx);
    void (*weight)(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw, float *dbias);
    bool half;
    double spread;                               /* not 0: what an element is made of are up to so many times the largest sums of absolute values */
} forms;

static void compare(const char *name, conv_sums s, size_t n, double spread, double extra, const float *add, size_t period,
                    const float *got)
{
    double most = 0, terms = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, s.size[i]);
        terms = fmax(terms, s.terms[i]);
    }
    for (size_t i = 0; i < n; i++) {
        const double more = add ? add[i % period] : 0, size = spread > 0 ? spread * most : s.size[i];
        check(name, i, s.sum[i] + more, size + fabs(more), (spread > 0 ? terms : s.terms[i]) + extra, got[i]);
    }
    conv_sums_free(s);
}

static void one(const forms *f, conv_case v)
{
    char name[160];
    const size_t nx = conv_x_size(&v), nw = conv_w_size(&v), ny = conv_y_size(&v), oc = (size_t)v.c.oc;
    float *x = numbers(1, nx), *w = numbers(2, nw), *dy = numbers(3, ny), *bias = numbers(4, oc);
    float *rx = f->half ? to_bf16s(x, nx) : x, *rw = f->half ? to_bf16s(w, nw) : w,
          *rdy = f->half ? to_bf16s(dy, ny) : dy;

    float *y = filled(NAN, ny), *dx = filled(NAN, nx), *dw = numbers(5, nw), *dbias = numbers(6, oc),
          *before = numbers(5, nw);
    snprintf(name, sizeof name, "%s, %s, forward", f->name, v.name);
    f->forward(&v.c, v.n, x, w, bias, y);
    compare(name, conv_reference(&v, WAY_FORWARD, rx, rw, rdy), ny, f->spread, 1, bias, oc, y);
    for (size_t i = 0; i < ny; i++) y[i] = NAN;
    snprintf(name, sizeof name, "%s, %s, forward without bias", f->name, v.name);
    f->forward(&v.c, v.n, x, w, NULL, y);
    compare(name, conv_reference(&v, WAY_FORWARD, rx, rw, rdy), ny, f->spread, 0, NULL, 1, y);

    snprintf(name, sizeof name, "%s, %s, back to data", f->name, v.name);
    f->data(&v.c, v.n, dy, w, dx);
    compare(name, conv_reference(&v, WAY_DATA, rx, rw, rdy), nx, f->spread, 0, NULL, 1, dx);

    snprintf(name, sizeof name, "%s, %s, back to weights", f->name, v.name);
    f->weight(&v.c, v.n, x, dy, dw, dbias);
    compare(name, conv_reference(&v, WAY_WEIGHT, rx, rw, rdy), nw, f->spread, 1, before, nw, dw);
    float *before_bias = numbers(6, oc);
    for (size_t o = 0; o < oc; o++) {
        double sum = before_bias[o], size = fabs(sum);
        for (size_t i = o; i < ny; i += oc) {
            sum += rdy[i];
            size += fabs(rdy[i]);
        }
        check(name, o, sum, size, (double)(ny / oc) + 1, dbias[o]);
    }
    float *dw2 = numbers(5, nw);
    f->weight(&v.c, v.n, x, dy, dw2, NULL);
    for (size_t i = 0; i < nw; i++) assert_float_equal(dw[i], dw2[i], 1e-3);

    float *all[] = { x, w, dy, bias, y, dx, dw, dbias, before, before_bias, dw2 };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) block_free(all[i]);
    if (!f->half) return;
    block_free(rx);
    block_free(rw);
    block_free(rdy);
}

enum { CASES = 36 };

static void cases_fill(conv_case out[CASES])
{
    const conv_case cases[] = {
        square("one channel", 3, 9, 1, 32, 3, 1, 1, 0, 0, 1),
        square("three channels", 2, 8, 3, 16, 3, 1, 1, 1, 1, 1),
        square("16 channels", 2, 8, 16, 16, 3, 1, 1, 1, 1, 1),
        square("17 channels", 2, 7, 17, 17, 3, 1, 1, 1, 1, 1),
        square("17 to 3 channels", 2, 7, 17, 3, 3, 1, 1, 1, 1, 1),
        square("stride 2, padding behind", 2, 8, 16, 32, 3, 2, 1, 0, 1, 1),
        square("stride 2, odd size", 2, 9, 8, 12, 3, 2, 1, 1, 1, 1),
        square("stride 3, unused border", 1, 11, 5, 7, 2, 3, 1, 0, 0, 1),
        square("1x1", 3, 6, 32, 16, 1, 1, 1, 0, 0, 1),
        square("1x1, stride 2", 3, 6, 16, 32, 1, 2, 1, 0, 0, 1),
        square("1x1, one pixel", 5, 1, 20, 10, 1, 1, 1, 0, 0, 1),
        square("5x5", 2, 9, 4, 6, 5, 1, 1, 2, 2, 1),
        square("dilation 2", 2, 9, 8, 8, 3, 1, 2, 2, 2, 1),
        square("dilation 3, stride 2", 2, 13, 3, 5, 3, 2, 3, 1, 2, 1),
        square("kernel larger than the image", 2, 3, 4, 8, 5, 1, 1, 2, 2, 1),
        square("kernel as large as the image", 2, 4, 3, 8, 4, 1, 1, 0, 0, 1),
        square("padding larger than the kernel", 2, 4, 3, 8, 2, 1, 1, 3, 3, 1),
        square("2 groups", 2, 6, 8, 12, 3, 1, 1, 1, 1, 2),
        square("4 groups of 16", 2, 6, 64, 64, 3, 1, 1, 1, 1, 4),
        square("3 groups of 1 to 2", 2, 6, 3, 6, 3, 1, 1, 1, 1, 3),
        square("depthwise", 2, 8, 32, 32, 3, 1, 1, 1, 1, 32),
        square("depthwise, 3 channels", 2, 8, 3, 3, 3, 1, 1, 1, 1, 3),
        square("depthwise, 17 channels, stride 2", 2, 8, 17, 17, 3, 2, 1, 0, 1, 17),
        square("depthwise, dilation 2", 2, 8, 16, 16, 3, 1, 2, 2, 2, 16),
        { "not square", 2, { 5, 9, 3, 5, 4, 6, 3, 2, { 1, 2 }, { 1, 1 }, { 1, 1, 0, 0 }, 1 } },
        { "not square, 16 channels", 2, { 6, 10, 16, 6, 9, 32, 1, 4, { 1, 1 }, { 1, 1 }, { 0, 0, 1, 1 }, 1 } },
        { "sequence: width 1", 4, { 20, 1, 8, 18, 1, 16, 3, 1, { 1, 1 }, { 1, 1 }, { 0, 0, 0, 0 }, 1 } },
        square("32 channels", 2, 16, 32, 32, 3, 1, 1, 1, 1, 1),
        square("32 channels, one sample", 1, 17, 32, 64, 3, 1, 1, 0, 0, 1),
        square("32 channels, padding all around", 2, 16, 64, 32, 3, 1, 1, 2, 2, 1),
        square("one channel to 48", 3, 9, 1, 48, 3, 1, 1, 1, 1, 1),
        square("1x1, 17 to 32 channels", 3, 6, 17, 32, 1, 1, 1, 0, 0, 1),
        square("many rows at once", 3, 20, 3, 32, 5, 1, 1, 1, 2, 1),
        { "32 channels, not square", 2, { 5, 18, 32, 6, 17, 32, 2, 3, { 1, 1 }, { 1, 1 }, { 1, 1, 0, 1 }, 1 } },
        { "32 channels, one row", 3, { 1, 40, 32, 1, 40, 32, 1, 4, { 1, 1 }, { 1, 1 }, { 0, 0, 3, 0 }, 1 } },
        { "asymmetric on each side", 2, { 6, 6, 4, 9, 10, 5, 3, 3, { 1, 1 }, { 1, 1 }, { 2, 3, 1, 5 }, 1 } },
    };
    _Static_assert(sizeof cases / sizeof *cases == CASES, "counted");
    memcpy(out, cases, sizeof cases);
}

static void all(const forms *f)
{
    conv_case cases[CASES];
    cases_fill(cases);
    for (int i = 0; i < CASES; i++) one(f, cases[i]);
}

static void test_host(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    const heft_host *h = compute_host();
    all(&(forms){ "host", h->conv, h->conv_back_data, h->conv_back_weight, false });
}

static void test_host_bf16(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_BF16);
    const heft_host *h = compute_host();
    all(&(forms){ "bf16", h->conv, h->conv_back_data, h->conv_back_weight, true });
}

static void test_plain(void **state)
{
    (void)state;
    all(&(forms){ "plain", plain_conv, plain_conv_back_data, plain_conv_back_weight, false });
}

/* The host falls back on the plain form where oneDNN refuses, which hides a description that oneDNN finds
 * wrong. */
static void test_library_is_used(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    if (!strstr(compute_describe(), "AVX") && !strstr(compute_describe(), "AMX")) skip();
    conv_case cases[CASES];
    cases_fill(cases);
    for (int i = 0; i < 2 * CASES; i++) {
        const conv_case *v = &cases[i / 2];
        const bool half = i % 2;
        if (half && !compute_bf16_native()) continue;
        float *x = filled(0, conv_x_size(v)), *w = filled(0, conv_w_size(v)), *y = filled(0, conv_y_size(v));
        float *bias = filled(0, (size_t)v->c.oc);
        const bool forward = onednn_conv(&v->c, v->n, half, x, w, bias, y);
        const bool data = onednn_conv_back_data(&v->c, v->n, half, y, w, x);
        const bool weight = onednn_conv_back_weight(&v->c, v->n, half, x, y, w, bias);
        if (!forward || !data || !weight)
            fail_msg("%s%s: no kernel for%s%s%s", v->name, half ? ", bf16" : "", forward ? "" : " forward",
                     data ? "" : " back to data", weight ? "" : " back to weights");
        block_free(x);
        block_free(w);
        block_free(y);
        block_free(bias);
    }
}

/* heft's own forms, whatever the shape: the choice must not hide one. */
static void direct_forward(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y)
{
    (direct_can(c, DIRECT_FORWARD) ? direct_conv : plain_conv)(c, n, x, w, bias, y);
}

static void direct_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx)
{
    (direct_can(c, DIRECT_BACK_DATA) ? direct_conv_back_data : plain_conv_back_data)(c, n, dy, w, dx);
}

static void direct_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw, float *dbias)
{
    (direct_can(c, DIRECT_BACK_WEIGHT) ? direct_conv_back_weight : plain_conv_back_weight)(c, n, x, dy, dw, dbias);
}

static void test_direct(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    assert_int_equal(avx2_in_use(), !strncmp(compute_describe(), "AVX2", 4));
    if (!avx2_in_use()) skip();
    const forms f = { "direct", direct_forward, direct_data, direct_weight, false };
    all(&f);
    for (int64_t size = 1; size <= 14; size++)
        for (int64_t kernel = 1; kernel <= size && kernel <= 4; kernel++)
            for (int64_t before = 0; before < kernel; before++)
                for (int64_t stride = 1; stride <= 3; stride++) {
                    const conv_case v = square("any size", 1 + size % 2, size, stride == 1 ? 16 : size, 16 + size % 3 * 16, kernel, stride, 1, before,
                                               kernel - 1 - before, 1);
                    assert_true(direct_can(&v.c, DIRECT_FORWARD) && direct_can(&v.c, DIRECT_BACK_WEIGHT));
                    assert_int_equal(direct_can(&v.c, DIRECT_BACK_DATA), stride == 1);
                    one(&f, v);
                }
}

/* Its choice, at its edges: forward, back to data, back to weights; in capitals what it only can. */
static void test_direct_choice(void **state)
{
    (void)state;
    static const struct { int64_t size, ic, oc, kernel, stride, dilation, pad, groups; const char *pays; } cases[] = {
        { 32, 16, 16, 3, 1, 1, 1, 1, "fdw" }, { 31, 16, 16, 3, 1, 1, 1, 1, "fDw" }, { 2, 32, 32, 2, 1, 1, 0, 1, "fDw" },
        { 32, 15, 32, 3, 1, 1, 1, 1, "fw" },  { 32, 32, 40, 3, 1, 1, 1, 1, "d" },   { 32, 24, 24, 3, 1, 1, 1, 1, "" },
        { 32, 1, 32, 3, 1, 1, 1, 1, "fw" },   { 32, 32, 32, 1, 1, 1, 0, 1, "FDw" }, { 32, 128, 32, 3, 1, 1, 1, 1, "fdw" },
        { 32, 144, 32, 3, 1, 1, 1, 1, "fdW" },{ 32, 32, 32, 3, 2, 1, 1, 1, "fw" },  { 32, 32, 32, 3, 1, 2, 2, 1, "" },
        { 32, 64, 64, 3, 1, 1, 1, 2, "" },    { 32, 32, 32, 3, 1, 1, 3, 1, "" },    { 32, 32, 32, 9, 1, 1, 0, 1, "fdw" },
    };
    compute_init(1, COMPUTE_F32);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const conv_case v = square("", 1, cases[i].size, cases[i].ic, cases[i].oc, cases[i].kernel, cases[i].stride,
                                   cases[i].dilation, cases[i].pad, cases[i].pad, cases[i].groups);
        for (direct_pass pass = DIRECT_FORWARD; pass <= DIRECT_BACK_WEIGHT; pass++) {
            const bool pays = avx2_in_use() && strchr(cases[i].pays, "fdw"[pass]), can = pays || (avx2_in_use() && strchr(cases[i].pays, "FDW"[pass]));
            if (direct_pays(&v.c, pass) != pays || direct_can(&v.c, pass) != can) fail_msg("case %zu: pass %c", i, "fdw"[pass]);
        }
    }
    heft_conv odd = square("", 1, 32, 32, 32, 3, 1, 1, 1, 1, 1).c;
    odd.oh--;                                    /* not all that the kernel makes: dx would not be whole */
    assert_false(direct_can(&odd, DIRECT_BACK_DATA));
    odd.oh += 2;                                 /* more than there is */
    assert_false(direct_can(&odd, DIRECT_FORWARD) || direct_can(&odd, DIRECT_BACK_WEIGHT));
}

/* An output's 4 tile products with their signs are 64 products of x and w, of which 9 remain: 64/9 times as much to round, and an element's own
 * size says nothing of its neighbours in the tile.  A weight's gradient is 36 for 4. */
static const forms winograd = { "winograd", winograd_conv, winograd_conv_back_data, winograd_conv_back_weight, false, 9 };

static void test_winograd(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    if (!avx2_in_use()) skip();
    for (int64_t size = 1; size <= 13; size++)
        for (int64_t before = 0; before < 3; before++)
            for (int64_t after = 0; after < 3; after++) {
                if (size + before + after < 3) continue;
                const conv_case v = square("any size", 1 + size % 3, size, 16 + size % 2 * 16, 16 + size % 3 * 16, 3, 1, 1, before, after, 1);
                assert_true(winograd_can(&v.c));
                one(&winograd, v);
            }
    one(&winograd, square("several strips", 3, 26, 32, 64, 3, 1, 1, 0, 0, 1));
    one(&winograd, square("strips of several images", 5, 7, 48, 80, 3, 1, 1, 1, 1, 1));
}

/* As test_direct_choice. */
static void test_winograd_choice(void **state)
{
    (void)state;
    static const struct { int64_t size, ic, oc, kernel, stride, pad; bool can; const char *pays; } cases[] = {
        { 8, 16, 16, 3, 1, 1, true, "fdw" },  { 7, 512, 512, 3, 1, 1, true, "fdw" }, { 7, 512, 528, 3, 1, 1, true, "" },
        { 6, 16, 16, 3, 1, 1, true, "fw" },   { 3, 256, 256, 3, 1, 1, true, "fw" },  { 3, 256, 272, 3, 1, 1, true, "" },
        { 2, 16, 16, 3, 1, 1, true, "" },     { 8, 16, 16, 3, 2, 1, false, "" },     { 8, 16, 16, 5, 1, 2, false, "" },
        { 8, 24, 16, 3, 1, 1, false, "" },    { 8, 16, 24, 3, 1, 1, false, "" },     { 8, 16, 16, 2, 1, 0, false, "" },
    };
    compute_init(1, COMPUTE_F32);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const conv_case v = square("", 1, cases[i].size, cases[i].ic, cases[i].oc, cases[i].kernel, cases[i].stride, 1, cases[i].pad, cases[i].pad, 1);
        if (winograd_can(&v.c) != (avx2_in_use() && cases[i].can)) fail_msg("case %zu: can", i);
        for (direct_pass pass = DIRECT_FORWARD; pass <= DIRECT_BACK_WEIGHT; pass++)
            if (winograd_pays(&v.c, pass) != (avx2_in_use() && strchr(cases[i].pays, "fdw"[pass]) != NULL)) fail_msg("case %zu: pass %c", i, "fdw"[pass]);
    }
}

/* The host does as the choice says: the bits are those of the form. */
static void chosen(const forms *f, const conv_case v)
{
    const heft_host *h = compute_host();
    const size_t nx = conv_x_size(&v), nw = conv_w_size(&v);
    float *x = numbers(1, nx), *w = numbers(2, nw), *y[2], *dx[2], *dw[2];
    for (int i = 0; i < 2; i++) {
        y[i] = filled(0, nx);
        dx[i] = filled(0, nx);
        dw[i] = filled(1, nw);
    }
    h->conv(&v.c, v.n, x, w, NULL, y[0]);
    h->conv_back_data(&v.c, v.n, x, w, dx[0]);
    h->conv_back_weight(&v.c, v.n, x, y[0], dw[0], NULL);
    f->forward(&v.c, v.n, x, w, NULL, y[1]);
    f->data(&v.c, v.n, x, w, dx[1]);
    f->weight(&v.c, v.n, x, y[1], dw[1], NULL);
    assert_memory_equal(y[0], y[1], nx * sizeof *x);
    assert_memory_equal(dx[0], dx[1], nx * sizeof *x);
    assert_memory_equal(dw[0], dw[1], nw * sizeof *x);
    float *all_of_it[] = { x, w, y[0], y[1], dx[0], dx[1], dw[0], dw[1] };
    for (size_t i = 0; i < sizeof all_of_it / sizeof *all_of_it; i++) block_free(all_of_it[i]);
}

static void test_forms_are_chosen(void **state)
{
    (void)state;
    const forms direct = { "direct", direct_conv, direct_conv_back_data, direct_conv_back_weight, false, 0 };
    compute_init(1, COMPUTE_F32);
    if (!avx2_in_use()) skip();
    chosen(&winograd, square("", 2, 32, 32, 32, 3, 1, 1, 1, 1, 1));
    chosen(&direct, square("", 2, 32, 32, 32, 5, 1, 1, 2, 2, 1));
}

/* A NaN or an infinity among the operands reaches all that it is a term of, and where no weight is one, no other sample, and
 * no weight of another channel. */
static void test_not_finite(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    const heft_host *h = compute_host();
    const conv_case v = square("", 2, 16, 32, 32, 3, 1, 1, 1, 1, 1);
    const size_t nx = conv_x_size(&v), nw = conv_w_size(&v);
    static const float bad[] = { NAN, INFINITY };
    for (int b = 0; b < 2; b++) {
        float *x = filled(1, nx), *w = filled(1, nw), *y = filled(0, nx), *dw = filled(0, nw);
        const size_t corner = nx / 2 + 5;        /* sample 1, row 0, column 0, channel 5 */
        x[corner] = bad[b];
        h->conv(&v.c, v.n, x, w, NULL, y);
        for (size_t i = 0; i < nx; i++) {
            const size_t at = i % (nx / 2) / 32;
            assert_true(isfinite(y[i]) ? i < nx / 2 || at / 16 >= 2 || at % 16 >= 2 : i >= nx / 2);
        }
        h->conv_back_data(&v.c, v.n, x, w, y);
        for (size_t i = 0; i < nx; i++) {
            const size_t at = i % (nx / 2) / 32;
            assert_true(isfinite(y[i]) ? i < nx / 2 || at / 16 >= 2 || at % 16 >= 2 : i >= nx / 2);
        }
        for (size_t i = 0; i < nx; i++) y[i] = 1;
        h->conv_back_weight(&v.c, v.n, x, y, dw, NULL);
        for (size_t i = 0; i < nw; i++) {        /* the taps that the corner lies under, and its channel */
            const size_t tap = i / (32 * 32);
            const bool channel = i / 32 % 32 == 5, term = channel && tap / 3 < 2 && tap % 3 < 2;
            assert_true(isfinite(dw[i]) ? !term : channel);
        }
        x[corner] = 1;
        w[0] = bad[b];
        h->conv(&v.c, v.n, x, w, NULL, y);
        assert_false(isfinite(y[(16 + 1) * 32]) || isfinite(y[nx - 32]));
        h->conv_back_data(&v.c, v.n, x, w, y);
        assert_false(isfinite(y[0]) || isfinite(y[(16 + 1) * 32]));
        block_free(x);
        block_free(w);
        block_free(y);
        block_free(dw);
    }
}

/* No sample: nothing is read or written but dx of none. */
static void test_empty(void **state)
{
    (void)state;
    compute_init(1, COMPUTE_F32);
    const conv_case v = square("", 0, 4, 2, 2, 3, 1, 1, 1, 1, 1);
    float w[36] = { 0 }, x = 1, dw[36] = { 7 };
    const heft_host *h = compute_host();
    h->conv(&v.c, 0, &x, w, NULL, &x);
    h->conv_back_data(&v.c, 0, &x, w, &x);
    h->conv_back_weight(&v.c, 0, &x, &x, dw, NULL);
    assert_true(x == 1 && dw[0] == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_host_bf16),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_library_is_used),
        cmocka_unit_test(test_direct),
        cmocka_unit_test(test_direct_choice),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_winograd_choice),
        cmocka_unit_test(test_forms_are_chosen),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
