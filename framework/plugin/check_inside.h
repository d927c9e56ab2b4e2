/* check_inside.h -- between the files of the checks
 *
 * A check is a function that runs in a child.  What it looks at is a subject; every case of a subject is good or not,
 * and one verdict comes of them all: the first failure, or how many were good.
 */
#ifndef HEFT_PLUGIN_CHECK_INSIDE_H
#define HEFT_PLUGIN_CHECK_INSIDE_H

#include "plugin/check.h"
#include "plugin/rig.h"

enum { CHECK_SAMPLES = 7, MOST_INPUTS = 3, MOST_SCALES = 3 };

/* Options and inputs that a plugin accepts. */
typedef struct check_case {
    const char *options;             /* YAML, or "" */
    int         n_in;
    heft_shape  in[MOST_INPUTS];
    const heft_option *other;        /* the option that is not at its default; NULL: the base case of these inputs */
    double      value;               /* that it has, if it is a number; else 0 */
    int         guess;               /* at required options */
} check_case;

typedef struct finding {
    verdict verdict;
    int     failures;
} finding;

typedef struct check {
    const char   *name;              /* of the check that runs */
    const char   *title;             /* what it says when it has nothing to say */
    const plugin *p;
    registry     *plugins;
    const check_options *asked;
    arena        *memory;
    rig_place    *at;                /* shared with the parent */
    const char   *where;             /* the case under way */
    size_t        n_findings;
    finding      *finding;
    bool          ready;             /* cases are there */
    size_t        n_cases;
    check_case   *cases;
    double        scale[MOST_SCALES]; /* sizes of inputs on which the option under way may act; 0: none */
    int           refused;           /* combinations that plan refused */
    const char   *refusal;           /* the last reason */
} check;

typedef struct check_row {
    const char *name, *doc;
    void      (*run)(check *c);
    const char *after;               /* earlier checks, "memory again": what fails one of them may fail this one too; or NULL */
} check_row;

extern const check_row layer_checks[], optimizer_checks[], initializer_checks[];      /* end with { NULL } */

/* One case of a subject.  seen (with what follows) tells of a failure.  Returns good. */
__attribute__((format(printf, 6, 7)))
bool check_that(check *c, bool good, const char *subject, const char *expected, const char *look, const char *seen, ...);
__attribute__((format(printf, 3, 4)))
void check_note(check *c, const char *subject, const char *seen, ...);
__attribute__((format(printf, 2, 3)))
char *check_text(check *c, const char *fmt, ...);                    /* in the check's memory */
__attribute__((format(printf, 2, 3)))
void check_at(check *c, const char *fmt, ...);                       /* the case under way, for verdicts and crashes */

/* ---- cases ---- */

/* Legal values of an option beside its default, the i-th; NULL after the last.  *number is its value, if it is one. */
const char *option_value(arena *a, const heft_option *o, int i, double *number);

/* A value near the default and not equal to it, at which gradients can be held against differences; bounds may be wild. */
double option_moderate(const heft_option *o);

/* An option that is given, and its value. */
typedef struct setting { const heft_option *option; const char *value; } setting;

/* Required options by a guess (0 .. GUESSES - 1) that suits an input of this shape, and those of `set`, which ends with
 * { NULL }; NULL: none. */
enum { GUESSES = 6 };
const char *options_guess(arena *a, const heft_option *table, int guess, const heft_shape *in, const setting *set);

/* Fills c->cases, once: all inputs and options that plan accepts and that are not too big to run.  An unsound plan is a case
 * of `shapes` and `plan` alone, which say so; there is nothing that others could run. */
void cases_make(check *c);
void cases_make_far(check *c);                                       /* and big inputs, unless the user has named some */

/* "[8, 8, 3]; integers 10 [6]"; false if it is anything else. */
bool inputs_read(const char *s, int *n, heft_shape in[MOST_INPUTS]);

/* A plan by which nothing may be allocated: what is wrong with it. */
typedef struct plan_fault { const char *expected, *look; char seen[128]; } plan_fault;
bool plan_is_sound(const heft_layer_plan *p, plan_fault *fault);

/* Are these options accepted for the inputs of a case, with a sound plan, and not too big to run? */
bool case_fits(check *c, const char *options, const check_case *k);

/* For options that have to be something: those of the user's, or the i-th guess; NULL after the last. */
const char *plain_options(check *c, int i);

/* A rig of a case, filled; NULL after a failure of `plan`. */
rig *case_open(check *c, const check_case *k, const int64_t *lanes);
extern const int64_t whole_lane[], two_lanes[];                      /* CHECK_SAMPLES samples */

/* ---- shared by kinds ---- */

void check_image(check *c);                                           /* symbols, libraries, variables */

/* What was computed: bits, never 0 unless it was refused, and a sum by random factors, which comes close where it all does. */
typedef struct observation { uint64_t bits; double sum; uint64_t turn; } observation;
typedef observation observe_fn(check *c, int base, const setting *set);
void observe_floats(observation *o, const float *x, size_t n);

/* What options do, at their bounds and at all, in bases 0 to n_bases - 1, of which the first n_usual are those of other checks. */
void check_option_effects(check *c, int n_bases, int n_usual, observe_fn *observe);
uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n);
#define HASH_START UINT64_C(0xcbf29ce484222325)

/* ---- parts of the layers' checks ---- */

bool has_din(const rig *h, int i);                                   /* backward gives a gradient of this input */
void want_all(rig *h);
float *kept(rig *h, const float *x, size_t n);                       /* a copy */
ptrdiff_t first_difference(const float *a, const float *b, size_t n);     /* of bits; -1: none */
uint64_t hash_of_pass(rig *h, bool with_backward);                       /* one forward and backward: what came of it */
ptrdiff_t first_not_finite(const float *x, size_t n);                     /* -1: none */

bool is_wild(const check_case *k);                                   /* bounds without use (1e30), which may well overflow */
void check_buffers(check *c, const rig *h);                          /* nothing is written outside of them */

void check_gradients(check *c);
void check_gradient_pass(check *c);
void check_lanes(check *c);
void check_order(check *c);
void check_again(check *c);
void check_recompute(check *c);
void check_tallies(check *c);
void check_threads(check *c);
void check_values(check *c);
void check_layer_options(check *c);
void check_speed(check *c);

#endif
