/* identity.c -- the identity matrix: output i is input i, times gain
 *
 * The rows or columns beyond a square are 0.  As PyTorch's eye_ and Keras' Identity.
 *
 * Q. Le, N. Jaitly, G. Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", 2015, for
 * the recurrent weights.  https://arxiv.org/abs/1504.00941
 */
#include <heft/plugin.h>

typedef struct { double gain; } identity;

static const heft_option options[] = {
    HEFT_OPT_REAL(identity, gain, 1, -1e30, 1e30, "of the diagonal"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    if (f->shape.rank != 2)
        return heft_fail(&f->error, "identity needs a matrix, a tensor of 2 axes; this one has %d (dirac suits "
                         "convolutions)", (int)f->shape.rank);
    const int64_t rows = f->shape.dim[0], columns = f->shape.dim[1];
    for (int64_t i = 0; i < rows * columns; i++)
        f->x[i] = i / columns == i % columns ? (float)((const identity *)self)->gain : 0;
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "identity", "the identity matrix",
                      sizeof(identity), options),
    .fill = fill,
};
