/* setup.h -- a trainer from YAML text on built-in data */
#ifndef HEFT_TESTS_TRAIN_SETUP_H
#define HEFT_TESTS_TRAIN_SETUP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/digest.h"
#include "train/trainer.h"

typedef struct setup {
    experiment *experiment;
    registry   *registry;
    data       *data;
    trainer    *trainer;
    problems    pr;
    int         saves, bests, epochs;
    int64_t     steps;
} setup;

static void on_checkpoint(void *context, trainer *t, bool best)
{
    setup *s = context;
    (void)t;
    s->saves++;
    s->bests += best;
}

static void on_step(void *context, const trainer *t, double loss)
{
    setup *s = context;
    (void)t, (void)loss;
    s->steps++;
}

static void on_epoch(void *context, const trainer *t, const double *row)
{
    setup *s = context;
    (void)t, (void)row;
    s->epochs++;
}

/* No trainer: see pr. */
static bool setup_trainer(setup *s, const char *yaml)
{
    static const char *const dirs[] = { PLUGIN_DIR };
    memset(s, 0, sizeof *s);
    s->experiment = experiment_parse("test.yaml", "/", yaml, strlen(yaml), 0, NULL, &s->pr);
    if (!s->experiment) return false;
    s->registry = registry_new(1, dirs);
    s->data = data_open(s->experiment->data, s->experiment->dir, s->experiment->seed, &s->pr);
    if (s->data) s->trainer = trainer_new(s->experiment, s->registry, s->data, &s->pr);
    return s->trainer != NULL;
}

static inline trainer_end setup_run(setup *s)
{
    const trainer_events ev = { s, on_checkpoint, on_step, on_epoch };
    const trainer_end end = trainer_run(s->trainer, &ev, &s->pr);
    if (s->pr.n) problems_print(&s->pr, stderr);
    return end;
}

static void setup_end(setup *s)
{
    trainer_free(s->trainer);
    if (s->data) data_free(s->data);
    if (s->registry) registry_free(s->registry);
    if (s->experiment) experiment_free(s->experiment);
    problems_free(&s->pr);
}

static inline double last(const setup *s, const char *name)
{
    const table *t = s->trainer->epochs;
    const int c = table_find(t, name);
    if (c < 0) fail_msg("no column %s", name);
    return table_row(t, t->n_rows - 1)[c];
}

static inline void weights_digest(const setup *s, char hex[DIGEST_HEX])
{
    digest_bytes(s->trainer->model->x, s->trainer->model->n_weights * sizeof(float), hex);
}

#endif
