/* setup.h -- a sweep's section from YAML text */
#ifndef HEFT_TESTS_SWEEP_SETUP_H
#define HEFT_TESTS_SWEEP_SETUP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/sweep.h"

#define HEAD "seed: 3\ndata: {format: houses, samples: 100, validation: 0.2}\nmodel: [{dense: {units: 4, name: a}}, {dense: {units: 1}}]\n" \
             "loss: mean_squared_error\noptimizer: {adam: {lr: 1e-2}}\ntrain: {epochs: 9}\n"

typedef struct setup { arena *memory; experiment *experiment; space *space; problems pr; } setup;

/* section: what is below `sweep:`, flow style.  space NULL: see pr. */
static inline void setup_space(setup *s, const char *section)
{
    *s = (setup){ .memory = arena_new() };
    char *yaml = arena_printf(s->memory, HEAD "sweep: %s\n", section);
    s->experiment = experiment_parse("test.yaml", "/", yaml, strlen(yaml), 0, NULL, &s->pr);
    if (s->experiment) s->space = space_read(s->experiment, s->memory, &s->pr);
}

static inline void setup_end(setup *s)
{
    experiment_free(s->experiment);
    problems_free(&s->pr);
    arena_free(s->memory);
}

static inline void need_space(setup *s, const char *section)
{
    setup_space(s, section);
    if (!s->space) {
        problems_print(&s->pr, stderr);
        fail_msg("refused: %s", section);
    }
}

#endif
