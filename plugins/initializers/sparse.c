/* sparse.c -- normal, but each input reaches only some of the outputs
 *
 * In each row of a matrix [inputs, outputs], ceil(sparsity outputs) elements, drawn at random, are 0: method S of
 * D. Knuth, "The Art of Computer Programming", volume 2, 3.4.2, which needs no memory.
 *
 * As PyTorch's sparse_, whose column is our row.  J. Martens, "Deep learning via Hessian-free optimization", ICML
 * 2010, section 5, bounds the inputs of an output instead (to 15); so does Caffe's gaussian with sparse, on the average.
 */
#include <heft/plugin.h>

typedef struct { double sparsity, std; } sparse;

static const heft_option options[] = {
    HEFT_OPT_REAL(sparse, sparsity, HEFT_REQUIRED, 0, 1, "share of each input's weights that are 0"),
    HEFT_OPT_REAL(sparse, std, 0.01, 0, 1e30, "standard deviation of the others"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const sparse *s = self;
    if (f->shape.rank != 2)
        return heft_fail(&f->error, "sparse needs a matrix, a tensor of 2 axes; this one has %d", (int)f->shape.rank);
    const int64_t rows = f->shape.dim[0], columns = f->shape.dim[1];
    const int64_t zeros = (int64_t)ceil(s->sparsity * (double)columns);
    for (int64_t i = 0; i < rows; i++) {
        float *x = f->x + i * columns;
        int64_t due = zeros;
        for (int64_t j = 0; j < columns; j++) {
            const double chance = (double)heft_bits(&f->rng) * 0x1p-32;
            const bool zero = chance * (double)(columns - j) < (double)due;
            due -= zero;
            x[j] = zero ? 0 : (float)(s->std * heft_normal(&f->rng));
        }
    }
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "sparse", "normal, each input reaching some of the outputs",
                      sizeof(sparse), options),
    .fill = fill,
};
