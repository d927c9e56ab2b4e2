/* setup.h -- a model from YAML text, and random minibatches for it */
#ifndef HEFT_TESTS_MODEL_SETUP_H
#define HEFT_TESTS_MODEL_SETUP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/digest.h"
#include "base/rng.h"
#include "compute/compute.h"
#include "config/node.h"
#include "model/pass.h"

typedef struct setup {
    arena    *memory;
    node     *root;
    registry *registry;
    model    *model;
    problems  pr;
    float    *inputs, *targets;
} setup;

/* yaml has the keys model, loss and perhaps metrics.  NULL model: see pr. */
static void setup_model(setup *s, const char *yaml, heft_shape input, heft_shape target, int64_t batch)
{
    static const char *const dirs[] = { PLUGIN_DIR };
    memset(s, 0, sizeof *s);
    s->memory = arena_new();
    s->registry = registry_new(1, dirs);
    s->root = node_parse(s->memory, "test.yaml", yaml, strlen(yaml), &s->pr);
    if (!s->root) return;
    s->model = model_build(node_get(s->root, "model"), node_get(s->root, "loss"), node_get(s->root, "metrics"), s->registry,
                           &input, &target, batch, &s->pr);
    if (!s->model) return;
    if (model_init(s->model, 7, &s->pr) < 0) return;
    heft_rng r = rng_key(1, RNG_TEST, 0, 0);
    const int64_t ni = batch * heft_count(&input), nt = batch * heft_count(&target);
    s->inputs = block_alloc((size_t)ni, sizeof(float));
    s->targets = block_alloc((size_t)nt, sizeof(float));
    for (int64_t i = 0; i < ni; i++)
        if (input.dtype == HEFT_F32) s->inputs[i] = heft_normal(&r);
        else ((int32_t *)(void *)s->inputs)[i] = (int32_t)rng_below(&r, (uint64_t)input.limit);
    for (int64_t i = 0; i < nt; i++)
        if (target.dtype == HEFT_F32) s->targets[i] = heft_normal(&r);
        else ((int32_t *)(void *)s->targets)[i] = (int32_t)rng_below(&r, (uint64_t)target.limit);
}

static void setup_end(setup *s)
{
    model_free(s->model);
    registry_free(s->registry);
    arena_free(s->memory);
    block_free(s->inputs);
    block_free(s->targets);
    problems_free(&s->pr);
}

static inline pass_input whole_batch(const setup *s, int64_t n, uint64_t step)
{
    return (pass_input){ .n = n, .inputs = s->inputs, .targets = s->targets, .seed = 3, .step = step, .metrics = true };
}

/* No loss and no gradient, rather than 0 / 0, where nothing of a minibatch counts; the weights are `n` floats. */
static inline void expect_nothing_counts(setup *s, const pass_input *in, int n)
{
    pass *p = pass_new(s->model, true, &s->pr);
    assert_true(pass_run(p, in, true) == 0);
    pass_sum(p, 0, s->model->n_trained);
    for (int i = 0; i < n; i++) assert_true(pass_gradient(p)[i] == 0);
    pass_free(p);
}

/* Of four steps of gradient descent on a model whose minibatch is `batch`: losses, gradients, weights and states. */
static inline void digest_of_descent(setup *s, int64_t batch, char hex[DIGEST_HEX])
{
    pass *p = pass_new(s->model, true, &s->pr);
    digest *d = digest_new();
    const int64_t counts[] = { batch, batch, batch * 2 / 5 + 1, 1 };
    for (uint64_t step = 0; step < 4; step++) {
        const pass_input in = whole_batch(s, counts[step], step);
        const double loss = pass_run(p, &in, true);
        digest_add(d, &loss, sizeof loss);
        pass_sum(p, 0, s->model->n_trained);
        float *g = pass_gradient(p);
        digest_add(d, g, s->model->n_trained * sizeof *g);
        for (size_t i = 0; i < s->model->n_trained; i++) s->model->x[i] -= 0.1f * g[i];
        pass_fold(p, s->model);
        digest_add(d, s->model->x, s->model->n_weights * sizeof(float));
        digest_add(d, s->model->state, s->model->n_state * sizeof(float));
    }
    digest_end(d, hex);
    pass_free(p);
}

static inline void print_problems(const setup *s)
{
    if (s->pr.n) problems_print(&s->pr, stderr);
}

static const heft_shape vector8 = { HEFT_F32, 1, { 8 }, 0 }, label3 = { HEFT_I32, 0, { 0 }, 3 },
                        image = { HEFT_F32, 3, { 8, 8, 3 }, 0 }, real1 = { HEFT_F32, 1, { 1 }, 0 };

#endif
