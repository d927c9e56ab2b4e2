/* digits: grey pictures [size, size, 1] of digits drawn with a shaky hand, 0 (paper) to 1 (ink).
 *
 * A digit is a few polylines in a square of 100 x 100.  Every corner is shaken; the whole is scaled, sheared,
 * turned and shifted; the pen's width and blackness vary; a pixel's ink falls off over one pixel at the edge of
 * the stroke; then noise is added.  Sample i of a split is a function of (seed, split, i) alone, its label i mod
 * 10.  Only exactly rounded operations (+ - * / sqrt) are used, so the pictures are the same bits everywhere; they
 * are kept as bytes.
 *
 * With the default options the nearest of ten mean pictures is right in 86 % of the test split, a net with one
 * hidden layer of 32 in 97.8 %.
 */
#include <string.h>

#include "base/rng.h"
#include "data/source.h"

typedef struct digits_options {
    int64_t samples, size;
    double  noise;
} digits_options;

static const heft_option digits_options_table[] = {
    HEFT_OPT_INT(digits_options, samples, 6000, 1, 1e7, "to train on, and for validation as a share"),
    HEFT_OPT_INT(digits_options, size, 16, 8, 64, "height and width of a picture"),
    HEFT_OPT_REAL(digits_options, noise, 0.15, 0, 1, "standard deviation of the noise on every pixel"),
    HEFT_OPT_END
};

typedef struct digits_source {
    source   base;
    uint8_t *pixel;                  /* [count][size][size]; a block */
} digits_source;

/* x, y from the upper left corner; UP lifts the pen. */
#define UP -1
#define END -2
static const signed char strokes[10][64] = {
    { 50,12, 62,17, 71,31, 74,50, 71,69, 62,83, 50,88, 38,83, 29,69, 26,50, 29,31, 38,17, 50,12, END },
    { 36,28, 52,12, 52,88, END },
    { 28,30, 32,19, 42,12, 56,12, 68,20, 71,33, 65,47, 28,88, 74,88, END },
    { 29,20, 40,12, 56,12, 68,20, 70,32, 62,44, 47,48, 64,52, 73,64, 70,78, 58,87, 42,88, 28,80, END },
    { 60,88, 60,12, 24,64, 78,64, END },
    { 70,12, 34,12, 31,46, 46,41, 60,43, 71,54, 72,70, 63,83, 48,88, 28,81, END },
    { 64,13, 48,22, 34,40, 28,60, 31,78, 44,88, 58,87, 70,76, 71,62, 62,51, 48,49, 36,55, 29,66, END },
    { 26,12, 74,12, 44,88, UP, 38,50, 66,50, END },
    { 50,47, 37,42, 32,30, 38,17, 50,12, 62,17, 68,30, 63,42, 50,47, 35,54, 27,68, 33,82, 50,88, 67,82, 73,68,
      65,54, 50,47, END },
    { 36,87, 52,78, 66,60, 72,40, 69,22, 56,12, 42,13, 30,24, 29,38, 38,49, 52,51, 64,45, 71,34, END },
};

typedef struct pen {
    float   *ink;                    /* [size][size] */
    int64_t  size;
    float    radius, black;
} pen;

static float least(float a, float b) { return a < b ? a : b; }
static float most(float a, float b) { return a > b ? a : b; }
static float between(heft_rng *r, float low, float high) { return low + (high - low) * heft_uniform(r); }

/* Mean 0, variance 1, near enough to normal: the sum of three uniform numbers. */
static float shake(heft_rng *r) { return 2 * (heft_uniform(r) + heft_uniform(r) + heft_uniform(r) - 1.5f); }

/* Ink on every pixel near the segment; where strokes cross the blacker wins. */
static void draw_segment(const pen *p, const float a[2], const float b[2])
{
    const float reach = p->radius + 1, dx = b[0] - a[0], dy = b[1] - a[1], square = dx * dx + dy * dy;
    const int64_t last = p->size - 1;
    const int64_t left = (int64_t)most(0, least(a[0], b[0]) - reach),
        right = (int64_t)least((float)last, most(a[0], b[0]) + reach);
    const int64_t top = (int64_t)most(0, least(a[1], b[1]) - reach),
        bottom = (int64_t)least((float)last, most(a[1], b[1]) + reach);
    for (int64_t y = top; y <= bottom; y++)
        for (int64_t x = left; x <= right; x++) {
            const float px = (float)x + 0.5f - a[0], py = (float)y + 0.5f - a[1];
            const float along = square > 0 ? most(0, least(1, (px * dx + py * dy) / square)) : 0;
            const float ex = px - along * dx, ey = py - along * dy, far = sqrtf(ex * ex + ey * ey);
            const float ink = p->black * most(0, least(1, p->radius + 0.5f - far));
            float *to = &p->ink[y * p->size + x];
            *to = most(*to, ink);
        }
}

