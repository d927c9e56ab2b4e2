/* winograd.c -- convolutions of 3 x 3 taps with 16 multiplications for 4 outputs, where direct.c has 36
 *
 *   y  = A'[(G w G') . (B' x B)]A              of a tile of 2 x 2 outputs, which sees 4 x 4 inputs
 *   dw = G'[sum of (A dy A') . (B' x B)]G      over tiles
 *
 *        |1 0 -1  0|        | 1   0   0 |
 *   B' = |0 1  1  0|    G = |1/2 1/2 1/2|    A' = |1 1  1  0|
 *        |0 -1 1  0|        |1/2-1/2 1/2|         |0 1 -1 -1|
 *        |0 1  0 -1|        | 0   0   1 |
 *
 * A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, F(2 x 2, 3 x 3).  What is multiplied place by
 * place is a matrix of tiles and channels at each of 16 places: products, by the loops of avx2.c.  Some rows of tiles at a
 * time, of one image or several, so that what they become stays in cache.
 */
#include "compute/internal.h"

#include <string.h>

enum { LANES = 16, PLACES = 16, STRIP = 256 << 10 };       /* bytes of transformed tiles */

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2,fma")))
#else
#define AVX2
#endif

/* 8 channels. */
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
#define AT(p) (*(v8 *)(p))
#define OF(p) (*(const v8 *)(p))

/* From place to place, of n floats each: a line of cache more, since 16 places at a distance of 4 KiB would share a few lines. */
static int64_t apart(int64_t n) { return n + LANES; }

/* The problem in tiles.  g: rows of tiles, of all images one after the other. */
typedef struct tiling {
    const heft_conv *c;
    int64_t high, wide, rows;                    /* tiles of an image; rows of tiles at a time */
} tiling;

static tiling tile(const heft_conv *c, int64_t n)
{
    tiling t = { c, (c->oh + 1) / 2, (c->ow + 1) / 2, 0 };
    const int64_t row = PLACES * t.wide * (c->ic + c->oc) * (int64_t)sizeof(float), all = n * t.high;
    t.rows = STRIP / row < 1 ? 1 : STRIP / row < all ? STRIP / row : all;
    return t;
}

bool winograd_can(const heft_conv *c)
{
    return direct_can(c, DIRECT_FORWARD) && direct_can(c, DIRECT_BACK_DATA) && c->kh == 3 && c->kw == 3;
}

/* Few tiles do not pay for transformed weights, 16 / 9 of them.  Back to data has to transpose them too, and oneDNN skips the padding, which is much
 * of a small image.  docs/performance.md has the figures. */
bool winograd_pays(const heft_conv *c, direct_pass pass)
{
    if (!winograd_can(c)) return false;
    const int64_t tiles = (c->oh + 1) / 2 * ((c->ow + 1) / 2), weights = c->ic * c->oc;
    return tiles >= (pass == DIRECT_BACK_DATA ? 16 : 4) && weights <= 16384 * tiles;
}

/* ---- transforms of 8 channels; places lie `far` apart ---- */

/* B' x B of the tile at x, rows `pitch` and columns `step` apart. */
AVX2 static inline void inputs(const float *x, int64_t pitch, int64_t step, float *v, int64_t far)
{
    v8 t[4][4];
    for (int j = 0; j < 4; j++, x += step) {
        const v8 a = OF(x), b = OF(x + pitch), c = OF(x + 2 * pitch), d = OF(x + 3 * pitch);
        t[0][j] = a - c;
        t[1][j] = b + c;
        t[2][j] = c - b;
        t[3][j] = b - d;
    }
    for (int i = 0; i < 4; i++, v += 4 * far) {
        AT(v) = t[i][0] - t[i][2];
        AT(v + far) = t[i][1] + t[i][2];
        AT(v + 2 * far) = t[i][2] - t[i][1];
        AT(v + 3 * far) = t[i][1] - t[i][3];
    }
}

/* A' m A + bias to the rows and columns, one or two, that there are. */
AVX2 static inline void outputs(const float *m, int64_t far, const float *bias, float *y, int64_t pitch, int64_t step, int64_t rows, int64_t columns)
{
    v8 t[2][4];
    for (int j = 0; j < 4; j++, m += far) {
        const v8 a = OF(m), b = OF(m + 4 * far), c = OF(m + 8 * far), d = OF(m + 12 * far);
        t[0][j] = a + b + c;
        t[1][j] = b - c - d;
    }
    const v8 none = { 0 }, more = bias ? OF(bias) : none;
    for (int i = 0; i < rows; i++, y += pitch) {
        AT(y) = t[i][0] + t[i][1] + t[i][2] + more;
        if (columns > 1) AT(y + step) = t[i][1] - t[i][2] - t[i][3] + more;
    }
}

