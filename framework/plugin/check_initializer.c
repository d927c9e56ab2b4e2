/* check_initializer.c -- it fills exactly its tensor, with finite numbers that its key and options alone decide */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "plugin/check_inside.h"

enum { ZONE = 16, MOST = 4096 };

static const heft_shape shapes[] = {
    { HEFT_F32, 2, { 12, 7 } }, { HEFT_F32, 2, { 5, 16 } }, { HEFT_F32, 4, { 3, 3, 4, 6 } }, { HEFT_F32, 1, { 33 } },
    { HEFT_F32, 0 }, { HEFT_F32, 3, { 5, 4, 4 } }, { HEFT_F32, 2, { 8, 8 } },
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

typedef struct filling { float block[MOST + 2 * ZONE]; heft_error error; } filling;

static size_t count_of(const heft_shape *s) { return (size_t)heft_count(s); }

/* false if it is refused.  f->block + ZONE has the tensor, poison before. */
static bool fill(check *c, const void *self, const heft_shape *s, uint64_t key, float poison, filling *f)
{
    const size_t n = count_of(s);
    for (size_t i = 0; i < n + 2 * ZONE; i++) f->block[i] = i < ZONE || i >= ZONE + n ? 12345 : poison;
    const int64_t fan_out = s->rank ? s->dim[s->rank - 1] : 1;
    heft_fill arguments = { .shape = *s, .fan_in = (int64_t)n / fan_out, .fan_out = fan_out, .rng = rng_key(key, RNG_TEST, 0, 0),
                            .x = f->block + ZONE };
    rig_enter(c->at, "fill");
    const bool good = !c->p->initializer.fill(self, &arguments);
    rig_enter(c->at, "");
    f->error = arguments.error;
    return good;
}

/* An instance for the first guess at options that some shape is filled with; NULL after a verdict. */
static void *start(check *c, const char **options)
{
    text said = { 0 };
    filling *f = arena_alloc(c->memory, 1, sizeof *f);
    void *self = NULL;
    bool good = false;
    for (int i = 0; !good && (*options = plain_options(c, i)); i++) {
        said.n = 0;
        check_at(c, "%s %s", c->p->name, *options);
        self = rig_instance(c->memory, &c->p->head, *options, &said);
        for (int k = 0; self && !good && k < N_SHAPES; k++) good = fill(c, self, &shapes[k], 1, NAN, f);
        if (self && !good) said.n = 0, text_printf(&said, "%.200s", f->error.text);
    }
    check_that(c, good, "options and a shape are found that it accepts", "one of the usual shapes, with guessed options",
               "fill; if it needs others, say so: --options '{gain: 2}'", "%s", said.n ? said.s : "refused without a reason");
    text_free(&said);
    return good ? self : NULL;
}

/* At most two values, such as the identity's: nothing there need be random. */
static bool is_pattern(const float *x, size_t n)
{
    size_t other = 1;
    while (other < n && x[other] == x[0]) other++;
    for (size_t j = other; j < n; j++)
        if (x[j] != x[0] && x[j] != x[other]) return false;
    return true;
}

static void check_one_shape(check *c, const void *self, const heft_shape *s, filling *one, filling *two)
{
    const size_t n = count_of(s);
    char shape[HEFT_SHAPE_TEXT];
    check_at(c, "%s, tensor %s", c->p->name, heft_shape_text(s, shape));
    if (!fill(c, self, s, 1, NAN, one)) {
        check_that(c, one->error.text[0], "a refusal has a reason", "return heft_fail(&f->error, ...)", "fill", "failure without a text");
        return;
    }
    bool within = true;
    for (int i = 0; i < ZONE; i++) within = within && one->block[i] == 12345 && one->block[ZONE + n + (size_t)i] == 12345;
    check_that(c, within, "nothing is written outside the tensor", "heft_count(&f->shape) floats", "fill: loops and sizes",
               "floats in front of it or behind it were written");
    const float *x = one->block + ZONE, *y = two->block + ZONE;
    ptrdiff_t at = first_not_finite(x, n);
    check_that(c, at < 0, "every element is written, and finite", "finite numbers", "fill: are all elements written, nothing read?",
               "element %td of %zu is %g", at, n, at < 0 ? 0 : (double)x[at]);
    fill(c, self, s, 1, 1e6f, two);
    at = first_difference(x, y, n);
    check_that(c, at < 0, "the same key gives the same numbers", "the same bits, whatever was called or lay there before",
               "static variables, clocks, random numbers not from f->rng", "element %td is %.7g, then %.7g", at,
               at < 0 ? 0 : (double)x[at], at < 0 ? 0 : (double)y[at]);
    fill(c, self, s, 2, NAN, two);
    check_that(c, is_pattern(x, n) || first_difference(x, y, n) >= 0, "another key gives other numbers", "other numbers for every tensor and seed",
               "f->rng: draws begin with heft_uniform(&f->rng) or heft_normal(&f->rng)", "the same bits with two keys");
}

static void check_fill(check *c)
{
    const char *options;
    void *self = start(c, &options);
    if (!self) return;
    filling *one = arena_alloc(c->memory, 2, sizeof *one), *two = one + 1;
    const size_t size = c->p->head.instance_size;
    void *before = arena_alloc(c->memory, size + 1, 1);
    memcpy(before, self, size);
    for (int i = 0; i < N_SHAPES; i++) check_one_shape(c, self, &shapes[i], one, two);
    check_at(c, "%s %s", c->p->name, options);
    check_that(c, !memcmp(before, self, size), "the instance is the same after fill", "an instance that fill only reads",
               "a cast that takes the const away", "fill changed it");
}

/* `base` is the shape. */
static observation observe(check *c, int base, const setting *set)
{
    filling *f = arena_alloc(c->memory, 1, sizeof *f);
    text said = { 0 };
    const char *options = options_guess(c->memory, c->p->head.options, 0, &shapes[0], set);
    check_at(c, "%s %s", c->p->name, options);
    const void *self = rig_instance(c->memory, &c->p->head, options, &said);
    text_free(&said);
    observation sum = { 0 };
    if (!self || !fill(c, self, &shapes[base], 1, NAN, f)) return sum;
    sum.bits = HASH_START;
    observe_floats(&sum, f->block + ZONE, count_of(&shapes[base]));
    return sum;
}

static void check_options_of(check *c)
{
    if (!c->asked->options) check_option_effects(c, N_SHAPES, N_SHAPES, observe);
}

static void check_fill_speed(check *c)
{
    const char *options;
    void *self = start(c, &options);
    if (!self) return;
    const heft_shape square = { HEFT_F32, 2, { 64, 64 } };
    filling *f = arena_alloc(c->memory, 1, sizeof *f);
    int calls = 0;
    const double begin = clock_seconds();
    double now = begin;
    for (; now - begin < 0.01 || calls < 3; calls++, now = clock_seconds())
        if (!fill(c, self, &square, 1, 0, f)) return;
    check_note(c, "time", "%.3g ns an element, for [64, 64]", 1e9 * (now - begin) / calls / MOST);
}

const check_row initializer_checks[] = {
    { "file", "symbols, libraries and variables of the file", check_image, NULL },
    { "fill", "exactly the tensor, finite, decided by the key alone", check_fill, NULL },
    { "options", "every option at its bounds and between them", check_options_of, "fill" },
    { "speed", "time per element", check_fill_speed, NULL },
    { NULL, NULL, NULL, NULL },
};
