/* plugin.h -- the whole contract between the host and a plugin.
 *
 * Helpers that a plugin may use or do without stand beside it: numbers.h (random numbers and elementary functions;
 * included), window.h (sizes of convolution and pooling), mask.h (padding of sequences), answers.h (outputs and targets
 * of losses and metrics).
 *
 * A plugin is one C file that defines one constant, named heft_plugin, of type
 * heft_layer, heft_optimizer or heft_initializer.  The host finds it by name: a YAML
 * `dense: {...}` opens layers/dense.so.  Opening it runs no plugin code.
 *
 *     cc -std=c17 -O3 -ffp-contract=off -fPIC -shared -fvisibility=hidden \
 *        -I framework/include dense.c -o layers/dense.so
 *
 * `heft plugins new layer NAME` writes one that works, `heft plugins check FILE.so` holds it against what is
 * written here, docs/plugins.md tells the story.
 *
 * Memory.  The host owns every byte: the instance (zeroed, then filled from the
 * option table), and every tensor and slot that `plan` asks for.  A plugin has
 * no constructor, no destructor, no globals, and never allocates.
 *
 * Errors.  Only `plan` and `fill` can fail, with `return heft_fail(...)`.  Whatever
 * could go wrong in a pass must be refused in `plan`; passes return void.
 *
 * Threads.  Every function below carries one of these marks.
 *   [main]   one caller at a time; no [lane] or [range] call is in flight.
 *   [lane]   concurrent on one instance, each call with its own buffers.
 *   [range]  concurrent on one instance, over disjoint ranges of parameters.
 *   [tile]   concurrent on one instance, over disjoint rows of one gradient.
 *   [any]    from any thread at any time.
 * Only plan (which derives fields from options) receives a writable instance,
 * so the compiler, not a comment, keeps passes free of shared state.  A lane is
 * a fixed slice of the minibatch, not a thread: results depend on the number of
 * lanes and never on the number of threads.  Plugins start no threads.
 *
 * Layout.  Every array is row major and 64-byte aligned at its start; samples are
 * the outermost axis and are not part of a heft_shape.
 */
#ifndef HEFT_PLUGIN_H
#define HEFT_PLUGIN_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <heft/numbers.h>

#define HEFT_MAGIC       0x68656674u  /* 'heft' */
#define HEFT_ABI         1            /* bumped when anything below changes or moves */
#define HEFT_MAX_RANK    4            /* of one sample; the batch axis is implicit */
#define HEFT_MAX_INPUTS  16
#define HEFT_MAX_TENSORS 16
#define HEFT_MAX_SLOTS   8

#define HEFT_EXPORT __attribute__((visibility("default")))

/* ---- errors ------------------------------------------------------------- */

typedef struct heft_error { char text[256]; } heft_error;

/* Record why and return -1.  The host prefixes file:line:column and layer name,
 * so the text states only the fact: "kernel 7 exceeds padded height 5". */
__attribute__((format(printf, 2, 3)))
static inline int heft_fail(heft_error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return -1;
}

/* ---- options: declared once; parsed, checked, printed by the host -------- */

typedef enum heft_type {
    HEFT_END, HEFT_BOOL, HEFT_INT, HEFT_REAL, HEFT_ENUM, HEFT_STRING, HEFT_INTS, HEFT_REALS
} heft_type;

/* A list option.  The array belongs to the host and lives as long as the instance.
 * One number given alone is a list of one. */
typedef struct heft_int_list {
    int32_t n;                   /* elements; 0 if a word was given instead */
    int32_t word;                /* index of the word given, or -1 */
    const int64_t *v;
} heft_int_list;

typedef struct heft_real_list {
    int32_t n, word;
    const double *v;
} heft_real_list;

