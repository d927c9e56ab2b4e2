/* memory.h -- where every buffer of a pass lies
 *
 * A lane's buffers lie in an area (pass.c says whose) and share space where their lifetimes allow; a value lives until the last
 * forward or backward that reads it, and one that is recomputed twice, at one address: until the last forward, and again for the
 * backwards.  A buffer that something reads for the whole minibatch (an input or output gradient of a layer with `gradient`, the
 * model's output, losses) lies in the batch area instead, samples in order, and shares with nothing, since lanes pass through it at
 * different times.
 */
#ifndef HEFT_MODEL_MEMORY_H
#define HEFT_MODEL_MEMORY_H

#include "model/recompute.h"

typedef struct buffer {
    bool   used, batch;
    size_t count;                    /* floats a sample; a lane, if not per_sample */
    bool   per_sample;
    size_t offset;                   /* floats, in the area or the batch area */
} buffer;

typedef struct layer_memory {
    buffer out, dout;
    buffer din[HEFT_MAX_INPUTS];     /* where an input's gradient goes first if it is added to another consumer's */
    buffer tensor[HEFT_MAX_TENSORS]; /* saved and scratch, as declared */
} layer_memory;

typedef struct memory_plan {
    layer_memory *layer;             /* [n_layers] */
    size_t lane_floats, batch_floats;
} memory_plan;

/* again: of recompute_plan; without `train` it may be NULL. */
void memory_make(const model *m, bool train, const recomputation *again, arena *a, memory_plan *out);

/* Does the value of layer i lie in the batch area? */
bool is_of_batch(const model *m, int i, bool train);

/* Does a gradient flow into input k of layer i? */
bool flows_back(const model *m, int i, int k);

#endif
