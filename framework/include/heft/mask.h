/* mask.h -- for layers over sequences that take a second input which tells the padding: [time], tokens (`padding` is the
 * one that fills up) or numbers (`padding`, which is 0 if nothing else is said, is padding, all others are none) */
#ifndef HEFT_MASK_H
#define HEFT_MASK_H

#include <heft/plugin.h>

typedef struct heft_mask { bool given, tokens; int64_t time, padding; } heft_mask;

/* In plan, behind what the first input needs. */
static inline int heft_needs_mask(heft_layer_plan *p, int64_t padding, heft_mask *m)
{
    const heft_shape *x = &p->in[0], *mask = &p->in[1];
    char found[HEFT_SHAPE_TEXT];
    *m = (heft_mask){ .given = p->n_in > 1, .time = x->dim[0], .padding = padding };
    if (!m->given) return 0;
    m->tokens = mask->dtype == HEFT_I32;
    if (x->rank != 2)
        return heft_fail(&p->error, "takes a second input beside a sequence [time, features] only; found %s", heft_shape_text(x, found));
    if (mask->rank != 1 || mask->dim[0] != m->time)
        return heft_fail(&p->error, "needs a second input [%lld], a token or a number for each position; found %s", (long long)m->time,
                         heft_shape_text(mask, found));
    return 0;
}

/* What position t of sample i of in[1] counts: 1; 0 if it is padding; NaN if the mask is. */
static inline float heft_counts(const heft_mask *m, const float *const *in, int64_t i, int64_t t)
{
    if (!m->given) return 1;
    const int64_t at = i * m->time + t;
    if (m->tokens) return heft_ints(in[1])[at] != m->padding;
    return in[1][at] == (float)m->padding ? 0 : in[1][at] == in[1][at] ? 1 : NAN;
}

/* The state of a recurrent layer at a position that counts 0: as it was before (NULL: zeros); or NaN, as what it counts. */
static inline void heft_stay(float counts, int64_t n, const float *before, float *now)
{
    for (int64_t j = 0; j < n; j++) now[j] = counts != 0 ? counts : before ? before[j] : 0;
}

/* In backward: nothing flows back into a mask. */
static inline void heft_mask_back(const heft_mask *m, int64_t n, float *const *din)
{
    for (int64_t k = 0; m->given && din[1] && k < n * m->time; k++) din[1][k] = 0;
}

#endif