typedef struct heft_option {
    const char *name;        /* the YAML key, and the field's own name */
    const char *doc;         /* one line for `heft plugins`; never empty */
    heft_type   type;
    size_t      offset;      /* of the field in the instance */
    double      def;         /* BOOL, INT, REAL, ENUM (an index).  HEFT_REQUIRED: the user must give it */
    double      min, max;    /* inclusive; of each element of a list */
    const char *text;        /* ENUM: "same|valid".  INT, REAL: a word accepted for def, or NULL.
                              * INTS, REALS: words accepted in place of a list, "same|valid", or NULL */
    const char *def_text;    /* STRING, INTS, REALS: the default as a user would write it ("1", "[1, 2]",
                              * "same"); NULL: required */
} heft_option;

#define HEFT_REQUIRED ((double)NAN)

/* offsetof, but does not compile unless field f of T has exactly type C. */
#define HEFT_FIELD(T, f, C) (offsetof(T, f) + \
    0 * sizeof(char[_Generic(&((T *)0)->f, C *: 1, default: -1)]))

#define HEFT_OPT_BOOL(T, f, def, doc) \
    { #f, doc, HEFT_BOOL, HEFT_FIELD(T, f, bool), def, 0, 1, NULL, NULL }
#define HEFT_OPT_INT(T, f, def, min, max, doc) \
    { #f, doc, HEFT_INT, HEFT_FIELD(T, f, int64_t), def, min, max, NULL, NULL }
/* `word` (such as "auto") may be written instead of a number and gives the default. */
#define HEFT_OPT_INT_OR(T, f, word, def, min, max, doc) \
    { #f, doc, HEFT_INT, HEFT_FIELD(T, f, int64_t), def, min, max, word, NULL }
#define HEFT_OPT_REAL(T, f, def, min, max, doc) \
    { #f, doc, HEFT_REAL, HEFT_FIELD(T, f, double), def, min, max, NULL, NULL }
#define HEFT_OPT_ENUM(T, f, def, names, doc) \
    { #f, doc, HEFT_ENUM, HEFT_FIELD(T, f, int), def, 0, 0, names, NULL }
#define HEFT_OPT_STRING(T, f, def, doc) \
    { #f, doc, HEFT_STRING, HEFT_FIELD(T, f, const char *), 0, 0, 0, NULL, def }
#define HEFT_OPT_INTS(T, f, words, def, min, max, doc) \
    { #f, doc, HEFT_INTS, HEFT_FIELD(T, f, heft_int_list), 0, min, max, words, def }
#define HEFT_OPT_REALS(T, f, words, def, min, max, doc) \
    { #f, doc, HEFT_REALS, HEFT_FIELD(T, f, heft_real_list), 0, min, max, words, def }
#define HEFT_OPT_END { 0 }

/* ---- the head shared by every descriptor -------------------------------- */

typedef enum heft_kind { HEFT_LAYER = 1, HEFT_OPTIMIZER, HEFT_INITIALIZER } heft_kind;

/* The host refuses a plugin unless magic and abi match.  `size` lets a
 * descriptor grow at its end: fields a plugin does not have read as NULL; bytes
 * the host does not know must be zero. */
typedef struct heft_head {
    uint32_t magic, abi, size, kind;
    const char *name;            /* equals the file name without ".so" */
    const char *doc;             /* one line */
    size_t instance_size;        /* options first, derived fields after; may be 0 */
    const heft_option *options;  /* ends with HEFT_OPT_END; NULL if none */
} heft_head;

#define HEFT_HEAD(D, K, name, doc, size, options) \
    { HEFT_MAGIC, HEFT_ABI, sizeof(D), K, name, doc, size, options }

/* ---- shapes ------------------------------------------------------------- */

/* Images are channels last: [height, width, channels].  Sequences are [time, features].
 * HEFT_I32 is for labels and token ids: read such an input through heft_ints(). */
typedef enum heft_dtype { HEFT_F32, HEFT_I32 } heft_dtype;

typedef struct heft_shape {
    heft_dtype dtype;
    int32_t    rank;             /* 0: one scalar per sample */
    int64_t    dim[HEFT_MAX_RANK];
    int64_t    limit;            /* HEFT_I32: every value is in [0, limit) */
} heft_shape;

static inline const int32_t *heft_ints(const float *x) { return (const void *)x; }

static inline int64_t heft_count(const heft_shape *s)
{
    int64_t n = 1;
    for (int32_t i = 0; i < s->rank; i++) n *= s->dim[i];
    return n;
}

/* "[28, 28, 1]", for messages; "integers []" for labels.  Returns t. */
enum { HEFT_SHAPE_TEXT = 96 };
static inline const char *heft_shape_text(const heft_shape *s, char t[HEFT_SHAPE_TEXT])
{
    int n = snprintf(t, HEFT_SHAPE_TEXT, s->dtype == HEFT_I32 ? "integers [" : "[");
    for (int32_t i = 0; i < s->rank; i++)
        n += snprintf(t + n, HEFT_SHAPE_TEXT - (size_t)n, "%s%lld", i ? ", " : "", (long long)s->dim[i]);
    snprintf(t + n, HEFT_SHAPE_TEXT - (size_t)n, "]");
    return t;
}

/* ---- services of the host -----------------------------------------------
 *
 * The host does the heavy arithmetic, so that a plugin links to nothing and gets
 * the machine's best kernels and the experiment's precision (f32, or bf16 with
 * f32 sums) without knowing of either. */

typedef struct heft_conv {       /* x [n, ih, iw, ic]  w [kh, kw, ic/groups, oc]  y [n, oh, ow, oc] */
    int64_t ih, iw, ic, oh, ow, oc, kh, kw;
    int64_t stride[2], dilation[2], pad[4];      /* dilation 1: dense kernel.  pad: top, bottom, left, right */
    int64_t groups;
} heft_conv;

typedef struct heft_host {
    uint32_t size;               /* of this table, as the host was compiled */

    /* C = alpha op(A) op(B) + beta C, row major, single threaded: op(A) [m, k],
     * op(B) [k, n], C [m, n].  beta 0: C is not read.  [lane] */
    void (*gemm)(bool ta, bool tb, int64_t m, int64_t n, int64_t k,
                 float alpha, const float *a, int64_t lda,
                 const float *b, int64_t ldb,
                 float beta, float *c, int64_t ldc);

    /* Whole-vector helpers; parallel, summed in a fixed order.  [main] */
    double (*dot)(size_t n, const float *x, const float *y);
    void   (*axpy)(size_t n, float a, const float *x, float *y);     /* y += a x */

    /* Convolution over channels-last images; see heft_conv.  bias and dbias may be NULL.  [lane] */
    void (*conv)(const heft_conv *c, int64_t n, const float *x, const float *w,
                 const float *bias, float *y);                              /* y overwritten */
    void (*conv_back_data)(const heft_conv *c, int64_t n, const float *dy,
                           const float *w, float *dx);                      /* dx overwritten */
    void (*conv_back_weight)(const heft_conv *c, int64_t n, const float *x,
                             const float *dy, float *dw, float *dbias);     /* += */

    void (*log)(const char *fmt, ...);                              /* [any] */
} heft_host;

/* ---- layers (losses and metrics are layers too) ------------------------- */

/* What a tensor is for decides who allocates how many, who may write it, and
 * whether it is saved.  The author states the role; the host does the rest. */
typedef enum heft_role {
    HEFT_WEIGHT,      /* trained: has a gradient and optimizer slots; checkpointed */
    HEFT_STATE,       /* persistent, not trained; written only by fold; checkpointed */
    HEFT_TALLY,       /* per lane (doubles), zeroed each step, summed over lanes before fold */
    HEFT_TALLY_BACK,  /* the same for survey_back */
    HEFT_SAVED,       /* per lane: written by forward, read by its backward */
    HEFT_SCRATCH      /* per lane: undefined on entry to every call */
} heft_role;

typedef struct heft_tensor {
    const char *name;            /* "weight"; the HDF5 name under the layer */
    heft_role  role;
    heft_shape shape;
    bool     per_sample;         /* HEFT_SAVED, HEFT_SCRATCH: one for each sample */
    int64_t  fan_in, fan_out;    /* HEFT_WEIGHT, HEFT_STATE: for initializers */
    const char *init;            /* initializer unless the user names another, as the user would write it: "ones",
                                  * "constant: {value: 0.25}".  NULL: "zeros" for a state; for a weight "auto", the
                                  * one that suits the activation behind */
} heft_tensor;

typedef struct heft_layer_plan {
    const heft_host *host;
    int32_t  n_in;
    const heft_shape *in;        /* [n_in], of one sample */
    int64_t  lane_max;           /* most samples one lane will ever see */
    /* filled in by plan: */
    heft_shape out;
    int32_t  n_tensors;
    heft_tensor tensor[HEFT_MAX_TENSORS];
    double   flops;              /* floating-point operations of one sample's forward; 0: negligible */
    heft_error error;
} heft_layer_plan;

/* Input i must be floats of this rank (-1: of any), or is refused: heft_needs(p, 0, 3, "images [height, width, channels]")
 * says "needs images [height, width, channels]; found [784]". */
static inline int heft_needs(heft_layer_plan *p, int32_t i, int32_t rank, const char *what)
{
    const heft_shape *s = &p->in[i];
    char found[HEFT_SHAPE_TEXT];
    if (s->dtype == HEFT_F32 && (rank < 0 || s->rank == rank)) return 0;
    return heft_fail(&p->error, "needs %s; found %s", what, heft_shape_text(s, found));
}

/* All inputs must be floats of one shape. */
static inline int heft_needs_one_shape(heft_layer_plan *p)
{
    const heft_shape *first = &p->in[0];
    for (int32_t i = 0; i < p->n_in; i++) {
        const heft_shape *s = &p->in[i];
        char a[HEFT_SHAPE_TEXT], b[HEFT_SHAPE_TEXT];
        if (heft_needs(p, i, -1, "numbers of any shape")) return -1;
        bool same = s->rank == first->rank;
        for (int32_t d = 0; same && d < s->rank; d++) same = s->dim[d] == first->dim[d];
        if (!same)
            return heft_fail(&p->error, "needs inputs of one shape; the first is %s, number %d is %s",
                             heft_shape_text(first, a), i + 1, heft_shape_text(s, b));
    }
    return 0;
}

/* Tensors arrive grouped by role, in the order they were declared. */
typedef struct heft_forward {
    const heft_host *host;
    int64_t first, n;            /* samples [first, first+n) of the minibatch */
    bool    train;
    heft_rng  rng;               /* key of (seed, step, layer); see heft_stream */
    const float *const *in;      /* in[i]: n samples of input i */
    float  *out;                 /* n samples; overwritten */
    const float *const *weight;
    const float *const *state;
    double *const *tally;        /* this lane's; accumulated (+=) by survey; by forward if there is no survey */
    const double *const *total;  /* tallies summed over lanes; NULL unless survey ran */
    float *const *saved;         /* NULL unless train */
    float *const *scratch;
    const float *sample_weight;  /* of a loss or metric: what each of the n samples counts; NULL: 1 */
} heft_forward;

static inline double heft_sample_weight(const heft_forward *p, int64_t i)
{
    return p->sample_weight ? (double)p->sample_weight[i] : 1;
}

typedef struct heft_backward {
    const heft_host *host;
    int64_t first, n;
    heft_rng  rng;               /* the same key forward had */
    const float *const *in;      /* in[i] and out are NULL where heft_layer.unread says so */
    const float *out, *dout;
    float *const *din;           /* din[i]: overwritten; NULL if not wanted.  A loss is never asked for its target's */
    const float *const *weight;
    float *const *dweight;       /* accumulated (+=); NULL only for weights named in gradient_of, and not always: what a
                                  * frozen layer adds goes where nobody looks */
    const float *const *state;
    const float *const *saved;
    float *const *scratch;
    double *const *tally;        /* this lane's, of survey_back: += by it, read by backward */
    const double *const *total;  /* of survey (in survey_back and backward) */
    const double *const *total_back;  /* of survey_back, summed over lanes; NULL unless it ran */
} heft_backward;

typedef struct heft_gradient {
    const heft_host *host;
    int64_t n;                   /* samples in the minibatch */
    int32_t tensor;              /* which weight, as declared */
    int64_t begin, end;          /* rows (first axis) of it */
    const float *const *in;      /* of the whole minibatch */
    const float *dout;           /* of the whole minibatch */
    float *dweight;              /* the whole tensor; rows outside are another tile's */
} heft_gradient;

typedef struct heft_fold {
    const double *const *total;  /* tallies summed over lanes, in lane order */
    float *const *state;
    int64_t n;                   /* samples in the minibatch; for a metric, in the data set */
    double  weight;              /* of a metric: what these samples count together, n if no weights were given */
} heft_fold;

/* A loss takes (output, target), gives one number per sample, of which the host takes the mean, and has a
 * backward.  A metric takes the same; the host reports the mean of its outputs, or, if it has a fold, its first state
 * after the tallies of the whole data set have been folded into it.
 *
 * Where samples do not weigh the same (class weights), declare a tally "weight" of one number: survey, and forward if
 * total is NULL, add to it what the lane's samples weigh.  The host then divides the sum of the outputs, which are the
 * weighted ones, by its total and not by the number of samples; dout is 1 / total.
 *
 * The user's own weights of samples multiply outputs in the host's means.  Tallies, "weight" too, are the plugin's to
 * multiply by heft_sample_weight; one that does says so by `weighted`, one that does not is refused beside such weights. */
typedef enum heft_goal { HEFT_MINIMIZE, HEFT_MAXIMIZE } heft_goal;

typedef enum heft_unread { HEFT_UNREAD_IN = 1, HEFT_UNREAD_OUT = 2 } heft_unread;

typedef struct heft_layer {
    heft_head head;
    int32_t min_in, max_in;      /* number of inputs accepted: 1 <= min_in <= max_in <= HEFT_MAX_INPUTS */

    /* Check options and input shapes, derive instance fields, declare the
     * output shape and the tensors.  Called once; must be deterministic. [main] */
    int  (*plan)(void *self, heft_layer_plan *p);

    /* Optional, for a layer whose output depends on the whole minibatch
     * (batch_norm): add this lane's share to tally.  The host sums tallies over
     * all lanes, in lane order, before it calls forward (backward).  Not called
     * when train is false, nor where plan declared no tally.  [lane] */
    void (*survey)(const void *self, const heft_forward *p);
    void (*survey_back)(const void *self, const heft_backward *p);

    /* Compute out from in.  [lane] */
    void (*forward)(const void *self, const heft_forward *p);

    /* Compute din and dweight from dout.  NULL: not differentiable, so usable
     * only as a metric.  [lane] */
    void (*backward)(const void *self, const heft_backward *p);

    /* Optional, for weights so big that a gradient of them per lane costs more than
     * it saves (dense): overwrite rows [begin, end) of the gradient of `tensor` from the
     * whole minibatch; backward then finds NULL in dweight for that tensor.  The host cuts the
     * rows into tiles of a fixed size, so the sums have one order.  Called for those weights
     * named in gradient_of, a bit per weight (1u << W), that the host finds large; for the
     * others backward finds dweight as ever.  Needs a backward.  [tile] */
    void (*gradient)(const void *self, const heft_gradient *p);
    uint32_t gradient_of;

    /* Fold this step's tallies into the state; NULL if there is none.  [main] */
    void (*fold)(const void *self, const heft_fold *p);

    /* Of a metric: which way is better. */
    heft_goal goal;

    /* Of an activation: the initializer that suits weights in front of it ("he_normal"); NULL otherwise. */
    const char *init;

    /* Of a loss, optional: turn the model's output (in[0]) into what its user wants to see (out, of the same shape), such as
     * probabilities for logits; NULL: the output as it is.  in[1] is NULL.  [lane] */
    void (*predict)(const void *self, const heft_forward *p);

    /* Of a loss or metric with tallies: 1 if a sample adds sample_weight times what it is to each of them. */
    int32_t weighted;

    /* What backward and survey_back do not read: they find NULL in its place, and its memory may serve other layers
     * meanwhile.  0: they may read all.  relu can do without in, since out tells its sign. */
    uint32_t unread;

    /* 1: forward costs little next to keeping its output, and in a training step it may be called twice, the second time
     * before backward and with the same arguments, and writes the same bits: the host may drop the output and compute it
     * again when a backward reads it.  Adds to tallies by survey alone, if at all. */
    uint32_t recomputable;
} heft_layer;

/* ---- optimizers --------------------------------------------------------- */

/* All trained weights of the model are one flat vector x of n floats; so are gradients
 * and every row of every slot.  The host zeroes, checkpoints and restores slots. */
typedef struct heft_slot {
    const char *name;            /* "m"; the HDF5 name under /optimizer */
    int32_t rows;                /* that many vectors of n floats, ... */
    bool    scalar;              /* ... or that many single floats */
} heft_slot;

typedef struct heft_optimizer_plan {
    const heft_host *host;
    size_t   n;
    /* filled in by plan: */
    bool     whole_tensors;      /* ranges never split a tensor (LARS, LAMB) */
    int32_t  n_slots;
    heft_slot  slot[HEFT_MAX_SLOTS];
    heft_error error;
} heft_optimizer_plan;

/* Where one weight tensor lies in x. */
typedef struct heft_span {
    const char *layer, *name;
    size_t      begin, end;
    heft_shape  shape;
} heft_span;

typedef struct heft_step {
    const heft_host *host;
    uint64_t t;                  /* 1, 2, 3, ... */
    float    lr;                 /* of this range's parameter group, after the schedule */
    float    decay;              /* factor of this group on the optimizer's own weight decay: 1, or 0 where
                                  * it is switched off */
    size_t   begin, end;         /* update x[begin..end) and nothing else; one group */
    const heft_span *span;       /* whole_tensors: the tensors in the range, n_span of them */
    int32_t  n_span;
    float   *x;
    const float *g;              /* mean gradient of the minibatch; g[i] belongs to x[i] */
    float *const *slot;          /* vector slots: [rows][n]; scalars: read only */
} heft_step;

typedef struct heft_problem {
    const heft_host *host;
    uint64_t t;
    float    lr;
    size_t   n;
    float   *x;                  /* in: current point; out: accepted point */
    float *const *slot;
    double   loss;               /* out: loss at the accepted point */

    /* Mean loss at x, and its gradient into g unless NULL.  Uses all lanes.
     * Every call within one iterate sees the same samples and random draws, so
     * it is one deterministic function of x.  [main] */
    double (*eval)(struct heft_problem *p, float *g);
} heft_problem;

/* Exactly one of step and iterate is set: an optimizer either consumes a
 * gradient or owns the evaluations.  The host reads the learning rate from the
 * YAML key lr (a number or a schedule) unless the option table has a key of that name;
 * default_lr is used if the user gives none.
 *
 * decay_matrices: as AdamW is used, weight decay is for tensors of two axes or more, so that of biases and norms
 * is 0 (s->decay) unless the user sets decay_rank1. */
typedef struct heft_optimizer {
    heft_head head;
    int  (*plan)(void *self, heft_optimizer_plan *p);                /* [main]  */
    void (*step)(const void *self, const heft_step *s);              /* [range] */
    void (*iterate)(const void *self, heft_problem *p);              /* [main]  */
    double default_lr;
    int32_t decay_matrices;
} heft_optimizer;

/* ---- initializers ------------------------------------------------------- */

typedef struct heft_fill {
    heft_shape shape;
    int64_t  fan_in, fan_out;
    heft_rng   rng;              /* key of (seed, tensor path) */
    float   *x;                  /* heft_count(&shape) floats; overwritten */
    heft_error error;
} heft_fill;

typedef struct heft_initializer {
    heft_head head;
    int (*fill)(const void *self, heft_fill *f);                     /* [main] */
} heft_initializer;

#endif
