/* direct.c -- convolutions without a detour, where oneDNN has AVX2 kernels and no AVX-512
 *
 * With channels last, what a tap row of the kernel sees of the input is one piece of memory, kw * ic floats, for each output pixel.  So
 * forward is, for each pixel and 16 output channels, a sum over kh such pieces times packed weights; back to data the same on the
 * mirrored problem, with weights mirrored and transposed; back to weights a sum of outer products of such pieces with dy.
 * Padding becomes zeros around a copy of the image.
 */
#include "compute/internal.h"

#include <string.h>

enum { LANES = 16, MOST_SIZE = 1 << 15 };
enum { TILE = 128 << 10, STRIP = 20 << 10 };     /* bytes: of input rows that stay in L2 for all output channels; of 16 channels of x and dy that stay in L1 */

/* ---- which convolutions ---- */

bool direct_can(const heft_conv *c, direct_pass pass)
{
    const int64_t size[] = { c->ih, c->iw, c->ic, c->oh, c->ow, c->oc, c->kh, c->kw };
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        if (size[i] < 1 || size[i] > MOST_SIZE) return false;
    for (int i = 0; i < 4; i++)
        if (c->pad[i] < 0 || c->pad[i] >= (i < 2 ? c->kh : c->kw)) return false;
    if (!avx2_in_use() || c->groups != 1 || c->dilation[0] != 1 || c->dilation[1] != 1 || c->stride[0] < 1 || c->stride[1] < 1) return false;
    const int64_t rows = c->ih + c->pad[0] + c->pad[1] - c->kh + 1, columns = c->iw + c->pad[2] + c->pad[3] - c->kw + 1;
    if (pass == DIRECT_BACK_DATA) return c->ic % LANES == 0 && c->stride[0] == 1 && c->stride[1] == 1 && c->oh == rows && c->ow == columns;
    return c->oc % LANES == 0 && (c->oh - 1) * c->stride[0] < rows && (c->ow - 1) * c->stride[1] < columns;
}

/* Against oneDNN 2.6.3 on a Zen 3; docs/performance.md has the figures.  oneDNN skips the padding, which is much of a small image, and does kernels of
 * one tap as products.  Gradients of many channels are too many to be summed a few pixels at a time. */
bool direct_pays(const heft_conv *c, direct_pass pass)
{
    return direct_can(c, pass) && (pass == DIRECT_BACK_WEIGHT ? c->ic <= 128 : c->kh * c->kw > 1 && (pass == DIRECT_FORWARD || c->iw >= 32));
}

/* ---- images with zeros around them ---- */

framed frame(const heft_conv *c, int64_t height, int64_t width)
{
    framed f = { c, width * c->ic, NULL };
    if (height == c->ih && width == c->iw) return f;
    const size_t bytes = (size_t)(height * f.pitch) * sizeof *f.copy;
    f.copy = local_buffer(local_get(), LOCAL_PACK, bytes);
    memset(f.copy, 0, bytes);
    return f;
}

const float *frame_put(const framed *f, const float *image, bool changed)
{
    const heft_conv *c = f->c;
    const int64_t row = c->iw * c->ic;
    if (!f->copy) return image;
    for (int64_t y = 0; changed && y < c->ih; y++)
        memcpy(f->copy + (c->pad[0] + y) * f->pitch + c->pad[2] * c->ic, image + y * row, (size_t)row * sizeof *image);
    return f->copy;
}

static framed padded(const heft_conv *c) { return frame(c, c->ih + c->pad[0] + c->pad[1], c->iw + c->pad[2] + c->pad[3]); }

static int64_t rows_in(int64_t bytes, int64_t row_floats, int64_t most)
{
    const int64_t n = bytes / (int64_t)sizeof(float) / row_floats;
    return n < 1 ? 1 : n < most ? n : most;
}

/* ---- passes ---- */

