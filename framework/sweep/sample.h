/* sample.h -- which point is tried next
 *
 * A suggestion is a pure function of the space (its seed with it), the number of the point, the points before it, and the
 * results it is shown.  Every draw is keyed by (seed, RNG_SWEEP, number and attempt, parameter).
 *
 *   grid    all combinations, the last parameter changing fastest
 *   random  every parameter by its distribution
 *   sobol   point n of Sobol's sequence (direction numbers new-joe-kuo-6: S. Joe and F. Y. Kuo, "Constructing Sobol
 *           sequences with better two-dimensional projections", SIAM J. Sci. Comput. 30, 2008), a dimension a parameter,
 *           shifted digit by digit by the seed
 *   tpe     tree-structured Parzen estimators (J. Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS
 *           2011), of whole points: the first TPE_STARTUP by random, and more until there are TPE_LEAST results; then the best
 *           tenth (at most 25) against the rest, TPE_CANDIDATES candidates.  Estimators live on quantiles of the prior, [0, 1]; for uniform
 *           and log_uniform that is Optuna's, normals are warped by their distribution function.  Points under way count
 *           with the rest (Optuna's constant liar), so that points begun at the same time are not all alike.
 * A point that breaks a constraint, or was tried before, is drawn again; after DRAWS of them the space counts as used up.
 */
#ifndef HEFT_SWEEP_SAMPLE_H
#define HEFT_SWEEP_SAMPLE_H

#include "sweep/space.h"

enum { SOBOL_DIMENSIONS = 21, SOBOL_BITS = 32, TPE_STARTUP = 10, TPE_LEAST = 4, TPE_CANDIDATES = 24, DRAWS = 300 };

/* What a suggestion may know of an earlier point. */
typedef struct seen {
    const point *point;
    int64_t      epochs;             /* that the value is of: those with more epochs rank first.  0: under way, no result yet */
    double       value;              /* smaller is better; NaN: it failed */
} seen;

typedef struct sampler {
    const space  *space;
    arena        *memory;            /* points live here */
    int64_t       n, room;           /* points suggested so far */
    const point **point;
    int64_t       tried;             /* sobol: numbers used up; grid: combinations gone through */
    int64_t       n_grid;
    const point **grid;
} sampler;

/* NULL after a problem (a grid beyond bounds, or one that constraints leave nothing of). */
sampler     *sampler_new(const space *s, problems *pr);
void         sampler_free(sampler *p);
/* The next point; NULL: there are no more. */
const point *sampler_next(sampler *p, size_t n_seen, const seen *list);

/* Coordinate `dimension` of point n of the sequence, in units of 2^-32. */
uint32_t sobol_digits(int dimension, uint32_t n);

/* Suggest all parameters of a point from what was seen (at least one that did not fail). */
void tpe_suggest(const space *s, uint64_t key, size_t n_seen, const seen *list, point *out, arena *a);

#endif
