/* bad.h -- a sound layer, optimizer and initializer, of which each file here spoils one thing
 *
 * STEM is the file's name; fields given to a macro replace the sound ones.
 */
#include <heft/plugin.h>

#pragma GCC diagnostic ignored "-Woverride-init"
#pragma GCC diagnostic ignored "-Wunused-function"

static int plan(void *self, heft_layer_plan *p)
{
    (void)self;
    p->out = p->in[0];
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    (void)self;
    p->out[0] = p->in[0][0];
}

static void backward(const void *self, const heft_backward *p)
{
    (void)self;
    if (p->din[0]) p->din[0][0] = p->dout[0];
}

static int optimizer_plan(void *self, heft_optimizer_plan *p)
{
    (void)self;
    p->n_slots = 0;
    return 0;
}

static void step(const void *self, const heft_step *s)
{
    (void)self;
    for (size_t i = s->begin; i < s->end; i++) s->x[i] -= s->lr * s->g[i];
}

static void iterate(const void *self, heft_problem *p)
{
    (void)self;
    p->loss = p->eval(p, NULL);
}

#define HEAD(D, K) HEFT_HEAD(D, K, STEM, "one thing is wrong", 0, NULL)
#define LAYER(...) HEFT_EXPORT const heft_layer heft_plugin = { .head = HEAD(heft_layer, HEFT_LAYER), \
    .min_in = 1, .max_in = 1, .plan = plan, .forward = forward, .backward = backward, __VA_ARGS__ }
#define OPTIMIZER(...) HEFT_EXPORT const heft_optimizer heft_plugin = { .head = HEAD(heft_optimizer, HEFT_OPTIMIZER), \
    .plan = optimizer_plan, .step = step, .default_lr = 0.1, __VA_ARGS__ }