/* Of 16 output channels after the other: the weights of a tap row, [kw * ic][16], then those of the next. */
static void forward(const heft_conv *c, int64_t n, const float *x, const float *panels, const float *bias, float *y)
{
    const framed f = padded(c);
    avx2_sum s = { .lines = c->kh, .terms = c->kw * c->ic, .x_line = f.pitch, .x_row = c->stride[1] * c->ic, .y_line = c->kw * c->ic * LANES, .out_row = c->oc };
    const int64_t tile = rows_in(TILE, c->stride[0] * f.pitch, c->oh);
    for (int64_t i = 0; i < n; i++, x += c->ih * c->iw * c->ic, y += c->oh * c->ow * c->oc) {
        const float *image = frame_put(&f, x, true);
        for (int64_t from = 0; from < c->oh; from += tile)
            for (int64_t o = 0; o < c->oc; o += LANES) {
                s.bias = bias ? bias + o : NULL;
                for (int64_t row = from; row < c->oh && row < from + tile; row++)
                    avx2_sums(&s, c->ow, image + row * c->stride[0] * f.pitch, panels + o * s.lines * s.terms, y + row * c->ow * c->oc + o);
            }
    }
}

static float *room_for_panels(const heft_conv *c)
{
    return local_buffer(local_get(), LOCAL_WORK, (size_t)(c->kh * c->kw * c->ic * c->oc) * sizeof(float));
}

void direct_conv(const heft_conv *c, int64_t n, const float *x, const float *w, const float *bias, float *y)
{
    float *panels = room_for_panels(c), *to = panels;
    for (int64_t o = 0; o < c->oc; o += LANES)
        for (int64_t j = 0; j < c->kh * c->kw * c->ic; j++, to += LANES) memcpy(to, w + j * c->oc + o, LANES * sizeof *to);
    forward(c, n, x, panels, bias, y);
}

heft_conv direct_mirrored(const heft_conv *c)
{
    return (heft_conv){
        c->oh, c->ow, c->oc, c->ih, c->iw, c->ic, c->kh, c->kw, { 1, 1 }, { 1, 1 },
        { c->kh - 1 - c->pad[0], c->kh - 1 - c->pad[1], c->kw - 1 - c->pad[2], c->kw - 1 - c->pad[3] }, 1,
    };
}

void direct_conv_back_data(const heft_conv *c, int64_t n, const float *dy, const float *w, float *dx)
{
    float *panels = room_for_panels(c), *to = panels;
    for (int64_t i = 0; i < c->ic; i += LANES)
        for (int64_t t = c->kh * c->kw - 1; t >= 0; t--)
            for (int64_t o = 0; o < c->oc; o++, to += LANES)
                for (int64_t k = 0; k < LANES; k++) to[k] = w[(t * c->ic + i + k) * c->oc + o];
    const heft_conv mirrored = direct_mirrored(c);
    forward(&mirrored, n, dy, panels, NULL, dx);
}

void direct_conv_back_weight(const heft_conv *c, int64_t n, const float *x, const float *dy, float *dw, float *dbias)
{
    const framed f = padded(c);
    const int64_t y_row = c->ow * c->oc, x_row = c->stride[0] * f.pitch, terms = c->kw * c->ic;
    const int64_t strip = rows_in(STRIP, c->ow * 2 * LANES, c->oh);
    for (int64_t i = 0; i < n; i++, x += c->ih * c->iw * c->ic, dy += c->oh * y_row) {
        const float *image = frame_put(&f, x, true);
        for (int64_t row = 0; row < c->oh; row += strip) {
            const avx2_sum s = { .lines = c->oh - row < strip ? c->oh - row : strip, .terms = c->ow, .x_line = x_row,
                                 .x_term = c->stride[1] * c->ic, .y_line = y_row, .y_term = c->oc, .out_row = c->oc, .add = true };
            for (int64_t k = 0; k < c->kh; k++)
                for (int64_t o = 0; o < c->oc; o += LANES)
                    avx2_outers(&s, terms, image + row * x_row + k * f.pitch, dy + row * y_row + o, dw + k * terms * c->oc + o);
        }
        if (dbias) heft_add_rows(c->oh * c->ow, c->oc, dy, c->oc, dbias);
    }
}
