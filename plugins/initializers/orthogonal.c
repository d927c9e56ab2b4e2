/* orthogonal.c -- a random matrix with orthonormal columns, or rows if there are fewer of them
 *
 * The tensor as a matrix [product of the leading axes, last axis] is filled from the normal distribution and
 * orthonormalized by the Gram-Schmidt process, a block at a time: Q of Z = Q R.  Gram-Schmidt gives R a positive
 * diagonal, the sign convention of PyTorch and Keras, under which Q is uniformly distributed: F. Mezzadri, "How to
 * generate random matrices from the classical compact groups", Notices of the AMS 54 (2007).  The process runs
 * twice since once would leave an error that grows with the condition of Z: L. Giraud et al., "The loss of
 * orthogonality in the Gram-Schmidt orthogonalization process", 2005.
 *
 * A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", ICLR
 * 2014.  The matrix is that of Keras' Orthogonal; PyTorch's orthogonal_ keeps the first axis and joins the others,
 * its weights being the transposed of ours.
 */
#include <heft/plugin.h>

typedef struct { double gain; } orthogonal;

static const heft_option options[] = {
    HEFT_OPT_REAL(orthogonal, gain, 1, 0, 1000, "length of every column (row)"),
    HEFT_OPT_END
};

enum { BLOCK = 16 };                             /* vectors: a cache line of columns */

/* `count` vectors of `length` elements; element i of vector v is x[v * across + i * along]. */
typedef struct { float *x; int64_t count, length, across, along; } vectors;

static void normalize(const vectors *s, int64_t v)
{
    float *q = s->x + v * s->across;
    double sum = 0;
    for (int64_t i = 0; i < s->length; i++) sum += (double)q[i * s->along] * q[i * s->along];
    const double scale = sum > 0 ? 1 / sqrt(sum) : 0;
    for (int64_t i = 0; i < s->length; i++) q[i * s->along] = (float)(q[i * s->along] * scale);
}

/* Take the directions of nv unit vectors from v out of nw vectors from w; neither is above BLOCK. */
static inline void remove_directions(const vectors *s, int64_t v, int64_t nv, int64_t w, int64_t nw)
{
    double dot[BLOCK][BLOCK] = { 0 };
    for (int64_t i = 0; i < s->length; i++) {
        const float *q = s->x + v * s->across + i * s->along, *x = s->x + w * s->across + i * s->along;
        for (int64_t a = 0; a < nv; a++)
            for (int64_t b = 0; b < nw; b++) dot[a][b] += (double)q[a * s->across] * x[b * s->across];
    }
    for (int64_t i = 0; i < s->length; i++) {
        const float *q = s->x + v * s->across + i * s->along;
        float *x = s->x + w * s->across + i * s->along;
        double sum[BLOCK] = { 0 };
        for (int64_t a = 0; a < nv; a++)
            for (int64_t b = 0; b < nw; b++) sum[b] += q[a * s->across] * dot[a][b];
        for (int64_t b = 0; b < nw; b++) x[b * s->across] -= (float)sum[b];
    }
}

static void orthonormalize(const vectors *s)
{
    for (int64_t first = 0; first < s->count; first += BLOCK) {
        const int64_t end = first + BLOCK < s->count ? first + BLOCK : s->count;
        for (int64_t v = 0; v < first; v += BLOCK) remove_directions(s, v, BLOCK, first, end - first);
        for (int64_t v = first; v < end; v++) {
            normalize(s, v);
            remove_directions(s, v, 1, v + 1, end - v - 1);
        }
    }
}

static int fill(const void *self, heft_fill *f)
{
    const orthogonal *o = self;
    if (f->shape.rank < 2)
        return heft_fail(&f->error, "orthogonal needs a tensor of 2 axes or more, this one has %d",
                         (int)f->shape.rank);
    const int64_t n = heft_count(&f->shape), columns = f->shape.dim[f->shape.rank - 1], rows = n / columns;
    for (int64_t i = 0; i < n; i++) f->x[i] = heft_normal(&f->rng);

    const vectors s = rows >= columns ? (vectors){ f->x, columns, rows, 1, columns }
                                      : (vectors){ f->x, rows, columns, columns, 1 };
    orthonormalize(&s);
    orthonormalize(&s);
    for (int64_t i = 0; i < n; i++) f->x[i] *= (float)o->gain;
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "orthogonal",
                      "random orthonormal columns (rows if they are fewer)",
                      sizeof(orthogonal), options),
    .fill = fill,
};
