/* export.h -- the tensors of a checkpoint in files for other programs
 *
 *   npz           NumPy's: a zip archive, not compressed, with a .npy file for each tensor
 *   safetensors   Hugging Face's: the length of a JSON header, the header, the numbers one behind the other
 *
 * A tensor goes by the name layer/tensor: weights, and states (batch_norm's mean).  float32, little-endian, row major, as they lie
 * in the checkpoint; with train.average they are the average.
 */
#ifndef HEFT_EXPORT_EXPORT_H
#define HEFT_EXPORT_EXPORT_H

#include "run/run.h"

typedef struct export_tensor {
    const char *name;
    int         rank;
    int64_t     dim[HDF_MAX_RANK];
    size_t      bytes;
    float      *value;               /* a block */
} export_tensor;

typedef struct export_set {
    arena         *memory;
    int64_t        n;
    export_tensor *tensor;
} export_set;

/* Every tensor of every layer, in the order of the file.  Also after a failure the set is to be freed. */
int  export_read(checkpoint *c, export_set *out, problems *pr);
void export_free(export_set *s);

/* The i-th format; NULL after the last. */
typedef struct export_format {
    const char *name;
    int       (*pack)(const export_set *s, text *out, problems *pr);     /* the bytes of the file */
} export_format;
const export_format *export_formats(int i);

#endif
