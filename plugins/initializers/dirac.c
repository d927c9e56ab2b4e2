/* dirac.c -- a convolution that passes its input on: 1 at the kernel's middle, from channel i to channel i
 *
 * Of a kernel [..., in, out], in each of `groups` equal shares of the outputs; output channels beyond the inputs of a
 * share, and what is beside the middle, are 0.  The middle of an even kernel is the later one of two.
 *
 * As PyTorch's dirac_.  S. Zagoruyko, N. Komodakis, "DiracNets: Training Very Deep Neural Networks Without
 * Skip-Connections", 2017.  https://arxiv.org/abs/1706.00388
 */
#include <heft/plugin.h>

typedef struct { int64_t groups; } dirac;

static const heft_option options[] = {
    HEFT_OPT_INT(dirac, groups, 1, 1, 1 << 20, "of the convolution"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const int64_t groups = ((const dirac *)self)->groups;
    const int32_t rank = f->shape.rank;
    if (rank < 3)
        return heft_fail(&f->error, "dirac needs a kernel of 3 axes or more, this tensor has %d "
                         "(identity suits matrices)", (int)rank);
    const int64_t in = f->shape.dim[rank - 2], out = f->shape.dim[rank - 1], share = out / groups;
    if (share * groups != out)
        return heft_fail(&f->error, "dirac: %lld output channels do not make %lld groups", (long long)out,
                         (long long)groups);
    int64_t middle = 0;
    for (int32_t a = 0; a < rank - 2; a++) middle = middle * f->shape.dim[a] + f->shape.dim[a] / 2;

    const int64_t n = heft_count(&f->shape);
    for (int64_t i = 0; i < n; i++) f->x[i] = 0;
    for (int64_t o = 0; o < out; o++)
        if (o % share < in) f->x[(middle * in + o % share) * out + o] = 1;
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "dirac", "a convolution that passes its input on",
                      sizeof(dirac), options),
    .fill = fill,
};
