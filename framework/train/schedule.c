#include "train/schedule.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { RATE_MAX = 1000, ROWS_MAX = 12 };

typedef enum unit { UNIT_STEP, UNIT_EPOCH } unit;

typedef struct { double value; } constant;
typedef struct { double initial, gamma; int64_t every; int unit; } staircase;
typedef struct { double peak, floor; int64_t warmup, steps; int unit; } cosine;
typedef struct {
    double      initial, factor, threshold, floor;
    int64_t     patience, cooldown;
    const char *monitor;
} plateau;

typedef struct kind kind;

struct schedule {
    const kind *kind;
    union { constant constant; staircase staircase; cosine cosine; plateau plateau; } of;
};

typedef struct moment { int64_t step, epoch, steps, epochs; } moment;      /* before this one; of the run */

/* The first row of each table is the rate itself, whose default is the optimizer's. */
struct kind {
    const char *name;
    const heft_option *options;
    void   (*check)(const schedule *s, const node *options, problems *pr); /* NULL: nothing more to check */
    double (*rate)(const schedule *s, const schedule_state *state, moment m);
};

/* Where one of the options stands, or, if it was not given, all of them. */
static place where(const node *options, const char *key)
{
    const node *n = options ? node_get(options, key) : NULL;
    return n ? n->at : options ? options->at : (place){ NULL, 0, 0 };
}

#define OPT_RATE(T, f, doc) HEFT_OPT_REAL(T, f, 0, 0, RATE_MAX, doc)
#define OPT_UNIT(T, def, doc) HEFT_OPT_ENUM(T, unit, def, "step|epoch", doc)

/* ---- constant ---- */

static const heft_option constant_options[] = {
    OPT_RATE(constant, value, "the learning rate"),
    HEFT_OPT_END
};

static double constant_rate(const schedule *s, const schedule_state *state, moment m)
{
    (void)state, (void)m;
    return s->of.constant.value;
}

/* ---- step ---- */

static const heft_option staircase_options[] = {
    OPT_RATE(staircase, initial, "the learning rate at first"),
    HEFT_OPT_INT (staircase, every, HEFT_REQUIRED, 1, 1e12, "steps or epochs between reductions"),
    HEFT_OPT_REAL(staircase, gamma, 0.1, 0, 1, "factor of a reduction"),
    OPT_UNIT(staircase, UNIT_EPOCH, "what `every` counts"),
    HEFT_OPT_END
};

static double staircase_rate(const schedule *s, const schedule_state *state, moment m)
{
    (void)state;
    const staircase *o = &s->of.staircase;
    return o->initial * pow(o->gamma, (double)((o->unit == UNIT_STEP ? m.step : m.epoch) / o->every));
}

/* ---- cosine ---- */

static const heft_option cosine_options[] = {
    OPT_RATE(cosine, peak, "the learning rate after the warm-up"),
    HEFT_OPT_REAL(cosine, floor, 0, 0, RATE_MAX, "the learning rate at the end"),
    HEFT_OPT_INT (cosine, warmup, 0, 0, 1e12, "steps or epochs of linear rise, among `steps`"),
    HEFT_OPT_INT_OR(cosine, steps, "auto", 0, 1, 1e12, "steps or epochs until the floor; auto: all of the run"),
    OPT_UNIT(cosine, UNIT_STEP, "what `warmup` and `steps` count"),
    HEFT_OPT_END
};

static void cosine_check(const schedule *s, const node *options, problems *pr)
{
    const cosine *o = &s->of.cosine;
    if (o->floor > o->peak)
        problems_add(pr, where(options, "floor"), "cosine: floor %g is above peak %g", o->floor, o->peak);
    if (o->steps && o->warmup >= o->steps)
        problems_add(pr, where(options, "warmup"), "cosine: warmup %lld leaves nothing of steps %lld; it must be less",
                     (long long)o->warmup, (long long)o->steps);
}

static double cosine_rate(const schedule *s, const schedule_state *state, moment m)
{
    (void)state;
    const cosine *o = &s->of.cosine;
    const int64_t at = o->unit == UNIT_STEP ? m.step : m.epoch;
    const int64_t end = o->steps ? o->steps : o->unit == UNIT_STEP ? m.steps : m.epochs;
    if (at < o->warmup) return o->peak * (double)(at + 1) / (double)o->warmup;
    if (at >= end) return o->floor;
    const double part = (double)(at - o->warmup) / (double)(end - o->warmup);
    return o->floor + (o->peak - o->floor) * (1 + cos(3.14159265358979324 * part)) / 2;
}

/* ---- plateau ---- */

