/* houses: prices by a known linear rule (houses.h) and noise.  Sample i of a split is a function of (seed, split,
 * i) alone.  The samples are written as the text of a csv file and read as one, so that a model trained on houses
 * takes any csv file with these columns. */
#include "data/houses.h"

#include <string.h>

#include "base/rng.h"
#include "data/frame.h"

const houses_rule houses_truth = { .base = 40, .size = 1.8, .rooms = 12, .age = -0.6,
                                   .place = { 60, 25, -20, -65 },
                                   .place_name = { "centre", "harbour", "hills", "outskirts" } };

typedef struct houses_options { int64_t samples; double noise; } houses_options;

static const heft_option houses_options_table[] = {
    HEFT_OPT_INT(houses_options, samples, 2000, 1, 1e7, "to train on, and for validation as a share"),
    HEFT_OPT_REAL(houses_options, noise, 5, 0, 1e6,
                  "standard deviation of the prices about the rule, in thousands"),
    HEFT_OPT_END
};

/* Mean 0, variance 1, from twelve uniform numbers: the same bits with any mathematical library. */
static double noise(heft_rng *r)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += (double)heft_uniform(r);
    return sum;
}

static void add_house(text *t, heft_rng r, double deviation)
{
    const houses_rule *h = &houses_truth;
    const int size = 30 + (int)rng_below(&r, 171), rooms = 1 + (int)rng_below(&r, 7), age = (int)rng_below(&r, 81);
    const int at = (int)rng_below(&r, HOUSES_PLACES);
    const double price =
        h->base + h->size * size + h->rooms * rooms + h->age * age + h->place[at] + deviation * noise(&r);
    text_printf(t, "%d,%d,%d,%s,%.3f\n", size, rooms, age, h->place_name[at], price);
}

static source *houses_make(opening *o, split which, int64_t count, problems *pr)
{
    const houses_options *own = o->own;
    text t = { 0 };
    text_add(&t, "size,rooms,age,place,price\n");
    const heft_rng base = rng_key(o->seed, RNG_DATA, which, 0);
    for (int64_t i = 0; i < count; i++) add_house(&t, heft_stream(base, i), own->noise);
    char *bytes = block_alloc(t.n + 1, 1);
    if (!bytes) memory_exhausted(t.n + 1);
    memcpy(bytes, t.s, t.n + 1);
    const size_t n = t.n;
    text_free(&t);

    static const char *target[] = { "price" };
    table_options *to = arena_alloc(o->a, 1, sizeof *to);
    to->separator = ',';
    to->n_targets = 1;
    to->target = target;
    frame *f = frame_parse(o->a, "houses", bytes, n, ',', 0, NULL, pr);
    if (!f) return NULL;
    table_source *s = (table_source *)table_source_new(o->a, f, to);
    if (!o->predict || table_encode(o->fit, s, true, o->a, pr) == 0) return &s->base;
    s->base.close(&s->base);
    return NULL;
}

const format houses_format = { .name = "houses", .options = houses_options_table,
                               .options_size = sizeof(houses_options),
                               .default_test = 500, .make = houses_make, .fit = table_fit };
