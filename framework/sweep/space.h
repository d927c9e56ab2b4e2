/* space.h -- the section `sweep`: what is varied, and how
 *
 *   sweep:
 *     method: tpe                     # grid, random, sobol, tpe
 *     metric: {name: val_accuracy, goal: maximize, of: last}
 *     trials: 60                      # points; grid: all of them if absent
 *     parameters:
 *       optimizer.adam.lr: {min: 1e-5, max: 1e-1, distribution: log_uniform}
 *       model.hidden.units: {values: [64, 128, 256], probabilities: [1, 2, 1]}
 *       optimizer: {values: [{adam: {lr: 1e-3}}, {sgd: {lr: 0.1}}]}
 *       optimizer.sgd.momentum: {min: 0.5, max: 0.99, when: {optimizer: {sgd: {lr: 0.1}}}}
 *     constraints: ["model.hidden.units >= model.second.units", "model.a.units + model.b.units <= 512"]
 *     early_terminate: {type: asha, min_epochs: 1, eta: 3}
 *     limits: {seconds: 600, memory: 2 GiB}
 *     seeds: 3
 *
 * A parameter is a path of the experiment, as in overrides, and one of
 *   value: V                          always V
 *   values: [V, ...]                  each as likely, or by probabilities (any positive weights)
 *   min, max                          distribution uniform, log_uniform or int_uniform; uniform if left out and one of
 *                                     them is not written as a whole number (else the word is needed)
 *   mu, sigma                         distribution normal, or log_normal (of the natural logarithm)
 * Numbers drawn have six digits.  q rounds to multiples of q: counted from min, where there is one, and staying in range.  `when` makes a
 * parameter part of a point only where earlier parameters have one of the values given.  Values are set in the
 * order of the file, so that a whole layer or optimizer comes before what is set in it.
 */
#ifndef HEFT_SWEEP_SPACE_H
#define HEFT_SWEEP_SPACE_H

#include <heft/plugin.h>
#include "config/experiment.h"

typedef enum sweep_method { SWEEP_GRID, SWEEP_RANDOM, SWEEP_SOBOL, SWEEP_TPE } sweep_method;
typedef enum sweep_goal { GOAL_AUTO, GOAL_MINIMIZE, GOAL_MAXIMIZE } sweep_goal;
typedef enum early_kind { EARLY_NONE, EARLY_ASHA, EARLY_HYPERBAND, EARLY_MEDIAN } early_kind;
typedef enum spread { SPREAD_VALUES, SPREAD_UNIFORM, SPREAD_LOG_UNIFORM, SPREAD_INT_UNIFORM, SPREAD_NORMAL,
                      SPREAD_LOG_NORMAL } spread;

/* The parameter (an earlier one, with values) has one of these values, by index. */
typedef struct condition { int parameter; size_t n; size_t *value; } condition;

typedef struct parameter {
    const char *path;
    place       at;
    uint64_t    hash;                /* keys its draws */
    spread      spread;
    size_t      n;                   /* values */
    const char **value;              /* YAML in flow style */
    double     *upto;                /* [n] cumulative probabilities */
    double      min, max, mu, sigma;
    double      q;                   /* 0: not rounded */
    size_t      n_when;
    condition  *when;
} parameter;

/* factor * value of a parameter, or a number (parameter -1). */
typedef struct operand { int parameter; double number; } operand;
typedef enum relation { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL } relation;
enum { SUM_TERMS = 8 };
typedef struct constraint {
    int      n_left, n_right;
    operand  left[SUM_TERMS], right[SUM_TERMS];
    relation relation;
} constraint;

typedef struct space {
    sweep_method method;
    const char  *metric;
    sweep_goal   goal;               /* GOAL_AUTO until somebody who knows the metric sets it */
    bool         of_best;            /* a trial's value is its best epoch's, not its last's */
    int64_t      trials;             /* points; 0: all of a grid */
    int64_t      seeds, lag, patience, retry;
    early_kind   early;
    int64_t      min_epochs, max_epochs, eta;      /* max_epochs 0: all */
    double       seconds;            /* limits of one trial; 0: none */
    int64_t      memory;
    uint64_t     seed;
    int          n;
    parameter   *parameter;
    int          n_constraints;
    constraint  *constraint;
    place        at;
} space;

/* NULL after problems.  Lives in the arena; refers to nothing else. */
space *space_read(const experiment *e, arena *a, problems *pr);

/* ---- points ---- */

typedef struct point {
    const char **value;              /* [n] YAML in flow style; NULL: not part of this point */
    double      *t;                  /* [n] where in the spread: [0, 1]; of values: the index */
    double      *number;             /* [n] the value, or NaN if it is no number */
} point;

point *point_new(const space *s, arena *a);
void   point_copy(const space *s, const point *from, point *to, arena *a);     /* what it refers to into the arena */
/* Set parameter i at the quantile u of its spread, [0, 1); or to value k. */
void   point_draw(const space *s, int i, double u, point *p, arena *a);
void   point_choose(const space *s, int i, size_t k, point *p);
/* Is parameter i part of the point, by the parameters before it? */
bool   point_active(const space *s, int i, const point *p);
bool   point_allowed(const space *s, const point *p);            /* by the constraints; absent parameters break none */
bool   point_equal(const space *s, const point *a, const point *b);
void   point_text(const space *s, const point *p, text *out);    /* "optimizer.adam.lr=3e-4 model.hidden.units=64" */

/* How many different values parameter i has; 0: more than can be counted out. */
int64_t parameter_count(const parameter *p);
/* The quantile in the middle of the k-th of them. */
double  parameter_quantile(const parameter *p, int64_t k);

/* A node as YAML on one line: {adam: {lr: 1e-3}}. */
void flow_write(const node *n, text *out);

/* Keys of `sweep` and of its sections metric, early_terminate and limits, and of one of the parameters, for `heft schema`;
 * keys that are no plain values (parameters, constraints; value, values, when) are not among them. */
const heft_option *sweep_section_table(const char *section);

#endif
