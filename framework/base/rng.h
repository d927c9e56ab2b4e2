/* rng.h -- keys for the random numbers of numbers.h
 *
 * Rule R1: a draw depends on the seed and on what it is for, never on what was drawn before.
 * Every use has a purpose of its own, so no two uses share a stream.
 */
#ifndef HEFT_BASE_RNG_H
#define HEFT_BASE_RNG_H

#include <heft/plugin.h>

typedef enum rng_purpose {
    RNG_INIT = 1,       /* a: hash of the tensor's path */
    RNG_PASS,           /* a: step, b: hash of the layer's name */
    RNG_SHUFFLE,        /* a: epoch */
    RNG_SPLIT,
    RNG_DATA,           /* built-in data sets.  a: split, b: sample */
    RNG_AUGMENT,        /* a: epoch, b: sample */
    RNG_SWEEP,          /* a: trial, b: parameter */
    RNG_TEST,
    RNG_GENERATE        /* characters of a text; one a draw */
} rng_purpose;

heft_rng rng_key(uint64_t seed, rng_purpose purpose, uint64_t a, uint64_t b);

/* FNV-1a: a name as a number for a or b above. */
uint64_t rng_name(const char *s);

/* An unbiased integer in [0, bound), bound > 0: Lemire's multiplication with rejection. */
uint64_t rng_below(heft_rng *r, uint64_t bound);

/* A random permutation of 0 .. n-1 (Fisher and Yates). */
void rng_permutation(heft_rng r, int64_t n, int64_t *out);

#endif
