/* rig.h -- one layer by itself, run as the host would run it: what the checks of plugins stand on
 *
 *     rig *h = rig_open(layer, "{units: 3}", 1, &shape, (const int64_t[]){ 4, 1, 0 }, &said);
 *     rig_fill(h, 1);                             // inputs, weights and dout; or write h->in[0] ... yourself
 *     rig_forward(h, true);                       // h->out
 *     rig_backward(h);                            // h->din, h->dweight
 *     rig_fold(h);                                // h->state
 *     rig_close(h);
 *
 * The minibatch is cut into the lanes given; survey, totals, forward, survey_back, backward, gradient (in small tiles)
 * and fold are called as plugin.h says, lanes and tiles in falling order, since no order is promised, or on all threads.
 * What a layer must overwrite is poison before (NaN).  Every buffer lies between red zones.  After a pass `trespass`
 * names what was written that must not be, and the pass that did it.
 * Losses and metrics are layers too: h->in[1] is then the target.
 */
#ifndef HEFT_PLUGIN_RIG_H
#define HEFT_PLUGIN_RIG_H

#include <heft/plugin.h>
#include "base/arena.h"
#include "base/text.h"

enum { RIG_ZONE = 256, RIG_TILE = 3, RIG_ROLES = HEFT_SCRATCH + 1 };

typedef struct rig_buffer { char *block; size_t bytes; bool doubles; char name[48]; } rig_buffer;

/* Where the process is, for whoever finds it dead; in memory that is shared with it. */
typedef struct rig_place { char pass[24], label[200]; } rig_place;

/* A plugin's function is called, or has returned (""); `at` may be NULL. */
void rig_enter(rig_place *at, const char *pass);

/* What lies in memory that a pass must not read. */
typedef enum rig_poison { POISON_OUT, POISON_DIN, POISON_SAVED, POISON_SCRATCH, POISON_GRADIENT, POISONS } rig_poison;

typedef struct rig_lane {
    int64_t first, n;
    const float *in[HEFT_MAX_INPUTS];
    float  *din[HEFT_MAX_INPUTS];
    double *tally[HEFT_MAX_TENSORS], *tally_back[HEFT_MAX_TENSORS];
    float  *saved[HEFT_MAX_TENSORS], *scratch[HEFT_MAX_TENSORS], *dweight[HEFT_MAX_TENSORS];
} rig_lane;

typedef struct rig {
    char        label[200];                            /* name, options, inputs and lanes, for messages */
    arena      *memory;
    struct registry *plugins;                          /* of whoever opened the rig; closed by them */
    const heft_layer *layer;
    void       *self, *self_before;                    /* as plan left it */
    heft_layer_plan plan;
    heft_host   host;                                  /* what passes are handed: the host's own, see rig_plain */
    heft_shape  in_shape[HEFT_MAX_INPUTS];
    int         n_of[RIG_ROLES];                       /* tensors by role, and which */
    const heft_tensor *of[RIG_ROLES][HEFT_MAX_TENSORS];
    size_t      n_buffers;
    rig_buffer *buffer;
    rig_place  *at;                                    /* NULL: nobody asks */
    bool        watch;                                 /* look at red zones and the instance after every pass (true) */
    char        trespass[160];                         /* the first; "" if there was none */

    int64_t     n;                                     /* samples */
    int         n_lanes;
    rig_lane   *lane;
    heft_rng    rng;
    float       poison[POISONS];
    bool        parallel;                              /* lanes and tiles by compute_parallel */
    bool        by_gradient;                           /* use the gradient pass where there is one (true) */
    bool        frozen;                                /* no dweight is wanted */
    bool        no_din[HEFT_MAX_INPUTS];               /* din[i] is not wanted */
    const float *sample_weight;                        /* [n]; NULL: 1 each */
    float      *in[HEFT_MAX_INPUTS], *din[HEFT_MAX_INPUTS], *out, *dout;
    float      *weight[HEFT_MAX_TENSORS], *dweight[HEFT_MAX_TENSORS], *state[HEFT_MAX_TENSORS];
    double     *total[HEFT_MAX_TENSORS], *total_back[HEFT_MAX_TENSORS];
} rig;

/* options "": none.  lanes: samples of each, ends with 0.  NULL with what options or plan said.  `at` may be NULL. */
rig *rig_open(const heft_layer *layer, const char *options, int n_in, const heft_shape *in, const int64_t *lanes,
              rig_place *at, text *said);
void rig_close(rig *h);

/* From now on gemm and conv are the plain C forms: their bits are the same on every machine, and those of a sample do
 * not depend on how many there are. */
void rig_plain(rig *h);

/* Options and plan alone: an instance in the arena, planned; NULL with what was said, "" if plan gave no reason. */
void *rig_plan(arena *a, const heft_layer *layer, const char *options, int n_in, const heft_shape *in,
               int64_t lane_max, heft_layer_plan *plan, rig_place *at, text *said);

/* An instance filled from the plugin's option table; NULL with what was said.  Lists live in the arena, and so does the instance
 * unless a watch is open. */
void *rig_instance(arena *a, const heft_head *head, const char *options, text *said);

/* A further buffer between red zones, watched like the others; NULL if there is no memory. */
__attribute__((format(printf, 4, 5)))
void *rig_alloc(rig *h, size_t count, size_t size, const char *name, ...);

void rig_forward(rig *h, bool train);
void rig_backward(rig *h);
/* One call of one lane once more, on the buffers as they are; nothing is cleared or looked at. */
void rig_survey_lane(rig *h, int lane);
void rig_forward_lane(rig *h, int lane, bool train);
void rig_survey_back_lane(rig *h, int lane);
void rig_backward_lane(rig *h, int lane, float *const *dweight);
void rig_fold(rig *h);
bool rig_predict(rig *h, float *out);                              /* in lanes, if the layer has it */

/* Uniform in [low, high). */
void rig_random(float *x, size_t n, uint64_t seed, float low, float high);

/* Inputs (integers below their limit), weights and dout, in [-1, 1). */
void rig_fill(rig *h, uint64_t seed);

size_t rig_in_count(const rig *h, int i);              /* floats of the whole minibatch */
size_t rig_out_count(const rig *h);
size_t rig_weight_count(const rig *h, int i);

#endif
