/* noise: random inputs and targets of any shape, with nothing in them to learn; for benchmarks and trials of a model.
 * Sample i of a split is a function of (seed, split, i) alone, made when it is fetched. */
#include "base/rng.h"
#include "data/source.h"

typedef struct noise_options {
    int64_t       samples;                       /* first: see format.default_test */
    heft_int_list shape, target;
    int64_t       vocabulary, classes;
} noise_options;

static const heft_option noise_options_table[] = {
    HEFT_OPT_INT(noise_options, samples, 1024, 1, 1e9, "to train on, and for validation as a share"),
    HEFT_OPT_INTS(noise_options, shape, NULL, NULL, 1, 1e9, "of a sample's input: [28, 28, 1]"),
    HEFT_OPT_INTS(noise_options, target, "scalar", "scalar", 1, 1e9, "shape of a sample's target, one number or label if scalar"),
    HEFT_OPT_INT(noise_options, vocabulary, 0, 0, LABEL_LIMIT, "inputs are tokens below this; 0: normal numbers"),
    HEFT_OPT_INT(noise_options, classes, 0, 0, LABEL_LIMIT, "targets are labels below this; 0: normal numbers"),
    HEFT_OPT_END
};

typedef struct noise_source { source base; heft_rng key; } noise_source;

static void fill(heft_rng r, const heft_shape *s, float *x)
{
    int32_t *whole = (void *)x;
    for (int64_t i = 0; i < heft_count(s); i++)
        if (s->dtype == HEFT_I32) whole[i] = (int32_t)rng_below(&r, (uint64_t)s->limit);
        else x[i] = heft_normal(&r);
}

static int fetch(source *s, const int64_t *row, int64_t n, float *inputs, float *targets, problems *pr)
{
    (void)pr;
    const heft_rng key = ((noise_source *)s)->key;
    for (int64_t i = 0; i < n; i++) {
        if (inputs) fill(heft_stream(key, 2 * row[i]), &s->input, inputs + i * heft_count(&s->input));
        if (targets) fill(heft_stream(key, 2 * row[i] + 1), &s->target, targets + i * heft_count(&s->target));
    }
    return 0;
}

static void noise_close(source *s) { (void)s; }

static int shape_from(const heft_int_list *list, int64_t limit, heft_shape *out)
{
    double count = 1;
    *out = (heft_shape){ .dtype = limit ? HEFT_I32 : HEFT_F32, .rank = list->n, .limit = limit };
    if (list->n > HEFT_MAX_RANK) return -1;
    for (int32_t i = 0; i < list->n; i++) count *= (double)(out->dim[i] = list->v[i]);
    return count > 1e9 ? -1 : 0;
}

static source *noise_make(opening *o, split which, int64_t count, problems *pr)
{
    const noise_options *own = o->own;
    noise_source *s = arena_alloc(o->a, 1, sizeof *s);
    s->base = (source){ .name = "noise", .count = count, .has_target = true, .fetch = fetch, .close = noise_close };
    s->key = rng_key(o->seed, RNG_DATA, which, 0);
    if (shape_from(&own->shape, own->vocabulary, &s->base.input) < 0 || shape_from(&own->target, own->classes, &s->base.target) < 0) {
        problems_add(pr, o->at, "noise: shape and target have at most %d axes and 10^9 numbers", HEFT_MAX_RANK);
        return NULL;
    }
    if (s->base.target.dtype == HEFT_F32 && s->base.target.rank == 0) s->base.target = (heft_shape){ HEFT_F32, 1, { 1 }, 0 };
    if (!o->predict && own->target.n == 0) o->fit->n_classes = own->classes;
    return &s->base;
}

const format noise_format = { .name = "noise", .options = noise_options_table, .options_size = sizeof(noise_options),
                              .default_test = 256, .make = noise_make };
