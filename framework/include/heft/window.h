/* window.h -- windows that slide over an image or a sequence (convolution, pooling), for plan */
#ifndef HEFT_WINDOW_H
#define HEFT_WINDOW_H

#include <heft/plugin.h>

/* One axis of the window. */
typedef struct heft_window { int64_t out, before, after; } heft_window;

/* Output size and padding of an axis of `in` elements.  The padding is `pad` (as given by
 * the user, both sides) if mode is 2; none if mode is 1 ("valid"); if mode is 0
 * ("same"), the least that gives ceil(in / stride) outputs, the odd one behind, as in
 * TensorFlow.  out < 1 means that the window does not fit. */
static inline heft_window heft_slide(int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
                                     int mode, int64_t before, int64_t after)
{
    const int64_t reach = dilation * (kernel - 1) + 1;
    heft_window w = { 0, 0, 0 };
    if (mode == 0) {
        w.out = (in + stride - 1) / stride;
        const int64_t need = (w.out - 1) * stride + reach - in;
        w.before = need > 0 ? need / 2 : 0;
        w.after = need > 0 ? need - w.before : 0;
        return w;
    }
    if (mode == 2) { w.before = before; w.after = after; }
    const int64_t room = in + w.before + w.after - reach;
    w.out = room < 0 ? 0 : room / stride + 1;
    return w;
}

/* The taps [*begin, *end) of output i's window that lie on the axis and not in its padding, for dilation 1. */
static inline void heft_taps(int64_t i, int64_t in, int64_t kernel, int64_t stride, int64_t before,
                             int64_t *begin, int64_t *end)
{
    const int64_t at = i * stride - before;
    *begin = at < 0 ? -at : 0;
    *end = at + kernel > in ? in - at : kernel;
}

/* An option of one number, or of two: [height, width]. */
static inline int heft_pair(const heft_int_list *list, const char *name, int64_t v[2], heft_error *e)
{
    if (list->n < 1 || list->n > 2)
        return heft_fail(e, "%s takes one number, or [height, width]; found %d numbers", name, list->n);
    v[0] = list->v[0];
    v[1] = list->v[list->n - 1];
    return 0;
}

/* Sizes and padding of a window that slides over an image [height, width, channels]: given kh, kw, stride and dilation,
 * sets ih, iw, ic, oh, ow and pad.  `padding` is an option with the words "same|valid", or one number, [height, width]
 * or [top, bottom, left, right]. */
static inline int heft_slide_image(heft_conv *c, const heft_shape *image, const heft_int_list *padding, heft_error *e)
{
    const int64_t n = padding->n, *v = padding->v, kernel[2] = { c->kh, c->kw };
    heft_window w[2];
    if (n == 3 || n > 4 || (n == 0 && padding->word < 0))
        return heft_fail(e, "padding takes same, valid, one number, [height, width] or [top, bottom, left, right]; "
                         "found %d numbers", (int)n);
    for (int a = 0; a < 2; a++) {
        const int64_t before = n == 4 ? v[2 * a] : n ? v[n == 2 ? a : 0] : 0, after = n == 4 ? v[2 * a + 1] : before;
        w[a] = heft_slide(image->dim[a], kernel[a], c->stride[a], c->dilation[a], n ? 2 : padding->word, before, after);
        if (w[a].out < 1)
            return heft_fail(e, "a window of %lld exceeds the padded %s of %lld",
                             (long long)(c->dilation[a] * (kernel[a] - 1) + 1), a ? "width" : "height",
                             (long long)(image->dim[a] + before + after));
        c->pad[2 * a] = w[a].before;
        c->pad[2 * a + 1] = w[a].after;
    }
    c->ih = image->dim[0]; c->iw = image->dim[1]; c->ic = image->dim[2];
    c->oh = w[0].out; c->ow = w[1].out;
    return 0;
}

/* The same over a sequence [time, features].  `padding` is an option with the words "same|valid", or "same|valid|causal"
 * (all of it in front, so that no output sees a later input), or one number or [before, after]. */
static inline int heft_slide_sequence(int64_t time, int64_t kernel, int64_t stride, int64_t dilation,
                                      const heft_int_list *padding, heft_window *w, heft_error *e)
{
    const int64_t n = padding->n, reach = dilation * (kernel - 1) + 1;
    const bool causal = n == 0 && padding->word == 2;
    if (n > 2 || (n == 0 && padding->word < 0))
        return heft_fail(e, "padding takes a word, one number or [before, after]; found %d numbers", (int)n);
    const int64_t before = causal ? reach - 1 : n ? padding->v[0] : 0, after = n ? padding->v[n - 1] : 0;
    *w = heft_slide(time, kernel, stride, dilation, n || causal ? 2 : padding->word, before, after);
    if (w->out < 1)
        return heft_fail(e, "a window of %lld exceeds the padded time of %lld", (long long)reach,
                         (long long)(time + before + after));
    return 0;
}

#endif
