/* sampler.c -- grid, random, sobol; tpe.c has the estimators */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "sweep/inside.h"

double draw_uniform(heft_rng *r)
{
    const uint64_t high = heft_bits(r) >> 5, low = heft_bits(r) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

/* ---- grid ---- */

static bool tried_before(const sampler *p, const point *q)
{
    for (int64_t i = 0; i < p->n; i++)
        if (point_equal(p->space, p->point[i], q)) return true;
    return false;
}

static void grid_add(sampler *p, const point *q, int64_t *room)
{
    if (!point_allowed(p->space, q)) return;
    if (p->n_grid == *room) {
        *room = *room ? 2 * *room : 64;
        p->grid = arena_grow(p->memory, p->grid, (size_t)p->n_grid, (size_t)*room, sizeof *p->grid);
    }
    point *copy = point_new(p->space, p->memory);
    point_copy(p->space, q, copy, p->memory);
    p->grid[p->n_grid++] = copy;
}

/* Parameters from i on; those that are no part of a point are passed over, so that no point comes twice. */
static void grid_below(sampler *p, int i, point *q, int64_t *room)
{
    const space *s = p->space;
    if (p->n_grid > MOST_TRIALS) return;
    if (i == s->n) {
        grid_add(p, q, room);
        return;
    }
    if (!point_active(s, i, q)) {
        q->value[i] = NULL;
        q->t[i] = q->number[i] = NAN;
        grid_below(p, i + 1, q, room);
        return;
    }
    const parameter *r = &s->parameter[i];
    const int64_t n = parameter_count(r);
    for (int64_t k = 0; k < n && p->n_grid <= MOST_TRIALS; k++) {
        if (r->spread == SPREAD_VALUES) point_choose(s, i, (size_t)k, q);
        else point_draw(s, i, parameter_quantile(r, k), q, p->memory);
        grid_below(p, i + 1, q, room);
    }
}

static int make_grid(sampler *p, problems *pr)
{
    int64_t room = 0;
    grid_below(p, 0, point_new(p->space, p->memory), &room);
    if (p->n_grid > MOST_TRIALS) problems_add(pr, p->space->at, "sweep: the grid has more than %d points", MOST_TRIALS);
    else if (!p->n_grid) problems_add(pr, p->space->at, "sweep: the constraints leave no point of the grid");
    else return 0;
    return -1;
}

sampler *sampler_new(const space *s, problems *pr)
{
    arena *a = arena_new();
    sampler *p = arena_alloc(a, 1, sizeof *p);
    *p = (sampler){ .space = s, .memory = a };
    if (s->method != SWEEP_GRID || make_grid(p, pr) == 0) return p;
    arena_free(a);
    return NULL;
}

void sampler_free(sampler *p)
{
    if (p) arena_free(p->memory);
}

/* ---- one draw ---- */

static void draw_random(const space *s, uint64_t key, point *out, arena *a)
{
    for (int i = 0; i < s->n; i++) {
        if (!point_active(s, i, out)) continue;
        heft_rng r = rng_key(s->seed, RNG_SWEEP, key, s->parameter[i].hash);
        point_draw(s, i, draw_uniform(&r), out, a);
    }
}

static void draw_sobol(const space *s, uint32_t n, point *out, arena *a)
{
    for (int i = 0; i < s->n; i++) {
        if (!point_active(s, i, out)) continue;
        heft_rng r = rng_key(s->seed, RNG_SWEEP, UINT64_MAX, s->parameter[i].hash);
        point_draw(s, i, (double)(sobol_digits(i, n) ^ heft_bits(&r)) * 0x1p-32, out, a);
    }
}

static const point *keep(sampler *p, const point *q)
{
    if (p->n == p->room) {
        p->room = p->room ? 2 * p->room : 64;
        p->point = arena_grow(p->memory, p->point, (size_t)p->n, (size_t)p->room, sizeof *p->point);
    }
    return p->point[p->n++] = q;
}

const point *sampler_next(sampler *p, size_t n_seen, const seen *list)
{
    const space *s = p->space;
    if (s->trials && p->n >= s->trials) return NULL;
    if (s->method == SWEEP_GRID) return p->n < p->n_grid ? keep(p, p->grid[p->n]) : NULL;
    size_t results = 0, good = 0;
    for (size_t i = 0; i < n_seen; i++) {
        results += list[i].epochs > 0;
        good += list[i].epochs > 0 && !isnan(list[i].value);
    }
    for (uint64_t attempt = 0; attempt < DRAWS; attempt++) {
        const uint64_t key = (uint64_t)p->n | attempt << 32;
        point *q = point_new(s, p->memory);
        if (s->method == SWEEP_SOBOL) draw_sobol(s, (uint32_t)p->tried++, q, p->memory);
        else if (s->method == SWEEP_TPE && good && p->n >= TPE_STARTUP && results >= TPE_LEAST && attempt < DRAWS / 2)
            tpe_suggest(s, key, n_seen, list, q, p->memory);
        else draw_random(s, key, q, p->memory);
        if (point_allowed(s, q) && !tried_before(p, q)) return keep(p, q);
    }
    return NULL;
}
