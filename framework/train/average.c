#include "train/average.h"

#include <string.h>

#include "compute/compute.h"

typedef struct average_keys { double decay; int64_t start, every; int unit; } average_keys;

enum { STEP, EPOCH };

static const heft_option ema_table[] = {
    HEFT_OPT_REAL(average_keys, decay, 0.999, 0, 1, "share of the average that stays"),
    HEFT_OPT_INT(average_keys, start, 0, 0, 1e15, "steps (epochs) that are left out at the beginning"),
    HEFT_OPT_INT(average_keys, every, 1, 1, 1e15, "steps (epochs) from one that counts to the next"),
    HEFT_OPT_ENUM(average_keys, unit, STEP, "step|epoch", "of start and every"),
    HEFT_OPT_END
};
static const heft_option swa_table[] = {
    HEFT_OPT_INT(average_keys, start, 0, 0, 1e15, "epochs (steps) that are left out at the beginning"),
    HEFT_OPT_INT(average_keys, every, 1, 1, 1e15, "epochs (steps) from one that counts to the next"),
    HEFT_OPT_ENUM(average_keys, unit, EPOCH, "step|epoch", "of start and every"),
    HEFT_OPT_END
};
static const struct { const char *name; const heft_option *table; } forms[] = { { "ema", ema_table }, { "swa", swa_table } };
enum { FORMS = sizeof forms / sizeof *forms };

const heft_option *average_table(int i, const char **name)
{
    if (i < 0 || i >= FORMS) return NULL;
    *name = forms[i].name;
    return forms[i].table;
}

/* The form, with its keys, and where it stands; -1 if there is none, or after problems. */
static int read_form(const node *train, average_keys *k, place *at, arena *memory, problems *pr)
{
    const node *section = train ? node_get(train, "average") : NULL, *options;
    const char *type;
    if (!section || node_is_null(section) || node_read_typed(section, "train.average", &type, at, &options, pr) < 0) return -1;
    int form = 0;
    while (form < FORMS && strcmp(forms[form].name, type)) form++;
    if (form == FORMS) {
        problems_add(pr, *at, "train.average: there is no '%s'; ema and swa are known", type);
        return -1;
    }
    *k = (average_keys){ 0 };
    return options_read(forms[form].table, options, *at, forms[form].name, NULL, k, memory, pr) < 0 ? -1 : form;
}

const char *average_text(const node *train, int64_t n, arena *a, problems *pr)
{
    average_keys k;
    place at;
    const int form = read_form(train, &k, &at, a, pr);
    if (form < 0) return NULL;
    const char *what = form ? "the mean (swa)" : arena_printf(a, "an exponential average (ema, decay %g)", k.decay);
    const char *unit = k.unit == EPOCH ? "epoch" : "step", *every = k.every > 1 ? arena_printf(a, "%lld %ss", (long long)k.every, unit) : unit;
    return arena_printf(a, "%s of %lld: the weights after every %s from %s %lld on", what, (long long)n, every, unit, (long long)(k.start + k.every));
}

average *average_new(const node *train, const model *m, arena *memory, problems *pr)
{
    average_keys k;
    place at;
    const int form = read_form(train, &k, &at, memory, pr);
    if (form < 0 || !m) return NULL;
    average *a = arena_alloc(memory, 1, sizeof *a);
    *a = (average){ .view = *m, .of = m, .ema = form == 0, .by_epoch = k.unit == EPOCH, .decay = k.decay, .start = k.start, .every = k.every };
    a->view.x = block_alloc(m->n_weights, sizeof *a->view.x);
    a->view.state = block_alloc(m->n_state, sizeof *a->view.state);
    if (a->view.x && a->view.state) return a;
    problems_add(pr, at, "train.average: no memory for another %zu weights", m->n_weights);
    average_free(a);
    return NULL;
}

void average_free(average *a)
{
    if (!a) return;
    block_free(a->view.x);
    block_free(a->view.state);
}

size_t average_bytes(const average *a) { return a ? (a->of->n_weights + a->of->n_state) * sizeof(float) : 0; }

typedef struct blend { float *to; const float *from; size_t n; float share; } blend;

enum { RANGE = 1 << 15 };

static void blend_range(void *context, int64_t i)
{
    const blend *b = context;
    const size_t begin = (size_t)i * RANGE, end = begin + RANGE < b->n ? begin + RANGE : b->n;
    float *restrict to = b->to;
    const float *restrict from = b->from;
    for (size_t k = begin; k < end; k++) to[k] += b->share * (from[k] - to[k]);
}

static void mix(float *to, const float *from, size_t n, float share)
{
    if (share == 1) {                            /* to may hold anything yet */
        if (n) memcpy(to, from, n * sizeof *to);
        return;
    }
    blend b = { to, from, n, share };
    compute_parallel((int64_t)((n + RANGE - 1) / RANGE), blend_range, &b);
}

static void take(average *a, float share)
{
    mix(a->view.x, a->of->x, a->of->n_weights, share);
    mix(a->view.state, a->of->state, a->of->n_state, share);
}

void average_count(average *a, bool epoch, int64_t count)
{
    if (!a || a->by_epoch != epoch || count <= a->start || (count - a->start) % a->every) return;
    take(a, a->n == 0 ? 1 : a->ema ? (float)(1 - a->decay) : (float)(1 / ((double)a->n + 1)));
    a->n++;
}

const model *average_model(average *a)
{
    if (a->n == 0) take(a, 1);
    return &a->view;
}