/* A dy A', of zeros where there are no rows or columns. */
AVX2 static inline void gradients(const float *dy, int64_t pitch, int64_t step, int64_t rows, int64_t columns, float *e, int64_t far)
{
    const v8 none = { 0 };
    v8 t[4][2];
    for (int j = 0; j < 2; j++, dy += step) {
        const v8 a = j < columns ? OF(dy) : none, b = j < columns && rows > 1 ? OF(dy + pitch) : none;
        t[0][j] = a;
        t[1][j] = a + b;
        t[2][j] = a - b;
        t[3][j] = -b;
    }
    for (int i = 0; i < 4; i++, e += 4 * far) {
        AT(e) = t[i][0];
        AT(e + far) = t[i][0] + t[i][1];
        AT(e + 2 * far) = t[i][0] - t[i][1];
        AT(e + 3 * far) = -t[i][1];
    }
}

/* G w G', taps `far` apart. */
AVX2 static inline void weights(const float *w, int64_t far, v8 u[4][4])
{
    v8 t[4][3];
    for (int j = 0; j < 3; j++, w += far) {
        const v8 a = OF(w), b = OF(w + 3 * far), c = OF(w + 6 * far);
        t[0][j] = a;
        t[1][j] = 0.5f * (a + b + c);
        t[2][j] = 0.5f * (a - b + c);
        t[3][j] = c;
    }
    for (int i = 0; i < 4; i++) {
        u[i][0] = t[i][0];
        u[i][1] = 0.5f * (t[i][0] + t[i][1] + t[i][2]);
        u[i][2] = 0.5f * (t[i][0] - t[i][1] + t[i][2]);
        u[i][3] = t[i][2];
    }
}

/* dw += G' u G, places and taps `far` apart. */
AVX2 static inline void weight_gradients(const float *u, int64_t far, float *dw)
{
    v8 t[3][4];
    for (int j = 0; j < 4; j++, u += far) {
        const v8 a = OF(u), b = OF(u + 4 * far), c = OF(u + 8 * far), d = OF(u + 12 * far);
        t[0][j] = a + 0.5f * (b + c);
        t[1][j] = 0.5f * (b - c);
        t[2][j] = 0.5f * (b + c) + d;
    }
    for (int i = 0; i < 3; i++, dw += 3 * far) {
        AT(dw) += t[i][0] + 0.5f * (t[i][1] + t[i][2]);
        AT(dw + far) += 0.5f * (t[i][1] - t[i][2]);
        AT(dw + 2 * far) += 0.5f * (t[i][1] + t[i][2]) + t[i][3];
    }
}

/* ---- passes ---- */

/* The tiles of rows [g, g + rows), as [place][tile][ic]. */
AVX2 static void put_inputs(const tiling *t, const framed *f, int64_t g, int64_t rows, const float *x, float *v)
{
    const heft_conv *c = t->c;
    const int64_t far = apart(rows * t->wide * c->ic);
    for (int64_t r = g; r < g + rows; r++) {
        const float *image = frame_put(f, x + r / t->high * c->ih * c->iw * c->ic, r % t->high == 0);
        const float *from = image + r % t->high * 2 * f->pitch;
        for (int64_t i = 0; i < t->wide; i++, from += 2 * c->ic, v += c->ic)
            for (int64_t k = 0; k < c->ic; k += 8) inputs(from + k, f->pitch, c->ic, v + k, far);
    }
}

AVX2 static void take_outputs(const tiling *t, int64_t g, int64_t rows, const float *m, const float *bias, float *y)
{
    const heft_conv *c = t->c;
    const int64_t far = apart(rows * t->wide * c->oc), pitch = c->ow * c->oc;
    for (int64_t r = g; r < g + rows; r++) {
        const int64_t row = r % t->high * 2;
        float *to = y + (r / t->high * c->oh + row) * pitch;
        for (int64_t i = 0; i < t->wide; i++, to += 2 * c->oc, m += c->oc)
            for (int64_t k = 0; k < c->oc; k += 8)
                outputs(m + k, far, bias ? bias + k : NULL, to + k, pitch, c->oc, c->oh - row < 2 ? 1 : 2, c->ow - 2 * i < 2 ? 1 : 2);
    }
}

static float *room_for_tiles(const tiling *t, local_use use, int64_t channels)
{
    return local_buffer(local_get(), use, (size_t)(PLACES * apart(t->rows * t->wide * channels)) * sizeof(float));
}

