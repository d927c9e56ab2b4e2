/* schedule_kinds.c -- options and formula of each form of schedule; schedule.h has the formulas in one place */
#include <math.h>

#include "train/schedule_kinds.h"

#define MOST 1e12                                /* steps */
#define PI 3.14159265358979324

typedef schedule_head head;
typedef schedule_moment moment;

#define OPT_RATE(T, f, doc) HEFT_OPT_REAL(T, f, 0, 0, SCHEDULE_RATE_MAX, doc)
#define OPT_UNIT(def, doc)  HEFT_OPT_ENUM(head, unit, def, "step|epoch", doc)
#define OPT_STEPS           HEFT_OPT_INT_OR(head, steps, "auto", 0, 1, MOST, \
                                            "steps or epochs until the end; auto: all of the run")
#define OPT_WARMUP          HEFT_OPT_INT(head, warmup, 0, 0, MOST, "steps or epochs of linear rise ahead of the rest")

static void check_floor(const char *kind, double floor, const char *name, double most, const node *options,
                        problems *pr)
{
    if (floor > most)
        problems_add(pr, schedule_where(options, "floor"), "%s: floor %g is above %s %g", kind, floor, name, most);
}

static double cosine_between(double from, double to, double part)
{
    return to + (from - to) * (1 + cos(PI * part)) / 2;
}

/* ---- constant ---- */

typedef struct { head head; double value; } constant;

