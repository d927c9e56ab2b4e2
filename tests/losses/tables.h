/* tables.h -- shapes in tables of losses and metrics, and what they refuse */
#ifndef HEFT_TESTS_LOSSES_TABLES_H
#define HEFT_TESTS_LOSSES_TABLES_H

#include "harness.h"

/* As SHAPE and LABELS, for tables. */
#define FLOATS(...) { .dtype = HEFT_F32, .dim = { __VA_ARGS__ }, \
    .rank = sizeof (int64_t[]){ __VA_ARGS__ } / sizeof(int64_t) }
#define LABEL(most) { .dtype = HEFT_I32, .limit = most }

typedef struct refusal { const char *name, *options; heft_shape in[2]; const char *says; } refusal;

static inline void check_refusals(const refusal *bad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char said[320];
        harness_refusal(bad[i].name, bad[i].options, 2, bad[i].in, said, sizeof said);
        if (!strstr(said, bad[i].says))
            fail_msg("%s, row %zu: said \"%s\", expected \"%s\"", bad[i].name, i, said, bad[i].says);
    }
}

#endif