/* u: of 16 outputs after the other, [place][ic][16]. */
static void forward(const heft_conv *c, int64_t n, const float *x, const float *u, const float *bias, float *y)
{
    const tiling t = tile(c, n);
    const framed f = frame(c, 2 * t.high + 2, 2 * t.wide + 2);
    float *v = room_for_tiles(&t, LOCAL_TILES_X, c->ic), *m = room_for_tiles(&t, LOCAL_TILES_Y, c->oc);
    const avx2_sum s = { .lines = 1, .terms = c->ic, .x_row = c->ic, .out_row = c->oc };
    for (int64_t g = 0; g < n * t.high; g += t.rows) {
        const int64_t rows = n * t.high - g < t.rows ? n * t.high - g : t.rows, tiles = rows * t.wide;
        put_inputs(&t, &f, g, rows, x, v);
        for (int64_t p = 0; p < PLACES; p++)
            for (int64_t o = 0; o < c->oc; o += LANES)
                avx2_sums(&s, tiles, v + p * apart(tiles * c->ic), u + (p * c->oc + o) * c->ic, m + p * apart(tiles * c->oc) + o);
        take_outputs(&t, g, rows, m, bias, y);
    }
}

static float *room_for_weights(const heft_conv *c)
{
    return local_buffer(local_get(), LOCAL_WORK, (size_t)(PLACES * c->ic * c->oc) * sizeof(float));
}

/* G w G' as forward reads them; `mirrored`: those of the mirrored problem, in both axes and with inputs and outputs exchanged.  Mirrored weights
 * are, transformed, the same with their first and last rows and columns exchanged. */
AVX2 static const float *transform_weights(const heft_conv *c, const float *w, bool mirrored)
{
    static const int mirror[4] = { 3, 1, 2, 0 };
    float *u = room_for_weights(c);
    const int64_t far = c->ic * c->oc;
    for (int64_t i = 0; i < c->ic; i++)
        for (int64_t o = 0; o < c->oc; o += 8) {
            v8 one[4][4];
            float *to = mirrored ? u + (i / LANES * c->oc + o) * LANES + i % LANES : u + (o / LANES * c->ic + i) * LANES + o % LANES;
            weights(w + i * c->oc + o, far, one);
            for (int p = 0; p < PLACES; p++, to += far) {
                if (!mirrored) AT(to) = one[p / 4][p % 4];
                for (int k = 0; mirrored && k < 8; k++) to[k * LANES] = one[mirror[p / 4]][mirror[p % 4]][k];
            }
        }
    return u;
}

void winograd_conv(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y)
{
    forward(c, n, x, transform_weights(c, w, false), bias, y);
}

void winograd_conv_back_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx)
{
    const heft_conv mirrored = direct_mirrored(c);
    forward(&mirrored, n, dy, transform_weights(c, w, true), NULL, dx);
}

AVX2 static void put_gradients(const tiling *t, int64_t g, int64_t rows, const float *dy, float *e)
{
    const heft_conv *c = t->c;
    const int64_t far = apart(rows * t->wide * c->oc), pitch = c->ow * c->oc;
    for (int64_t r = g; r < g + rows; r++) {
        const int64_t row = r % t->high * 2;
        const float *from = dy + (r / t->high * c->oh + row) * pitch;
        for (int64_t i = 0; i < t->wide; i++, from += 2 * c->oc, e += c->oc)
            for (int64_t k = 0; k < c->oc; k += 8)
                gradients(from + k, pitch, c->oc, c->oh - row < 2 ? 1 : 2, c->ow - 2 * i < 2 ? 1 : 2, e + k, far);
    }
}

AVX2 void winograd_conv_back_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw, float *dbias)
{
    const tiling t = tile(c, n);
    const framed f = frame(c, 2 * t.high + 2, 2 * t.wide + 2);
    float *v = room_for_tiles(&t, LOCAL_TILES_X, c->ic), *e = room_for_tiles(&t, LOCAL_TILES_Y, c->oc), *u = room_for_weights(c);
    const int64_t far = c->ic * c->oc;
    memset(u, 0, (size_t)(PLACES * far) * sizeof *u);
    for (int64_t g = 0; g < n * t.high; g += t.rows) {
        const int64_t rows = n * t.high - g < t.rows ? n * t.high - g : t.rows, tiles = rows * t.wide;
        const avx2_sum s = { .lines = 1, .terms = tiles, .x_term = c->ic, .y_term = c->oc, .out_row = c->oc, .add = true };
        put_inputs(&t, &f, g, rows, x, v);
        put_gradients(&t, g, rows, dy, e);
        for (int64_t p = 0; p < PLACES; p++)
            for (int64_t o = 0; o < c->oc; o += LANES)
                avx2_outers(&s, c->ic, v + p * apart(tiles * c->ic), e + p * apart(tiles * c->oc) + o, u + p * far + o);
    }
    for (int64_t i = 0; i < far; i += 8) weight_gradients(u + i, far, dw + i);
    if (dbias) heft_add_rows(n * c->oh * c->ow, c->oc, dy, c->oc, dbias);
}
