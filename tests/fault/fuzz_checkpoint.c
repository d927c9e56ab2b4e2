/* fuzz_checkpoint.c -- a checkpoint of a stranger.  The first byte odd: as it is, which the digest refuses; even: with the head that
 * fits, as somebody would write it who means harm.  Then all that resume and show read of it. */
#include "fault/fuzz.h"

#include "base/digest.h"
#include "hdf/table.h"
#include "plugin/registry.h"
#include "run/checkpoint.h"

enum { HEAD = 512 };

static const char yaml[] =
    "data: {format: houses, samples: 24, noise: 0, validation: 8}\nmodel: [{dense: {units: 1, name: out}}]\nloss: mean_squared_error\n"
    "optimizer: {sgd: {lr: 1e-2, momentum: 0.9}}\ntrain: {epochs: 2, batch: 16, threads: 1}\n";

/* One trainer for all inputs: what a refused checkpoint leaves in it is overwritten or refused by the next. */
static trainer *the_trainer(void)
{
    static trainer *t;
    if (t) return t;
    static const char *const dirs[] = { PLUGIN_DIR };
    problems pr = { 0 };
    experiment *e = experiment_parse("fuzz.yaml", "/", yaml, strlen(yaml), 0, NULL, &pr);
    data *d = e ? data_open(e->data, e->dir, e->seed, &pr) : NULL;
    t = d ? trainer_new(e, registry_new(1, dirs), d, &pr) : NULL;
    if (!t) {
        problems_print(&pr, stderr);
        abort();
    }
    return t;
}

static void put_checkpoint(const uint8_t *bytes, size_t n)
{
    uint8_t *whole = calloc(1, HEAD + n);
    if (!whole) abort();
    char hex[DIGEST_HEX];
    memcpy(whole + HEAD, bytes, n);
    digest_bytes(bytes, n, hex);
    snprintf((char *)whole, HEAD, "%s %zu %s\n", CHECKPOINT_FORMAT, n, hex);
    fuzz_put("c.h5", whole, HEAD + n);
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 1) return 0;
    if (bytes[0] & 1) fuzz_put("c.h5", bytes + 1, n - 1);
    else put_checkpoint(bytes + 1, n - 1);
    char path[128];
    snprintf(path, sizeof path, "%s/c.h5", fuzz_enter());
    problems pr = { 0 };
    arena *a = arena_new();
    checkpoint *c = checkpoint_open(path, &pr);
    if (!c != (pr.n > 0)) abort();
    if (c) {
        size_t k;
        const char *text_of = checkpoint_experiment(c, &k);
        experiment *e = experiment_parse("c.h5", "/", text_of, k, 0, NULL, &pr);
        if (e) experiment_free(e);
        checkpoint_data_fit(c, a, &pr);
        const size_t before = pr.n;
        if ((checkpoint_restore(c, the_trainer(), &pr) < 0) != (pr.n > before)) abort();
        table_free(table_read(checkpoint_file(c), "/metrics/steps", &pr));
        checkpoint_close(c);
    }
    arena_free(a);
    fuzz_print(&pr);
    return 0;
}
