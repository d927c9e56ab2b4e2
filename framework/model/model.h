/* model.h -- the graph after plan: layers, shapes, tensors by role, one flat vector of weights */
#ifndef HEFT_MODEL_MODEL_H
#define HEFT_MODEL_MODEL_H

#include <heft/plugin.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/problems.h"
#include "config/node.h"
#include "plugin/registry.h"

enum { VALUE_INPUT = -1, VALUE_TARGET = -2 };    /* inputs of a layer that are not another layer's output */

/* One tensor of a layer in the order it was declared. */
typedef struct model_tensor {
    const heft_tensor *decl;
    int         role_index;          /* position among the layer's tensors of its role */
    size_t      count;               /* elements (per sample, if per_sample) */
    size_t      offset;              /* HEFT_WEIGHT: in model->x.  HEFT_STATE: in model->state.  Tallies: in a lane's tally vector */
    size_t      lane_offset;         /* HEFT_WEIGHT: in a lane's gradient vector, unless `whole` */
    bool        whole;               /* HEFT_WEIGHT: the gradient comes from the whole minibatch (heft_layer.gradient) */
    const plugin *init;              /* weights and states; NULL: init_file */
    void       *init_self;
    struct init_file *init_file;     /* where its values are read, or NULL */
    const struct init_lsuv *init_lsuv;   /* what its layer's output is scaled to, behind init (orthogonal), or NULL */
} model_tensor;

/* {file: {path: x.h5, tensor: /layers/hidden/weight}} */
typedef struct init_file { const char *path, *tensor; place at; char digest[DIGEST_HEX]; } init_file;     /* digest: of the file, "" until it was read */

/* {lsuv: {tolerance: 0.1, most: 10}}; see train/lsuv.h */
typedef struct init_lsuv { double tolerance; int64_t most; place at; } init_lsuv;

typedef struct model_layer {
    const char   *name, *type;
    place         at;
    const plugin *plugin;
    const heft_layer *layer;         /* == &plugin->layer */
    void         *self;
    const node   *options;
    int           n_in;
    int           in[HEFT_MAX_INPUTS];   /* indices of layers, or VALUE_* */
    heft_shape    in_shape[HEFT_MAX_INPUTS];
    heft_layer_plan plan;
    int           n_tensors;
    model_tensor *tensor;
    int           n_weights, n_states, n_tallies, n_tallies_back, n_saved, n_scratch;
    bool          frozen;
    double        lr_scale, decay;
    bool          differentiated;    /* backward runs */
    uint64_t      name_hash;         /* keys this layer's random draws */
} model_layer;

typedef struct model {
    arena       *memory;
    int          n_layers;           /* graph layers, then the loss, then the metrics */
    model_layer *layer;              /* topological: inputs come before */
    int          output;             /* the layer whose output is the model's */
    int          loss;               /* index of the loss */
    int          first_metric, n_metrics;
    heft_shape   input, target;
    int64_t      batch;              /* samples of a full minibatch */
    int64_t      lane_size;          /* see model_lanes */
    size_t       n_weights;          /* floats in x: trained first, then frozen */
    size_t       n_trained;
    size_t       n_state;
    size_t       n_lane_gradient;    /* floats: gradients that every lane sums for itself */
    size_t       n_tally;            /* doubles: tallies of all layers of one lane, back tallies included */
    float       *x;                  /* [n_weights] */
    float       *state;              /* [n_state] */
} model;

/* Build from the sections; every problem of every layer is reported.  Allocates x and state (zero). */
model *model_build(const node *layers, const node *loss, const node *metrics, registry *r,
                   const heft_shape *input, const heft_shape *target, int64_t batch, problems *pr);
void   model_free(model *m);

/* Fill x and state by the initializers; keyed by seed and tensor path, so independent of everything else.  lsuv is
 * left to the caller, who has samples. */
int    model_init(model *m, uint64_t seed, problems *pr);

/* Name and keys of the i-th initializer that is the host's own, no plugin; NULL after the last. */
const heft_option *model_initializer_table(int i, const char **name);

/* PyTorch's calculate_gain: activations whose name may stand for a number where an initializer has the option `gain`.  NULL after the last. */
const char *model_gain(int i, double *gain);

/* The lane rule: samples [i * lane_size, (i+1) * lane_size) of a minibatch of n are lane i.  A function of the batch and of
 * the model's largest output (floats of one sample) and weight whose gradient is taken from the whole minibatch alone (R1): about 32 samples,
 * 64 where such a weight is too large for a processor's cache and is read from memory by every lane, fewer where that keeps the
 * output of a layer in a cache. */
int64_t model_lane_size(int64_t batch, int64_t most_floats, size_t most_weights);
static inline int64_t model_lanes(const model *m, int64_t n) { return (n + m->lane_size - 1) / m->lane_size; }

float *model_weight(const model *m, const model_layer *l, int i);    /* weight i of l, as declared */
float *model_state(const model *m, const model_layer *l, int i);

/* Of a loss or a metric without fold: the tally "weight", by which the host divides; NULL if every sample weighs 1. */
const model_tensor *model_tally_weight(const model_layer *l);

/* Spans of x that are trained, in order, for optimizers; of one layer and tensor each. */
typedef struct model_span { heft_span span; const model_layer *layer; const model_tensor *tensor; } model_span;
size_t model_spans(const model *m, arena *a, const model_span **out);

/* Names of metrics columns without prefix: "loss", "accuracy", ... (n_metrics + 1). */
const char *model_metric_name(const model *m, int i);                /* 0: "loss" */
heft_goal   model_metric_goal(const model *m, int i);

/* What is allowed and hardly meant, as a softmax in front of a loss that has one, in a line added to out; false: nothing. */
bool model_doubt(const model *m, text *out);

/* The host's own keys on any layer that are plain values; there are inputs, activation, init and those of train/penalty.h too. */
const heft_option *model_layer_table(void);

#endif