static const heft_option plateau_options[] = {
    OPT_RATE(plateau, initial, "the learning rate at first"),
    HEFT_OPT_REAL(plateau, factor, 0.1, 0, 0.99, "factor of a reduction"),
    HEFT_OPT_INT (plateau, patience, 10, 0, 1e9, "epochs without a better one that are borne"),
    HEFT_OPT_REAL(plateau, threshold, 1e-4, 0, 1, "least improvement that counts, as a share of the best"),
    HEFT_OPT_INT (plateau, cooldown, 0, 0, 1e9, "epochs after a reduction that do not count as bad"),
    HEFT_OPT_REAL(plateau, floor, 0, 0, RATE_MAX, "the least learning rate"),
    HEFT_OPT_STRING(plateau, monitor, "val_loss", "the metric that must get better"),
    HEFT_OPT_END
};

static void plateau_check(const schedule *s, const node *options, problems *pr)
{
    const plateau *o = &s->of.plateau;
    if (o->floor > o->initial)
        problems_add(pr, where(options, "floor"), "plateau: floor %g is above initial %g", o->floor, o->initial);
}

static double plateau_rate(const schedule *s, const schedule_state *state, moment m)
{
    (void)m;
    return fmax(s->of.plateau.floor, s->of.plateau.initial * state->scale);
}

/* ---- all ---- */

static const kind kinds[] = {
    { "constant", constant_options, NULL, constant_rate },
    { "step", staircase_options, NULL, staircase_rate },
    { "cosine", cosine_options, cosine_check, cosine_rate },
    { "plateau", plateau_options, plateau_check, plateau_rate },
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static const kind *kind_find(const char *name, place at, problems *pr)
{
    const char *names[N_KINDS + 1] = { NULL };
    for (int i = 0; i < N_KINDS; i++) {
        if (!strcmp(kinds[i].name, name)) return &kinds[i];
        names[i] = kinds[i].name;
    }
    const char *near = text_nearest(name, names);
    problems_add(pr, at, "lr: unknown schedule '%s'%s%s%s; accepted are a number, constant, step, cosine, plateau",
                 name, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    return NULL;
}

/* The options of one kind, its rate being default_lr unless it is given. */
static schedule *schedule_read(const kind *k, const node *options, place at, double default_lr, arena *a,
                               problems *pr)
{
    heft_option table[ROWS_MAX];
    int n = 0;
    do table[n] = k->options[n]; while (k->options[n++].type != HEFT_END);
    table[0].def = default_lr;

    schedule *s = arena_alloc(a, 1, sizeof *s);
    s->kind = k;
    const size_t before = pr->n;
    if (options_read(table, options, at, k->name, NULL, &s->of, a, pr)) return NULL;
    if (k->check) k->check(s, options, pr);
    return pr->n == before ? s : NULL;
}

/* A word, which a number never begins like, names a kind without options. */
static bool is_number(const node *n)
{
    return n->kind == NODE_SCALAR && !n->quoted && !isalpha((unsigned char)n->text[0]);
}

schedule *schedule_new(const node *value, double default_lr, arena *a, problems *pr)
{
    const place nowhere = { NULL, 0, 0 };
    if (!value) return schedule_read(&kinds[0], NULL, nowhere, default_lr, a, pr);
    if (is_number(value)) {
        double lr;
        if (node_read_real(value, "lr", 0, RATE_MAX, &lr, pr)) return NULL;
        return schedule_read(&kinds[0], NULL, value->at, lr, a, pr);
    }
    const char *type;
    place at;
    const node *options;
    if (node_read_typed(value, "lr", &type, &at, &options, pr)) return NULL;
    const kind *k = kind_find(type, at, pr);
    return k ? schedule_read(k, options, at, default_lr, a, pr) : NULL;
}

void schedule_begin(schedule_state *s)
{
    *s = (schedule_state){ .scale = 1, .best = NAN };
}

double schedule_lr(const schedule *s, const schedule_state *state, int64_t step, int64_t steps_per_epoch,
                   int64_t steps_total)
{
    const int64_t epochs = (steps_total + steps_per_epoch - 1) / steps_per_epoch;
    const moment m = { step, step / steps_per_epoch, steps_total, epochs };
    return s->kind->rate(s, state, m);
}

void schedule_epoch(const schedule *s, schedule_state *state, double monitored, bool maximize)
{
    if (s->kind->rate != plateau_rate) return;
    const plateau *o = &s->of.plateau;
    const double gain = maximize ? monitored - state->best : state->best - monitored;
    if (isfinite(monitored) && (isnan(state->best) || gain > o->threshold * fabs(state->best))) {
        state->best = monitored;
        state->bad = 0;
    } else {
        state->bad++;
    }
    if (state->cooldown > 0) {
        state->cooldown--;
        state->bad = 0;
    }
    if (state->bad > o->patience) {
        state->scale *= o->factor;
        state->cooldown = o->cooldown;
        state->bad = 0;
    }
}

const char *schedule_monitor(const schedule *s)
{
    return s->kind->rate == plateau_rate ? s->of.plateau.monitor : NULL;
}
