/* Of every built initializer: it fills exactly its tensor with finite numbers that its key alone decides. */
#include "base/rng.h"
#include "conform.h"

enum { ZONE = 16 };

static const heft_shape shapes[] = {
    { HEFT_F32, 2, { 12, 7 } }, { HEFT_F32, 2, { 5, 16 } }, { HEFT_F32, 4, { 3, 3, 4, 6 } }, { HEFT_F32, 1, { 33 } },
    { HEFT_F32, 0 },
};

/* false if it is refused.  x has room for the tensor and a zone on both sides. */
static bool fill(const heft_initializer *l, const void *self, const heft_shape *s, uint64_t key, float *x)
{
    const int64_t n = heft_count(s);
    for (int64_t i = 0; i < n + 2 * ZONE; i++) x[i] = i < ZONE || i >= ZONE + n ? 12345 : NAN;
    const int64_t fan_out = s->rank ? s->dim[s->rank - 1] : 1;
    heft_fill f = { .shape = *s, .fan_in = n / fan_out, .fan_out = fan_out, .rng = rng_key(key, RNG_TEST, 0, 0),
                    .x = x + ZONE };
    if (l->fill(self, &f)) {
        if (!f.error.text[0]) fail_msg("%s: refuses without saying why", l->head.name);
        return false;
    }
    for (int i = 0; i < ZONE; i++)
        if (x[i] != 12345 || x[ZONE + n + i] != 12345) fail_msg("%s: wrote outside its tensor", l->head.name);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[ZONE + i]))
            fail_msg("%s: element %lld of %lld is %g", l->head.name, (long long)i, (long long)n, x[ZONE + i]);
    return true;
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

static void initializer(void **state)
{
    const plugin_file *file = *state;
    problems pr = { 0 };
    text said = { 0 };
    arena *a = arena_new();
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const plugin *p = registry_find(r, HEFT_INITIALIZER, file->name, (place){ 0 }, &pr);
    if (!p) fail_msg("%s: %s", file->name, pr.item[0].text);
    const size_t size = p->head.instance_size;
    void *self = conform_instance(a, &p->head, conform_options(a, p->head.options, 0, 8, NULL, NULL), &said);
    if (!self) fail_msg("%s: no options found that it accepts: %s", file->name, said.s);
    void *before = arena_alloc(a, size + 1, 1);
    memcpy(before, self, size);

    float one[512], same[512], other[512];
    int accepted = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (!fill(&p->initializer, self, &shapes[i], 1, one)) continue;
        accepted++;
        const size_t n = (size_t)heft_count(&shapes[i]);
        assert_true(fill(&p->initializer, self, &shapes[i], 1, same));
        if (memcmp(one + ZONE, same + ZONE, n * sizeof(float))) fail_msg("%s: one key, two fillings", file->name);
        assert_true(fill(&p->initializer, self, &shapes[i], 2, other));
        if (!is_pattern(one + ZONE, n) && !memcmp(one + ZONE, other + ZONE, n * sizeof(float)))
            fail_msg("%s: ignores its key", file->name);
    }
    if (!accepted) fail_msg("%s: accepted no shape", file->name);
    if (memcmp(self, before, size)) fail_msg("%s: fill changed the instance", file->name);
    registry_free(r);
    arena_free(a);
}

int main(void) { return conform_run("initializers", HEFT_INITIALIZER, initializer); }
