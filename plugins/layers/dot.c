/* dot.c -- products of two inputs summed along one axis of each
 *
 *   y[i, j] = sum_k a[i, k] b[j, k]        da[i, k] = sum_j dy[i, j] b[j, k]        db[j, k] = sum_i dy[i, j] a[i, k]
 *
 * Here the axes summed are the last of both, `axes: -1`; with `axes: [1, 0]` y = a b as matrices.  Samples have
 * one axis or two; an input of one has no i (or j), and two such give [1].  As Keras' Dot, whose axes count the batch.
 * `normalize`: rows are divided by their lengths first, which gives cosines: with r = |a[i]|, a' = a / r,
 * da[i] = (da' - a' (a' . da')) / r.  A length below 1e-12 counts as that.
 */
#include <heft/plugin.h>

typedef struct { int64_t rows, length, row, step; } side;        /* element k of row i lies at i row + k step */

typedef struct {
    heft_int_list axes;
    bool    normalize;
    side    in[2];                               /* derived */
} dot;

enum { UNIT, RADIUS = 2, DUNIT = 4 };            /* scratch, two of each, for normalize: a', r and da' */

static const heft_option options[] = {
    HEFT_OPT_INTS(dot, axes, NULL, "-1", -2, 1, "axis summed along: of both inputs, or [first, second]"),
    HEFT_OPT_BOOL(dot, normalize, false, "divide rows by their lengths first: cosines"),
    HEFT_OPT_END
};

static int plan_side(heft_layer_plan *p, int i, int64_t given, side *s)
{
    const heft_shape *x = &p->in[i];
    char found[HEFT_SHAPE_TEXT];
    if (heft_needs(p, i, -1, "numbers of one axis or two")) return -1;
    if (x->rank < 1 || x->rank > 2)
        return heft_fail(&p->error, "needs numbers of one axis or two; found %s", heft_shape_text(x, found));
    const int64_t axis = given < 0 ? given + x->rank : given;
    if (axis < 0 || axis >= x->rank)
        return heft_fail(&p->error, "axis %lld is none of the %d axes of %s", (long long)given, (int)x->rank,
                         heft_shape_text(x, found));
    s->length = x->dim[axis];
    s->rows = heft_count(x) / s->length;
    s->step = axis == x->rank - 1 ? 1 : s->rows;
    s->row = s->step == 1 ? s->length : 1;
    return 0;
}

static int plan(void *self, heft_layer_plan *p)
{
    dot *d = self;
    static const char *const names[] = { "unit_0", "unit_1", "radius_0", "radius_1", "dunit_0", "dunit_1" };
    char a[HEFT_SHAPE_TEXT], b[HEFT_SHAPE_TEXT];
    if (d->axes.n < 1 || d->axes.n > 2)
        return heft_fail(&p->error, "axes takes one number or two; found %d", (int)d->axes.n);
    for (int i = 0; i < 2; i++)
        if (plan_side(p, i, d->axes.v[i < d->axes.n ? i : 0], &d->in[i])) return -1;
    if (d->in[0].length != d->in[1].length)
        return heft_fail(&p->error, "needs axes of one length; %lld of %s and %lld of %s are summed along",
                         (long long)d->in[0].length,
                         heft_shape_text(&p->in[0], a), (long long)d->in[1].length, heft_shape_text(&p->in[1], b));
    p->out = (heft_shape){ HEFT_F32, 0 };
    for (int i = 0; i < 2; i++)
        if (p->in[i].rank == 2) p->out.dim[p->out.rank++] = d->in[i].rows;
    if (!p->out.rank) p->out.dim[p->out.rank++] = 1;
    for (int i = 0; d->normalize && i < 6; i++) {
        const heft_shape radii = { HEFT_F32, 1, { d->in[i % 2].rows } };
        const heft_shape shape = i / 2 == RADIUS / 2 ? radii : p->in[i % 2];
        p->tensor[p->n_tensors++] = (heft_tensor){ .name = names[i], .role = HEFT_SCRATCH, .shape = shape,
                                                   .per_sample = true };
    }
    p->flops = 2.0 * (double)d->in[0].rows * (double)d->in[1].rows * (double)d->in[0].length;
    return 0;
}