static const heft_option constant_options[] = {
    OPT_RATE(constant, value, "the learning rate"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static double constant_rate(const void *self, moment m)
{
    (void)m;
    return ((const constant *)self)->value;
}

/* ---- step ---- */

typedef struct { head head; double initial, gamma; int64_t every; } staircase;

static const heft_option staircase_options[] = {
    OPT_RATE(staircase, initial, "the learning rate at first"),
    HEFT_OPT_INT (staircase, every, HEFT_REQUIRED, 1, MOST, "steps or epochs between reductions"),
    HEFT_OPT_REAL(staircase, gamma, 0.1, 0, 1, "factor of a reduction"),
    OPT_UNIT(UNIT_EPOCH, "what `every` and `warmup` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static double staircase_rate(const void *self, moment m)
{
    const staircase *o = self;
    const int64_t reductions = m.at / o->every;
    return o->initial * pow(o->gamma, (double)reductions);
}

/* ---- multistep, piecewise ---- */

typedef struct { head head; double initial, gamma; heft_int_list milestones; } multistep;
typedef struct { head head; heft_real_list values; heft_int_list boundaries; } piecewise;

static const heft_option multistep_options[] = {
    OPT_RATE(multistep, initial, "the learning rate at first"),
    HEFT_OPT_INTS(multistep, milestones, NULL, NULL, 1, MOST, "steps or epochs before which it is reduced"),
    HEFT_OPT_REAL(multistep, gamma, 0.1, 0, 1, "factor of a reduction"),
    OPT_UNIT(UNIT_EPOCH, "what `milestones` and `warmup` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static const heft_option piecewise_options[] = {
    HEFT_OPT_REALS(piecewise, values, NULL, NULL, 0, SCHEDULE_RATE_MAX, "learning rates, one more than `boundaries`"),
    HEFT_OPT_INTS(piecewise, boundaries, NULL, NULL, 1, MOST, "steps or epochs from which on the next one holds"),
    OPT_UNIT(UNIT_STEP, "what `boundaries` and `warmup` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static void check_rising(const char *kind, const char *key, const heft_int_list *v, const node *options, problems *pr)
{
    for (int i = 1; i < v->n; i++)
        if (v->v[i] <= v->v[i - 1]) {
            problems_add(pr, schedule_where(options, key), "%s: %s must rise; %lld follows %lld", kind, key,
                         (long long)v->v[i], (long long)v->v[i - 1]);
            return;
        }
}

static int passed(const heft_int_list *v, int64_t at)
{
    int n = 0;
    while (n < v->n && v->v[n] <= at) n++;
    return n;
}

static void multistep_check(const void *self, const node *options, problems *pr)
{
    check_rising("multistep", "milestones", &((const multistep *)self)->milestones, options, pr);
}

static double multistep_rate(const void *self, moment m)
{
    const multistep *o = self;
    return o->initial * pow(o->gamma, passed(&o->milestones, m.at));
}

static void piecewise_check(const void *self, const node *options, problems *pr)
{
    const piecewise *o = self;
    check_rising("piecewise", "boundaries", &o->boundaries, options, pr);
    if (o->values.n != o->boundaries.n + 1)
        problems_add(pr, schedule_where(options, "values"), "piecewise: %d boundaries part %d values; found %d",
                     (int)o->boundaries.n, (int)o->boundaries.n + 1, (int)o->values.n);
}

static double piecewise_rate(const void *self, moment m)
{
    const piecewise *o = self;
    return o->values.v[passed(&o->boundaries, m.at)];
}

/* ---- exponential, inverse_time ---- */

typedef struct { head head; double initial, gamma; int64_t every; } exponential;
typedef struct { head head; double initial, rate, power; int64_t every; } inverse_time;

static const heft_option exponential_options[] = {
    OPT_RATE(exponential, initial, "the learning rate at first"),
    HEFT_OPT_REAL(exponential, gamma, HEFT_REQUIRED, 0, 1, "factor of `every` steps or epochs"),
    HEFT_OPT_INT (exponential, every, 1, 1, MOST, "steps or epochs in which the rate falls by gamma, smoothly"),
    OPT_UNIT(UNIT_EPOCH, "what `every` and `warmup` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static double exponential_rate(const void *self, moment m)
{
    const exponential *o = self;
    return o->initial * pow(o->gamma, (double)m.at / (double)o->every);
}

static const heft_option inverse_time_options[] = {
    OPT_RATE(inverse_time, initial, "the learning rate at first"),
    HEFT_OPT_REAL(inverse_time, rate, HEFT_REQUIRED, 0, 1e6, "what `every` steps or epochs add to the divisor 1"),
    HEFT_OPT_REAL(inverse_time, power, 1, 0, 100, "to which the divisor is raised"),
    HEFT_OPT_INT (inverse_time, every, 1, 1, MOST, "steps or epochs that add `rate`, smoothly"),
    OPT_UNIT(UNIT_STEP, "what `every` and `warmup` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static double inverse_time_rate(const void *self, moment m)
{
    const inverse_time *o = self;
    return o->initial * pow(1 + o->rate * (double)m.at / (double)o->every, -o->power);
}

/* ---- polynomial, cosine ---- */

typedef struct { head head; double initial, floor, power; } polynomial;
typedef struct { head head; double peak, floor; } cosine;

static const heft_option polynomial_options[] = {
    OPT_RATE(polynomial, initial, "the learning rate at first"),
    OPT_RATE(polynomial, floor, "the learning rate at the end"),
    HEFT_OPT_REAL(polynomial, power, 1, 0, 100, "of the part that is left; 1: a straight line"),
    OPT_STEPS,
    OPT_UNIT(UNIT_STEP, "what `steps` and `warmup` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static void polynomial_check(const void *self, const node *options, problems *pr)
{
    const polynomial *o = self;
    check_floor("polynomial", o->floor, "initial", o->initial, options, pr);
}

static double polynomial_rate(const void *self, moment m)
{
    const polynomial *o = self;
    if (m.at >= m.end) return o->floor;
    return o->floor + (o->initial - o->floor) * pow(1 - (double)m.at / (double)m.end, o->power);
}

static const heft_option cosine_options[] = {
    OPT_RATE(cosine, peak, "the learning rate after the warm-up"),
    OPT_RATE(cosine, floor, "the learning rate at the end"),
    OPT_STEPS,
    OPT_UNIT(UNIT_STEP, "what `warmup` and `steps` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static void cosine_check(const void *self, const node *options, problems *pr)
{
    const cosine *o = self;
    check_floor("cosine", o->floor, "peak", o->peak, options, pr);
}

static double cosine_rate(const void *self, moment m)
{
    const cosine *o = self;
    return m.at >= m.end ? o->floor : cosine_between(o->peak, o->floor, (double)m.at / (double)m.end);
}

/* ---- cosine_restarts ---- */

typedef struct { head head; double peak, floor, peak_factor; int64_t period, period_factor; } restarts;

static const heft_option restarts_options[] = {
    OPT_RATE(restarts, peak, "the learning rate at first"),
    HEFT_OPT_INT (restarts, period, HEFT_REQUIRED, 1, MOST, "steps or epochs until the first restart"),
    HEFT_OPT_INT (restarts, period_factor, 1, 1, 1e6, "factor of each further period"),
    HEFT_OPT_REAL(restarts, peak_factor, 1, 0, 1, "factor of the peak, above the floor, at each restart"),
    OPT_RATE(restarts, floor, "the learning rate ahead of a restart"),
    OPT_UNIT(UNIT_STEP, "what `period` and `warmup` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static void restarts_check(const void *self, const node *options, problems *pr)
{
    const restarts *o = self;
    check_floor("cosine_restarts", o->floor, "peak", o->peak, options, pr);
}

static double restarts_rate(const void *self, moment m)
{
    const restarts *o = self;
    int64_t at = m.at % o->period, cycle = m.at / o->period;
    double period = (double)o->period;
    if (o->period_factor > 1) {
        double left = (double)m.at;
        for (cycle = 0; left >= period; cycle++) {
            left -= period;
            period *= (double)o->period_factor;
        }
        at = (int64_t)left;
    }
    const double peak = o->floor + (o->peak - o->floor) * pow(o->peak_factor, (double)cycle);
    return cosine_between(peak, o->floor, (double)at / period);
}

/* ---- one_cycle ---- */

typedef struct {
    head   head;
    double peak, pct_start, div_factor, final_div_factor;
    int    anneal;
    bool   three_phase;
} one_cycle;

enum { ANNEAL_COS, ANNEAL_LINEAR };

static const heft_option one_cycle_options[] = {
    OPT_RATE(one_cycle, peak, "the largest learning rate"),
    HEFT_OPT_REAL(one_cycle, pct_start, 0.3, 0, 1, "share of `steps` in which the rate rises"),
    HEFT_OPT_REAL(one_cycle, div_factor, 25, 1, 1e12, "the peak over the first rate"),
    HEFT_OPT_REAL(one_cycle, final_div_factor, 1e4, 1, 1e12, "the first rate over the last one"),
    HEFT_OPT_ENUM(one_cycle, anneal, ANNEAL_COS, "cos|linear", "the form of rise and fall"),
    HEFT_OPT_BOOL(one_cycle, three_phase, false, "fall to the first rate as it has risen, then on to the last one"),
    OPT_STEPS,
    OPT_UNIT(UNIT_STEP, "what `steps` and `warmup` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static void one_cycle_check(const void *self, const node *options, problems *pr)
{
    const one_cycle *o = self;
    if (o->three_phase && o->pct_start > 0.5)
        problems_add(pr, schedule_where(options, "pct_start"),
                     "one_cycle: with three_phase the rise takes at most half of the steps; pct_start is %g",
                     o->pct_start);
}

static double one_cycle_rate(const void *self, moment m)
{
    const one_cycle *o = self;
    const double first = o->peak / o->div_factor, last = first / o->final_div_factor, at = (double)m.at;
    const double top = o->pct_start * (double)m.end - 1, end = (double)m.end - 1;
    const double down = o->three_phase ? 2 * top : top;      /* where the last fall begins */
    double from = o->three_phase ? first : o->peak, to = last, part = (at - down) / (end - down);
    if (at > end) return last;
    if (at <= top) {
        from = first;
        to = o->peak;
        part = top > 0 ? at / top : 1;
    } else if (at <= down) {
        from = o->peak;
        to = first;
        part = (at - top) / (down - top);
    }
    return o->anneal == ANNEAL_COS ? cosine_between(from, to, part) : from + (to - from) * part;
}

/* ---- cyclic ---- */

typedef struct { head head; double peak, base, gamma; int64_t up, down; int mode; } cyclic;

enum { TRIANGULAR, TRIANGULAR2, EXP_RANGE };

static const heft_option cyclic_options[] = {
    OPT_RATE(cyclic, peak, "the largest learning rate"),
    HEFT_OPT_REAL(cyclic, base, HEFT_REQUIRED, 0, SCHEDULE_RATE_MAX, "the least learning rate"),
    HEFT_OPT_INT (cyclic, up, 2000, 1, MOST, "steps or epochs of a rise"),
    HEFT_OPT_INT_OR(cyclic, down, "same", 0, 1, MOST, "steps or epochs of a fall; same: as many as of a rise"),
    HEFT_OPT_ENUM(cyclic, mode, TRIANGULAR, "triangular|triangular2|exp_range",
                  "triangular2: half as high in each further cycle; exp_range: gamma times as high with each step"),
    HEFT_OPT_REAL(cyclic, gamma, 1, 0, 1, "of exp_range"),
    OPT_UNIT(UNIT_STEP, "what `up`, `down` and `warmup` count"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static void cyclic_check(const void *self, const node *options, problems *pr)
{
    const cyclic *o = self;
    if (o->base > o->peak)
        problems_add(pr, schedule_where(options, "base"), "cyclic: base %g is above peak %g", o->base, o->peak);
}

static double cyclic_rate(const void *self, moment m)
{
    const cyclic *o = self;
    const int64_t down = o->down ? o->down : o->up, at = m.at % (o->up + down), cycle = m.at / (o->up + down);
    const double height = at <= o->up ? (double)at / (double)o->up : (double)(o->up + down - at) / (double)down;
    const double scale = o->mode == TRIANGULAR2 ? pow(0.5, (double)cycle)
                       : o->mode == EXP_RANGE ? pow(o->gamma, (double)m.at) : 1;
    return o->base + (o->peak - o->base) * height * scale;
}

/* ---- plateau ---- */

static const heft_option plateau_options[] = {
    OPT_RATE(schedule_plateau, initial, "the learning rate at first"),
    HEFT_OPT_REAL(schedule_plateau, factor, 0.1, 0, 0.99, "factor of a reduction"),
    HEFT_OPT_INT (schedule_plateau, patience, 10, 0, 1e9, "epochs without a better one that are borne"),
    HEFT_OPT_REAL(schedule_plateau, threshold, 1e-4, 0, 1, "least improvement that counts, as a share of the best"),
    HEFT_OPT_INT (schedule_plateau, cooldown, 0, 0, 1e9, "epochs after a reduction that do not count as bad"),
    OPT_RATE(schedule_plateau, floor, "the least learning rate"),
    HEFT_OPT_STRING(schedule_plateau, monitor, "val_loss", "the metric that must get better"),
    OPT_WARMUP,
    HEFT_OPT_END
};

static void plateau_check(const void *self, const node *options, problems *pr)
{
    const schedule_plateau *o = self;
    check_floor("plateau", o->floor, "initial", o->initial, options, pr);
}

double schedule_plateau_rate(const void *self, schedule_moment m)
{
    const schedule_plateau *o = self;
    return fmax(o->floor, o->initial * m.state->scale);
}

/* ---- all ---- */

const schedule_kind schedule_kinds[SCHEDULE_KINDS] = {
    { "constant", sizeof(constant), constant_options, NULL, constant_rate },
    { "step", sizeof(staircase), staircase_options, NULL, staircase_rate },
    { "cosine", sizeof(cosine), cosine_options, cosine_check, cosine_rate },
    { "plateau", sizeof(schedule_plateau), plateau_options, plateau_check, schedule_plateau_rate },
    { "exponential", sizeof(exponential), exponential_options, NULL, exponential_rate },
    { "polynomial", sizeof(polynomial), polynomial_options, polynomial_check, polynomial_rate },
    { "multistep", sizeof(multistep), multistep_options, multistep_check, multistep_rate },
    { "piecewise", sizeof(piecewise), piecewise_options, piecewise_check, piecewise_rate },
    { "cosine_restarts", sizeof(restarts), restarts_options, restarts_check, restarts_rate },
    { "one_cycle", sizeof(one_cycle), one_cycle_options, one_cycle_check, one_cycle_rate },
    { "cyclic", sizeof(cyclic), cyclic_options, cyclic_check, cyclic_rate },
    { "inverse_time", sizeof(inverse_time), inverse_time_options, NULL, inverse_time_rate },
};
