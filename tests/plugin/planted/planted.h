/* planted.h -- a correct layer, metric, optimizer and initializer, of which each file here gets one thing wrong
 *
 * Every file is built twice: with FAULT, and without, when it must pass all checks.  The layer is y = w x + b by feature.
 */
#include <string.h>
#include <heft/answers.h>
#include <heft/plugin.h>

#pragma GCC diagnostic ignored "-Woverride-init"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

#ifdef FAULT
#define TWIN(faulty, correct) faulty
#else
#define TWIN(faulty, correct) correct
#endif

typedef struct affine {
    double  slope;                               /* option */
    int64_t size;                                /* floats of a sample */
    int64_t counter;
} affine;

enum { W, B };

static const heft_option affine_options[] = {
    HEFT_OPT_REAL(affine, slope, 0.5, 0, 2, "times the input"),
    HEFT_OPT_END
};

static int affine_plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    s->size = heft_count(&p->in[0]);
    p->out = p->in[0];
    const heft_shape one_each = { HEFT_F32, 1, { s->size } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "weight", .role = HEFT_WEIGHT, .shape = one_each, .fan_in = 1, .fan_out = 1 };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "bias", .role = HEFT_WEIGHT, .shape = one_each, .fan_in = 1, .fan_out = 1 };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "kept", .role = HEFT_SAVED, .shape = p->in[0], .per_sample = true };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "sums", .role = HEFT_SCRATCH, .shape = one_each };
    return 0;
}

static void affine_forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    const float slope = (float)s->slope;
    for (int64_t i = 0; i < p->n * s->size; i++) p->out[i] = slope * p->weight[W][i % s->size] * p->in[0][i] + p->weight[B][i % s->size];
    if (p->saved) memcpy(p->saved[0], p->in[0], (size_t)(p->n * s->size) * sizeof(float));
}

static void affine_backward(const void *self, const heft_backward *p)
{
    const affine *s = self;
    const float slope = (float)s->slope;
    memset(p->scratch[0], 0, (size_t)s->size * sizeof(float));
    for (int64_t i = 0; i < p->n * s->size; i++) p->scratch[0][i % s->size] += p->dout[i];
    for (int64_t i = 0; i < p->n * s->size && p->dweight[W]; i++)
        p->dweight[W][i % s->size] += slope * p->dout[i] * p->saved[0][i];
    for (int64_t j = 0; j < s->size && p->dweight[B]; j++) p->dweight[B][j] += p->scratch[0][j];
    for (int64_t i = 0; i < p->n * s->size && p->din[0]; i++) p->din[0][i] = slope * p->dout[i] * p->weight[W][i % s->size];
}

#define LAYER(...) HEFT_EXPORT const heft_layer heft_plugin = { \
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, STEM, "a planted fault, or its correct twin", sizeof(affine), affine_options), \
    .min_in = 1, .max_in = 1, .plan = affine_plan, .forward = affine_forward, .backward = affine_backward, __VA_ARGS__ }

/* ---- a metric: the share of outputs that are on their target's side of 0 ---- */

typedef struct share { int64_t size; } share;

enum { RIGHT, ROWS };

static int share_plan(void *self, heft_layer_plan *p)
{
    share *s = self;
    if ((s->size = heft_needs_pairs(p)) < 0) return -1;
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "right", .role = HEFT_TALLY, .shape = { .rank = 1, .dim = { s->size } } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "rows", .role = HEFT_TALLY };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "value", .role = HEFT_STATE };
    return 0;
}

static void share_forward(const void *self, const heft_forward *p)
{
    const share *s = self;
    for (int64_t i = 0; i < p->n; i++) {
        p->out[i] = 0;
        p->tally[ROWS][0] += heft_sample_weight(p, i);
        for (int64_t j = 0; j < s->size; j++)
            if ((p->in[0][i * s->size + j] > 0) == (p->in[1][i * s->size + j] > 0)) p->tally[RIGHT][j] += heft_sample_weight(p, i);
    }
}

static void share_fold(const void *self, const heft_fold *p)
{
    const share *s = self;
    double right = 0;
    for (int64_t j = 0; j < s->size; j++) right += p->total[RIGHT][j];
    p->state[0][0] = p->total[ROWS][0] > 0 ? (float)(right / p->total[ROWS][0] / (double)s->size) : 0;
}

#define METRIC(...) HEFT_EXPORT const heft_layer heft_plugin = { \
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, STEM, "a planted fault, or its correct twin", sizeof(share), NULL), \
    .min_in = 2, .max_in = 2, .plan = share_plan, .forward = share_forward, .fold = share_fold, \
    .goal = HEFT_MAXIMIZE, .weighted = 1, __VA_ARGS__ }

/* ---- momentum: m = beta m + g, x = x - lr m ---- */

typedef struct momentum { double beta; } momentum;

static const heft_option momentum_options[] = {
    HEFT_OPT_REAL(momentum, beta, 0.5, 0, 0.99, "share of the last step that is kept"),
    HEFT_OPT_END
};

static int momentum_plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->slot[p->n_slots++] = (heft_slot){ "m", 1, false };
    return 0;
}

static void momentum_step(const void *self, const heft_step *s)
{
    const momentum *o = self;
    for (size_t i = s->begin; i < s->end; i++) {
        s->slot[0][i] = (float)o->beta * s->slot[0][i] + s->g[i];
        s->x[i] -= s->lr * s->slot[0][i];
    }
}

#define OPTIMIZER(...) HEFT_EXPORT const heft_optimizer heft_plugin = { \
    .head = HEFT_HEAD(heft_optimizer, HEFT_OPTIMIZER, STEM, "a planted fault, or its correct twin", sizeof(momentum), momentum_options), \
    .plan = momentum_plan, .step = momentum_step, .default_lr = 0.02, __VA_ARGS__ }

/* ---- uniform ---- */

static int uniform_fill(const void *self, heft_fill *f)
{
    (void)self;
    heft_uniforms(&f->rng, heft_count(&f->shape), f->x);
    return 0;
}

#define INITIALIZER(...) HEFT_EXPORT const heft_initializer heft_plugin = { \
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, STEM, "a planted fault, or its correct twin", 0, NULL), \
    .fill = uniform_fill, __VA_ARGS__ }
