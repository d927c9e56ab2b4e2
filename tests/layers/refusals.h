/* refusals.h -- what a layer's plan refuses and how it says it; what it accepts and gives */
#ifndef HEFT_TESTS_REFUSALS_H
#define HEFT_TESTS_REFUSALS_H

#include "harness.h"

#define F1(a)       { HEFT_F32, 1, { a } }
#define F2(a, b)    { HEFT_F32, 2, { a, b } }
#define F3(a, b, c) { HEFT_F32, 3, { a, b, c } }
#define I1(a)       { HEFT_I32, 1, { a }, 10 }

typedef struct refusal {
    const char *name, *options;
    int         n_in;
    heft_shape  in[2];
    const char *says;                                  /* a part of the message; "": accepted */
} refusal;

static inline void refusals_check(const refusal *r, size_t n)
{
    for (const refusal *end = r + n; r < end; r++) {
        char said[320];
        harness_refusal(r->name, r->options, r->n_in, r->in, said, sizeof said);
        if (!r->says[0] ? said[0] != 0 : !strstr(said, r->says))
            fail_msg("%s %s: said '%s', expected '%s'", r->name, r->options, said, r->says);
    }
}

/* flops -1: any. */
static inline void check_plan(const char *name, const char *options, heft_shape in, heft_shape out, double flops)
{
    harness *h = harness_open(name, options, 1, &in, LANES(2));
    char got[HEFT_SHAPE_TEXT], want[HEFT_SHAPE_TEXT];
    if (strcmp(heft_shape_text(&h->plan.out, got), heft_shape_text(&out, want)))
        fail_msg("%s: gives %s, expected %s", h->label, got, want);
    if (flops >= 0 && h->plan.flops != flops) fail_msg("%s: %g flops, expected %g", h->label, h->plan.flops, flops);
    harness_close(h);
}

#endif