static void draw_digit(heft_rng r, int digit, int64_t size, double noise, uint8_t *out)
{
    float ink[64 * 64] = { 0 };
    const float side = (float)size;
    const pen p = { ink, size, between(&r, 0.028f, 0.062f) * side, between(&r, 0.6f, 1) };
    /* A turn by the angle whose half has the tangent t. */
    const float t = 0.06f * shake(&r), c = (1 - t * t) / (1 + t * t), s = 2 * t / (1 + t * t);
    const float shear = 0.14f * shake(&r), wide = between(&r, 0.75f, 1.05f), high = between(&r, 0.8f, 1.02f);
    const float right = 0.04f * shake(&r), down = 0.035f * shake(&r), shaky = between(&r, 0.01f, 0.032f);
    float from[2] = { 0, 0 };
    bool drawing = false;
    for (const signed char *q = strokes[digit]; *q != END;) {
        if (*q == UP) {
            drawing = false;
            q++;
            continue;
        }
        const float x = wide * ((float)q[0] / 100 - 0.5f + shaky * shake(&r)),
            y = high * ((float)q[1] / 100 - 0.5f + shaky * shake(&r));
        const float leant = x - shear * y;
        const float to[2] = { side * (0.5f + right + c * leant - s * y),
                              side * (0.5f + down + s * leant + c * y) };
        if (drawing) draw_segment(&p, from, to);
        memcpy(from, to, sizeof from);
        drawing = true;
        q += 2;
    }
    for (int64_t i = 0; i < size * size; i++)
        out[i] = (uint8_t)(255 * most(0, least(1, ink[i] + (float)noise * shake(&r))) + 0.5f);
}

static int fetch(source *s, const int64_t *row, int64_t n, float *inputs, float *targets, problems *pr)
{
    (void)pr;
    const digits_source *d = (const digits_source *)s;
    const int64_t pixels = heft_count(&s->input);
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *from = d->pixel + row[i] * pixels;
        for (int64_t k = 0; k < pixels && inputs; k++) inputs[i * pixels + k] = (float)from[k] * (1.0f / 255);
        if (targets) ((int32_t *)(void *)targets)[i] = (int32_t)(row[i] % 10);
    }
    return 0;
}

static void digits_close(source *s) { block_free(((digits_source *)s)->pixel); }

static source *digits_make(opening *o, split which, int64_t count, problems *pr)
{
    const digits_options *own = o->own;
    const int64_t pixels = own->size * own->size;
    digits_source *d = arena_alloc(o->a, 1, sizeof *d);
    d->base = (source){ .name = "digits", .count = count, .input = { HEFT_F32, 3, { own->size, own->size, 1 }, 0 },
                        .target = { .dtype = HEFT_I32, .limit = 10 }, .has_target = true, .fetch = fetch,
                            .close = digits_close };
    d->pixel = block_alloc((size_t)count, (size_t)pixels);
    if (!d->pixel) {
        problems_add(pr, o->at, "digits: no memory for %lld pictures of %lld pixels", (long long)count,
                     (long long)pixels);
        return NULL;
    }
    const heft_rng base = rng_key(o->seed, RNG_DATA, which, 0);
    for (int64_t i = 0; i < count; i++)
        draw_digit(heft_stream(base, i), (int)(i % 10), own->size, own->noise, d->pixel + i * pixels);
    if (!o->predict) {
        static const char *names[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
        o->fit->class_name = names;
        o->fit->n_classes = 10;
    }
    return &d->base;
}

const format digits_format = { .name = "digits", .options = digits_options_table,
                               .options_size = sizeof(digits_options),
                               .default_test = 1000, .make = digits_make };
