#include "train/schedule.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "train/schedule_kinds.h"

struct schedule {
    const schedule_kind *kind;
    void *self;                                  /* begins with a schedule_head */
};

place schedule_where(const node *options, const char *key)
{
    const node *n = options ? node_get(options, key) : NULL;
    return n ? n->at : options ? options->at : (place){ NULL, 0, 0 };
}

static const schedule_kind *kind_find(const char *name, place at, problems *pr)
{
    const char *names[SCHEDULE_KINDS + 1] = { NULL };
    for (int i = 0; i < SCHEDULE_KINDS; i++) {
        names[i] = schedule_kinds[i].name;
        if (!strcmp(names[i], name)) return &schedule_kinds[i];
    }
    text all = { 0 };
    text_names(&all, names);
    problems_add(pr, at, "lr: unknown schedule '%s'%s; accepted are a number, %s", name, text_hint(name, names).s, all.s);
    text_free(&all);
    return NULL;
}

static void check_warmup(const schedule *s, const node *options, problems *pr)
{
    const schedule_head *h = s->self;
    if (h->steps && h->warmup >= h->steps)
        problems_add(pr, schedule_where(options, "warmup"),
                     "%s: warmup %lld leaves nothing of steps %lld; it must be less", s->kind->name,
                     (long long)h->warmup, (long long)h->steps);
}

/* The options of one kind, its rate being default_lr unless it is given. */
static schedule *schedule_read(const schedule_kind *k, const node *options, place at, double default_lr, arena *a,
                               problems *pr)
{
    heft_option table[SCHEDULE_ROWS];
    int n = 0;
    do table[n] = k->options[n]; while (k->options[n++].type != HEFT_END);
    if (table[0].type == HEFT_REAL) table[0].def = default_lr;

    schedule *s = arena_alloc(a, 1, sizeof *s);
    *s = (schedule){ k, arena_alloc(a, 1, k->size) };
    const size_t before = pr->n;
    if (options_read(table, options, at, k->name, NULL, s->self, a, pr)) return NULL;
    if (k->check) k->check(s->self, options, pr);
    check_warmup(s, options, pr);
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
    const schedule_kind *constant = &schedule_kinds[0];
    if (!value) return schedule_read(constant, NULL, nowhere, default_lr, a, pr);
    if (is_number(value)) {
        double lr;
        if (node_read_real(value, "lr", 0, SCHEDULE_RATE_MAX, &lr, pr)) return NULL;
        return schedule_read(constant, NULL, value->at, lr, a, pr);
    }
    const char *type;
    place at;
    const node *options;
    if (node_read_typed(value, "lr", &type, &at, &options, pr)) return NULL;
    const schedule_kind *k = kind_find(type, at, pr);
    return k ? schedule_read(k, options, at, default_lr, a, pr) : NULL;
}

void schedule_begin(schedule_state *s)
{
    *s = (schedule_state){ .scale = 1, .best = NAN };
}

double schedule_lr(const schedule *s, const schedule_state *state, int64_t step, int64_t steps_per_epoch,
                   int64_t steps_total)
{
    const schedule_head *h = s->self;
    const bool by_step = h->unit == UNIT_STEP;
    const int64_t at = by_step ? step : step / steps_per_epoch;
    const int64_t run = by_step ? steps_total : (steps_total + steps_per_epoch - 1) / steps_per_epoch;
    const int64_t end = (h->steps ? h->steps : run) - h->warmup;
    if (at >= h->warmup) return s->kind->rate(s->self, (schedule_moment){ at - h->warmup, end > 0 ? end : 0, state });
    const double whole = s->kind->rate(s->self, (schedule_moment){ 0, end > 1 ? end : 1, state });
    return whole * (double)(at + 1) / (double)h->warmup;
}

static const schedule_plateau *plateau_of(const schedule *s)
{
    return s->kind->rate == schedule_plateau_rate ? s->self : NULL;
}

void schedule_epoch(const schedule *s, schedule_state *state, double monitored, bool maximize)
{
    const schedule_plateau *o = plateau_of(s);
    if (!o) return;
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
    const schedule_plateau *o = plateau_of(s);
    return o ? o->monitor : NULL;
}

const heft_option *schedule_table(int i, const char **name)
{
    if (i >= SCHEDULE_KINDS) return NULL;
    *name = schedule_kinds[i].name;
    return schedule_kinds[i].options;
}