/* C = op(A) op(B) for each of n samples, A and B with the rows and columns of op(A) and op(B) as in gemm. */
static void products(const heft_host *host, int64_t n, bool ta, bool tb, int64_t m, int64_t cols, int64_t k,
                     const float *a, const float *b, float *c)
{
    for (int64_t i = 0; i < n; i++)
        host->gemm(ta, tb, m, cols, k, 1, a + i * m * k, ta ? m : k, b + i * k * cols, tb ? k : cols, 0,
                   c + i * m * cols, cols);
}

static void normalize(const side *s, int64_t n, const float *restrict x, float *restrict unit, float *restrict radius)
{
    for (int64_t i = 0; i < n * s->rows; i++) {
        const int64_t at = i / s->rows * s->rows * s->length + i % s->rows * s->row;
        float sum = 0;
        for (int64_t k = 0; k < s->length; k++) sum += x[at + k * s->step] * x[at + k * s->step];
        const float r = sqrtf(sum), most = r > 1e-12f ? r : 1e-12f;
        for (int64_t k = 0; k < s->length; k++) unit[at + k * s->step] = x[at + k * s->step] / most;
        radius[i] = r > 1e-12f ? r : -1e-12f;                    /* negative: a constant */
    }
}

static void normalize_back(const side *s, int64_t n, const float *restrict unit, const float *restrict radius,
                           const float *restrict dunit, float *restrict dx)
{
    for (int64_t i = 0; i < n * s->rows; i++) {
        const int64_t at = i / s->rows * s->rows * s->length + i % s->rows * s->row;
        float sum = 0;
        for (int64_t k = 0; k < s->length; k++) sum += unit[at + k * s->step] * dunit[at + k * s->step];
        if (radius[i] < 0) sum = 0;
        for (int64_t k = 0; k < s->length; k++)
            dx[at + k * s->step] = (dunit[at + k * s->step] - unit[at + k * s->step] * sum) / fabsf(radius[i]);
    }
}

static void forward(const void *self, const heft_forward *p)
{
    const dot *d = self;
    const side *a = &d->in[0], *b = &d->in[1];
    for (int i = 0; d->normalize && i < 2; i++)
        normalize(&d->in[i], p->n, p->in[i], p->scratch[UNIT + i], p->scratch[RADIUS + i]);
    const float *const *x = d->normalize ? (const float *const *)p->scratch : p->in;
    products(p->host, p->n, a->step > 1, b->step == 1, a->rows, b->rows, a->length, x[0], x[1], p->out);
}

static void backward(const void *self, const heft_backward *p)
{
    const dot *d = self;
    const side *a = &d->in[0], *b = &d->in[1];
    for (int i = 0; d->normalize && i < 2; i++)
        normalize(&d->in[i], p->n, p->in[i], p->scratch[UNIT + i], p->scratch[RADIUS + i]);
    const float *const *x = d->normalize ? (const float *const *)p->scratch : p->in;
    float *const *dx = d->normalize ? p->scratch + DUNIT : p->din;
    if (p->din[0] && a->step == 1)               /* da = dy b, or its transpose b' dy' */
        products(p->host, p->n, false, b->step > 1, a->rows, a->length, b->rows, p->dout, x[1], dx[0]);
    else if (p->din[0])
        products(p->host, p->n, b->step == 1, true, a->length, a->rows, b->rows, x[1], p->dout, dx[0]);
    if (p->din[1] && b->step == 1)               /* db = dy' a, or its transpose a' dy */
        products(p->host, p->n, true, a->step > 1, b->rows, b->length, a->rows, p->dout, x[0], dx[1]);
    else if (p->din[1])
        products(p->host, p->n, a->step == 1, false, b->length, b->rows, a->rows, x[0], p->dout, dx[1]);
    for (int i = 0; d->normalize && i < 2; i++)
        if (p->din[i])
            normalize_back(&d->in[i], p->n, p->scratch[UNIT + i], p->scratch[RADIUS + i], p->scratch[DUNIT + i],
                           p->din[i]);
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "dot", "products of two inputs, summed along an axis", sizeof(dot),
                      options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_OUT,
};
